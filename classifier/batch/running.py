"""Puts a run together: inputs, model, run folder, ledger, and the engine that works on them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from classifier.batch.account import KeptLedger, load_books, spent_before
from classifier.batch.command import save_start, start_of
from classifier.batch.engine import Ended, Engine, Listener
from classifier.batch.estimating import SAMPLE, Forecast, Rehearsed, Rehearsing, totals
from classifier.batch.folder import RunFolder, RunWriter
from classifier.batch.inputs import InputOptions, Inputs, Unread
from classifier.batch.known import Known
from classifier.batch.manifest import load_manifest
from classifier.batch.patience import Patient
from classifier.batch.progress import EventLog, Progress
from classifier.batch.starting import manifest_of
from classifier.batch.tally import Tally
from classifier.batch.worker import READ, Worker
from classifier.confidence import least_confidence, taxonomy_of
from classifier.errors import ConfigurationError
from classifier.models.batch_parts import BatchOptions
from classifier.models.opening import (
    Notices,
    is_local,
    method_name,
    open_model,
    price_factor,
)
from classifier.models.prices import Overrides, load_overrides, tariff
from classifier.models.provider_batch import INCIDENTS
from classifier.pipeline import method_of
from classifier.records import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import Any

    from classifier.batch.manifest import Manifest
    from classifier.models.seam import ModelInfo, OpenModel
    from classifier.records import Incident
    from classifier.settings import Settings
    from classifier.taxonomy import Taxonomy

BATCHES = "batches.jsonl"
LOG = "log.jsonl"


@dataclass(frozen=True)
class Job:
    """What a batch command asks for. `again` tries what failed, and nothing else; `at_once` is
    how many incidents are worked on at a time, `patience` the seconds to wait for an endpoint that
    is away, `max_cost` USD.
    """

    sources: tuple[str, ...]
    options: InputOptions
    settings: Settings
    out: Path | None = None
    again: bool = False
    max_cost: Decimal | None = None
    at_once: int | None = None
    patience: float = 900.0

    @property
    def overrides(self) -> Overrides:
        """The user's own prices."""
        return load_overrides(self.settings.prices) if self.settings.prices else Overrides()


class Watcher(Protocol):
    """Who looks on: told of events, and handed what it needs to show progress and to interrupt."""

    @property
    def notices(self) -> Notices:
        """Where to say what happens."""

    def begin(self, engine: Engine, progress: Progress) -> None:
        """The work begins now."""

    def tell(self, event: str, fields: Mapping[str, Any]) -> None:
        """Something happened."""


@dataclass(frozen=True)
class Done:
    """How a run ended, and what it cost; `ledger` has the estimate and the actual cost."""

    ended: Ended
    progress: Progress
    ledger: KeptLedger


@dataclass
class _Opened:
    """What a run begins with, looked at before anything is opened or written."""

    job: Job
    taxonomy: Taxonomy
    inputs: Inputs
    known: Known = field(default_factory=Known)
    manifest: Manifest | None = None


def _opened(job: Job) -> _Opened:
    """Check settings and inputs, and look at the run folder; raises `ConfigurationError`."""
    taxonomy = taxonomy_of(job.settings)
    method_of(taxonomy, method_name(job.settings))  # before weights are pulled for nothing
    opened = _Opened(job, taxonomy, Inputs.open(job.sources, job.options))
    opened.manifest = load_manifest(job.out) if job.out else None
    return opened


def _known(opened: _Opened) -> Known:
    """What the run folder holds; a large one takes a while to read."""
    out, manifest = opened.job.out, opened.manifest
    return Known.of(RunFolder(out, manifest)) if out and manifest else Known()


async def run_batch(job: Job, watcher: Watcher) -> Done:
    """Begin a run in `job.out`, or go on with it; returns how it ended.

    Raises `ConfigurationError` where the run cannot begin, and `InputError` where a file of the
    run folder is broken: nothing was sent then.
    """
    out = job.out
    if out is None:
        raise ConfigurationError("No run folder given. Name one with --out RUN.")
    opened = await asyncio.to_thread(_opened, job)
    if opened.inputs.said:
        watcher.notices.say(opened.inputs.said)
    spent = await asyncio.to_thread(_spent, opened)
    ledger = KeptLedger(job.max_cost, spent)
    batches = _batches(job.settings, out)
    async with open_model(job.settings, watcher.notices, ledger, batches) as model:
        least = least_confidence(job.settings, opened.taxonomy, model.info)
        async with _writing(opened, model.info, least, watcher.notices) as writer:
            _same_account(writer, spent, opened)
            ledger.keep_in(out)
            with closing(ledger):
                save_start(out, start_of(job.sources, job.options, job.settings))
                return await _worked(opened, model, least, writer, ledger, watcher, batches)


def _batches(settings: Settings, out: Path) -> BatchOptions | None:
    """Where the record of the provider's batches lies, for a run that goes through them."""
    return BatchOptions(out / BATCHES) if settings.via != "direct" else None


def _spent(opened: _Opened) -> Decimal:
    job = opened.job
    if job.out is None or opened.manifest is None:
        return Decimal(0)
    books = load_books(job.out)
    usage = Usage() if books and books.priced else _known(opened).usage
    return spent_before(books, opened.manifest, usage, job.overrides)


def _same_account(writer: RunWriter, spent: Decimal, opened: _Opened) -> None:
    """Between the look at the folder and its lock, another process may have gone on with it."""
    books = load_books(writer.path)
    changed = books is not None and books.priced and books.total != spent
    if changed or (opened.manifest is None and books is not None):
        raise ConfigurationError(
            f"Another process has just worked on {str(writer.path)!r}. Run the same command again."
        )


