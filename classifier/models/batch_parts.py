"""What is under way in a provider's batches: who waits for which request, in which part."""

from __future__ import annotations

import asyncio
import copy
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from classifier.errors import ModelQuotaError
from classifier.models.batch_files import BatchLimits, LineFile, Outcome, outcome_of, unpaid
from classifier.models.retry import is_retryable

if TYPE_CHECKING:
    from classifier.models.endpoint import EndpointSettings


@dataclass(frozen=True)
class BatchOptions:
    """How to go about batches. Times are in seconds.

    `record` is the file that says which batches there are; files beside it hold what is under way.
    What waits is sent when nobody asked for `settle` seconds, when it fills a file, or when
    `askers` requests wait, if so many are all there can be. A request is sent at most `tries`
    times. A batch is looked at after `first_look`, then less often, up to `longest_look`; an
    endpoint that is away for longer than `patience` ends the work. Setting `stop` lets go of all
    that wait, with `BatchLeftError`; the batches go on.
    """

    record: Path
    settle: float = 5.0
    askers: int | None = None
    tries: int = 6
    limits: BatchLimits = field(default_factory=BatchLimits)
    first_look: float = 5.0
    longest_look: float = 60.0
    patience: float = 3600.0
    stop: asyncio.Event = field(default_factory=asyncio.Event)


class BatchLeftError(ModelQuotaError):
    """The work was left while the request is, or would be, in a batch: start it again later.

    Like a spent quota, it stops a run, and no incident is to blame.
    """


def stopping(error: BaseException) -> BaseException:
    """The error as it ends all batches: what may pass is left for the next start."""
    if not is_retryable(error):
        return error
    left = BatchLeftError(
        f"{error}. Batches that were made go on there: run the same command again to collect them"
    )
    left.__cause__ = error
    return left


@dataclass(eq=False)
class Pending:
    """A request without an answer, and those who wait for it; `sent` counts its batches."""

    id: str
    waiters: list[asyncio.Future[bytes]] = field(default_factory=list)
    sent: int = 0

    def resolve(self, content: bytes) -> bool:
        """Give the completion to all who wait, its usage to the first; False: nobody waits."""
        waiting = [w for w in self.waiters if not w.done()]
        for place, waiter in enumerate(waiting):
            waiter.set_result(unpaid(content) if place else content)
        return bool(waiting)

    def fail(self, error: BaseException) -> None:
        """Raise the error, each its own, where it is waited for."""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_exception(copy.copy(error))


@dataclass(eq=False)
class Part:
    """The requests of one batch. `lines` are those that somebody asked for, to be sent again.

    `recorded` are the ids of a batch that an earlier process sent, as far as nobody asked for
    them yet. `order` are the ids of all its lines once it is sent. `closed`: no request may be
    added. `missed`: a reply came that nobody waited for. `is_unsure`: the batch was being made when
    that was broken off, so that there may be one.
    """

    lines: LineFile
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    batch: str = ""
    pending: dict[str, Pending] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    recorded: set[str] = field(default_factory=set)
    outcomes: list[LineFile] | None = None
    task: asyncio.Task[None] | None = None
    closed: bool = False
    is_resumed: bool = False
    missed: bool = False
    is_unsure: bool = False

    @property
    def is_wanted(self) -> bool:
        """Whether anybody waits for one of its requests."""
        return any(p.waiters for p in self.pending.values())

    @property
    def is_ours(self) -> bool:
        """Whether this process made its batch or waits for it, and has not seen its end."""
        has_begun = bool(self.batch) and (self.task is not None or not self.is_resumed)
        return has_begun and self.outcomes is None

    def takes(self, line: bytes, limits: BatchLimits, most: int) -> bool:
        """Whether one more line fits; `most` is how many requests are taken by now."""
        fits = self.lines.size + len(line) <= limits.bytes
        return not self.closed and fits and len(self.lines) < min(most, limits.requests)

    def add(self, pending: Pending, line: bytes) -> None:
        """Put a request into it."""
        self.lines.add(pending.id, line)
        self.pending[pending.id] = pending
        self.recorded.discard(pending.id)

    def outcome(self, id_: str, settings: EndpointSettings) -> Outcome | None:
        """What became of the request; None where the batch says nothing of it."""
        found = (file.line(id_) for file in self.outcomes or ())
        line = next((line for line in found if line is not None), None)
        return None if line is None else outcome_of(line, settings)

    def outcome_is_good(self, id_: str, settings: EndpointSettings) -> bool:
        """Whether there is a completion of the request."""
        found = self.outcome(id_, settings)
        return found is not None and found.error is None

    @property
    def unknown(self) -> int:
        """How many outcomes are of requests that were never in it."""
        known = set(self.order)
        return sum(1 for file in self.outcomes or () for id_ in file.ids if id_ not in known)

    def close(self) -> None:
        """Close its files."""
        for file in (self.lines, *(self.outcomes or ())):
            file.close()
