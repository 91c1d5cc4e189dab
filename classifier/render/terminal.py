"""A report for a person at a terminal: options first, reasons and quotes beneath."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from classifier.records import AuditFinding, Evidence, Item, Report
from classifier.render.page import item_text
from classifier.render.rows import (
    UNLISTED,
    FieldRow,
    Paragraph,
    Row,
    field_rows,
    fields_title,
    sections,
    told_when,
    unlisted,
)
from classifier.render.text import WEAK, one_line
from classifier.taxonomy import Taxonomy

_STATUS = {
    "answered": "bold green",
    "unknown": "yellow",
    "not_applicable": "dim",
    "failed": "bold red",
    "needs_review": "bold yellow",
}
_SEVERITY = {"info": "dim", "warning": "yellow", "error": "bold red"}


def to_terminal(
    report: Report, taxonomy: Taxonomy, *, width: int = 100, colour: bool = False
) -> str:
    """The report as text of at most `width` columns, with colours where they are wanted."""
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        legacy_windows=False,
        force_jupyter=False,  # it would print beside the buffer
        _environ={},  # a report looks the same wherever it is printed
    )
    console.print(Group(*_report(report, taxonomy)))
    lines = (line.rstrip() for line in buffer.getvalue().splitlines())
    return "\n".join(lines).strip("\n") + "\n"


def _report(report: Report, taxonomy: Taxonomy) -> Iterator[RenderableType]:
    incident = report.incident
    yield Text(f"Incident: {one_line(incident.title or incident.id)}", style="bold")
    yield Text(f"Published Date: {incident.published or 'unknown'}")
    yield from _fields(fields_title(taxonomy), field_rows(report, taxonomy))
    for section, rows in sections(report, taxonomy):
        yield from _section(section.title, rows)
    rest = unlisted(report, taxonomy)
    if rest:
        yield from _section(UNLISTED, rest)
    yield from _section("Sources", [])
    for article in incident.articles:
        parts = (f"[{article.id}]", article.title, article.url or article.source)
        yield Text(one_line(" ".join(filter(None, parts))))
    if report.audit:
        yield from _section("Audit", [])
        for finding in report.audit:
            yield from _audit(finding)
    yield Text()
    yield Text(_provenance(report), style="dim")


def _section(title: str, rows: list[Row]) -> Iterator[RenderableType]:
    yield Text()
    yield Rule(Text(title, style="bold"), align="left", characters="─", style="dim")
    for row in rows:
        yield from _row(row)


def _fields(title: str, rows: list[FieldRow]) -> Iterator[RenderableType]:
    if rows:
        yield from _section(title, [])
    for row in rows:
        yield from _field(row)


def _field(row: FieldRow) -> Iterator[RenderableType]:
    answer = row.answer
    head = Text(f"{one_line(row.label)}: ")
    if not answer.items:
        head.append(answer.status, style=_STATUS[answer.status])
    head.append(one_line(answer.lead))
    yield head
    for number, item in enumerate(answer.items, 1):
        yield from _item(item, f"{number}. " if row.numbered else "")
    if answer.reason:
        yield _indented(Text(one_line(answer.reason), style="dim"), 4)


def _item(item: Item, number: str) -> Iterator[RenderableType]:
    yield _indented(Text(number + item_text(item)), 4)
    if item.when:
        yield _indented(Text(one_line(told_when(item.when)), style="dim"), 8)
    for evidence in item.evidence:
        yield _indented(_quote(evidence), 8)


def _row(row: Row) -> Iterator[RenderableType]:
    head = Text(f"{one_line(row.category.label)}: ")
    head.append(row.options, style=_STATUS[row.decision.status])
    yield head
    if row.decision.status in ("failed", "not_applicable", "needs_review") and row.decision.reason:
        yield _indented(Text(one_line(row.decision.reason), style="dim"), 4)
    for paragraph in row.paragraphs:
        if paragraph.finding.applies:
            yield from _paragraph(paragraph)


def _paragraph(paragraph: Paragraph) -> Iterator[RenderableType]:
    finding = paragraph.finding
    reason = Text(f"({paragraph.letter}) {finding.option}")
    if finding.confidence is not None:
        reason.append(f", confidence {finding.confidence:.2f}", style="dim")
    reason.append(f": {one_line(paragraph.text)}")
    yield _indented(reason, 4)
    for evidence in finding.evidence:
        yield _indented(_quote(evidence), 8)


def _quote(evidence: Evidence) -> Text:
    quote = Text(f"“{one_line(evidence.quote)}”", style="italic")
    if evidence.located:
        place = f" [{one_line(evidence.article_id)}:{evidence.start}-{evidence.end}]"
        match = "" if evidence.match == "exact" else f" {evidence.match}"
        quote.append(place + match, style="not italic dim")
        if evidence.weak:
            quote.append(f", {WEAK}", style="not italic yellow")
    else:
        quote.append(" not found in the articles", style="not italic bold red")
    return quote


def _audit(finding: AuditFinding) -> Iterator[RenderableType]:
    line = Text(finding.severity, style=_SEVERITY[finding.severity])
    line.append(f" {finding.check} {one_line(finding.place)}".rstrip(), style="not bold default")
    yield line
    yield _indented(Text(one_line(finding.message)), 4)


def _provenance(report: Report) -> str:
    made = report.provenance
    usage = made.usage
    confidence = ""
    if made.confidence.source != "none" and not made.confidence.calibrated:
        confidence = " Confidences are uncalibrated."
    return (
        f"{made.model.name}, taxonomy {made.taxonomy}: {usage.calls} calls "
        f"({usage.cache_hits} from the cache), {usage.prompt_tokens} prompt tokens "
        f"({usage.cached_tokens} not evaluated again), {usage.completion_tokens} written, "
        f"{made.seconds:.0f} s.{confidence}"
    )


def _indented(content: Text, columns: int) -> Padding:
    return Padding(content, (0, 0, 0, columns))