@asynccontextmanager
async def _writing(
    opened: _Opened, info: ModelInfo, least: float | None, notices: Notices
) -> AsyncIterator[RunWriter]:
    job, inputs = opened.job, opened.inputs
    if job.out is None:
        raise ConfigurationError("No run folder given. Name one with --out RUN.")
    settings = dict(inputs.options.deciding)
    if least is not None:
        settings["least_confidence"] = least
    fingerprint = await asyncio.to_thread(inputs.fingerprint)
    manifest = manifest_of(opened.taxonomy, info, fingerprint, settings)

    def continues(before: str) -> bool:
        longer = inputs.continues(before)
        if longer:
            notices.say("The inputs have grown since the run was begun: what is new is added.")
        return longer

    with RunFolder.create_or_resume(job.out, manifest, continues) as writer:
        # under the lock, so that nobody adds to it any more
        opened.known = await asyncio.to_thread(Known.of, writer)
        yield writer


def at_once(job: Job, info: ModelInfo) -> int:
    """How many incidents to work on at a time: one for a model on this machine; for an endpoint
    so many that calls stand in line also while some incidents are between two calls; for the
    provider's batches so many that a batch is worth its wait.
    """
    if job.at_once is not None:
        return job.at_once
    if job.settings.via != "direct":
        return INCIDENTS
    calls = info.concurrency
    return 1 if is_local(job.settings.model) else calls + calls // 4 + 1


async def _worked(
    opened: _Opened,
    model: OpenModel,
    least: float | None,
    writer: RunWriter,
    ledger: KeptLedger,
    watcher: Watcher,
    batches: BatchOptions | None,
) -> Done:
    job, known, tally = opened.job, opened.known, Tally()
    total = await asyncio.to_thread(opened.inputs.count)
    progress = Progress(tally, total, lambda: ledger.account.spent if ledger.priced else None)
    with (writer.path / LOG).open("a", encoding="utf-8") as stream:
        listener = _listening(EventLog(stream, watcher.notices.say), watcher, ledger, tally)
        patient = Patient(
            model.model,
            seconds=job.patience,
            trusted=bool(known.done),
            say=watcher.notices.say,
        )
        engine = Engine(
            Worker(opened.taxonomy, model, patient, least),
            writer,
            known,
            at_once=at_once(job, model.info),
            again=job.again,
            tally=tally,
            listener=listener,
            # replies of a batch may take a day: what is in flight is left to the next start
            interrupted=batches.stop.set if batches else lambda: None,
        )
        watcher.begin(engine, progress)
        listener("begun", {"total": total, "done": len(known.done), "again": job.again})
        ended = await engine.run(opened.inputs.stream())
        listener("ended", progress.fields() | {"complete": tally.complete})
        ledger.met(tally.inputs, complete=tally.complete)
    return Done(ended, progress, ledger)


def _listening(log: EventLog, watcher: Watcher, ledger: KeptLedger, tally: Tally) -> Listener:
    def tell(event: str, fields: Mapping[str, Any]) -> None:
        log.write(event, fields)
        watcher.tell(event, fields)
        ledger.met(tally.inputs, complete=False)

    return tell


async def forecast(job: Job, notices: Notices) -> Forecast:
    """What the job would take, without sending or writing anything.

    Raises the errors of `run_batch`, but for those of the folder that only writing tells.
    """
    opened = await asyncio.to_thread(_opened, job)
    opened.known = await asyncio.to_thread(_known, opened)
    if opened.inputs.said:
        notices.say(opened.inputs.said)
    direct = job.settings.model_copy(update={"via": "direct"})  # nothing is sent, either way
    async with open_model(direct, notices) as model:
        least_confidence(job.settings, opened.taxonomy, model.info)
        factor = price_factor(job.settings, model.info.endpoint)
        price = tariff(model.info.name, model.info.endpoint, job.overrides, factor=factor)
        rehearsing = Rehearsing(opened.taxonomy, model, job.settings, price)
        with closing(rehearsing):
            found = await _rehearsed(opened, rehearsing, notices)
        return Forecast(
            incidents=found.incidents,
            rehearsed=len(found.loads),
            unread=found.unread,
            done=found.done,
            failed=found.failed,
            exact=model.counter.exact,
            price=None if price is None else str(price),
            least=totals([one.least for one in found.loads], found.incidents),
            most=totals([one.most for one in found.loads], found.incidents),
            requests_per_minute=job.settings.requests_per_minute,
            tokens_per_minute=job.settings.tokens_per_minute,
        )


@dataclass
class _Rehearsal:
    """What came out of going through the inputs without asking."""

    incidents: int = 0
    unread: int = 0
    done: int = 0
    failed: int = 0
    loads: list[Rehearsed] = field(default_factory=list)


async def _rehearsed(opened: _Opened, rehearsing: Rehearsing, notices: Notices) -> _Rehearsal:
    found = _Rehearsal()
    stream = opened.inputs.stream()
    while len(found.loads) < SAMPLE:
        one = await asyncio.to_thread(_next_wanted, stream, opened.known, found)
        if one is None:
            break
        load = await rehearsing.rehearse(one)
        if load is None:
            found.incidents, found.failed = found.incidents - 1, found.failed + 1
            continue
        found.loads.append(load)
        notices.progress(len(found.loads), SAMPLE, "rehearsing")
    while await asyncio.to_thread(_next_wanted, stream, opened.known, found) is not None:
        pass
    return found


def _next_wanted(stream: Any, known: Known, found: _Rehearsal) -> Incident | None:
    for one in stream:
        if isinstance(one, Unread):
            found.unread += 1
        elif one.id in known.done:
            found.done += 1
        elif known.failed.get(one.id, READ) != READ:
            found.failed += 1
        else:
            found.incidents += 1
            incident: Incident = one
            return incident
    return None
