"""`classifier classify`: articles in, cited reports out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from classifier.cli.console import say, shown_notices
from classifier.cli.exit_codes import FELL_SHORT, WRONG_USAGE
from classifier.cli.options import with_reading, with_settings
from classifier.cli.output import Format, Output

if TYPE_CHECKING:
    from classifier.articles import ReadOptions
    from classifier.models.opening import Notices
    from classifier.models.seam import OpenModel
    from classifier.records import Article, ArticleRef, Incident, Report
    from classifier.render import Find
    from classifier.settings import Settings
    from classifier.taxonomy import Taxonomy


Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help=".txt .md .html .json .jsonl .yaml files, http(s) URLs, or - for standard input.",
        show_default=False,
    ),
]
Form = Annotated[Format, typer.Option("--format", "-f", help="How to print.")]
Out = Annotated[
    str | None,
    typer.Option(
        "--out",
        "-o",
        help="A file, or a folder that gets a file for each incident.",
        show_default=False,
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit with 1 where the audit finds an error.")
]


@with_settings
@with_reading
def classify(
    sources: Sources,
    *,
    format_: Form = Format.text,
    out: Out = None,
    strict: Strict = False,
    reading: "ReadOptions",
    settings: "Settings",
) -> None:
    """Classify articles: options, rationale and located quotes for every category.

    Several sources are several incidents; --incident ID makes them one.
    """
    import asyncio

    from classifier.articles import read_incidents
    from classifier.confidence import taxonomy_of

    taxonomy = taxonomy_of(settings)
    read = read_incidents(sources, replace(reading, allow_private=settings.allow_private))
    for _, error in read.failures:
        say(f"Error: {error}")
    if not read.incidents:
        raise typer.Exit(WRONG_USAGE)
    found = max(len(sources), len(read.incidents) + len(read.failures))
    several = reading.one_incident is None and found > 1
    output = Output(taxonomy, format_, out, several, _finding(read.incidents))
    output.prepare()
    reports: list[Report] = []
    try:
        failed = asyncio.run(_classify(read.incidents, taxonomy, settings, reports.append))
    finally:
        # What is finished is printed also where a later incident could not be.
        if reports:
            output.write(reports)
    short = [r for r in reports if _fell_short(r)]
    wrong = [r for r in reports if strict and _is_wrong(r)]
    if short or wrong or failed or read.failures:
        raise typer.Exit(FELL_SHORT)


def _finding(incidents: Sequence["Incident"]) -> "Find":
    """Finds the articles of the incidents by the digest of their text."""
    texts = {a.sha256: a.text for incident in incidents for a in incident.articles}

    def find(ref: "ArticleRef") -> "Article | None":
        from classifier.records import Article

        text = texts.get(ref.sha256 or "")
        return None if text is None else Article(**ref.model_dump(exclude={"sha256"}), text=text)

    return find


async def _classify(
    incidents: Sequence["Incident"],
    taxonomy: "Taxonomy",
    settings: "Settings",
    done: Callable[["Report"], None],
) -> int:
    """Hands each report to `done`; returns how many incidents got none."""
    from classifier.confidence import least_confidence
    from classifier.errors import ModelError, ModelRequestError, ReplyError
    from classifier.methods import method_of
    from classifier.models.opening import method_name, open_model

    method_of(taxonomy, method_name(settings))  # before weights are pulled for nothing
    failed = 0
    with shown_notices() as notices:
        async with open_model(settings, notices) as model:
            least = least_confidence(settings, taxonomy, model.info)
            for number, incident in enumerate(incidents):
                try:
                    done(await _report(incident, taxonomy, model, least, notices))
                except (ModelRequestError, ReplyError) as error:  # the next one may be taken
                    failed += 1
                    notices.say(f"Error: {incident.id}: {error}")
                except ModelError:
                    if rest := ", ".join(i.id for i in incidents[number:] if len(incidents) > 1):
                        notices.say(f"Not classified: {rest}")
                    raise
    return failed


async def _report(
    incident: "Incident",
    taxonomy: "Taxonomy",
    model: "OpenModel",
    least: float | None,
    notices: "Notices",
) -> "Report":
    from classifier.pipeline import Progress, classify_incident

    def progress(at: Progress) -> None:
        notices.progress(at.done, at.total, f"{incident.id}: {at.category}")

    return await classify_incident(
        incident, taxonomy, model, least_confidence=least, progress=progress
    )


def _fell_short(report: "Report") -> bool:
    failed = [n for n, d in report.categories.items() if d.status == "failed"]
    failed += [n for n, f in report.fields.items() if f.status == "failed"]
    if failed:
        say(f"{report.incident.id}: no answer for {', '.join(failed)}; the report says why.")
    return bool(failed)


def _is_wrong(report: "Report") -> bool:
    """Says which errors the audit of a report found."""
    errors = [f for f in report.audit if f.severity == "error"]
    for error in errors:
        place = f" ({error.place})" if error.place else ""
        say(f"{report.incident.id}: {error.check}{place}: {error.message}")
    return bool(errors)
