"""Reports and failures as rows: long, with a row an option, or wide, with a row an incident."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from classifier.batch.choices import Choices, spoken_of
from classifier.batch.export.table import Cell, Column, Row, readable
from classifier.errors import ClassifierError, InputError
from classifier.records import Decision, Evidence, Finding, Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from classifier.batch.folder import RunFailure
    from classifier.batch.manifest import Manifest

INCIDENT = (
    Column("incident", "text"),
    Column("title", "text"),
    Column("published", "day"),
    Column("articles", "whole"),
)
OPTION = (
    Column("option", "text"),
    Column("applies", "truth"),
    Column("confidence", "number"),
    Column("rationale", "text"),
    Column("quotes", "whole"),
    Column("quotes_located", "whole"),
    Column("quote", "text"),
    Column("quote_article", "text"),
    Column("quote_start", "whole"),
    Column("quote_end", "whole"),
    Column("quote_match", "text"),
    Column("quote_support", "number"),
    Column("quote_weak", "truth"),
)
CATEGORY = (Column("category", "text"), Column("status", "text"))
REASON = (Column("reason", "text"), Column("stage", "text"))
SOURCE = (
    Column("confidence_source", "text"),
    Column("calibrated", "truth"),
    Column("model", "text"),
    Column("model_digest", "text"),
    Column("method", "text"),
    Column("taxonomy", "text"),
    Column("taxonomy_sha256", "text"),
    Column("prompts_sha256", "text"),
)
LONG: tuple[Column, ...] = (*INCIDENT, *CATEGORY, *OPTION, *REASON, *SOURCE)
_WIDE = (*INCIDENT, Column("outcome", "text"), *REASON, *SOURCE)

_NOTHING: Row = (None,) * len(OPTION)
# What Parquet and SQLite hold in a whole number.
_LARGEST = 2**63 - 1


def long_rows(
    reports: Iterable[Report], failures: Iterable[RunFailure], manifest: Manifest
) -> Iterator[Row]:
    """A row for each incident, category and option spoken of, and for each failed input.

    A category that speaks of no option has a row without one, so that nothing disappears.
    """
    for report in reports:
        of_incident, of_source = incident_cells(report), source_cells(report)
        for name, decision in report.categories.items():
            category = (readable(name), decision.status)
            reason = (_text(decision.reason), None)
            for option in option_rows(report, decision) or [_bare(decision)]:
                yield (*of_incident, *category, *option, *reason, *of_source)
    of_run = _source_of_run(manifest)
    for failure in failures:
        yield (*_failed_incident(failure), None, "failed", *_NOTHING, *_why(failure), *of_run)


def wide_columns(choices: Choices) -> tuple[Column, ...]:
    """The incident's columns; then for each category its options, its status, and a column of
    truth values for each option.

    A category's name has neither `.` nor `:`, so no column can take the name of another; raises
    `ClassifierError` where reports without a taxonomy bring that about all the same.
    """
    columns = list(_WIDE)
    for name, options in choices.items():
        category = readable(name)
        columns.append(Column(f"{category}:options", "texts"))
        columns.append(Column(f"{category}:status", "text"))
        columns += [Column(f"{category}.{readable(option)}", "truth") for option in options]
    _refuse_twins([column.name for column in columns])
    return tuple(columns)


def wide_rows(
    reports: Iterable[Report],
    failures: Iterable[RunFailure],
    manifest: Manifest,
    choices: Choices,
) -> Iterator[Row]:
    """A row for each incident and each failed input, with the columns of `wide_columns`.

    Raises `InputError` for a report with a category or an option that has no column.
    """
    width = sum(2 + len(options) for options in choices.values())
    for report in reports:
        _refuse_strange(report, choices)
        decided = (
            cell
            for name, options in choices.items()
            for cell in _decided(report.categories.get(name), options)
        )
        yield (*incident_cells(report), "report", None, None, *source_cells(report), *decided)
    of_run = _source_of_run(manifest)
    for failure in failures:
        yield (*_failed_incident(failure), "failed", *_why(failure), *of_run, *(None,) * width)


def incident_cells(report: Report) -> Row:
    """The cells of `INCIDENT`."""
    incident = report.incident
    title = readable(incident.title)
    return readable(incident.id), title, incident.published, len(incident.articles)


def source_cells(report: Report) -> Row:
    """The cells of `SOURCE`."""
    origin = report.provenance
    confidence = origin.confidence
    known = None if confidence.source == "none" else confidence.calibrated
    texts = (origin.method, origin.taxonomy, origin.taxonomy_sha256, origin.prompts_sha256)
    model = (readable(origin.model.name), _text(origin.model.digest))
    return (confidence.source, known, *model, *map(readable, texts))


def option_rows(report: Report, decision: Decision) -> list[Row]:
    """The cells of `OPTION` for each finding, and for each option that holds without one."""
    told = {finding.option for finding in decision.findings}
    silent = [name for name in dict.fromkeys(decision.options) if name not in told]
    rows = [_finding_cells(report, finding) for finding in decision.findings]
    return rows + [(readable(name), True, *_NOTHING[2:]) for name in silent]


def option_list(decision: Decision) -> list[str] | None:
    """The options as a report lists them; None where there is no answer."""
    if decision.status not in ("answered", "unknown"):
        return None
    return [readable(name) for name in decision.options]


def _bare(decision: Decision) -> Row:
    """A row without an option, which keeps what the category's rationale says."""
    return (None, None, None, _text(decision.rationale or None), *_NOTHING[4:])


