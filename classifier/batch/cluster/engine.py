"""The driver of a cluster: reads the inputs, hands them on, and counts what becomes of them."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from classifier.batch.cluster.messages import ZERO, Looked
from classifier.batch.engine import Ended, Source
from classifier.batch.inputs import Unread
from classifier.batch.lines import encoded
from classifier.errors import ClassifierError, ConfigurationError
from classifier.models.budget import Account
from classifier.records import Usage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from classifier.batch.register import Register
    from classifier.records import Incident

LOOK = 0.5
"""Seconds between two looks at the bank, at most."""

_GRACE = 20.0


class Pool(Protocol):
    """The workers, as the driver reaches them. Raises `ClassifierError` where they are gone."""

    async def put(self, index: int, incident: bytes, *, held: bool) -> None:
        """Hand an incident on, as JSON; `held`: an earlier start has a report of it."""

    async def done(self, index: int) -> None:
        """Nobody needs to be asked about this one again."""

    async def finish(self) -> None:
        """No more will come."""

    async def next(self) -> tuple[int, str] | None:
        """The index and the outcome of an incident; None once all have come."""

    async def look(self, inputs: int, *, complete: bool, halted: int) -> Looked:
        """How the bank stands."""


class Watched:
    """The bank's account as it was seen last, in the place of a ledger."""

    def __init__(self) -> None:
        self.account = Account(None, ZERO, ZERO, 0, ZERO, ZERO, ZERO)
        self.priced = False

    def met(self, inputs: int, *, complete: bool) -> None:
        """The bank keeps this: it is told with the next look."""


class ClusterEngine:
    """Keeps up to `window` incidents in the hands of a pool; one engine is for one start of a run.

    What becomes of an incident is kept by its worker; here it is counted. Whatever happens to
    workers or driver, what has no outcome is asked about by the next start.
    """

    def __init__(
        self,
        pool: Pool,
        register: Register,
        *,
        window: int,
        again: bool = False,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._pool = pool
        self._register = register
        self._room = asyncio.Semaphore(window)
        self._again = again
        self._say = say
        self._out: dict[int, str] = {}
        self._stopped: ClassifierError | None = None
        self._interrupted = 0
        self._hurry = asyncio.Event()
        self._all_met = False
        self._left = 0
        self.ledger = Watched()

    async def run(self, stream: Iterator[Incident | Unread]) -> Ended:
        """Go through the stream; returns how it ended, whatever happens to the workers.

        Raises only the errors of the stream itself.
        """
        tally = self._register.tally
        source = Source(stream, self._register.known, tally, again=self._again)
        looking = asyncio.create_task(self._looking())
        try:
            await self._through(source)
        finally:
            looking.cancel()
        await self._guarded(self._look())
        tally.complete = self._all_met and not self._halted
        if tally.complete:
            await self._guarded(self._register.mended())
            await self._guarded(self._look())
        return Ended(tally, self._stopped, bool(self._interrupted))

    def interrupt(self) -> None:
        """Take no new input and finish what is in flight; the second time, cancel that too."""
        self._interrupted += 1
        self._hurry.set()

    @property
    def interrupted(self) -> bool:
        """Whether `interrupt` was called."""
        return self._interrupted > 0

    @property
    def _halted(self) -> bool:
        return self._stopped is not None or self._interrupted > 0

    async def _through(self, source: Source) -> None:
        """Hand all on, and take all back."""
        taking = asyncio.create_task(self._guarded(self._take_back()))
        handing = asyncio.create_task(self._hand_on(source))
        try:
            await asyncio.wait((taking, handing), return_when=asyncio.FIRST_COMPLETED)
            if handing.done():
                await handing
                await self._taken_back(taking)
            if self._left or self._out:
                await self._guarded(self._look())  # it says why
                lost = f"{self._left + len(self._out)} incidents came back without an outcome."
                if not self._halted:
                    self._stop(ClassifierError(lost))
        finally:
            for task in (taking, handing):
                task.cancel()

    async def _taken_back(self, taking: asyncio.Task[None]) -> None:
        """Wait for the workers; not for long, where all is to be cancelled."""
        cancelled_for = 0.0
        while not taking.done() and cancelled_for < _GRACE:
            await asyncio.wait((taking,), timeout=LOOK)
            cancelled_for = cancelled_for + LOOK if self._interrupted > 1 else 0.0

    async def _hand_on(self, source: Source) -> None:
        index = 0
        while not self._halted:
            await self._room.acquire()
            one = None if self._halted else await source.next()
            if one is None:
                self._all_met = not self._halted
                break
            if isinstance(one, Unread):
                await self._guarded(self._register.unread(one))
                self._room.release()
                continue
            self._out[index] = one.id
            held = one.id in self._register.known.done
            await self._guarded(self._pool.put(index, encoded(one), held=held))
            index += 1
        await self._guarded(self._pool.finish())

    async def _take_back(self) -> None:
        while (came := await self._pool.next()) is not None:
            index, row = came
            if self._out.pop(index, None) is None:
                continue  # it came twice: a worker died after it had told
            await self._pool.done(index)
            self._room.release()
            self._count(json.loads(row))

    def _count(self, row: dict[str, object]) -> None:
        register, event = self._register, row["event"]
        if event == "report":
            usage = Usage.model_validate({n: row.get(n, 0) for n in Usage.model_fields})
            register.count_report(str(row["id"]), usage, short=bool(row["fell_short"]))
        elif event == "failure":
            register.count_failure(str(row["id"]), str(row["stage"]), str(row["reason"]))
        else:
            self._left += 1

    async def _looking(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), LOOK)
            self._hurry.clear()
            await self._guarded(self._look())

    async def _look(self) -> None:
        tally = self._register.tally
        halted = max(self._interrupted, int(self._stopped is not None))
        looked = await self._pool.look(tally.inputs, complete=tally.complete, halted=halted)
        self.ledger.account, self.ledger.priced = looked.account, looked.priced
        for text in looked.said:
            self._say(text)
        if looked.stopped is not None:
            kind = ConfigurationError if looked.stopped.wrong else ClassifierError
            self._stop(kind(looked.stopped.reason))

    async def _guarded(self, work: Awaitable[None]) -> None:
        """Do it; an error ends the run."""
        try:
            await work
        except ClassifierError as error:
            self._stop(error)

    def _stop(self, error: ClassifierError) -> None:
        if self._stopped is None:
            self._stopped = error
            self._register.tell("stopping", {"reason": str(error)})
            self._room.release()  # who waits to hand on another one must see it
