"""CSV, which no spreadsheet runs, and JSON Lines."""

from __future__ import annotations

import json
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from classifier.batch.export.table import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from classifier.batch.export.table import Cell, Table

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# owasp.org/www-community/attacks/CSV_Injection: what a spreadsheet takes for a formula's beginning.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_AT_ONCE = 1000


def write_csv(file: BinaryIO, table: Table, *, excel: bool = False) -> None:
    """RFC 4180 in UTF-8: text in quotes, all else without, an empty cell for None.

    `excel` puts a byte order mark first. Text that a spreadsheet would run begins with `'`.
    """
    if excel:
        file.write(BYTE_ORDER_MARK)
    file.write(_line([column.name for column in table.columns]))
    _write(file, (_line(row) for row in table.rows))


def write_jsonl(file: BinaryIO, table: Table) -> None:
    """An object a line in UTF-8, every column in each; days as YYYY-MM-DD."""
    names = [column.name for column in table.columns]
    objects = (dict(zip(names, map(_json, row), strict=True)) for row in table.rows)
    _write(file, (json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in objects))


def _write(file: BinaryIO, lines: Iterator[bytes]) -> None:
    while block := b"".join(islice(lines, _AT_ONCE)):
        file.write(block)


def _line(cells: Iterable[Cell]) -> bytes:
    return ",".join(map(_cell, cells)).encode() + b"\r\n"


def _cell(value: Cell) -> str:
    # csv.QUOTE_STRINGS does this, from Python 3.12 on.
    if value is None:
        return ""
    if isinstance(value, list):
        return _quoted(SEPARATOR.join(value))
    if isinstance(value, str):
        return _quoted(value)
    return str(value).lower() if isinstance(value, bool) else str(_json(value))


def _quoted(text: str) -> str:
    harmless = f"'{text}" if text.startswith(_FORMULA) else text
    return '"' + harmless.replace('"', '""') + '"'


def _json(value: Cell) -> str | float | bool | list[str] | None:
    return value.isoformat() if isinstance(value, date) else value
