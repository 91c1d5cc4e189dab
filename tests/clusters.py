"""A cluster without Ray: stations and a bank in one process, and workers that can be killed."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import pytest

from classifier.batch.cluster.bank import Bank
from classifier.batch.cluster.messages import Looked
from classifier.batch.cluster.station import Plan, Station
from classifier.errors import BudgetError, ConfigurationError

Item = tuple[int, bytes, bool]


class Wire:
    """An object that is reached as over a wire: what goes there and back is pickled."""

    def __init__(self, at: Any) -> None:
        self.at = at

    def __getattr__(self, name: str) -> Any:
        async def call(*given: Any, **more: Any) -> Any:
            if self.at is None:
                raise BudgetError("A process of the cluster has ended")
            given, more = pickle.loads(pickle.dumps((given, more)))
            return pickle.loads(pickle.dumps(await getattr(self.at, name)(*given, **more)))

        return call


class LocalPool:
    """So many stations; the incidents of a killed one are handed to the one in its place."""

    def __init__(self, plan: Plan, workers: int, bank: Bank) -> None:
        self.plan, self.bank = plan, bank
        self.wires = [Wire(bank) for _ in range(workers)]
        self.stations = [Station(plan, wire) for wire in self.wires]
        self.came = 0
        self.kills: dict[int, int] = {}
        self._came: asyncio.Queue[tuple[int, str] | None] = asyncio.Queue()
        self._tasks: dict[asyncio.Task[None], tuple[int, Item]] = {}
        self._finished = False

    async def put(self, index: int, incident: bytes, *, held: bool) -> None:
        self._start(index % len(self.stations), (index, incident, held))

    async def done(self, index: int) -> None:
        """Nothing is kept here."""

    async def finish(self) -> None:
        self._finished = True
        self._maybe_end()

    async def next(self) -> tuple[int, str] | None:
        if self.came in self.kills:
            self.kill(self.kills.pop(self.came))
        came = await self._came.get()
        self.came += 1
        return came

    async def look(self, inputs: int, *, complete: bool, halted: int) -> Looked:
        looked: Looked = await Wire(self.bank).look(inputs, complete=complete, halted=halted)
        return looked

    def kill(self, number: int) -> None:
        """End a station without a word: it reaches neither the bank nor a file any more."""
        old = self.stations[number]
        self.wires[number].at = None
        old._keeper._part = lambda _: Nowhere()  # type: ignore[method-assign,assignment]
        self.wires[number] = Wire(self.bank)
        self.stations[number] = Station(self.plan, self.wires[number])
        for task, (n, item) in list(self._tasks.items()):
            if n == number:
                task.cancel()
                self._start(number, item)

    def _start(self, number: int, item: Item) -> None:
        task = asyncio.create_task(self._work(number, item))
        self._tasks[task] = (number, item)
        task.add_done_callback(self._ended)

    async def _work(self, number: int, item: Item) -> None:
        index, incident, held = item
        batch = {"index": [index], "incident": [incident], "held": [held]}
        made = await self.stations[number](batch)
        self._came.put_nowait((made["index"][0], made["outcome"][0]))

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        self._maybe_end()

    def _maybe_end(self) -> None:
        if self._finished and not self._tasks:
            self._came.put_nowait(None)


class Nowhere:
    """A file of a process that is no more."""

    def append(self, _: object) -> None:
        """Keep nothing."""

    def close(self) -> None:
        """Nothing is open."""


def in_one_process(
    monkeypatch: pytest.MonkeyPatch,
    workers: int = 2,
    prepare: Callable[[LocalPool], None] = lambda _: None,
) -> None:
    """Let `--engine ray` work in this process; `prepare` is handed the pool of each run."""

    @asynccontextmanager
    async def open_pool(plan: Plan, count: int, *terms: Any) -> AsyncIterator[LocalPool]:
        plan = pickle.loads(pickle.dumps(plan))
        bank = Bank(plan.run, *terms)
        if problem := await bank.open():
            raise ConfigurationError(problem)
        pool = LocalPool(plan, count, bank)
        prepare(pool)
        yield pool
        await bank.close()

    at = "classifier.batch.cluster.starting"
    monkeypatch.setattr(f"{at}.open_pool", open_pool)
    monkeypatch.setattr(f"{at}.joined", lambda _options: nullcontext(workers))
