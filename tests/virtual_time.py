"""A clock that leaps: hours of waiting in a test take no time, and every run is the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock leaps to the next timer as soon as there is nothing to do."""

    _now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready:
            timers = [t.when() for t in self._scheduled if not t.cancelled()]
            assert timers, "everything waits, and for nothing"
            self._now = max(self._now, min(timers))
        super()._run_once()


def virtually(work: Callable[[], Awaitable[Any]]) -> Any:
    """What the work returns, run in virtual time from 0 on."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work())


def now() -> float:
    """The seconds of virtual time so far."""
    return asyncio.get_running_loop().time()
