"""The one place from which a cluster's calls, tokens and money are leased.

It is a plain asynchronous object; the Ray engine makes an actor of it. Leases are asked for as they
are needed, all that stand in a worker's line at once, so nothing is hoarded: what a worker that
died had leased and not settled counts as spent.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from classifier.batch.account import KeptLedger
from classifier.batch.cluster.messages import ZERO, Leased, Looked, News, Order, Stop, Tickets
from classifier.errors import ClassifierError, ModelQuotaError
from classifier.models.pace import Pace, PaceLimits

if TYPE_CHECKING:
    from collections.abc import Callable

LOST = 30.0
"""The seconds after which a worker that is not heard of any more is taken for dead."""

_UNBOUND = 10**9  # calls at once are bounded by each worker itself
_RETRY = 1.0


class _Line(Pace):
    """The rates of all workers together; how many calls run at once is not its matter."""

    async def admit(self, tokens: list[float]) -> int:
        """Wait until the first of these calls may go; returns how many may go now."""
        await self.enter(tokens[0])
        self._running -= 1
        count = 1
        while count < len(tokens) and not self._line.locked() and self._wait(tokens[count]) <= 0:
            now = self._clock()
            self._requests.take(1, now)
            self._tokens.take(tokens[count], now)
            count += 1
        return count

    def hear(self, news: News) -> None:
        """Take over what a worker learned and did not use."""
        now = self._clock()
        for bucket, kind in ((self._requests, "requests"), (self._tokens, "tokens")):
            if kind in news.told:
                bucket.learn(news.told[kind], now)
        self._requests.take(-news.requests, now)
        self._tokens.take(news.tokens, now)
        for seconds in news.pauses:
            self.pause(seconds)
        if news.quota:
            self.stop(ModelQuotaError(news.quota))
        self._changed.set()


class Bank:
    """Leases to workers, which it knows by name, and keeps the account in the folder `run`."""

    def __init__(
        self,
        run: str,
        limits: PaceLimits,
        cap: Decimal | None,
        spent: Decimal,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run = Path(run)
        self._line = _Line(replace(limits, concurrency=_UNBOUND), clock=clock)
        self._ledger = KeptLedger(cap, spent)
        self._clock = clock
        self._heard: dict[str, float] = {}
        self._held: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._needy = 0
        self._halted = 0
        self._stopped: Stop | None = None
        self._said: list[str] = []
        self._changed = asyncio.Event()

    async def open(self) -> str:
        """Begin to keep the account; returns why that cannot be, or nothing."""
        try:
            self._ledger.keep_in(self._run)
        except ClassifierError as error:
            return str(error)
        return ""

    async def tickets(self, worker: str, news: News, tokens: list[float]) -> Tickets:
        """Wait until at least the first of these calls may be sent; `tokens` are their sizes."""
        self._hear(worker, news)
        try:
            count = await self._line.admit(tokens)
        except ModelQuotaError as error:
            return Tickets(0, self._line.counts_tokens, str(error))
        return Tickets(count, self._line.counts_tokens)

    async def lease(
        self, worker: str, news: News, least: Decimal, wanted: Decimal, *, wait: bool
    ) -> Leased:
        """Reserve what is wanted, or at least the least, for calls of the worker.

        What does not fit may fit later, for most calls cost less than was reserved: with `wait`
        the answer is 0 only when no other worker holds anything that could come back.
        """
        self._hear(worker, news)
        self._needy += wait
        try:
            while not (amount := self._reserved(worker, least, wanted)):
                if not wait or self._stopped is not None or not self._others_hold(worker):
                    break
                await self._wait_for_change()
        finally:
            self._needy -= wait
        return Leased(amount, str(self._ledger))

    async def pulse(self, worker: str, news: News) -> Order:
        """Hear the news, and say what is to be done."""
        self._hear(worker, news)
        return Order(self._halted, self._needy > 0, self._line.counts_tokens)

    async def stop(self, stop: Stop) -> None:
        """End the run everywhere, once what is in flight has ended."""
        self._stopped = self._stopped or stop
        self._halted = max(self._halted, 1)
        self._change()

    async def look(self, inputs: int, *, complete: bool, halted: int) -> Looked:
        """How it stands; `inputs` were met so far. `halted` is what the workers are told."""
        self._halted = max(self._halted, halted)
        try:
            self._ledger.met(inputs, complete=complete)
        except ClassifierError as error:
            await self.stop(Stop(str(error)))
        said, self._said = tuple(self._said), []
        return Looked(self._ledger.account, self._ledger.priced, self._stopped, said)

    async def close(self) -> None:
        """Close the account: what is still leased, nobody will settle any more."""
        self._ledger.close()

    def _reserved(self, worker: str, least: Decimal, wanted: Decimal) -> Decimal:
        try:
            for amount in (wanted, least):
                if self._ledger.reserve(amount):
                    self._held[worker] += amount
                    return amount
        except ClassifierError as error:  # the account cannot be kept, so nothing may be spent
            self._stopped = self._stopped or Stop(str(error))
            self._halted = max(self._halted, 1)
        return ZERO

    def _hear(self, worker: str, news: News) -> None:
        self._heard[worker] = self._clock()
        self._said += news.said
        self._line.hear(news)
        for reserved, actual in news.settled:
            self._held[worker] -= reserved
            self._ledger.settle(reserved, actual)
        if news.unneeded:
            self._held[worker] -= news.unneeded
            self._ledger.release(news.unneeded)
        if news.settled or news.unneeded:
            self._change()

    def _others_hold(self, worker: str) -> bool:
        """Whether money may come back from a worker that is alive."""
        now = self._clock()
        return any(
            held > 0 and name != worker and now - self._heard[name] < LOST
            for name, held in self._held.items()
        )

    def _change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _wait_for_change(self) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), _RETRY)
        except TimeoutError:  # a worker may have died meanwhile
            return
