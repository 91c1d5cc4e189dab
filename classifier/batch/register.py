"""Keeps what becomes of each input of a run, counts it, and tells of it: for every engine alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from classifier.batch.folder import MENDED
from classifier.batch.known import Known
from classifier.batch.tally import Tally
from classifier.batch.worker import READ
from classifier.records import Usage

if TYPE_CHECKING:
    from classifier.batch.inputs import Unread
    from classifier.batch.worker import Failure
    from classifier.records import Report

Listener = Callable[[str, Mapping[str, Any]], None]
"""Hears of each event: its name, and its fields."""


def unheard(_event: str, _fields: Mapping[str, Any]) -> None:
    """A listener that does not listen."""


class Keeper(Protocol):
    """Where outcomes are kept: a run folder. Returns once they are on the disk."""

    def append_report(self, report: Report) -> None:
        """Keep a report."""

    def append_failure(self, id_: str, stage: str, reason: str) -> None:
        """Keep a failure."""


@dataclass
class Register:
    """What became of the inputs that a start of a run met.

    The asynchronous methods keep an outcome, and then count it and tell of it; the disk is reached
    in a thread. They raise the keeper's `ClassifierError`, and nothing is counted then.
    """

    keeper: Keeper
    known: Known = field(default_factory=Known)
    tally: Tally = field(default_factory=Tally)
    tell: Listener = unheard
    _unread: set[str] = field(default_factory=set)

    async def report(self, report: Report) -> None:
        """An incident came to its report."""
        await asyncio.to_thread(self.keeper.append_report, report)
        short = any(d.status == "failed" for d in report.categories.values())
        self.count_report(report.incident.id, report.provenance.usage, short=short)

    def count_report(self, id_: str, usage: Usage, *, short: bool) -> None:
        """Count a report that is kept; `short`: it lacks a category."""
        tally = self.tally
        tally.reports += 1
        tally.made += 1
        tally.fell_short += short
        tally.usage += usage
        spent = {name: value for name, value in usage.model_dump().items() if value}
        self.tell("report", {"id": id_, "fell_short": short, **spent})

    async def failure(self, failure: Failure) -> None:
        """An incident failed; one that was tried again, and is no better, keeps its old report."""
        if failure.id not in self.known.done:
            await asyncio.to_thread(
                self.keeper.append_failure, failure.id, failure.stage, failure.reason
            )
        self.count_failure(failure.id, failure.stage, failure.reason)

    def count_failure(self, id_: str, stage: str, reason: str) -> None:
        """Count a failure that is kept."""
        tally = self.tally
        if id_ in self.known.done:
            tally.reports += 1
            tally.fell_short += 1
        else:
            tally.failures += 1
            tally.stages[stage] += 1
        tally.failed += 1
        self.tell("failure", {"id": id_, "stage": stage, "reason": reason})

    async def unread(self, one: Unread) -> None:
        """An input is no incident; that is told where it was not known."""
        self._unread.add(one.place)
        if self.known.failed.get(one.place) != READ:
            await asyncio.to_thread(self.keeper.append_failure, one.place, READ, one.reason)
            self.tell("failure", {"id": one.place, "stage": READ, "reason": one.reason})
        self.tally.unread += 1

    async def mended(self) -> None:
        """Inputs that could not be read once, and are met no more as such, fail no longer."""
        for id_, stage in self.known.failed.items():
            if stage == READ and id_ not in self._unread:
                await asyncio.to_thread(
                    self.keeper.append_failure, id_, MENDED, "it can be read now"
                )
