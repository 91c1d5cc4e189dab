"""`classifier batch`: a corpus in, a run folder out; what stands in one; what failed, again."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from classifier.cli.console import say
from classifier.cli.exit_codes import FELL_SHORT, INTERRUPTED
from classifier.cli.options import Flag, expanded, with_flags, with_input_options

if TYPE_CHECKING:
    from decimal import Decimal

    from classifier.batch.inputs import InputOptions
    from classifier.batch.job import ClusterOptions, Done, Job
    from classifier.batch.progress import EventLog
    from classifier.settings import Settings

_OTHERS = ("status", "retry")


class _Batch(TyperGroup):
    """`batch status` and `batch retry` are commands; all else after `batch` begins a run."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args[:1] and args[0] in _OTHERS else ["", *args])

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name or "run")


app = typer.Typer(cls=_Batch, help="Classify a corpus into a run folder that can be taken up.")

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="Folders, patterns, .jsonl .csv .tsv (also .gz) .parquet, and article files.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="The run folder.", show_default=False)
]


class Engine(StrEnum):
    """Who does the work."""

    local = "local"
    ray = "ray"


@dataclass(frozen=True)
class Working:
    """How a run is to be worked on."""

    max_cost: "Decimal | None"
    at_once: int | None
    patience: float
    json_log: str | None
    cluster: "ClusterOptions | None"


_WORKING = (
    Flag("max_cost", str, "USD that the run may cost, earlier starts included.", ("--max-cost",)),
    Flag("at_once", int, "Incidents worked on at a time.", ("--at-once",)),
    Flag("patience", float, "Seconds to wait for an endpoint that is away (900).", ("--patience",)),
    Flag(
        "json_log", str, "A file (- is standard output) for a JSON line an event.", ("--json-log",)
    ),
    Flag("engine", Engine, "local (the default), or ray: several processes.", ("--engine",)),
    Flag("address", str, "A Ray cluster; without it, this machine's cores.", ("--address",)),
    Flag("ray_workers", int, "Processes, one for each core unless given.", ("--ray-workers",)),
)


def _working(**flags: Any) -> Working:
    from classifier.errors import ConfigurationError

    patience = 900.0 if flags["patience"] is None else flags["patience"]
    for name, value, least in (
        ("--at-once", flags["at_once"], 1),
        ("--patience", patience, 0),
        ("--ray-workers", flags["ray_workers"], 1),
    ):
        if value is not None and not value >= least:
            raise ConfigurationError(f"{name} is {value}: give {least} or more.")
    cost, cluster = _usd(flags["max_cost"]), _cluster(**flags)
    return Working(cost, flags["at_once"], patience, flags["json_log"], cluster)


def _cluster(
    engine: Engine | None, address: str | None, ray_workers: int | None, **_: Any
) -> "ClusterOptions | None":
    from classifier.batch.job import ClusterOptions
    from classifier.errors import ConfigurationError

    if engine is Engine.ray:
        return ClusterOptions(address, ray_workers)
    for name, value in (("--address", address), ("--ray-workers", ray_workers)):
        if value is not None:
            raise ConfigurationError(f"{name} {value} is for --engine ray, which was not given.")
    return None


with_working = expanded("working", "How the run works", _WORKING, _working)


@app.command("run", hidden=True)
@with_working
@with_flags
@with_input_options
def batch(
    sources: Sources,
    *,
    out: Out = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take and cost; send nothing.")
    ] = False,
    working: Working,
    options: "InputOptions",
    flags: "dict[str, Any]",
) -> None:
    """Classify a corpus into a run folder; the same command again goes on with it.

    `classifier batch status RUN` says how far a run is, and `classifier batch retry RUN` tries
    what failed once more.
    """
    from classifier.errors import ConfigurationError
    from classifier.settings import load_settings

    settings = load_settings(**flags)
    if out is None and not dry_run:
        raise ConfigurationError("No run folder given. Name one with --out RUN.")
    job = _job(tuple(sources), options, settings, out, working)
    if dry_run:
        _forecast(job)
    else:
        _run(job, working.json_log)


@app.command()
@with_working
@with_flags
def retry(
    run: Run,
    *,
    working: Working,
    flags: "dict[str, Any]",
) -> None:
    """Try again what failed, and what lacks a category; nothing else is asked."""
    from datetime import UTC, datetime

    from classifier.batch.command import load_start, settings_of
    from classifier.batch.folder import RunFolder
    from classifier.settings import load_settings

    RunFolder.open(run)
    start = load_start(run).placed(Path.cwd())
    settings = load_settings(**settings_of(start, flags))
    options = start.options(datetime.now(UTC).date())
    _run(_job(start.sources, options, settings, run, working, again=True), working.json_log)


