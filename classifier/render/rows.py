"""A report as sections of rows, in the order of the report page: what all forms print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from classifier.deciding import cited
from classifier.records import Decision, Finding, Report
from classifier.taxonomy import Category, Section, Taxonomy

UNLISTED = "Further categories"
"""The title over the categories that are on no section of the page."""


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
