"""The incidents of a run as they can be asked for, also while the run is still being written."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel

from classifier.batch.folder import REPORTS
from classifier.batch.lines import decoded, read
from classifier.records import Identifier, Report
from eval.reviewing.names import incident_key

if TYPE_CHECKING:
    from pathlib import Path


class _Reference(BaseModel):
    id: Identifier
    title: str = ""
    published: date | None = None


class _Head(BaseModel):
    """All of a report that a list needs: the rest is parsed, and never built."""

    incident: _Reference


@dataclass(frozen=True)
class Listed:
    """An incident that has a report; `start` is the byte where the last one of it begins."""

    key: str
    id: str
    title: str
    published: date | None
    start: int


@dataclass(frozen=True)
class Place:
    """Where an incident stands among the others: its number from 1, and its neighbours' keys."""

    number: int
    of: int
    previous: str | None
    next: str | None


class Incidents:
    """The incidents of a run folder by key, in the order in which they were first written.

    Nothing is written and no lock is taken. `refresh` sees what was appended since. The reading
    methods raise InputError for a broken line. Any thread may ask.
    """

    def __init__(self, run: Path) -> None:
        self._path = run / REPORTS
        self._seen = 0
        self._found: dict[str, Listed] = {}
        self._places: dict[str, int] = {}
        self._thread = threading.Lock()

    def refresh(self) -> None:
        """Take in the reports that were written since."""
        with self._thread:
            if not self._path.exists() or self._path.stat().st_size == self._seen:
                return
            new = range(self._seen, sys.maxsize)
            for line, head in read(self._path, partial(decoded, _Head), only=new):
                self._add(head.incident, line.start)
                self._seen = line.start + len(line.data) + 1

    def all(self) -> list[Listed]:
        """Every incident."""
        with self._thread:
            return list(self._found.values())

    def get(self, key: str) -> Listed | None:
        """The incident of a key, or None."""
        with self._thread:
            return self._found.get(key)

    def place(self, key: str) -> Place:
        """Where a known incident stands."""
        keys = [one.key for one in self.all()]
        at = self._places[key]
        before = keys[at - 1] if at else None
        after = keys[at + 1] if at + 1 < len(keys) else None
        return Place(at + 1, len(keys), before, after)

    def report(self, listed: Listed) -> Report:
        """The last report of an incident."""
        there = range(listed.start, listed.start + 1)
        _, report = next(read(self._path, partial(decoded, Report), only=there))
        return report

    def _add(self, incident: _Reference, start: int) -> None:
        key = incident_key(incident.id)
        self._places.setdefault(key, len(self._places))
        self._found[key] = Listed(key, incident.id, incident.title, incident.published, start)
