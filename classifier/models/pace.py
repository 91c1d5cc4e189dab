"""Sends no faster than the endpoint takes: calls at once, requests and tokens a minute, as one.

Calls stand in one line, first come, first served. The head of the line leaves it as soon as a slot
is free, no pause holds, and both rates allow it. Only the head ever waits for a time, so that the
end of a pause wakes one call and not all of them.
"""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING

from classifier.errors import (
    ConfigurationError,
    ModelBusyError,
    ModelError,
    ModelQuotaError,
    ModelUnreachableError,
    ReplyError,
)
from classifier.models.headers import Told, told
from classifier.records import Usage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from classifier.models.estimate import Estimate
    from classifier.models.seam import Model, Reply, Request

BURST = 1.0
"""The seconds' worth of a rate that may be sent at once after an idle time."""

_MINUTE = 60.0
_TICK = 0.001  # a shorter sleep may not move the clock at all
_waited: ContextVar[float] = ContextVar("seconds spent in line", default=0.0)


@dataclass(frozen=True)
class PaceLimits:
    """How fast to go at most: calls at once, requests and tokens a minute (None: not limited).

    What the endpoint tells of itself can only lower them. A wait that it asks for is kept by all
    calls, up to `longest_pause` seconds; beyond it the endpoint counts as out of quota.
    """

    concurrency: int = 8
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    longest_pause: float = 900.0

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise ConfigurationError(f"concurrency is {self.concurrency}: give 1 or more")
        if not self.longest_pause >= 0:
            raise ConfigurationError(f"longest_pause is {self.longest_pause}: give 0 or more")
        for name in ("requests_per_minute", "tokens_per_minute"):
            rate = getattr(self, name)
            if rate is not None and not (isfinite(rate) and rate > 0):
                raise ConfigurationError(
                    f"{name} is {rate}: give a number above 0, or leave it out for no limit"
                )


class _Bucket:
    """A rate, kept by the generic cell rate algorithm: one time says all that was taken.

    `_due` is when everything taken is paid off at our own rate, smoothed to bursts of a second;
    `_full` is when the endpoint's own bucket, of a minute's worth, is full again.
    """

    def __init__(self, given: float | None) -> None:
        self._given = given
        self._told: float | None = None
        self._due = -inf
        self._full = -inf
        self._reset = -inf

    @property
    def limit(self) -> float | None:
        """Units a minute: the lower of what was given and what the endpoint told."""
        return min((n for n in (self._given, self._told) if n is not None), default=None)

    def wait(self, amount: float, now: float) -> float:
        """The seconds until so much may be taken."""
        if (limit := self.limit) is None:
            return 0.0
        cost = _cost(amount, limit)
        waits = [self._due - now - max(0.0, BURST - cost)]
        if self._told is not None:
            waits.append(self._full - now - max(0.0, _MINUTE - _cost(amount, self._told)))
        return max(0.0, *waits)

    def take(self, amount: float, now: float) -> None:
        """Take so much, or give back what is below 0."""
        if (limit := self.limit) is None:
            return
        self._due = (max(self._due, now) if amount > 0 else self._due) + _cost(amount, limit)
        if self._told is not None and amount > 0:  # what is given back shows in the next headers
            self._full = max(self._full, now) + _cost(amount, self._told)

    def learn(self, news: Told, now: float) -> None:
        """Take over what the endpoint tells of its own bucket."""
        if news.limit is not None:
            self._told = news.limit
        if self._told is None or news.remaining is None:
            return
        used = max(0.0, self._told - news.remaining)
        self._full = now + _cost(used, self._told)
        self._reset = now + (news.reset or 0.0) if news.remaining < 1 else -inf

    def exhausted(self, now: float) -> float:
        """The seconds until the endpoint's bucket is whole again, where it is empty; else 0."""
        return max(0.0, self._reset - now)


def _cost(amount: float, limit: float) -> float:
    """The seconds that an amount takes. So slow that a burst and a minute stay in the limit."""
    return amount * (_MINUTE + BURST) / limit


