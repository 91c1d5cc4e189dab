"""Reads the labels and rationales of a report page as gold."""

from __future__ import annotations

import re
from collections.abc import Sequence

from classifier.articles.naming import file_id, shown
from classifier.citing import cited_in
from classifier.errors import InputError
from classifier.pages.lines import END, SOURCES, Line, Parts, opens, page_lines, parts
from classifier.pages.table import Row, empty_cell, missing, option_cell, paragraphs, rows
from classifier.pages.words import Problems, Words
from classifier.records import UNKNOWN, Article
from classifier.render.page import HEAD, PUBLISHED
from classifier.render.text import one_line
from classifier.taxonomy import Category, Taxonomy
from eval.gold import GoldIncident, GoldReason, Labels
from eval.importing.labels import Options, check_gates, gold_incident

_SOURCE = re.compile(r"\[([^\[\]]{1,200})\]")

Reasons = dict[str, dict[str, GoldReason]]


def read_page(
    data: bytes,
    name: str,
    taxonomy: Taxonomy,
    articles: Sequence[Article] = (),
    *,
    identifier: str = "",
) -> list[GoldIncident]:
    """The one incident of a report page; `name` is the file's, for messages.

    A page has no article text: `articles` must hold every article that it cites, by id. The
    incident is called `identifier`, or else as the file is. The rationale of an option is the
    paragraph that its letter opens; an option without one has no reason. A true-or-false category
    that is on no section follows from the categories whose gate it is; any other that the page
    does not show has no label. The open fields of the page are not labels, and are left.

    Raises InputError with a line for each mistake.
    """
    spare, name = file_id(name), shown(name)
    lines = page_lines(data, name)
    found = parts(lines, {one_line(s.title) for s in taxonomy.sections} | {SOURCES, END})
    labels, reasons = _table(found, name, taxonomy)
    _check_articles(name, _cited(lines, found.get(SOURCES, [])), articles)
    labels |= _gates(taxonomy, labels, name)
    labels = {n: labels[n] for n in taxonomy.categories if n in labels}
    check_gates(taxonomy, labels, name)
    fields = {
        "id": identifier or spare,
        "articles": tuple(articles),
        "labels": labels,
        "reasons": reasons,
        "notes": _notes(lines),
    }
    return [gold_incident(name, fields)]


def _table(found: Parts, name: str, taxonomy: Taxonomy) -> tuple[dict[str, Options], Reasons]:
    """The labels and reasons. Raises InputError with a line for each mistake."""
    words, problems = Words(taxonomy), Problems()
    labels: dict[str, Options] = {}
    reasons: Reasons = {}
    read = list(rows(found, name, taxonomy, problems))
    for row in read:
        with problems.collecting():
            options, rationale = _cells(row, words, f"{name}:{row.line}")
            labels[row.category.name] = options
            if said := _reasons(row.category, options, rationale):
                reasons[row.category.name] = said
    for section in taxonomy.sections:
        with problems.collecting():
            lost = missing(read, section) if one_line(section.title) in found else []
            if lost:
                called = ", ".join(taxonomy.categories[n].label for n in lost)
                raise InputError(f"{name}: {section.title!r} has no row for {called}. Add it.")
    problems.raise_any()
    return labels, reasons


def _cells(row: Row, words: Words, place: str) -> tuple[Options, str]:
    """The label in the Option cell, and the text of the Rationale cell."""
    closed = one_line(words.closed(row.category))
    if row.category.gate and closed and opens(row.text, closed):
        return None, ""
    if closed and not row.text:
        raise empty_cell(place, row.category)
    said, rationale = option_cell(row.text)
    options = words.answer(row.category, said, place)
    return options, "" if rationale in ("None", closed) else rationale


def _reasons(category: Category, options: Options, rationale: str) -> dict[str, GoldReason]:
    """The reason of each chosen option that has one.

    A text without any paragraph mark is about the one thing that the Option cell says.
    """
    _, said = paragraphs(category, rationale)
    chosen = options or ()
    if rationale and len(chosen) == 1 and (not said or UNKNOWN in chosen):
        return {chosen[0]: GoldReason(rationale=rationale)}
    return {n: GoldReason(rationale=said[n]) for n in chosen if n in said}


def _gates(taxonomy: Taxonomy, labels: Labels, place: str) -> dict[str, Options]:
    """The true-or-false categories that the page shows only by what they open or close."""
    found: dict[str, Options] = {}
    for category in taxonomy.categories.values():
        behind = [n for n in labels if _behind(taxonomy.categories[n], category)]
        if category.name in labels or category.select != "boolean" or not behind:
            continue
        closed = [n for n in behind if labels[n] is None]
        if closed and len(closed) < len(behind):
            raise InputError(
                f"{place}: {', '.join(closed)} does not apply, and "
                f"{', '.join(n for n in behind if n not in closed)} does; both are asked only "
                f"where {category.name} holds. Correct one of them."
            )
        found[category.name] = () if closed else category.names
    return found


def _behind(category: Category, gate: Category) -> bool:
    return category.gate is not None and category.gate.category == gate.name


def _check_articles(name: str, cited: Sequence[str], articles: Sequence[Article]) -> None:
    known = {article.id for article in articles}
    missed = [one for one in cited if one not in known]
    if not articles:
        which = f" ({_listed(missed)})" if missed else ""
        raise InputError(
            f"{name}: a report page carries no article text. Give the articles that it "
            f"cites{which} with it, each as a file with its id."
        )
    if missed:
        raise InputError(
            f"{name}: cites {_listed(missed)}, and the articles given are "
            f"{_listed([a.id for a in articles])}. Give the missing text, or write the id of the "
            "page into the article's file."
        )


def _listed(ids: Sequence[str]) -> str:
    few = ", ".join(shown(i, 60) for i in ids[:10])
    return few if len(ids) <= 10 else f"{few} and {len(ids) - 10} more"


def _cited(lines: Sequence[Line], after: Sequence[Line]) -> list[str]:
    """The ids in brackets: numbers anywhere, and whatever opens a line of the sources."""
    numbers = [number for line in lines for number in cited_in(line.text)]
    sources = [found[1] for line in after if (found := _SOURCE.match(line.text))]
    return list(dict.fromkeys([*numbers, *sources]))


def _notes(lines: Sequence[Line]) -> str:
    """The title and the date of the page, which a gold incident has no place for."""
    kept = [x.text for x in lines[:10] if x.text.startswith((HEAD, PUBLISHED))]
    return " | ".join(["Read from a report page", *kept])
