"""`classifier classify`: articles in, cited reports out."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifier.cli.options import with_reading, with_settings

if TYPE_CHECKING:
    from classifier.articles import ReadOptions
    from classifier.models.opening import Notices
    from classifier.pipeline import Progress
    from classifier.records import Incident, Report
    from classifier.settings import Settings
    from classifier.taxonomy import Taxonomy


class Format(StrEnum):
    """How a report is printed."""

    text = "text"
    json = "json"
    markdown = "markdown"
    page = "page"


_SUFFIXES = {Format.text: "txt", Format.json: "json", Format.markdown: "md", Format.page: "txt"}

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help=".txt .md .html .json .jsonl .yaml files, http(s) URLs, or - for standard input.",
    ),
]
Form = Annotated[Format, typer.Option("--format", "-f", help="How to print.")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="A file; a folder where there are several.")
]


@with_settings
@with_reading
def classify(
    sources: Sources,
    *,
    format_: Form = Format.text,
    out: Out = None,
    reading: "ReadOptions",
    settings: "Settings",
) -> int:
    """Classify articles: options, rationale and located quotes for every category.

    Several sources are several incidents; --incident ID makes them one.
    """
    from classifier.articles import read_incidents
    from classifier.taxonomy import load_taxonomy

    taxonomy = load_taxonomy(settings.taxonomy)
    read = read_incidents(sources, replace(reading, allow_private=settings.allow_private))
    for _, error in read.failures:
        _say(f"Error: {error}")
    if not read.incidents:
        return 2
    reports: list["Report"] = []
    try:
        asyncio.run(_classify(read.incidents, taxonomy, settings, reports.append))
    finally:
        # What is finished is printed also where a later incident could not be.
        if reports:
            _write(reports, taxonomy, format_, out)
    return 1 if read.failures or any(map(_fell_short, reports)) else 0


async def _classify(
    incidents: Sequence["Incident"],
    taxonomy: "Taxonomy",
    settings: "Settings",
    done: Callable[["Report"], None],
) -> None:
    from classifier.models.opening import open_model
    from classifier.pipeline import classify_incident

    with _notices() as notices:
        async with open_model(settings, notices) as model:
            for incident in incidents:
                name = incident.id

                def progress(at: "Progress", name: str = name) -> None:
                    notices.progress(at.done, at.total, f"{name}: {at.category}")

                done(await classify_incident(incident, taxonomy, model, progress=progress))


def _fell_short(report: "Report") -> bool:
    failed = [n for n, d in report.categories.items() if d.status == "failed"]
    if failed:
        _say(f"{report.incident.id}: no answer for {', '.join(failed)}; the report says why.")
    return bool(failed)


def _write(
    reports: Sequence["Report"], taxonomy: "Taxonomy", format_: Format, out: Path | None
) -> None:
    if out is not None and (out.is_dir() or len(reports) > 1):
        for report in reports:
            name = _file_name(report.incident.id)
            _save(out / f"{name}.{_SUFFIXES[format_]}", _rendered([report], taxonomy, format_))
    elif out is not None:
        _save(out, _rendered(reports, taxonomy, format_))
    else:
        _print(reports, taxonomy, format_)


def _print(reports: Sequence["Report"], taxonomy: "Taxonomy", format_: Format) -> None:
    if format_ is Format.text and sys.stdout.isatty():
        from shutil import get_terminal_size

        from classifier.render import to_terminal

        width = min(get_terminal_size().columns, 110)
        for report in reports:
            sys.stdout.write(to_terminal(report, taxonomy, width=width, colour=True))
    else:
        sys.stdout.write(_rendered(reports, taxonomy, format_))
    sys.stdout.flush()


def _rendered(reports: Sequence["Report"], taxonomy: "Taxonomy", format_: Format) -> str:
    from classifier.render import FORMATS

    texts = [FORMATS[format_](report, taxonomy) for report in reports]
    if format_ is Format.json and len(texts) > 1:
        return "[\n" + ",\n".join(t.rstrip("\n") for t in texts) + "\n]\n"
    return "\n".join(texts)


def _save(path: Path, text: str) -> None:
    from classifier.errors import ConfigurationError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".new")
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"--out {str(path)!r} cannot be written: {error.strerror}. Choose another place; "
            "run it again and the answers come from the cache."
        ) from error
    _say(f"Written: {path}")


def _file_name(identifier: str) -> str:
    """An incident's id as a file name: no path, no surprise."""
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in identifier)
    return safe.lstrip(".")[:120] or "incident"


@contextmanager
def _notices() -> Iterator["Notices"]:
    """Sentences on standard error; a progress bar there too, on a terminal alone."""
    from classifier.models.opening import Notices

    if not sys.stderr.isatty():
        yield Notices(say=_say)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield Notices(
            say=lambda text: bar.console.print(text, markup=False, highlight=False),
            progress=lambda done, total, text: bar.update(
                task, completed=done, total=total, description=text[:60]
            ),
        )


def _say(text: str) -> None:
    typer.echo(text, err=True)