class _Width:
    """How many calls run at once: halved by a 429, widened by one for each round that passes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._now = float(most)
        self._deaf = 0

    def __int__(self) -> int:
        return int(self._now)

    def narrow(self, running: int) -> None:
        # the calls that ran beside the refused one tell the same news: they count once
        if not self._deaf:
            self._now = max(1.0, self._now / 2)
            self._deaf = running

    def finished(self, well: bool) -> None:
        self._deaf = max(0, self._deaf - 1)
        if well:
            self._now = min(float(self._most), self._now + 1 / self._now)


class Pace:
    """What all calls to one endpoint share: its limits, its pauses, and whether it is spent.

    The endpoint hands each answer's status and headers to `observe`. `clock` and `sleep` are for
    tests. It belongs to one event loop.
    """

    def __init__(
        self,
        limits: PaceLimits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        limits = limits or PaceLimits()
        self._longest_pause = limits.longest_pause
        self._clock = clock
        self._sleep = sleep
        self._requests = _Bucket(limits.requests_per_minute)
        self._tokens = _Bucket(limits.tokens_per_minute)
        self._width = _Width(limits.concurrency)
        self._running = 0
        self._paused_until = -inf
        self._spent: ModelQuotaError | None = None
        self._line = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def limits(self) -> PaceLimits:
        """The limits as they are by now, with what the endpoint told."""
        return PaceLimits(
            int(self._width), self._requests.limit, self._tokens.limit, self._longest_pause
        )

    @property
    def counts_tokens(self) -> bool:
        """Whether tokens are limited: where they are not, none need to be counted."""
        return self._tokens.limit is not None

    def own_time(self) -> float:
        """The clock, less what this task stood in line: the time that a retry should count."""
        return self._clock() - _waited.get()

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer of the endpoint, good or bad; header names are in lower case."""
        now = self._clock()
        self._requests.learn(told(headers, "requests"), now)
        self._tokens.learn(told(headers, "tokens"), now)
        if status == 429:
            self._width.narrow(self._running)
        self._changed.set()

    def pause(self, seconds: float | None) -> None:
        """Let no call leave the line for so long; None: until what is exhausted comes back.

        A longer wait than `longest_pause` stops all later calls instead.
        """
        now = self._clock()
        if seconds is None:
            seconds = max(self._requests.exhausted(now), self._tokens.exhausted(now))
        if seconds > self._longest_pause:
            self.stop(ModelQuotaError(f"the endpoint asks to wait {seconds:.0f} s"))
        else:
            self._paused_until = max(self._paused_until, now + seconds)

    def stop(self, error: ModelQuotaError) -> None:
        """Refuse all calls from now on: the quota does not come back in time."""
        self._spent = self._spent or error
        self._changed.set()

    async def enter(self, tokens: float) -> None:
        """Stand in line until the call may be sent; raises `ModelQuotaError` after a `stop`."""
        begun = self._clock()
        try:
            async with self._line:
                while (wait := self._wait(tokens)) > 0:
                    await self._nap(wait)
                now = self._clock()
                self._requests.take(1, now)
                self._tokens.take(tokens, now)
                self._running += 1
        finally:
            _waited.set(_waited.get() + self._clock() - begun)

    def leave(self, taken: float, used: float, *, well: bool) -> None:
        """Settle a call that was sent: tokens taken before it and used by it, and its success."""
        self._running -= 1
        self._width.finished(well)
        self._tokens.take(used - taken, self._clock())
        self._changed.set()

    def give_back(self, taken: float) -> None:
        """Return all that a cancelled call had taken."""
        self._requests.take(-1, self._clock())
        self.leave(taken, 0.0, well=False)

    def _wait(self, tokens: float) -> float:
        if self._spent is not None:
            raise ModelQuotaError(f"{self._spent}. No further call was sent") from self._spent
        if self._running >= int(self._width):
            return inf  # until a call ends
        now = self._clock()
        return max(
            self._paused_until - now, self._requests.wait(1, now), self._tokens.wait(tokens, now)
        )

    async def _nap(self, seconds: float) -> None:
        """Sleep so long, or until something changed."""
        self._changed.clear()
        if seconds == inf:
            await self._changed.wait()
            return
        sleeping = asyncio.ensure_future(self._sleep(max(seconds, _TICK)))
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait((sleeping, changed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            changed.cancel()


class Paced:
    """Asks the model at the given pace.

    The estimated tokens of a request are taken before the call and settled with the real usage
    after it. A spent quota stops all later calls; a cancelled call returns what it had taken.
    """

    def __init__(self, model: Model, pace: Pace, estimate: Estimate) -> None:
        self._model = model
        self._pace = pace
        self._estimate = estimate

    async def ask(self, request: Request) -> Reply:
        """Answer as the model does, once the call may be sent; raises the model's errors."""
        pace = self._pace
        taken = await self._estimate.most(request) if pace.counts_tokens else 0
        await pace.enter(taken)
        try:
            reply = await self._model.ask(request)
        except ModelError as error:
            self._heed(error)
            pace.leave(taken, _used_by(error, taken), well=False)
            raise
        except BaseException:
            pace.give_back(taken)
            raise
        pace.leave(taken, _tokens(reply.usage) or taken, well=True)
        return reply

    def _heed(self, error: ModelError) -> None:
        if isinstance(error, ModelQuotaError):
            self._pace.stop(error)
        elif isinstance(error, ModelBusyError):
            self._pace.pause(error.retry_after)


def _tokens(usage: object) -> int:
    return max(0, usage.prompt_tokens + usage.completion_tokens) if isinstance(usage, Usage) else 0


def _used_by(error: ModelError, taken: float) -> float:
    """The tokens that a failed call used: what is known, else all where it may have been read."""
    unknown = isinstance(error, (ModelUnreachableError, ReplyError))
    return _tokens(error.usage) or (taken if unknown else 0.0)
