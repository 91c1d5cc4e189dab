"""Puts a run together: inputs, model, run folder, account, and the engine that works on them."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from decimal import Decimal
from typing import TYPE_CHECKING

from classifier.batch.account import KeptLedger, load_books, spent_before
from classifier.batch.cluster.starting import cluster_engine, refuse_on_cluster
from classifier.batch.command import save_start, start_of
from classifier.batch.engine import Engine
from classifier.batch.folder import RunFolder, RunWriter
from classifier.batch.job import (
    Begun,
    Done,
    Job,
    Watcher,
    at_once,
    known_of,
    look_at,
    opening_settings,
)
from classifier.batch.known import Known
from classifier.batch.patience import Patient
from classifier.batch.progress import EventLog, Progress
from classifier.batch.register import Listener, Register
from classifier.batch.starting import manifest_of
from classifier.batch.worker import Worker
from classifier.confidence import least_confidence
from classifier.errors import ConfigurationError
from classifier.models.batch_parts import BatchOptions
from classifier.models.opening import Notices, open_model

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path
    from typing import Any

    from classifier.batch.inputs import Inputs
    from classifier.batch.job import Accounting, Opened, Working
    from classifier.batch.tally import Tally
    from classifier.models.seam import ModelInfo
    from classifier.settings import Settings

BATCHES = "batches.jsonl"
LOG = "log.jsonl"


async def run_batch(job: Job, watcher: Watcher) -> Done:
    """Begin a run in `job.out`, or go on with it; returns how it ended.

    Raises `ConfigurationError` where the run cannot begin, and `InputError` where a file of the
    run folder is broken: nothing was sent then.
    """
    out = job.out
    if out is None:
        raise ConfigurationError("No run folder given. Name one with --out RUN.")
    if job.cluster is not None:
        refuse_on_cluster(job.settings)
    opened = await asyncio.to_thread(look_at, job)
    if opened.inputs.said:
        watcher.notices.say(opened.inputs.said)
    ledger = KeptLedger(job.max_cost, await asyncio.to_thread(_spent, opened))
    batches = _batches(job.settings, out)
    async with open_model(opening_settings(job), watcher.notices, ledger, batches) as model:
        least = least_confidence(job.settings, opened.taxonomy, model.info)
        async with _writing(opened, model.info, least, watcher.notices) as writer:
            begun = Begun(job, opened.taxonomy, model, least, writer, opened.known, ledger)
            save_start(out, start_of(job.sources, job.options, job.settings))
            return await _worked(begun, opened.inputs, watcher, batches)


def _batches(settings: Settings, out: Path) -> BatchOptions | None:
    """Where the record of the provider's batches lies, for a run that goes through them."""
    return BatchOptions(out / BATCHES) if settings.via != "direct" else None


def _spent(opened: Opened) -> Decimal:
    job = opened.job
    if job.out is None or opened.manifest is None:
        return Decimal(0)
    books = load_books(job.out)
    return spent_before(books, opened.manifest, lambda: known_of(opened).usage, job.overrides)


@asynccontextmanager
async def _writing(
    opened: Opened, info: ModelInfo, least: float | None, notices: Notices
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


async def _worked(
    begun: Begun, inputs: Inputs, watcher: Watcher, batches: BatchOptions | None
) -> Done:
    register = Register(begun.writer, begun.known)
    tally = register.tally
    total = await asyncio.to_thread(inputs.count)
    async with _engine(begun, register, watcher.notices, batches) as (engine, spending):
        progress = Progress(
            tally, total, lambda: spending.account.spent if spending.priced else None
        )
        with (begun.writer.path / LOG).open("a", encoding="utf-8") as stream:
            log = EventLog(stream, watcher.notices.say)
            register.tell = _listening(log, watcher, spending, tally)
            watcher.begin(engine, progress)
            started = {"total": total, "done": len(begun.known.done), "again": begun.job.again}
            register.tell("begun", started)
            ended = await engine.run(inputs.stream())
            register.tell("ended", progress.fields() | {"complete": tally.complete})
            spending.met(tally.inputs, complete=tally.complete)
        return Done(ended, progress, spending.account)


def _engine(
    begun: Begun, register: Register, notices: Notices, batches: BatchOptions | None
) -> AbstractAsyncContextManager[tuple[Working, Accounting]]:
    if begun.job.cluster is None:
        return _local_engine(begun, register, notices, batches)
    return cluster_engine(begun, register, notices, begun.job.cluster)


@asynccontextmanager
async def _local_engine(
    begun: Begun, register: Register, notices: Notices, batches: BatchOptions | None
) -> AsyncIterator[tuple[Working, Accounting]]:
    job, model = begun.job, begun.model
    begun.ledger.keep_in(begun.writer.path)
    with closing(begun.ledger):
        patient = Patient(
            model.model, seconds=job.patience, trusted=bool(begun.known.done), say=notices.say
        )
        engine = Engine(
            Worker(begun.taxonomy, model, patient, begun.least),
            register,
            at_once=at_once(job, model.info),
            again=job.again,
            # replies of a batch may take a day: what is in flight is left to the next start
            interrupted=batches.stop.set if batches else lambda: None,
        )
        yield engine, begun.ledger


def _listening(log: EventLog, watcher: Watcher, spending: Accounting, tally: Tally) -> Listener:
    def tell(event: str, fields: Mapping[str, Any]) -> None:
        log.write(event, fields)
        watcher.tell(event, fields)
        spending.met(tally.inputs, complete=False)

    return tell