@app.command()
def status(
    run: Run,
    *,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say how far a run is, also while it goes on: counts, failures by reason, cost."""
    import json

    from classifier.batch.status import status_of
    from classifier.cli.console import visible

    found = status_of(run)
    typer.echo(json.dumps(found.as_record()) if json_ else visible(str(found)))


def _job(
    sources: tuple[str, ...],
    options: "InputOptions",
    settings: "Settings",
    out: Path | None,
    working: Working,
    *,
    again: bool = False,
) -> "Job":
    from classifier.batch.job import Job

    return Job(
        sources,
        options,
        settings,
        out,
        again,
        working.max_cost,
        working.at_once,
        working.patience,
        working.cluster,
    )


def _usd(text: str | None) -> Any:
    from decimal import Decimal, InvalidOperation

    from classifier.errors import ConfigurationError

    if text is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ConfigurationError(
            f"--max-cost {text!r} is no number. Give USD, as in 2.50."
        ) from error


def _run(job: "Job", json_log: str | None) -> None:
    import asyncio

    from classifier.batch.running import run_batch
    from classifier.cli.batch_view import shown_run

    with ExitStack() as stack:
        log = _event_log(json_log, stack)
        view = stack.enter_context(shown_run(log))
        done = asyncio.run(run_batch(job, view))
    _conclude(job, done)


def _event_log(place: str | None, stack: ExitStack) -> "EventLog | None":
    from classifier.batch.progress import EventLog
    from classifier.errors import ConfigurationError

    if place is None:
        return None
    if place == "-":
        return EventLog(sys.stdout, say)
    try:
        stream = Path(place).open("a", encoding="utf-8")  # noqa: SIM115 - the stack closes it
    except OSError as error:
        raise ConfigurationError(
            f"--json-log {place!r} cannot be written: {error.strerror or error}. Name another file."
        ) from error
    return EventLog(stack.enter_context(stream), say)


def _conclude(job: "Job", done: "Done") -> None:
    """Say how the run ended and what it cost; the exit code tells whether all is well."""
    from classifier.errors import ConfigurationError

    ended, tally = done.ended, done.ended.tally
    if isinstance(ended.stopped, ConfigurationError):
        raise ended.stopped
    for line in _summary(job, done):
        say(line)
    if ended.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not tally.well:
        raise typer.Exit(FELL_SHORT)


def _summary(job: "Job", done: "Done") -> list[str]:
    from classifier.cli.batch_view import failures_in_words, inputs_in_words

    ended, tally = done.ended, done.ended.tally
    counts = inputs_in_words(tally.reports, tally.failures, tally.unread, tally.left)
    said = [f"{counts}{'' if tally.complete else ', so far'}."]
    if failed := failures_in_words(tally.stages, tally.unread):
        said.append(f"Failed by stage: {failed}.")
    if tally.fell_short:
        said.append(f"Reports that lack a category: {tally.fell_short}; each says why.")
    if tally.complete and (tally.failures or tally.fell_short):
        said.append(f"`classifier batch retry {job.out}` tries these again.")
    if tally.left:
        said.append("Run `classifier batch INPUT... --out RUN` for those not asked yet.")
    said += _cost(done)
    if ended.stopped is not None:
        said.append(f"Stopped: {ended.stopped}\nRun the same command again to go on.")
    return said


def _cost(done: "Done") -> list[str]:
    from classifier.batch.progress import duration, usd

    usage, account = done.ended.tally.usage, done.account
    calls = (
        f"{usage.calls:,} calls, {usage.cache_hits:,} answers from the cache, "
        f"{usage.prompt_tokens:,} prompt tokens ({usage.cached_tokens:,} cached), "
        f"{usage.completion_tokens:,} written, in {duration(done.progress.seconds)}."
    )
    said = [calls]
    if account.calls:
        assumed = f", of which {usd(account.assumed)} is assumed" if account.assumed else ""
        said.append(
            f"Cost: {usd(account.actual)} USD{assumed}; estimated before the calls, at most: "
            f"{usd(account.estimated)} USD. The run so far: {usd(account.spent)} USD."
        )
    return said


def _forecast(job: "Job") -> None:
    import asyncio

    from classifier.batch.forecasting import forecast
    from classifier.cli.console import shown_notices, visible
    from classifier.cli.forecasting import forecast_in_words

    with shown_notices() as notices:
        found = asyncio.run(forecast(job, notices))
    typer.echo(visible(forecast_in_words(found)))
