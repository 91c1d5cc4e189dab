"""A report for a person at a terminal: options first, reasons and quotes beneath."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from classifier.records import AuditFinding, Evidence, Finding, Report
from classifier.render.rows import Row, sections, unlisted
from classifier.render.text import one_line
from classifier.taxonomy import Taxonomy

_STATUS = {
    "answered": "bold green",
    "unknown": "yellow",
    "not_applicable": "dim",
    "failed": "bold red",
}
_SEVERITY = {"info": "dim", "warning": "yellow", "error": "bold red"}


def to_terminal(report: Report, taxonomy: Taxonomy, *, width: int = 100, colour: bool = False) -> str:
    """The report as text of at most `width` columns, with colours where they are wanted."""
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        legacy_windows=False,
    )
    console.print(Group(*_report(report, taxonomy)))
    lines = (line.rstrip() for line in buffer.getvalue().splitlines())
    return "\n".join(lines).strip("\n") + "\n"


def _report(report: Report, taxonomy: Taxonomy) -> Iterator[RenderableType]:
    incident = report.incident
    yield Text(f"Incident: {one_line(incident.title or incident.id)}", style="bold")
    yield Text(f"Published Date: {incident.published or 'unknown'}")
    for section, rows in sections(report, taxonomy):
        yield from _section(section.title, rows)
    rest = unlisted(report, taxonomy)
    if rest:
        yield from _section("Further categories", rest)
    yield from _section("Sources", [])
    for article in incident.articles:
        parts = (f"[{article.id}]", article.title, article.url or article.source)
        yield Text(one_line(" ".join(filter(None, parts))))
    if report.audit:
        yield from _section("Audit", [])
        yield from map(_audit, report.audit)
    yield Text()
    yield Text(_provenance(report), style="dim")


def _section(title: str, rows: list[Row]) -> Iterator[RenderableType]:
    yield Text()
    yield Rule(Text(title, style="bold"), align="left", characters="─", style="dim")
    for row in rows:
        yield from _row(row)


def _row(row: Row) -> Iterator[RenderableType]:
    head = Text(f"{row.category.label}: ")
    head.append(row.options, style=_STATUS[row.decision.status])
    yield head
    if row.decision.status == "failed" and row.decision.reason:
        yield _indented(Text(one_line(row.decision.reason), style="red"), 4)
    for paragraph in row.paragraphs:
        finding = paragraph.finding
        if not finding.applies:
            continue
        reason = Text(f"({paragraph.letter}) {finding.option}")
        reason.append(_confidence(finding), style="dim")
        reason.append(f": {one_line(paragraph.text)}")
        yield _indented(reason, 4)
        for evidence in finding.evidence:
            yield _indented(_quote(evidence), 8)


def _confidence(finding: Finding) -> str:
    return "" if finding.confidence is None else f" {finding.confidence:.2f}"


def _quote(evidence: Evidence) -> Text:
    quote = Text("“", style="italic")
    quote.append(one_line(evidence.quote), style="italic")
    if evidence.located:
        place = f"” [{evidence.article_id}:{evidence.start}-{evidence.end}]"
        quote.append(place + ("" if evidence.match == "exact" else f" {evidence.match}"))
    else:
        quote.append("” NOT FOUND in the articles", style="bold red")
    return quote


def _audit(finding: AuditFinding) -> Text:
    line = Text(f"{finding.severity} {finding.check}", style=_SEVERITY[finding.severity])
    line.append(f" {finding.place}: {one_line(finding.message)}", style="default")
    return line


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
