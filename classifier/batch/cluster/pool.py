"""The workers as actors of Ray Data: incidents in, `map_batches`, their outcomes out."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from classifier.batch.cluster.bank import Bank
from classifier.batch.cluster.station import Station
from classifier.errors import BudgetError, ClassifierError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator
    from decimal import Decimal

    from classifier.batch.cluster.messages import Leased, Looked, News, Order, Stop, Tickets
    from classifier.batch.cluster.station import Plan
    from classifier.models.pace import PaceLimits

AHEAD = 2
"""Incidents that wait at each worker, so that it never waits for one."""


class Feed:
    """The incidents that are on their way, by index; an actor. Asked again for one, it gives the
    same, so that Ray may repeat what a process that died was doing.
    """

    def __init__(self) -> None:
        self._items: dict[int, tuple[bytes, bool]] = {}
        self._count = 0
        self._ended = False
        self._changed = asyncio.Condition()

    async def put(self, index: int, incident: bytes, *, held: bool) -> None:
        """Add the next one."""
        async with self._changed:
            self._items[index] = (incident, held)
            self._count = index + 1
            self._changed.notify_all()

    async def get(self, index: int) -> tuple[bytes, bool] | None:
        """The incident, once it is there; an empty one where it is done, None after the last."""
        async with self._changed:
            await self._changed.wait_for(lambda: index < self._count or self._ended)
        return self._items.get(index, (b"", False)) if index < self._count else None

    async def done(self, index: int) -> None:
        """Forget one."""
        self._items.pop(index, None)

    async def finish(self) -> None:
        """Nothing more comes."""
        async with self._changed:
            self._ended = True
            self._changed.notify_all()


async def _reached(answer: Awaitable[Any]) -> Any:
    from ray.exceptions import RayError

    try:
        return await answer
    except RayError as error:
        told = str(error).strip().splitlines() or [type(error).__name__]
        raise BudgetError(f"A process of the cluster has ended: {told[-1][:300]}") from error


@dataclass(frozen=True)
class RemoteBank:
    """The bank, as workers and driver reach it: each method is that of `Bank`."""

    actor: Any

    async def tickets(self, worker: str, news: News, tokens: list[float]) -> Tickets:
        """As `Bank.tickets`."""
        got: Tickets = await _reached(self.actor.tickets.remote(worker, news, tokens))
        return got

    async def lease(
        self, worker: str, news: News, least: Decimal, wanted: Decimal, *, wait: bool
    ) -> Leased:
        """As `Bank.lease`."""
        asked = self.actor.lease.remote(worker, news, least, wanted, wait=wait)
        got: Leased = await _reached(asked)
        return got

    async def pulse(self, worker: str, news: News) -> Order:
        """As `Bank.pulse`."""
        order: Order = await _reached(self.actor.pulse.remote(worker, news))
        return order

    async def stop(self, stop: Stop) -> None:
        """As `Bank.stop`."""
        await _reached(self.actor.stop.remote(stop))

    async def look(self, inputs: int, *, complete: bool, halted: int) -> Looked:
        """As `Bank.look`."""
        asked = self.actor.look.remote(inputs, complete=complete, halted=halted)
        looked: Looked = await _reached(asked)
        return looked


class RayPool:
    """A Ray Data pipeline that runs while its outcomes are fetched."""

    def __init__(self, plan: Plan, workers: int, bank: RemoteBank, feed: Any) -> None:
        self._bank = bank
        self._feed = feed
        self._came: asyncio.Queue[tuple[int, str] | Exception | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        outcomes = _outcomes(plan, workers, bank, feed)
        # a daemon: where all is cancelled, nobody waits for it
        threading.Thread(target=self._fetch, args=(outcomes,), daemon=True).start()

    async def put(self, index: int, incident: bytes, *, held: bool) -> None:
        """Hand an incident on."""
        await _reached(self._feed.put.remote(index, incident, held=held))

    async def done(self, index: int) -> None:
        """Nobody needs to be asked about this one again."""
        self._feed.done.remote(index)

    async def finish(self) -> None:
        """No more will come."""
        await _reached(self._feed.finish.remote())

    async def next(self) -> tuple[int, str] | None:
        """The index and the outcome of an incident; None once all have come."""
        came = await self._came.get()
        if isinstance(came, Exception):
            told = str(came).strip().splitlines() or [type(came).__name__]
            raise ClassifierError(f"Ray has ended the work: {told[-1][:300]}") from came
        return came

    async def look(self, inputs: int, *, complete: bool, halted: int) -> Looked:
        """How the bank stands."""
        return await self._bank.look(inputs, complete=complete, halted=halted)

    def _fetch(self, outcomes: Any) -> None:
        try:
            for table in outcomes.iter_batches(
                batch_size=None, prefetch_batches=0, batch_format="pyarrow"
            ):
                for row in table.to_pylist():
                    self._post((row["index"], row["outcome"]))
            self._post(None)
        except Exception as error:  # noqa: BLE001 - the run must hear of it
            self._post(error)

    def _post(self, came: tuple[int, str] | Exception | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._came.put_nowait, came)


@asynccontextmanager
async def open_pool(
    plan: Plan, workers: int, limits: PaceLimits, cap: Decimal | None, spent: Decimal
) -> AsyncIterator[RayPool]:
    """Workers that are ready, in the cluster that this process has joined.

    The bank runs on this machine. Raises `ConfigurationError` where it cannot keep the account.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    light = {"num_cpus": 0, "scheduling_strategy": here, "max_concurrency": 10_000}
    bank = ray.remote(**light)(Bank).remote(plan.run, limits, cap, spent)
    feed = ray.remote(**light)(Feed).remote()
    if problem := await _reached(bank.open.remote()):
        raise ConfigurationError(problem)
    yield RayPool(plan, workers, RemoteBank(bank), feed)
    with suppress(BudgetError):
        await _reached(bank.close.remote())


def _outcomes(plan: Plan, workers: int, bank: RemoteBank, feed: Any) -> Any:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # each incident is a block of its own, and goes on at once
    context.target_max_block_size = 1
    incidents = ray.data.read_datasource(
        _source(feed), num_cpus=0, concurrency=1, override_num_blocks=1
    )
    return incidents.map_batches(
        Station,
        fn_constructor_args=(plan, bank),
        batch_size=None,
        batch_format="numpy",
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(
            size=workers,
            max_concurrent_calls_per_actor=plan.at_once,
            max_tasks_in_flight_per_actor=plan.at_once + AHEAD,
        ),
    )


def _source(feed: Any) -> Any:
    """What Ray Data reads from: one task, which gives out what the feed holds."""
    from ray.data import Datasource, ReadTask
    from ray.data.block import BlockMetadata

    class Incidents(Datasource):  # type: ignore[misc]
        def estimate_inmemory_data_size(self) -> int | None:
            return None

        def get_read_tasks(self, *_: Any, **__: Any) -> list[Any]:
            unknown = BlockMetadata(
                num_rows=None, size_bytes=None, input_files=None, exec_stats=None
            )
            return [ReadTask(lambda: _tables(feed), unknown)]

    return Incidents()


def _tables(feed: Any) -> Iterator[Any]:
    import pyarrow as pa  # type: ignore[import-untyped]
    import ray

    index = 0
    while (item := ray.get(feed.get.remote(index))) is not None:
        incident, held = item
        columns = (pa.array([index]), pa.array([incident], pa.large_binary()), pa.array([held]))
        yield pa.table(columns, names=["index", "incident", "held"])
        index += 1
