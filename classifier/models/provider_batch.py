"""Asks through a provider's batch API: what waits is gathered, sent as a file, and handed out.

A request waits in the part that is being filled; a full or settled part is uploaded and becomes a
batch; the batch is looked at until it ends, and its outcomes go to those who wait. What failed and
may pass goes into a later part. The record on disk lets the next process take up all batches.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from classifier.errors import (
    ModelBusyError,
    ModelError,
    ModelQuotaError,
    ModelRequestError,
)
from classifier.models.batch_api import Batch, BatchApi
from classifier.models.batch_files import LineFile, body_line
from classifier.models.batch_parts import BatchLeftError, BatchOptions, Part, Pending, stopping
from classifier.models.batch_record import BatchRecord, RecordedPart
from classifier.models.batch_refusal import refusal_of
from classifier.models.batch_watch import Watch
from classifier.models.closing import Closing
from classifier.models.retry import is_retryable

if TYPE_CHECKING:
    from classifier.models.batch_record import State
    from classifier.models.endpoint import EndpointSettings

INCIDENTS = 2000
"""How many incidents to have under way at once: each round of their questions takes a whole batch,
so that few at once would take weeks, and all of them wait in memory."""


class ProviderBatches(Closing):
    """The way through batches: `post` is a `Post` for an `Endpoint`. Use it in `async with`.

    The same request is sent once, however many ask; one that is in a recorded batch is not sent
    again. Errors of a request go to its asker; what stops all batches goes to all askers.
    `say` takes sentences for the user. It belongs to one event loop.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        options: BatchOptions,
        say: Callable[[str], None] = lambda _: None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._options = options
        self._say = say
        self._clock = clock
        self._sleep = sleep
        self._api = BatchApi(settings, tries=options.tries, sleep=sleep, clock=clock)
        self._record = BatchRecord(options.record, settings.place, clock=clock)
        self._pending: dict[str, Pending] = {}
        self._queue: list[Part] = []
        self._parts: set[Part] = set()
        self._recorded: dict[str, Part] = {}
        self._used: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._beginning: asyncio.Task[None] | None = None
        self._over: BaseException | None = None
        self._abrupt = False
        self._asked = 0
        self._woken = asyncio.Event()
        self._most = options.limits.requests
        self._refusals = 0

    async def post(self, body: dict[str, Any]) -> bytes:
        """The JSON of the completion; raises a `ModelError`, or `ConfigurationError`."""
        id_, line = body_line(body)
        del body  # what waits for a day should not be held twice
        if self._beginning is None:
            self._beginning = self._start(self._take_up())
        await asyncio.wait((self._beginning,))
        waiter = self._wanted(id_, line)
        del line
        try:
            return await waiter
        except asyncio.CancelledError:
            self._abrupt = True
            raise
        finally:
            if (pending := self._pending.get(id_)) and waiter in pending.waiters:
                pending.waiters.remove(waiter)

    async def aclose(self) -> None:
        """Stop looking at the batches, and say which go on; they can be taken up again."""
        self._end(BatchLeftError("the batches were left"))
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._api.close()
        left = self._left()
        for part in (*self._parts, *self._queue):
            part.close()
        if not self._abrupt:
            for name in self._used:
                self._record.note(name, "used")
        self._record.close()
        if left:
            self._say(f"{left} Nothing is lost: run the same command again to collect the replies.")

    def _left(self) -> str:
        """Which batches go on without us; one that was just being made may be among them."""
        told, place = [], self._settings.place
        if going := sorted(p.batch for p in self._running):
            more = f" and {len(going) - 3} more" if len(going) > 3 else ""
            told.append(f"{len(going)} batch(es) go on at {place}: {', '.join(going[:3])}{more}.")
        if any(p.is_unsure for p in self._parts):
            told.append(f"A batch was just being made at {place}; it may go on there.")
        return " ".join(told)

    def _wanted(self, id_: str, line: bytes) -> asyncio.Future[bytes]:
        """What the asker awaits; the request is put where it will be answered."""
        if self._over is not None:
            raise copy.copy(self._over)
        waiter: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        pending = self._pending.get(id_)
        if pending is not None:
            pending.waiters.append(waiter)
            return waiter
        pending = self._pending[id_] = Pending(id_, [waiter])
        part = self._recorded.pop(id_, None)
        if part is None:
            self._enqueue(pending, line)
        else:
            pending.sent = 1
            part.add(pending, line)
            if part.outcomes is not None:
                self._hand_over(part, pending)
            elif part.task is None:
                part.task = self._start(self._collect(part))
        return waiter

    def _enqueue(self, pending: Pending, line: bytes) -> None:
        limits = self._options.limits
        if len(line) > limits.bytes:
            text = f"the request has {len(line)} bytes; a batch takes at most {limits.bytes}"
            self._fail(pending, ModelRequestError(text))
            return
        if not self._queue or not self._queue[-1].takes(line, limits, self._most):
            self._queue.append(Part(LineFile(self._options.record.parent)))
        self._queue[-1].add(pending, line)
        self._asked += 1
        self._woken.set()

    def _fail(self, pending: Pending, error: BaseException) -> None:
        self._pending.pop(pending.id, None)
        pending.fail(error)

    def _end(self, error: BaseException) -> None:
        """Let go of all that wait, now and from now on."""
        if self._over is None:
            self._over = error
        self._abrupt = self._abrupt or bool(self._pending)
        for pending in list(self._pending.values()):
            self._fail(pending, self._over)
        for task in self._tasks:
            task.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._end(stopping(error))

    async def _take_up(self) -> None:
        """Learn from the record which requests are in batches already."""
        folder = self._options.record.parent
        for found in await asyncio.to_thread(self._record.parts):
            batch = found.batch or await self._searched(found)
            if not batch:
                await self._note(found.name, "lost")
                continue
            part = Part(LineFile(folder), found.name, batch, order=found.ids, closed=True)
            part.recorded, part.is_resumed = set(found.ids), True
            self._parts.add(part)
            for id_ in found.ids:  # what failed in one batch was sent again in a later one
                if (earlier := self._recorded.get(id_)) is not None:
                    earlier.recorded.discard(id_)
                self._recorded[id_] = part
        if self._recorded:
            self._say(f"{len(self._parts)} batch(es) of an earlier start are taken up again.")
        self._start(self._drive())
        self._start(self._heed_stop())

    async def _searched(self, found: RecordedPart) -> str:
        """The batch that was made just before the process ended, or nothing."""
        batch = await self._api.find(found.name, found.planned)
        if batch is None:
            return ""
        await self._note(found.name, "created", batch=batch.id)
        return batch.id

    async def _heed_stop(self) -> None:
        await self._options.stop.wait()
        raise BatchLeftError(
            "stopped while batches are under way: run the same command again to collect them"
        )

    async def _drive(self) -> None:
        """Send what has gathered, again and again."""
        while True:
            for part in await self._gathered():
                part.closed = True
            while self._queue and self._queue[0].closed:
                part = self._queue[0]
                await self._room()
                if part.is_wanted:
                    self._parts.add(part)
                    await self._send(part)
                    part.task = self._start(self._collect(part))
                else:
                    self._forget(part)
                self._queue.pop(0)

    async def _gathered(self) -> list[Part]:
        """The parts that are full, or all of them once nobody asks for a while."""
        askers = self._options.askers
        while not self._queue:
            await self._nap(None)
        while True:
            if askers is not None and len(self._pending) >= askers:
                return self._queue
            if len(self._queue) > 1:
                return self._queue[:-1]
            seen = self._asked
            if await self._nap(self._options.settle) and seen == self._asked:
                return self._queue

    async def _nap(self, seconds: float | None) -> bool:
        """Sleep so long, or until something happened; True: nothing did."""
        self._woken.clear()
        woken = asyncio.ensure_future(self._woken.wait())
        waits: list[asyncio.Future[Any]] = [woken]
        if seconds is not None:
            waits.append(asyncio.ensure_future(self._sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return not woken.done()
        finally:
            for wait in waits:
                wait.cancel()

    async def _room(self) -> None:
        """After a refusal for too much at once, wait until there may be room."""
        while self._refusals and self._running:
            await self._nap(None)
        if self._refusals:
            await self._sleep(self._options.longest_look * 2 ** (self._refusals - 1))

    async def _send(self, part: Part) -> None:
        for pending in part.pending.values():
            pending.sent += 1
        part.order = part.lines.ids
        await self._note(part.name, "planned", ids=part.order)
        file = await self._api.upload(part.name, part.lines)
        await self._note(part.name, "uploaded", input_file=file)
        try:
            part.batch = (await self._api.create(part.name, file)).id
        except asyncio.CancelledError:
            part.is_unsure = True
            raise
        await self._note(part.name, "created", batch=part.batch)
        self._say(f"Batch {part.batch}: {len(part.lines)} requests sent.")

    async def _note(self, part: str, state: State, **more: Any) -> None:
        # in a thread: a part of 50,000 ids is written through to the disk
        noting = asyncio.ensure_future(asyncio.to_thread(self._record.note, part, state, **more))
        try:
            await asyncio.shield(noting)
        except asyncio.CancelledError:
            await asyncio.wait((noting,))  # the thread goes on, and the record is closed after it
            raise

    async def _collect(self, part: Part) -> None:
        """Wait for the batch's end, and hand its outcomes to those who asked."""
        watch = Watch(self._api, self._options, self._say, self._sleep, self._clock)
        batch = await watch.ended(part.batch)
        await self._note(part.name, "ended", batch=part.batch, status=batch.status)
        if batch.status == "failed":
            self._refused(part, batch)
        else:
            self._refusals = 0
            part.outcomes = await self._outcomes(batch)
            await self._hand_out(part, was_cancelled=batch.status == "cancelled")
        self._woken.set()

    async def _outcomes(self, batch: Batch) -> list[LineFile]:
        folder, counts = self._options.record.parent, batch.counts
        found = []
        for file in batch.files:
            least = counts.completed if file == batch.output_file_id else counts.failed
            if (lines := await self._api.download(file, folder, least)) is not None:
                found.append(lines)
        return found

    async def _hand_out(self, part: Part, *, was_cancelled: bool) -> None:
        if unknown := part.unknown:
            self._say(f"Batch {part.batch} has {unknown} outcomes of requests that are not in it.")
        await self._hand_out_all(
            part, good=True
        )  # first, so that nobody thinks nothing is answered
        if not was_cancelled or part.is_resumed:
            await self._hand_out_all(part, good=False)
        if part.pending:
            raise BatchLeftError(
                f"the batch {part.batch} was cancelled at {self._settings.place}, so no other is "
                "sent: run the same command again to ask what is left of it"
            )

    async def _hand_out_all(self, part: Part, *, good: bool) -> None:
        for number, pending in enumerate(list(part.pending.values())):
            if part.outcome_is_good(pending.id, self._settings) is good:
                self._hand_over(part, pending)
            if number % 64 == 0:  # others may go on meanwhile
                await asyncio.sleep(0)

    def _hand_over(self, part: Part, pending: Pending) -> None:
        outcome = part.outcome(pending.id, self._settings)
        error = outcome.error if outcome else None
        if outcome is not None and error is None:
            self._pending.pop(pending.id, None)
            part.missed |= not pending.resolve(outcome.content)
        elif error is not None and not is_retryable(error):
            self._fail(pending, error)
        else:
            self._again(part, pending, error)
        part.pending.pop(pending.id, None)
        if not part.pending and not part.recorded:
            self._forget(part)

    def _again(self, part: Part, pending: Pending, error: ModelError | None) -> None:
        """Put a request without an answer into a later part, unless it was tried enough."""
        error = error or ModelBusyError(f"the batch {part.batch} says nothing of the request")
        line = part.lines.line(pending.id)
        if pending.sent >= self._options.tries or line is None:
            told = copy.copy(error)
            told.args = (f"{error} (after {pending.sent} batches)",)
            self._fail(pending, told)
        elif pending.waiters:
            self._enqueue(pending, line)
        else:
            self._pending.pop(pending.id, None)

    def _forget(self, part: Part) -> None:
        """Close a part from which nothing more can come."""
        for id_ in part.pending:
            self._pending.pop(id_, None)
        for id_ in part.recorded:
            self._recorded.pop(id_, None)
        if part.batch and not part.missed:
            self._used.append(part.name)
        self._parts.discard(part)
        part.close()

    def _refused(self, part: Part, batch: Batch) -> None:
        """Send again what can be: nothing of the batch was executed."""
        refusal = refusal_of(batch, part.order, self._settings)
        if refusal.is_full:
            self._make_smaller(part, refusal.said)
        for pending in list(part.pending.values()):
            if refusal.is_full:
                pending.sent -= 1  # it was never looked at
            if pending.id in refusal.at_fault:
                self._fail(pending, ModelRequestError(refusal.said))
            else:
                self._again(part, pending, ModelBusyError(refusal.said))
        part.pending.clear()
        self._forget(part)

    def _make_smaller(self, part: Part, said: str) -> None:
        """The endpoint holds too many tokens of ours: wait, and send half as many requests."""
        self._refusals += 1
        part.outcomes = []
        if self._running:
            return  # there is room when one of them ends
        if self._refusals > self._options.tries:
            raise ModelQuotaError(f"{said}. Raise the limit, or come back later")
        self._most = max(1, len(part.order) // 2)
        self._say(f"{said}. Smaller batches are tried in a while.")

    @property
    def _running(self) -> list[Part]:
        """The parts that are waited for; a recorded one that nobody asked for is not."""
        return [p for p in self._parts if p.is_ours]
