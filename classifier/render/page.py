"""A report in the text layout of the seed's report page, letter by letter."""

from __future__ import annotations

from classifier.records import Report
from classifier.render.rows import Row, sections
from classifier.render.text import one_line
from classifier.taxonomy import Section, Taxonomy


def to_page(report: Report, taxonomy: Taxonomy) -> str:
    """The report as a page; the categories that no section lists are not on it."""
    incident = report.incident
    blocks = [
        f"Incident: {one_line(incident.title or incident.id)}",
        f"Published Date: {incident.published or 'unknown'}",
        "Postmortem Analysis",
    ]
    for section, rows in sections(report, taxonomy):
        table = [" ".join(section.columns), *(_line(row, section) for row in rows)]
        blocks += [section.title, "\n".join(table)]
    blocks += ["\n".join(["Sources", *_sources(report)]), "Back to List"]
    return "\n\n".join(blocks) + "\n"


def _line(row: Row, section: Section) -> str:
    return f"{row.category.label} {row.options} {_rationale(row, section.closed)}"


def _rationale(row: Row, closed: str) -> str:
    paragraphs = [f"({p.letter}) {one_line(p.text)}" for p in row.paragraphs if p.text]
    if paragraphs:
        return " ".join(paragraphs)
    if row.decision.status == "not_applicable":
        return closed
    return one_line(row.decision.reason or row.decision.rationale or "None")


def _sources(report: Report) -> list[str]:
    return [
        one_line(" ".join(filter(None, (f"[{a.id}]", a.title, a.url or a.source))))
        for a in report.incident.articles
    ]
