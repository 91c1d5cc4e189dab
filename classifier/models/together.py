"""Does in one journey to a thread what many wait for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_Given = TypeVar("_Given")
_Got = TypeVar("_Got")


class Together(Generic[_Given, _Got]):
    """Does the same work for all who wait for it, in a thread: what comes up while it is under way
    is done together after it. `work` returns an outcome for each, in their order.

    What was asked for is done, also where its asker is cancelled. It belongs to one event loop.
    """

    def __init__(self, work: Callable[[Sequence[_Given]], Sequence[_Got]]) -> None:
        self._work = work
        self._waiting: list[tuple[_Given, asyncio.Future[_Got]]] = []
        self._going: asyncio.Task[None] | None = None

    async def do(self, given: _Given) -> _Got:
        """The outcome for this one; raises what the work raised."""
        future: asyncio.Future[_Got] = asyncio.get_running_loop().create_future()
        self._waiting.append((given, future))
        if self._going is None or self._going.done():
            self._going = asyncio.create_task(self._go())
        return await future

    async def _go(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                found = await asyncio.to_thread(self._work, [given for given, _ in batch])
            except Exception as error:  # noqa: BLE001 - it is theirs who asked
                for _, future in batch:
                    _end(future, future.set_exception, error)
            else:
                for (_, future), one in zip(batch, found, strict=True):
                    _end(future, future.set_result, one)


def _end(future: asyncio.Future[Any], end: Callable[[Any], None], outcome: object) -> None:
    if not future.done():  # it may have been cancelled
        end(outcome)
