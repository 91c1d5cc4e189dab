"""A report in the text layout of the seed's report page, letter by letter."""

from __future__ import annotations

from collections.abc import Iterator

from classifier.citing import cite
from classifier.paragraphs import lettered
from classifier.records import UNKNOWN, FieldAnswer, Item, Report
from classifier.render.rows import Row, sections
from classifier.render.text import one_line
from classifier.taxonomy import OpenField, Postmortem, Section, Taxonomy

HEAD = "Incident: "
PUBLISHED = "Published Date: "
NO_DATE = "unknown"
INFERRED = "(inferred) "
"""What stands before an item that is the model's own conclusion."""
FAILED = "failed"


def to_page(report: Report, taxonomy: Taxonomy) -> str:
    """The report as a page; what the taxonomy puts on no part of it is not there."""
    blocks = [
        f"{HEAD}{title_of(report, taxonomy)}",
        f"{PUBLISHED}{report.incident.published or NO_DATE}",
    ]
    if taxonomy.postmortem:
        title = one_line(taxonomy.postmortem.title)
        blocks.append("\n".join([title, *_fields(report, taxonomy.postmortem)]))
    for section, rows in sections(report, taxonomy):
        table = [one_line(" ".join(section.columns)), *(_line(row, section) for row in rows)]
        blocks += [one_line(section.title), "\n".join(table)]
    blocks += ["\n".join(["Sources", *_sources(report)]), "Back to List"]
    return "\n\n".join(blocks) + "\n"


def title_of(report: Report, taxonomy: Taxonomy) -> str:
    """The report's title on one line: the incident's, else what the taxonomy's field for it says,
    else the incident's id.
    """
    heading = taxonomy.postmortem.heading if taxonomy.postmortem else None
    answer = report.fields.get(heading or "")
    texts = [*(item.text for item in answer.items[:1])] if answer else []
    given = (report.incident.title, *texts, report.incident.id)
    return next(filter(None, map(one_line, given)), "untitled")


def item_text(item: Item) -> str:
    """An item on one line, with citations of the articles that it or a quote of it rests on."""
    located = [e.article_id for e in item.evidence if e.located]
    text = one_line(cite(one_line(item.text), [*item.articles, *located]))
    return f"{INFERRED}{text}" if item.inferred else text


def on_page(postmortem: Postmortem) -> tuple[OpenField, ...]:
    """The fields that have a line on the page, which the title has not."""
    return tuple(f for f in postmortem.fields if f.page and f.name != postmortem.heading)


def _fields(report: Report, postmortem: Postmortem) -> Iterator[str]:
    for field in on_page(postmortem):
        answer = report.fields.get(field.name)
        if answer is not None:
            yield one_line(f"{field.label} {_answer(field, answer)}")


def _answer(field: OpenField, answer: FieldAnswer) -> str:
    texts = list(filter(None, map(item_text, answer.items)))
    if field.kind != "text":
        texts = [f"{number}. {text}" for number, text in enumerate(texts, start=1)]
    body = " ".join(filter(None, [one_line(answer.lead), *texts]))
    if body:
        return body
    if answer.status == "failed":
        reason = one_line(answer.reason or "")
        return f"{FAILED}: {reason}" if reason else FAILED
    return UNKNOWN if answer.status == "unknown" else "None"


def _line(row: Row, section: Section) -> str:
    return one_line(f"{row.category.label} {row.options} {_rationale(row, section.closed)}")


def _rationale(row: Row, closed: str) -> str:
    decision = row.decision
    said = ((p.letter, one_line(p.text)) for p in row.paragraphs)
    paragraphs = [f"({letter}) {text}" for letter, text in said if text]
    if paragraphs:
        return " ".join([_opening(row), *paragraphs])
    if decision.status == "not_applicable":
        return one_line(decision.rationale) or closed
    return one_line(decision.reason or "") or one_line(decision.rationale) or "None"


def _opening(row: Row) -> str:
    """What the rationale says before the paragraph that its first letter opens."""
    letters = {option.letter for option in row.category.options}
    lead, paragraphs = lettered(one_line(row.decision.rationale), letters)
    return lead if paragraphs else ""


def _sources(report: Report) -> list[str]:
    return [
        one_line(" ".join(filter(None, (f"[{one_line(a.id) or '?'}]", a.title, a.url or a.source))))
        for a in report.incident.articles
    ]
