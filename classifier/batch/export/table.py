"""What a table is before it has a format: typed columns, and rows that come one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

Kind = Literal["text", "whole", "number", "truth", "day", "texts"]
Cell = str | int | float | bool | date | list[str] | None
Row = tuple[Cell, ...]

SEPARATOR = "|"
"""Between the options of one cell where a format has no lists: no option's name can have it."""

_UNREADABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Column:
    """A column. `texts` is a list of texts; any cell of any column may be None."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Table:
    """Columns, and rows as long as these; the rows can be read once.

    `notes` say where the table comes from, name to text.
    """

    columns: tuple[Column, ...]
    rows: Iterator[Row]
    notes: dict[str, str]


def readable(text: str) -> str:
    """The text with U+FFFD for NUL and lone surrogates, which not every reader takes."""
    return _UNREADABLE.sub("\ufffd", text)
