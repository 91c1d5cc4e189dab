"""Begins a run on a cluster: who may, with how many workers, and what each of them is told."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from classifier.batch import parts
from classifier.batch.cluster.connecting import joined
from classifier.batch.cluster.engine import ClusterEngine
from classifier.batch.cluster.pool import AHEAD, open_pool
from classifier.batch.cluster.station import Plan, own_version
from classifier.batch.job import at_once
from classifier.errors import ConfigurationError
from classifier.methods import model_ref
from classifier.models.opening import is_local
from classifier.models.pace import PaceLimits
from classifier.settings import openai_environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from classifier.batch.job import Accounting, Begun, ClusterOptions, Working
    from classifier.batch.register import Register
    from classifier.models.opening import Notices
    from classifier.settings import Settings


def refuse_on_cluster(settings: Settings) -> None:
    """Raise `ConfigurationError` for a model that several processes cannot ask as one."""
    if is_local(settings.model):
        raise ConfigurationError(
            f"--engine ray takes no model that runs in the process, such as {settings.model!r}: "
            "each worker would load it anew and take all cores of its machine. Start a server "
            "for it, and name its address with --base-url."
        )
    if settings.via != "direct":
        raise ConfigurationError(
            f"--engine ray goes with --via direct, not with {settings.via}, where the provider "
            "spreads the work itself. Leave one of the two out."
        )
    if "?" in (settings.base_url or ""):
        raise ConfigurationError(
            "--engine ray takes no --base-url with a query, which may hold a secret, for it would "
            "go through the cluster. Set it as OPENAI_BASE_URL in the environment of each machine."
        )


@asynccontextmanager
async def cluster_engine(
    begun: Begun, register: Register, notices: Notices, options: ClusterOptions
) -> AsyncIterator[tuple[Working, Accounting]]:
    """An engine whose workers are the processes of a Ray cluster, and its account."""
    job, info = begun.job, begun.model.info
    settings = job.settings
    limits = PaceLimits(
        info.concurrency,
        settings.requests_per_minute,
        settings.tokens_per_minute,
        settings.total_seconds,
    )
    notices.say("Starting the workers.")
    parts.prepare(begun.writer.path)
    with joined(options) as found:
        workers = min(found, info.concurrency)
        plan = _plan(begun, workers)
        spent = begun.ledger.account.spent
        async with open_pool(plan, workers, limits, job.max_cost, spent) as pool:
            window = workers * (plan.at_once + AHEAD)
            engine = ClusterEngine(pool, register, window=window, again=job.again, say=notices.say)
            yield engine, engine.ledger


def _plan(begun: Begun, workers: int) -> Plan:
    job, info = begun.job, begun.model.info
    calls = info.concurrency // workers
    return Plan(
        run=str(begun.writer.path.resolve()),
        start=begun.writer.start,
        settings=_for_workers(job.settings, calls),
        taxonomy=begun.taxonomy,
        model=model_ref(info),
        software=own_version(),
        least=begun.least,
        patience=job.patience,
        trusted=bool(begun.known.done),
        capped=job.max_cost is not None,
        concurrency=calls,
        at_once=-(-at_once(job, info) // workers),
    )


def _for_workers(settings: Settings, calls: int) -> Settings:
    """The settings, without what the bank sees to, and without what depends on where they are."""
    _, address = openai_environment()
    changed: dict[str, object] = {
        "concurrency": calls,
        "requests_per_minute": None,
        "tokens_per_minute": None,
    }
    if settings.base_url is None and address and "?" not in address:
        changed["base_url"] = address
    for name in ("prices", "cache_path"):
        if (path := getattr(settings, name)) is not None:
            changed[name] = Path(path).resolve()
    return settings.model_copy(update=changed)
