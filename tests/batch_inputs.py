"""Inputs of a run for tests: files written, opened, and taken apart."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import pytest

from classifier.batch.inputs import Columns, InputOptions, Inputs, Unread
from classifier.errors import ConfigurationError
from classifier.records import Incident

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.records import Article

TODAY = date(2026, 1, 1)


def opened(*sources: object, columns: dict[str, str] | None = None, **options: object) -> Inputs:
    made = InputOptions(today=TODAY, columns=Columns(**(columns or {})), **options)
    return Inputs.open([str(s) for s in sources], made)


def parted(given: Inputs | Path, **options: object) -> tuple[list[Incident], list[Unread]]:
    inputs = given if isinstance(given, Inputs) else opened(given, **options)
    found = list(inputs.stream())
    incidents = [one for one in found if isinstance(one, Incident)]
    return incidents, [one for one in found if isinstance(one, Unread)]


def ids(inputs: Inputs) -> list[str]:
    incidents, unread = parted(inputs)
    assert unread == []
    return [one.id for one in incidents]


def articles(given: Inputs | Path, **options: object) -> list[Article]:
    incidents, unread = parted(given, **options)
    assert unread == []
    return [article for incident in incidents for article in incident.articles]


def refused(*sources: object, **options: object) -> str:
    with pytest.raises(ConfigurationError) as error:
        opened(*sources, **options)
    return str(error.value)


def write(folder: Path, **files: str) -> Path:
    """Files by name; `__` stands for a dot, and `___` for a slash."""
    for name, text in files.items():
        path = folder / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def table(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def jsonl(path: Path, *values: object) -> Path:
    return table(path, "".join(json.dumps(value) + "\n" for value in values))
