"""The tables of a report page: a row for each category, and the cells of a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from classifier.articles.naming import quoted
from classifier.errors import InputError
from classifier.pages.lines import Line, Parts, opens
from classifier.pages.words import Problems, Words
from classifier.paragraphs import lettered, opens_paragraph
from classifier.records import UNKNOWN, Decision, Finding, Status
from classifier.render.text import one_line
from classifier.taxonomy import Category, Section, Taxonomy

_NAMES = re.compile(r"[^\s,]+(?:,\s*[^\s,]+)*")
_STATUSES: tuple[tuple[str, Status], ...] = (("failed", "failed"), ("needs review", "needs_review"))


@dataclass(frozen=True)
class Row:
    """The row of one category: `text` is all that follows its label, `line` where it begins."""

    category: Category
    line: int
    text: str


def rows(found: Parts, name: str, taxonomy: Taxonomy, problems: Problems) -> Iterator[Row]:
    """The rows of every section that the taxonomy has, mistakes going to `problems`."""
    for section in taxonomy.sections:
        read: dict[str, list[str]] = {}
        begins: dict[str, int] = {}
        listed = [taxonomy.categories[n] for n in section.categories]
        with problems.collecting():
            for line in _body(section, found, name):
                _take(section, listed, line, name, read, begins)
        for category, texts in read.items():
            said = " ".join(filter(None, texts))
            yield Row(taxonomy.categories[category], begins[category], said)


def missing(read: list[Row], section: Section) -> list[str]:
    """The categories of a section that have no row."""
    there = {row.category.name for row in read}
    return [name for name in section.categories if name not in there]


def option_cell(text: str) -> tuple[list[str], str]:
    """The words of the Option cell, which commas join, and what follows them."""
    found = _NAMES.match(text)
    words = found[0].split(",") if found else []
    return [w.strip() for w in words], text[found.end() :].strip() if found else ""


def paragraphs(category: Category, rationale: str) -> tuple[str, dict[str, str]]:
    """What stands before the first paragraph; option -> its paragraph, without the letter."""
    names = {option.letter: option.name for option in category.options}
    lead, said = lettered(rationale, names)
    return lead, {names[letter]: text for letter, text in said}


def decision(row: Row, words: Words, name: str) -> Decision:
    """What a row decides. Raises InputError for an option that is none."""
    status, options, rationale = _cells(row, words, f"{name}:{row.line}")
    _, said = paragraphs(row.category, rationale)
    findings = tuple(
        Finding(option=option, applies=option in options, rationale=text)
        for option, text in said.items()
    )
    unsaid = status in ("failed", "needs_review") and not findings
    return Decision(
        options=options,
        status=status,
        rationale="" if unsaid else rationale,
        reason=rationale or None if unsaid else None,
        findings=findings,
    )


def empty_cell(place: str, category: Category) -> InputError:
    """The error for a row without options."""
    return InputError(f"{place}: {category.label} has an empty Option cell. Fill it.")


def _cells(row: Row, words: Words, place: str) -> tuple[Status, tuple[str, ...], str]:
    category, text = row.category, row.text
    closed = one_line(words.closed(category))
    if closed and not text:
        raise empty_cell(place, category)
    for word, status in ((closed, "not_applicable"), *_STATUSES):
        if word not in category.names and opens(text, word):
            return status, (), _rationale(text[len(word) :], closed if word == closed else "None")
    said, rest = option_cell(text)
    rationale = _rationale(rest, "None")
    if said == ["no"] or (len(said) == 1 and words.denies(category, said[0])):
        return "answered", (), rationale
    options = tuple(dict.fromkeys(words.option(category, word, place) for word in said))
    return "unknown" if options == (UNKNOWN,) else "answered", options, rationale


def _rationale(rest: str, nothing: str) -> str:
    rationale = rest.strip()
    return "" if rationale == nothing else rationale


def _body(section: Section, found: Parts, name: str) -> Iterator[Line]:
    """The lines of a section, without its column heads."""
    title, heads = one_line(section.title), one_line(" ".join(section.columns))
    if title not in found:
        raise InputError(
            f"{name}: has no section {section.title!r}. Save the whole report page as "
            "text, a row of its tables on one line."
        )
    yield from (line for line in found[title] if line.text != heads)


def _take(
    section: Section,
    listed: list[Category],
    line: Line,
    name: str,
    read: dict[str, list[str]],
    begins: dict[str, int],
) -> None:
    """Adds a row, or a further paragraph to the last one."""
    if read and opens_paragraph(line.text):
        read[next(reversed(read))].append(line.text)
        return
    labels = {one_line(c.label): c for c in listed}
    label = max((x for x in labels if opens(line.text, x)), key=len, default=None)
    if label is None:
        raise InputError(
            f"{name}:{line.number}: {quoted(line.text)} begins with no label of "
            f"{section.title!r}. Begin the row with one of {', '.join(labels)}."
        )
    category = labels[label]
    if category.name in read:
        raise InputError(f"{name}:{line.number}: {category.label} is there twice. Keep one.")
    read[category.name] = [line.text[len(label) :].strip()]
    begins[category.name] = line.number
