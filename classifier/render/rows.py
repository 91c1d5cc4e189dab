"""A report as sections of rows, in the order of the report page: what all forms print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from classifier.deciding import cited
from classifier.records import Decision, FieldAnswer, Finding, Report, When
from classifier.taxonomy import Category, Section, Taxonomy

UNLISTED = "Further categories"
"""The title over the categories that are on no section of the page."""
OTHER_FIELDS = "Open fields"
"""The title over the open fields of a report whose taxonomy has none."""


@dataclass(frozen=True)
class Paragraph:
    """What is said about one option, with the finding it rests on."""

    letter: str
    text: str
    finding: Finding


@dataclass(frozen=True)
class Row:
    """One category of a report: its label, its options as words, its paragraphs."""

    category: Category
    decision: Decision
    options: str
    paragraphs: tuple[Paragraph, ...]


@dataclass(frozen=True)
class FieldRow:
    """One open field of a report: its label and its answer; a list has `numbered` items."""

    label: str
    answer: FieldAnswer
    numbered: bool


def field_rows(report: Report, taxonomy: Taxonomy) -> list[FieldRow]:
    """The open fields of a report, but for the one that is its title.

    Those that the taxonomy does not know, because the report is older, come last, by their names.
    """
    postmortem = taxonomy.postmortem
    known = {field.name: field for field in postmortem.fields} if postmortem else {}
    heading = postmortem.heading if postmortem else None
    names = [n for n in dict.fromkeys([*known, *report.fields]) if n in report.fields]
    return [
        FieldRow(
            label=known[name].label if name in known else name,
            answer=report.fields[name],
            numbered=name not in known or known[name].kind != "text",
        )
        for name in names
        if name != heading
    ]


def fields_title(taxonomy: Taxonomy) -> str:
    """What stands over the open fields."""
    return taxonomy.postmortem.title if taxonomy.postmortem else OTHER_FIELDS


def told_when(when: When) -> str:
    """The days of an item, and how they come out of the words of the article."""
    span = str(when.start) if when.start == when.end else f"{when.start} to {when.end}"
    return when.arithmetic or f"{when.clue!r}: {span}"


def sections(report: Report, taxonomy: Taxonomy) -> Iterator[tuple[Section, list[Row]]]:
    """The sections of the page with their rows."""
    for section in taxonomy.sections:
        names = [n for n in section.categories if n in report.categories]
        yield section, [_row(report, taxonomy.categories[n], section.closed) for n in names]


def unlisted(report: Report, taxonomy: Taxonomy) -> list[Row]:
    """The rows of the categories that are on no section of the page."""
    listed = {name for section in taxonomy.sections for name in section.categories}
    return [
        _row(report, category, "None")
        for name, category in taxonomy.categories.items()
        if name not in listed and name in report.categories
    ]


def _row(report: Report, category: Category, closed: str) -> Row:
    decision = report.categories[category.name]
    return Row(
        category, decision, _options(category, decision, closed), _paragraphs(category, decision)
    )


def _options(category: Category, decision: Decision, closed: str) -> str:
    """The Option cell. No option is a true-or-false category that is false: the word is its
    opposite or `no`, for `None` says that the gate is closed.
    """
    if decision.status == "not_applicable":
        return closed
    if decision.status in ("failed", "needs_review"):
        return decision.status.replace("_", " ")
    otherwise = category.opposite.name if category.opposite else "no"
    return ", ".join(decision.options) or otherwise


def _paragraphs(category: Category, decision: Decision) -> tuple[Paragraph, ...]:
    # A report may be older than the taxonomy that it is printed with.
    letters = {option.name: option.letter for option in category.options}
    return tuple(
        Paragraph(letters.get(f.option, "?"), cited(f).strip(), f)
        for f in decision.findings
        if f.rationale or f.evidence
    )
