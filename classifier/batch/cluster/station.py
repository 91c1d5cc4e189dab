"""A worker of a cluster: one process with one model, one engine, and part files of its own.

It is the asynchronous class that Ray Data calls with batches of incidents. The engine in it is the
local one, so that an incident comes to the same report or failure wherever it is worked on.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import secrets
import threading
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifier.batch import parts
from classifier.batch.cluster.messages import Order, Stop
from classifier.batch.cluster.till import LeasedLedger, SharedPace, Till
from classifier.batch.engine import Engine
from classifier.batch.folder import FAILURES, REPORTS, TORN, Brief, RunFailure
from classifier.batch.lines import Appender, decoded, read
from classifier.batch.patience import Patient
from classifier.batch.register import Register
from classifier.batch.worker import Worker
from classifier.errors import BudgetError, ClassifierError, ConfigurationError
from classifier.methods import model_ref
from classifier.models.opening import Notices, Shared, open_model
from classifier.records import Incident

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from classifier.batch.cluster.messages import Counter
    from classifier.models.seam import ModelInfo
    from classifier.records import ModelRef, Report
    from classifier.settings import Settings
    from classifier.taxonomy import Taxonomy

PULSE = 0.5
"""Seconds between two talks with the bank, at most."""

LEFT = json.dumps({"event": "left"})
_POLL = 0.2
_LULL = 10  # so many polls without a new incident, and what is in doubt is decided


@dataclass(frozen=True)
class Plan:
    """What every worker of a run is told. It holds no secret: each takes those it needs from its
    own environment. `concurrency` and `at_once` are the worker's own share, in `settings`'s place;
    `trusted` says that the endpoint answered in an earlier start.
    """

    run: str
    start: int
    settings: Settings
    taxonomy: Taxonomy
    model: ModelRef
    software: str
    least: float | None
    patience: float
    trusted: bool
    capped: bool
    concurrency: int
    at_once: int


def own_version() -> str:
    """The version of this package, which must be the same everywhere."""
    return version("fail-classifier")


class PartKeeper:
    """Appends to the part files of one worker, each made when it is first needed.

    Incidents that are `held` have a report of an earlier start, which no failure takes away.
    """

    def __init__(self, run: Path, start: int, worker: str) -> None:
        self._run, self._start, self._worker = run, start, worker
        self._open: dict[str, Appender] = {}
        self._thread = threading.Lock()
        self.held: set[str] = set()

    def append_report(self, report: Report) -> None:
        """Add a report; raises `ClassifierError` where the disk does not take it."""
        self._part(REPORTS).append(report)

    def append_failure(self, id_: str, stage: str, reason: str) -> None:
        """Add a failure; raises as `append_report` does."""
        if id_ not in self.held:
            self._part(FAILURES).append(RunFailure(id=id_, stage=stage, reason=reason))

    def close(self) -> None:
        """Close the files."""
        for one in self._open.values():
            one.close()

    def _part(self, name: str) -> Appender:
        with self._thread:
            if name not in self._open:
                path = parts.named(self._run, self._start, self._worker, name)
                self._open[name] = Appender(path, self._run / TORN)
            return self._open[name]


def outcomes_before(run: Path, start: int) -> dict[str, str]:
    """What workers that died had finished in this start: the row of each incident by its id."""
    rows: dict[str, str] = {}
    for file in parts.of_start(run, start, FAILURES):
        for _, one in read(file, partial(decoded, RunFailure)):
            rows[one.id] = json.dumps({"event": "failure", **one.model_dump()})
    for file in parts.of_start(run, start, REPORTS):
        for _, brief in read(file, partial(decoded, Brief)):
            told = {"id": brief.id, "fell_short": brief.fell_short}
            rows[brief.id] = json.dumps({"event": "report", **told, **brief.usage.model_dump()})
    return rows


class Station:
    """Called with columns `index`, `incident` (JSON in UTF-8; empty: nothing to do) and `held`;
    returns `index` and `outcome`: JSON of the event as the register tells it, or that it is left.
    """

    def __init__(self, plan: Plan, bank: Counter) -> None:
        self._plan = plan
        self.name = f"{os.getpid()}-{secrets.token_hex(3)}"
        self._till = Till(bank, self.name)
        self._ledger = LeasedLedger(self._till, capped=plan.capped, calls=plan.concurrency)
        self._keeper = PartKeeper(Path(plan.run), plan.start, self.name)
        self._inbox: queue.SimpleQueue[Incident] = queue.SimpleQueue()
        self._awaited: dict[str, asyncio.Future[str]] = {}
        self._rows: dict[str, str] = {}
        self._halted = self._obeyed = 0
        self._engine: Engine | None = None
        self._begun: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Work on the incidents of the batch, together with those of other calls."""
        if self._begun is None:
            self._begun = asyncio.create_task(self._begin())
        await self._begun
        given = zip(batch["incident"], batch["held"], strict=True)
        rows = await asyncio.gather(*(self._outcome(bytes(d), held=bool(h)) for d, h in given))
        await self._settle()
        return {"index": [int(index) for index in batch["index"]], "outcome": rows}

    async def _outcome(self, data: bytes, *, held: bool) -> str:
        if not data:
            return LEFT
        incident = decoded(Incident, data)
        if incident.id in self._rows:
            return self._rows[incident.id]
        if self._halted:
            return LEFT
        if held:
            self._keeper.held.add(incident.id)
        if incident.id not in self._awaited:
            self._awaited[incident.id] = asyncio.get_running_loop().create_future()
            self._inbox.put(incident)
        return await self._awaited[incident.id]

    async def _settle(self) -> None:
        """Let the account be right before an outcome is told, and hoard nothing when idle."""
        if not self._awaited:
            await self._ledger.empty()
        with suppress(ClassifierError):  # the pulse finds it out too
            await self._till.tell()

    async def _begin(self) -> None:
        run, start = Path(self._plan.run), self._plan.start
        try:
            self._rows = await asyncio.to_thread(outcomes_before, run, start)
        except ClassifierError as error:
            await self._stop(error)
        self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                stack.callback(self._keeper.close)
                await self._work(await self._opened(stack))
        except ClassifierError as error:
            await self._stop(error)
        except Exception as error:  # noqa: BLE001 - the driver must hear of it
            await self._stop(ClassifierError(f"{type(error).__name__}: {error}"[:500]))
        finally:
            await self._ledger.close()
            self._leave_all()

    async def _opened(self, stack: AsyncExitStack) -> Worker:
        plan = self._plan
        if plan.software != own_version():
            raise ConfigurationError(
                f"A worker has fail-classifier {own_version()}, and the run was begun with "
                f"{plan.software}. Install the same version on every machine of the cluster."
            )
        notices = Notices(say=self._say)
        shared = Shared(pace=partial(SharedPace, till=self._till), lease=self._ledger.lease)
        model = await stack.enter_async_context(
            open_model(plan.settings, notices, self._ledger, shared=shared)
        )
        _check_same(model.info, plan.model)
        patient = Patient(
            model.model,
            seconds=plan.patience,
            trusted=plan.trusted or bool(self._rows),
            say=self._say,
        )
        return Worker(plan.taxonomy, model, patient, plan.least)

    async def _work(self, worker: Worker) -> None:
        pulse = asyncio.create_task(self._pulse())
        try:
            while not self._halted:
                register = Register(self._keeper, tell=self._tell)
                self._engine = Engine(worker, register, at_once=self._plan.at_once)
                ended = await self._engine.run(self._shift(self._engine))
                if ended.stopped is not None:
                    await self._stop(ended.stopped)
        finally:
            pulse.cancel()

    def _shift(self, engine: Engine) -> Iterator[Incident]:
        """Incidents as they come in. It ends where all that are in hand wait for the answer to
        another one, and none comes: then it is the end of the run, and they must be decided.
        """
        lull = 0
        while not self._halted:
            try:
                incident = self._inbox.get(timeout=_POLL)
            except queue.Empty:
                lull = lull + 1 if 0 < engine.parked == len(self._awaited) else 0
                if lull >= _LULL:
                    return
                continue
            lull = 0
            yield incident

    def _tell(self, event: str, fields: Mapping[str, Any]) -> None:
        if event == "stopping":  # the engine cannot end while it waits for the next incident
            self._halted = max(self._halted, 1)
        if event in ("report", "failure"):
            self._resolve(fields["id"], json.dumps({"event": event, **fields}))

    def _resolve(self, id_: str, row: str) -> None:
        self._rows[id_] = row
        future = self._awaited.pop(id_, None)
        if future is not None and not future.done():
            future.set_result(row)

    def _leave_all(self) -> None:
        self._halted = max(self._halted, 1)
        for future in self._awaited.values():
            if not future.done():
                future.set_result(LEFT)
        self._awaited.clear()

    async def _pulse(self) -> None:
        while True:
            await asyncio.sleep(PULSE)
            try:
                order = await self._till.tell()
            except ClassifierError as error:
                await self._stop(error)
                order = Order(halted=2)
            if order.recall:
                self._ledger.give_back()
            self._obey(order.halted)

    def _obey(self, halted: int) -> None:
        self._halted = max(self._halted, halted)
        while self._obeyed < halted and self._engine is not None:
            self._obeyed += 1
            self._engine.interrupt()

    async def _stop(self, error: ClassifierError) -> None:
        """Take nothing new here, and tell the cluster."""
        self._halted = max(self._halted, 1)
        wrong = isinstance(error, ConfigurationError)
        with suppress(BudgetError):  # the bank is gone: its driver finds that out by itself
            await self._till.stop(Stop(str(error), wrong))

    def _say(self, text: str) -> None:
        self._till.news.said.append(text)


def _check_same(info: ModelInfo, wanted: ModelRef) -> None:
    """Refuse a machine whose environment names another endpoint."""
    found = model_ref(info)
    if found != wanted:
        raise ConfigurationError(
            f"A worker would ask {found.name} at {found.endpoint}, and the run asks {wanted.name} "
            f"at {wanted.endpoint}. Give --base-url, or the same OPENAI_BASE_URL to every machine "
            "of the cluster."
        )
