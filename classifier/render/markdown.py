"""A report as Markdown: sections of the page, with quotes and where they stand."""

from __future__ import annotations

import re

from classifier.records import Evidence, Report
from classifier.render.rows import Row, sections, unlisted
from classifier.render.text import one_line
from classifier.taxonomy import Taxonomy

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~])")


def to_markdown(report: Report, taxonomy: Taxonomy) -> str:
    """The report as CommonMark; no text of an article or a model is markup in it."""
    incident = report.incident
    lines = [f"# {_plain(incident.title or incident.id)}", ""]
    lines += [f"Published: {incident.published or 'unknown'}", ""]
    for section, rows in sections(report, taxonomy):
        lines += [f"## {_plain(section.title)}", "", *(x for row in rows for x in _row(row))]
    rest = unlisted(report, taxonomy)
    if rest:
        lines += ["## Further categories", "", *(x for row in rest for x in _row(row))]
    lines += ["## Sources", "", *_sources(report), ""]
    if report.audit:
        lines += ["## Audit", ""]
        lines += [f"- **{a.severity}** {a.check}: {_plain(a.message)}" for a in report.audit]
        lines.append("")
    return "\n".join(lines)


def _row(row: Row) -> list[str]:
    lines = [f"### {_plain(row.category.label)}: {_plain(row.options)}", ""]
    if not row.paragraphs and row.decision.reason:
        lines += [_plain(row.decision.reason), ""]
    for paragraph in row.paragraphs:
        lines += [f"({paragraph.letter}) {_plain(paragraph.text)}", ""]
        lines += [x for e in paragraph.finding.evidence for x in _quote(e)]
    return lines


def _quote(evidence: Evidence) -> list[str]:
    where = f"{evidence.start}–{evidence.end}, {evidence.match}"
    if not evidence.located:
        where = "not found in the articles"
    return [f"> {_plain(evidence.quote)}", f"> — {_plain(evidence.article_id)} ({where})", ""]


def _sources(report: Report) -> list[str]:
    return [
        "- " + " ".join(filter(None, (f"{_plain(a.id)}:", _plain(a.title), _plain(a.url))))
        for a in report.incident.articles
    ]


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", one_line(text))
