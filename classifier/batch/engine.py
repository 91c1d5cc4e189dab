"""The local engine: incidents from a stream, several at a time, into a run folder.

Whatever happens, every input that was met is a report, a failure, unread, or left for the next
start; an error that every incident would meet stops the run once what is in flight has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from classifier.batch.inputs import Unread
from classifier.batch.worker import READ, Failure, Worker
from classifier.errors import ClassifierError
from classifier.records import Incident, Report

if TYPE_CHECKING:
    from classifier.batch.known import Known
    from classifier.batch.register import Register
    from classifier.batch.tally import Tally


@dataclass(frozen=True)
class Ended:
    """How a start of a run ended: `stopped` is what kept it from going through all inputs."""

    tally: Tally
    stopped: ClassifierError | None = None
    interrupted: bool = False


class Source:
    """The inputs that this start asks about; what is done is counted and passed by.

    A stream may take its time, for it reads files: it is read in a thread, one input at a time,
    and never further than somebody waits for. With `again`, those that failed are asked about, and
    nothing else.
    """

    def __init__(
        self, stream: Iterator[Incident | Unread], known: Known, tally: Tally, *, again: bool
    ) -> None:
        self._stream = stream
        self._known = known
        self._tally = tally
        self._again = again
        self._turn = asyncio.Lock()
        self._ended = False

    async def next(self) -> Incident | Unread | None:
        """The next one to ask about or to note as unread; None at the end."""
        async with self._turn:
            return None if self._ended else await asyncio.to_thread(self._pull)

    def _pull(self) -> Incident | Unread | None:
        for one in self._stream:
            if isinstance(one, Unread) or self._wanted(one.id):
                return one
        self._ended = True
        return None

    def _wanted(self, id_: str) -> bool:
        known, tally = self._known, self._tally
        failed, short = known.failed.get(id_, READ) != READ, id_ in known.short
        if self._again and (failed or short):
            return True
        if id_ in known.done:
            tally.reports += 1
            tally.fell_short += short
        elif failed:
            tally.failures += 1
            tally.stages[known.failed[id_]] += 1
        elif self._again:
            tally.left += 1
        else:
            return True
        return False


class Engine:
    """Works on `at_once` incidents at a time; one engine is for one start of a run.

    With `again` it asks about those that failed, and nothing else. `interrupted` is called at
    each `interrupt`.
    """

    def __init__(
        self,
        worker: Worker,
        register: Register,
        *,
        at_once: int = 1,
        again: bool = False,
        interrupted: Callable[[], None] = lambda: None,
    ) -> None:
        self._worker = worker
        self._register = register
        self._at_once = at_once
        self._again = again
        self._on_interrupt = interrupted
        self._doubtful: list[tuple[Incident, Failure]] = []
        self._waiting: list[Incident] = []
        self._tried_again: set[str] = set()
        self._stopped: ClassifierError | None = None
        self._interrupted = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, stream: Iterator[Incident | Unread]) -> Ended:
        """Go through the stream; returns how it ended, whatever the model and the disk do.

        Raises only the errors of the stream itself.
        """
        tally = self._register.tally
        source = Source(stream, self._register.known, tally, again=self._again)
        while await self._all_at_work(source):
            await self._guarded(lambda: self._settle(last=True))
            if not self._waiting:
                tally.complete = not self._halted
                break
        if tally.complete:
            await self._guarded(self._register.mended)
        return Ended(tally, self._stopped, bool(self._interrupted))

    def interrupt(self) -> None:
        """Take no new input and finish what is in flight; the second time, cancel that too."""
        self._interrupted += 1
        self._on_interrupt()
        if self._interrupted > 1:
            self._cancel()

    @property
    def interrupted(self) -> bool:
        """Whether `interrupt` was called."""
        return self._interrupted > 0

    @property
    def parked(self) -> int:
        """How many incidents wait until it is known whether the endpoint was to blame."""
        return len(self._doubtful)

    @property
    def _halted(self) -> bool:
        return self._stopped is not None or self._interrupted > 0

    async def _all_at_work(self, source: Source) -> bool:
        """Whether all workers came to the end of the inputs."""
        self._tasks = [asyncio.create_task(self._work(source)) for _ in range(self._at_once)]
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, BaseException) and not isinstance(ended, asyncio.CancelledError):
                raise ended
        return not self._halted

    async def _work(self, source: Source) -> None:
        try:
            while not self._halted:
                one = self._waiting.pop() if self._waiting else await source.next()
                if one is None:
                    return
                await self._guarded(lambda one=one: self._take(one))  # type: ignore[misc]
        except BaseException:
            self._cancel(but=asyncio.current_task())
            raise

    def _cancel(self, but: asyncio.Task[None] | None = None) -> None:
        for task in self._tasks:
            if task is not but:
                task.cancel()

    async def _guarded(self, work: Callable[[], Any]) -> None:
        """Do it; an error that every incident would meet stops the run."""
        try:
            await work()
        except ClassifierError as error:
            if self._stopped is None:
                self._stopped = error
                self._register.tell("stopping", {"reason": str(error)})

    async def _take(self, one: Incident | Unread) -> None:
        if isinstance(one, Unread):
            await self._kept(self._register.unread(one))
            return
        outcome = await self._worker.outcome(one)
        if isinstance(outcome, Report):
            await self._kept(self._register.report(outcome))
        elif outcome.doubtful or outcome.passing:
            self._doubtful.append((one, outcome))
        else:
            await self._kept(self._register.failure(outcome))
        await self._settle()

    async def _settle(self, *, last: bool = False) -> None:
        """Decide on what was doubtful, once an answer came: the endpoint was away, or they fail."""
        patient = self._worker.patient
        if self._halted or (patient.doubtful and not last):
            return
        doubtful, self._doubtful = self._doubtful, []
        for incident, failure in doubtful:
            if patient.absences > failure.absences:
                self._waiting.append(incident)
            elif failure.passing and incident.id not in self._tried_again:
                # others were answered around it: the endpoint may have been away for a moment
                self._tried_again.add(incident.id)
                self._waiting.append(incident)
            else:
                await self._kept(self._register.failure(failure))

    async def _kept(self, keeping: Awaitable[None]) -> None:
        try:
            await keeping
        except ClassifierError:
            self._cancel(but=asyncio.current_task())  # nothing can be kept any more
            raise
