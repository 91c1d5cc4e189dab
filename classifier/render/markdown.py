"""A report as Markdown: sections of the page, with quotes and where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from classifier.records import ArticleRef, Evidence, Item, Report
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

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~&$])")
# What begins a list, a heading or a rule at the start of a line.
_LEADING = re.compile(r"^(?:([-+=])|(\d+)([.)]))")
# GitHub makes links of bare addresses.
_ADDRESS = re.compile(r"(?i)\b(https?|ftp)(?=://)|\b(www)(?=\.)")
_LINKABLE = re.compile(r"https?://[^\s<>\\]+")


def to_markdown(report: Report, taxonomy: Taxonomy) -> str:
    """The report as CommonMark; no text of an article or a model is markup in it."""
    return "\n".join(_lines(report, taxonomy)).rstrip("\n") + "\n"


def _lines(report: Report, taxonomy: Taxonomy) -> Iterator[str]:
    incident = report.incident
    yield from (f"# {_plain(incident.title or incident.id)}", "")
    yield from (f"Published: {incident.published or 'unknown'}", "")
    yield from _fields(fields_title(taxonomy), field_rows(report, taxonomy))
    for section, rows in sections(report, taxonomy):
        yield from _section(section.title, rows)
    rest = unlisted(report, taxonomy)
    if rest:
        yield from _section(UNLISTED, rest)
    yield from ("## Sources", "", *map(_source, incident.articles), "")
    if report.audit:
        yield from ("## Audit", "")
    for found in report.audit:
        place = f" ({_plain(found.place)})" if found.place else ""
        yield f"- **{found.severity}** {_plain(found.check)}{place}: {_plain(found.message)}"


def _section(title: str, rows: list[Row]) -> Iterator[str]:
    yield from (f"## {_plain(title)}", "")
    for row in rows:
        yield from (f"### {_plain(row.category.label)}: {_plain(row.options)}", "")
        review = row.decision.status == "needs_review"
        if row.decision.reason and (review or not row.paragraphs):
            yield from (_plain(row.decision.reason), "")
        for paragraph in row.paragraphs:
            yield from _paragraph(paragraph)


def _fields(title: str, rows: list[FieldRow]) -> Iterator[str]:
    if rows:
        yield from (f"## {_plain(title)}", "")
    for row in rows:
        yield from _field(row)


def _field(row: FieldRow) -> Iterator[str]:
    answer = row.answer
    status = "" if answer.items else f": {answer.status}"
    yield from (f"### {_plain(row.label)}{status}", "")
    if answer.lead:
        yield from (_plain(answer.lead), "")
    for number, item in enumerate(answer.items, 1):
        yield from _item(item, f"**{number}.** " if row.numbered else "")
    if answer.reason:
        yield from (_plain(answer.reason), "")


def _item(item: Item, number: str) -> Iterator[str]:
    yield from (f"{number}{_plain(item_text(item))}", "")
    if item.when:
        yield from (_plain(told_when(item.when)), "")
    for evidence in item.evidence:
        yield from _quote(evidence)


def _paragraph(paragraph: Paragraph) -> Iterator[str]:
    finding = paragraph.finding
    surety = "" if finding.confidence is None else f", confidence {finding.confidence:.2f}"
    denied = "" if finding.applies else ", does not apply"
    head = f"**({paragraph.letter}) {_plain(finding.option)}**{denied}{surety}"
    yield from (f"{head}: {_plain(paragraph.text)}", "")
    for evidence in finding.evidence:
        yield from _quote(evidence)


def _quote(evidence: Evidence) -> tuple[str, ...]:
    if evidence.located:
        place = f"{_plain(evidence.article_id)}, {evidence.start}–{evidence.end}"
        where = place if evidence.match == "exact" else f"{place}, {evidence.match}"
        where += f", **{WEAK}**" if evidence.weak else ""
    else:
        where = "**not found in the articles**"
    # The backslash breaks the line, so that a quote and its place stay apart.
    return (f"> “{_plain(evidence.quote)}”\\", f"> — {where}", "")


def _source(article: ArticleRef) -> str:
    parts = [_plain(article.id) + ":", _plain(article.title), _plain(article.source)]
    linkable = _LINKABLE.fullmatch(one_line(article.url))
    parts.append(f"<{linkable[0]}>" if linkable else _plain(article.url))
    if article.published:
        parts.append(f"({article.published})")
    return "- " + " ".join(filter(None, parts))


def _plain(text: str) -> str:
    escaped = _SPECIAL.sub(r"\\\1", one_line(text))
    escaped = _ADDRESS.sub(lambda m: m[0] + "\\", escaped)
    return _LEADING.sub(lambda m: f"\\{m[1]}" if m[1] else f"{m[2]}\\{m[3]}", escaped)
