"""A worker's side of the bank: its pace and its purse, which lease what they give out."""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import ContextVar
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from classifier.batch.cluster.messages import ZERO, Counter, Leased, News, Order, Stop
from classifier.errors import ModelQuotaError
from classifier.models.budget import Ledger
from classifier.models.headers import told
from classifier.models.pace import Pace, PaceLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_TICKETS = 256
_LAST = 5.0  # seconds that an answer of the bank is waited for at the end
_NANO = Decimal("1e-9")
_stood: ContextVar[float] = ContextVar("seconds spent in the cluster's line", default=0.0)


class Till:
    """Speaks with the bank for one worker; each message takes the news along."""

    def __init__(self, bank: Counter, worker: str) -> None:
        self._bank = bank
        self.worker = worker
        self.news = News()
        self.order = Order()

    async def tickets(self, tokens: list[float]) -> tuple[int, str]:
        """How many of these calls may be sent, once the first may; or why none ever will."""
        got = await self._bank.tickets(self.worker, self._taken(), tokens)
        self.order = Order(self.order.halted, self.order.recall, got.counts_tokens)
        return got.count, got.quota

    async def lease(self, least: Decimal, wanted: Decimal, *, wait: bool) -> Leased:
        """Money for calls: what is wanted, or at least the least, or 0."""
        return await self._bank.lease(self.worker, self._taken(), least, wanted, wait=wait)

    async def tell(self) -> Order:
        """Tell the news; returns what is to be done."""
        self.order = await self._bank.pulse(self.worker, self._taken())
        return self.order

    async def stop(self, stop: Stop) -> None:
        """End the run everywhere."""
        await self._bank.stop(stop)

    def _taken(self) -> News:
        news, self.news = self.news, News()
        return news


class SharedPace(Pace):
    """Bounds how many calls of this worker run at once, and leaves the rates to the bank."""

    def __init__(self, limits: PaceLimits, till: Till) -> None:
        super().__init__(PaceLimits(limits.concurrency, None, None, limits.longest_pause))
        self._till = till
        self._standing: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._asking: asyncio.Task[None] | None = None

    @property
    def counts_tokens(self) -> bool:
        """Whether tokens are limited, as the bank said last."""
        return self._till.order.counts_tokens

    def own_time(self) -> float:
        """As `Pace.own_time`, without what this task stood in the cluster's line either."""
        return super().own_time() - _stood.get()

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer of the endpoint; what it says of rates is for all workers."""
        super().observe(status, {})
        for kind in ("requests", "tokens"):
            news = told(headers, kind)
            if news.limit is not None or news.remaining is not None:
                self._till.news.told[kind] = news

    def pause(self, seconds: float | None) -> None:
        """Let no call of any worker leave the line for so long."""
        if seconds is not None:
            super().pause(seconds)
        self._till.news.pauses.append(seconds)

    def stop(self, error: ModelQuotaError) -> None:
        """Refuse all calls from now on, of any worker."""
        super().stop(error)
        self._till.news.quota = str(error)

    async def enter(self, tokens: float) -> None:
        """Take a slot of this worker, and then a ticket of the bank's."""
        await super().enter(0)
        begun = self._clock()
        try:
            await self._ticket(tokens)
        except BaseException:
            super().give_back(0)
            raise
        finally:
            _stood.set(_stood.get() + self._clock() - begun)

    def leave(self, taken: float, used: float, *, well: bool) -> None:
        """Settle a call that was sent."""
        super().leave(0, 0, well=well)
        self._till.news.tokens += used - taken

    def give_back(self, taken: float) -> None:
        """Return all that a cancelled call had taken."""
        super().give_back(0)
        self._return(taken)

    def _return(self, tokens: float) -> None:
        self._till.news.requests += 1
        self._till.news.tokens -= tokens

    async def _ticket(self, tokens: float) -> None:
        mine = asyncio.get_running_loop().create_future()
        self._standing.append((tokens, mine))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        await mine

    async def _ask(self) -> None:
        """Ask for all that stand in line, until nobody does."""
        while self._standing:
            wanted = [tokens for tokens, _ in self._standing][:_MOST_TICKETS]
            try:
                count, quota = await self._till.tickets(wanted)
            except Exception as error:  # noqa: BLE001 - those who wait must hear of it
                self._refuse(error)
                return
            if quota:
                self._refuse(ModelQuotaError(quota))
                return
            for _ in range(count):
                tokens, waiter = self._standing.popleft()
                if waiter.cancelled():
                    self._return(tokens)
                else:
                    waiter.set_result(None)

    def _refuse(self, error: Exception) -> None:
        while self._standing:
            _, waiter = self._standing.popleft()
            if not waiter.cancelled():
                waiter.set_exception(error)


class LeasedLedger(Ledger):
    """A purse that is filled from the bank, enough for `calls` at a time.

    `capped` says that there is a cap; how much is left of it, the bank alone knows.
    """

    def __init__(self, till: Till, *, capped: bool, calls: int) -> None:
        super().__init__(ZERO if capped else None)
        self._till = till
        self._calls = calls
        self._pot = ZERO
        self._turn = asyncio.Lock()
        self._asked: set[asyncio.Task[None]] = set()
        self._filling: asyncio.Task[None] | None = None
        self._closed = False
        self._said = ""

    def reserve(self, amount: Decimal) -> bool:
        """Set so many USD aside; False if the purse does not hold them. It is then filled."""
        amount = _whole(amount)
        fits = amount <= self._pot
        if fits:
            self._pot -= amount
        if self._pot < amount and (self._filling is None or self._filling.done()):
            self._filling = self._ask(amount, wait=False)
        return fits

    def settle(self, reserved: Decimal, actual: Decimal | None) -> None:
        """Tell the bank what a call cost."""
        self._till.news.settled.append((_whole(reserved), actual))

    async def lease(self, amount: Decimal) -> bool:
        """Put at least so many USD into the purse, though it take a while; False at the cap."""
        amount = _whole(amount)
        async with self._turn:
            if self._filling is not None:
                await asyncio.shield(self._filling)
            if self._pot < amount and not self._closed:
                self.give_back()
                # shielded: what comes for a call that was cancelled meanwhile must not be lost
                await asyncio.shield(self._ask(amount, wait=True))
            return self._pot >= amount

    def give_back(self) -> None:
        """Empty the purse: the bank hears of it with the next news."""
        self._till.news.unneeded += self._pot
        self._pot = ZERO

    async def empty(self) -> None:
        """As `give_back`, and what is being filled too."""
        if self._filling is not None:
            await asyncio.wait((self._filling,))
        self.give_back()

    async def close(self) -> None:
        """Lease nothing more, and give all back, also what is on its way."""
        self._closed = True
        if self._asked:
            await asyncio.wait(self._asked, timeout=_LAST)
        self.give_back()

    def _ask(self, amount: Decimal, *, wait: bool) -> asyncio.Task[None]:
        task = asyncio.create_task(self._lease(amount, wait=wait))
        self._asked.add(task)
        task.add_done_callback(self._answered)
        return task

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._asked.discard(task)
        if not task.cancelled():
            task.exception()  # `lease` tells of it; where nobody waits, asyncio would

    async def _lease(self, amount: Decimal, *, wait: bool) -> None:
        if self._closed:
            return
        leased = await self._till.lease(amount, amount * self._calls, wait=wait)
        self._pot += leased.amount
        self._said = leased.account

    def __str__(self) -> str:
        return self._said


def _whole(amount: Decimal) -> Decimal:
    """The amount in whole billionths of a USD, rounded up, as ledgers count."""
    return amount.quantize(_NANO, ROUND_CEILING)