def _finding_cells(report: Report, finding: Finding) -> Row:
    located = [evidence for evidence in finding.evidence if evidence.located]
    counts = (len(finding.evidence), len(located))
    said = (readable(finding.option), finding.applies, finding.confidence)
    return (*said, readable(finding.rationale), *counts, *_quote(report, located))


def _quote(report: Report, located: Sequence[Evidence]) -> Row:
    """The first located quote that is not weak, else the first: text, article, start, end, match,
    support, whether it is weak.
    """
    if not located:
        return (None,) * 7
    first = min(located, key=lambda evidence: evidence.weak)
    if max(first.start or 0, first.end or 0) > _LARGEST:
        raise InputError(
            f"The report of {report.incident.id!r} has a quote at {first.start}, which is in no "
            "article. Delete its line in the run folder, and go on with the run."
        )
    cells = (readable(first.quote), readable(first.article_id))
    return (*cells, first.start, first.end, first.match, first.support, first.weak)


def _decided(decision: Decision | None, options: Sequence[str]) -> Iterator[Cell]:
    if decision is None:
        yield from (None,) * (2 + len(options))
        return
    yield option_list(decision)
    yield decision.status
    answered = decision.status == "answered"
    yield from (name in decision.options if answered else None for name in options)


def _refuse_strange(report: Report, choices: Choices) -> None:
    for name, decision in report.categories.items():
        known = choices.get(name)
        strange = [] if known is None else [o for o in spoken_of(decision) if o not in known]
        if known is None or strange:
            what = f"the option {strange[0]!r} of {name!r}" if strange else f"the category {name!r}"
            raise InputError(
                f"The report of {report.incident.id!r} has {what}, which is not in the taxonomy, "
                "so the wide form has no column for it. Use the long form, or give the taxonomy "
                "of the run with --taxonomy."
            )


def _refuse_twins(names: Sequence[str]) -> None:
    twin, times = max(Counter(names).items(), key=lambda item: item[1])
    if times > 1:
        raise ClassifierError(
            f"Two columns of the wide form would both be named {twin!r}. Use the long form, or "
            "give the taxonomy of the run with --taxonomy."
        )


def _failed_incident(failure: RunFailure) -> Row:
    return (readable(failure.id), None, None, None)


def _why(failure: RunFailure) -> Row:
    return (readable(failure.reason), readable(failure.stage))


def _source_of_run(manifest: Manifest) -> Row:
    texts = (manifest.method, manifest.taxonomy, manifest.taxonomy_sha256, manifest.prompts_sha256)
    model = (readable(manifest.model.name), _text(manifest.model.digest))
    return (None, None, *model, *map(readable, texts))


def _text(text: str | None) -> str | None:
    return None if text is None else readable(text)
