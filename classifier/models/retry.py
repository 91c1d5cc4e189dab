"""Asks again after a failure that may pass: small rules for when, how long and how often."""

from __future__ import annotations

import asyncio
import copy
import re
import time
from dataclasses import dataclass, field, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import TYPE_CHECKING

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_any,
    wait_random_exponential,
)
from tenacity.stop import stop_base

from classifier.errors import ConfigurationError, ModelError
from classifier.records import Usage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from classifier.models.seam import Model, Reply, Request


@dataclass(frozen=True)
class RetryPolicy:
    """How long to insist: at most `tries` calls within `total_seconds`, waits included.

    A wait is drawn between 0 and a bound, in seconds, that begins at `first_wait` and doubles up
    to `longest_wait`; where the endpoint asks for more, it gets it.
    """

    tries: int = 6
    total_seconds: float = 300.0
    first_wait: float = 1.0
    longest_wait: float = 60.0

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise ConfigurationError(f"tries is {self.tries}: give 1 (no retry) or more")
        if not self.total_seconds >= 0:
            raise ConfigurationError(f"total_seconds is {self.total_seconds}: give 0 or more")


def is_retryable(error: BaseException) -> bool:
    """Whether the same call may yet succeed."""
    return isinstance(error, ModelError) and error.retryable


def asked_wait(error: BaseException | None) -> float:
    """The seconds for which the endpoint asked to wait, 0 if it did not."""
    return (error.retry_after or 0.0) if isinstance(error, ModelError) else 0.0


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """The seconds to wait that the headers ask for; `now` is in seconds since the epoch."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        seconds = _number(headers.get(name, ""))
        if seconds is not None and seconds >= 0:
            return seconds / unit
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)


_DAILY = re.compile(r"\bper[- ](?:day|month)\b|\bdaily\b|\bmonthly\b|\b[RT]PD\b", re.IGNORECASE)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def quota_spent(code: str | None, text: str, headers: Mapping[str, str], now: float) -> bool:
    """Whether a 429 is about a quota that no retry outlives, rather than about speed."""
    if code in {"insufficient_quota", "billing_hard_limit_reached"} or _DAILY.search(text):
        return True
    return "retry-after" not in headers and any(
        _until(headers.get(f"x-ratelimit-reset{kind}", ""), now) >= 3600
        and _number(headers.get(f"x-ratelimit-remaining{kind}", "0")) == 0
        for kind in ("", "-requests", "-tokens")
    )


def _until(reset: str, now: float) -> float:
    """Seconds until a limit is reset: given as `1h2m3s`, in seconds, or as a time (s or ms)."""
    number = _number(reset)
    if number is None:
        return sum(float(n) * _UNITS[u] for n, u in re.findall(r"([\d.]+)(ms|[smhd])", reset))
    if number > 1e11:
        return number / 1000 - now
    return number - now if number > 1e9 else number


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


@dataclass
class _Course:
    """What one request has been through so far."""

    clock: Callable[[], float]
    total_seconds: float
    started: float = field(init=False)
    tries: int = 0
    lost: Usage = field(default_factory=Usage)
    failed: ModelError | None = None

    def __post_init__(self) -> None:
        self.started = self.clock()

    @property
    def seconds(self) -> float:
        return self.clock() - self.started

    def ended(self, error: ModelError) -> ModelError:
        """The error, with what was tried before it."""
        wait = asked_wait(error)
        text = f"{error} (after {self.tries} tries in {self.seconds:.0f} s)"
        if is_retryable(error) and self.seconds + wait > self.total_seconds:
            text += (
                f"; it asks to wait {wait:.0f} s, more than is left of total_seconds "
                f"{self.total_seconds:g}: try again later, or raise it"
            )
        told = copy.copy(error)
        told.args = (text,)
        told.usage = self.lost
        return told


class _Overruns(stop_base):
    """The stop rule: the next wait would end after the time is up."""

    def __init__(self, course: _Course) -> None:
        self._course = course

    def __call__(self, retry_state: RetryCallState) -> bool:
        course = self._course
        return course.seconds + retry_state.upcoming_sleep > course.total_seconds


class Retry:
    """Asks the model again after a retryable error, and keeps what the failed tries cost.

    Raises the last error, with the number of tries and the seconds spent. `sleep` and `clock`
    are for tests.
    """

    def __init__(
        self,
        model: Model,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._policy = policy or RetryPolicy()
        self._sleep = sleep
        self._clock = clock
        self._jitter = wait_random_exponential(
            multiplier=self._policy.first_wait, max=self._policy.longest_wait
        )

    async def ask(self, request: Request) -> Reply:
        """Answer as the model does; a reply's usage includes that of the failed tries."""
        course = _Course(self._clock, self._policy.total_seconds)
        try:
            return await self._try(request, course)  # most calls need no more
        except ModelError as error:
            if not is_retryable(error):
                raise
            course.failed = error
        try:
            reply: Reply = await self._retrying(course)(self._try, request, course)
        except ModelError as error:
            raise course.ended(error) from error
        return replace(reply, usage=reply.usage + course.lost)

    async def _try(self, request: Request, course: _Course) -> Reply:
        if course.failed is not None:  # the first try, whose end the rules have not seen yet
            failed, course.failed = course.failed, None
            raise failed
        course.tries += 1
        try:
            return await self._model.ask(request)
        except ModelError as error:
            if isinstance(error.usage, Usage):
                course.lost += error.usage
            raise

    def _retrying(self, course: _Course) -> AsyncRetrying:
        return AsyncRetrying(
            sleep=self._sleep,
            retry=retry_if_exception(is_retryable),
            wait=self._wait,
            stop=stop_any(stop_after_attempt(self._policy.tries), _Overruns(course)),
            reraise=True,
        )

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return max(asked_wait(error), self._jitter(state))
