"""The quotes of reports, read when they are first asked for: of a run of 10,000 only those of the
flips are, and all of them would take half a gigabyte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from classifier.articles.naming import quoted, shown
from classifier.errors import InputError
from classifier.records import Evidence

Found = dict[str, tuple[Evidence, ...]]

# What reading something else than the report raises.
_GONE = (OSError, ValueError, LookupError, TypeError, AttributeError)


class Quotes(Mapping[str, tuple[Evidence, ...]]):
    """Category to the evidence of its options that hold; a category without any is not in it.

    `read` gives the report of the incident as JSON has it; `place` says where it stands. Raises
    InputError when it is first asked for something and that report is no longer there.
    """

    def __init__(self, place: str, incident: str, read: Callable[[], Any]) -> None:
        self._place = place
        self._incident = incident
        self._read = read

    @cached_property
    def _found(self) -> Found:
        try:
            report = self._read()
            if str(report["incident"]["id"]) != self._incident:
                raise LookupError(self._incident)
            return dict(_held(report["categories"]))
        except _GONE as error:
            raise InputError(
                f"{self._place}: the quotes of {quoted(self._incident)} cannot be read any more, "
                "because the file was changed. Try again."
            ) from error

    def __getitem__(self, category: str) -> tuple[Evidence, ...]:
        return self._found[category]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def _held(categories: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Evidence, ...]]]:
    for name, decision in categories.items():
        options = decision.get("options", ())
        held = [f for f in decision.get("findings", ()) if f["option"] in options]
        pinned = tuple(Evidence.model_validate(e) for f in held for e in f.get("evidence", ()))
        if pinned:
            yield name, pinned


def quotes_in_line(file: Path, start: int, size: int) -> Callable[[str], Quotes]:
    """The quotes of an incident whose report is the `size` bytes of a file from byte `start`."""

    def read() -> Any:
        with file.open("rb") as lines:
            lines.seek(start)
            return json.loads(lines.read(size))

    return lambda incident: Quotes(shown(str(file)), incident, read)


def quotes_in_document(file: Path, number: int | None) -> Callable[[str], Quotes]:
    """The quotes of an incident whose report a file holds: alone, or in a list in this place."""

    def read() -> Any:
        value = json.loads(file.read_text("utf-8-sig"))
        return value if number is None else value[number]

    return lambda incident: Quotes(shown(str(file)), incident, read)
