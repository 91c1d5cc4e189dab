"""Reads the labels and rationales of a report page, in the layout of the seed's page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from classifier.articles.cleaning import mended
from classifier.articles.decoding import decode
from classifier.articles.naming import file_id, quoted, shown
from classifier.errors import InputError
from classifier.records import UNKNOWN, Article
from classifier.taxonomy import Category, Section, Taxonomy
from eval.gold import GoldIncident, GoldReason, Labels
from eval.importing.labels import Options, Problems, Words, check_gates, gold_incident

_MOST_BYTES = 2_000_000
_AFTER = ("Sources", "Back to List")
_LINE_END = re.compile(r"\r\n?|\n")
_NAMES = re.compile(r"[^\s,]+(?:\s*,\s*[^\s,]+)*")
_MARKER = re.compile(r"(?<!\S)\(([a-z])\)(?!\S)")
_SENTENCE_END = re.compile(r"[.!?:;\])\"'”’…]\s*$")
_CITED = re.compile(r"\[(\d{1,20}(?:\s*,\s*\d{1,20})*)\]")
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
    if len(data) > _MOST_BYTES:
        raise InputError(f"{name}: is larger than {_MOST_BYTES} bytes. Give one report page.")
    lines = _LINE_END.split(mended(decode(data, name)))
    labels, reasons = _Table(name, taxonomy).read(lines)
    _check_articles(name, lines, articles)
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


@dataclass(frozen=True)
class _Row:
    """The lines of one category: `parts` are what follows its label, and further paragraphs."""

    category: Category
    number: int
    parts: list[str]


class _Table:
    """Reads the rows of a taxonomy's sections."""

    def __init__(self, name: str, taxonomy: Taxonomy) -> None:
        self._name = name
        self._taxonomy = taxonomy
        self._words = Words(taxonomy)
        self._problems = Problems()

    def read(self, lines: Sequence[str]) -> tuple[dict[str, Options], Reasons]:
        """The labels and reasons. Raises InputError with a line for each mistake."""
        labels: dict[str, Options] = {}
        reasons: Reasons = {}
        for section in self._taxonomy.sections:
            for row in self._rows(section, lines):
                with self._problems.collecting():
                    options, rationale = self._cells(row)
                    labels[row.category.name] = options
                    if said := _reasons(row.category, options, rationale):
                        reasons[row.category.name] = said
        self._problems.raise_any()
        return labels, reasons

    def _rows(self, section: Section, lines: Sequence[str]) -> Iterator[_Row]:
        rows: dict[str, _Row] = {}
        with self._problems.collecting():
            for number, line in self._body(section, lines):
                self._take(section, number, line, rows)
            missing = [n for n in section.categories if n not in rows]
            if missing:
                labels = ", ".join(self._taxonomy.categories[n].label for n in missing)
                raise InputError(
                    f"{self._name}: {section.title!r} has no row for {labels}. Add it."
                )
        yield from rows.values()

    def _body(self, section: Section, lines: Sequence[str]) -> Iterator[tuple[int, str]]:
        """The lines of a section, without its title, its column heads and blank ones."""
        titles = [_squeezed(line) for line in lines]
        if section.title not in titles:
            raise InputError(
                f"{self._name}: has no section {section.title!r}. Save the whole report page as "
                "text, a row of its tables on one line."
            )
        start = titles.index(section.title) + 1
        ends = {s.title for s in self._taxonomy.sections} | set(_AFTER)
        heads = " ".join(section.columns)
        body = takewhile(lambda title: title not in ends, titles[start:])
        for number, title in enumerate(body, start=start + 1):
            if title and title != heads:
                yield number, lines[number - 1].strip()

    def _take(self, section: Section, number: int, line: str, rows: dict[str, _Row]) -> None:
        """Adds a row, or a further paragraph to the last one."""
        if rows and _MARKER.match(line):
            rows[next(reversed(rows))].parts.append(line)
            return
        named = [c for c in self._listed(section) if _opens(line, c.label)]
        if not named:
            labels = ", ".join(c.label for c in self._listed(section))
            raise InputError(
                f"{self._name}:{number}: {quoted(line)} begins with no label of "
                f"{section.title!r}. Begin the row with one of {labels}."
            )
        category = max(named, key=lambda c: len(c.label))
        if category.name in rows:
            raise InputError(f"{self._name}:{number}: {category.label} is there twice. Keep one.")
        rows[category.name] = _Row(category, number, [line[len(category.label) :].strip()])

    def _listed(self, section: Section) -> list[Category]:
        return [self._taxonomy.categories[n] for n in section.categories]

    def _cells(self, row: _Row) -> tuple[Options, str]:
        """The label in the Option cell, and the text of the Rationale cell."""
        place = f"{self._name}:{row.number}"
        closed, rest = self._words.closed(row.category), " ".join(row.parts)
        if row.category.gate and closed and _opens(rest, closed):
            return None, ""
        if closed and not rest:
            raise InputError(f"{place}: {row.category.label} has an empty Option cell. Fill it.")
        found = _NAMES.match(rest)
        words = found[0].split(",") if found else []
        options = self._words.answer(row.category, words, place)
        rationale = rest[found.end() :].strip() if found else ""
        return options, "" if rationale in ("None", closed) else rationale


def _reasons(category: Category, options: Options, rationale: str) -> dict[str, GoldReason]:
    """The reason of each chosen option that has one.

    A text without any paragraph mark is about the one thing that the Option cell says.
    """
    paragraphs = _paragraphs(category, rationale)
    chosen = options or ()
    if rationale and len(chosen) == 1 and (not paragraphs or UNKNOWN in chosen):
        return {chosen[0]: GoldReason(rationale=rationale)}
    return {n: GoldReason(rationale=paragraphs[n]) for n in chosen if paragraphs.get(n)}


def _paragraphs(category: Category, rationale: str) -> dict[str, str]:
    """Option -> its paragraph, without the letter.

    The mark of an option is the first of its letter at the end of a sentence, else the first.
    """
    names = {option.letter: option.name for option in category.options}
    marks: dict[str, re.Match[str]] = {}
    sure: set[str] = set()
    for mark in _MARKER.finditer(rationale):
        letter = mark[1]
        opens = mark.start() == 0 or bool(
            _SENTENCE_END.search(rationale, max(0, mark.start() - 3), mark.start())
        )
        if letter in names and letter not in sure and (opens or letter not in marks):
            marks[letter] = mark
        if opens:
            sure.add(letter)
    ordered = sorted(marks.values(), key=lambda m: m.start())
    ends = [*(m.start() for m in ordered[1:]), len(rationale)]
    return {
        names[mark[1]]: rationale[mark.end() : end].strip()
        for mark, end in zip(ordered, ends, strict=False)
    }


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


def _check_articles(name: str, lines: Sequence[str], articles: Sequence[Article]) -> None:
    known = {article.id for article in articles}
    missing = [cited for cited in _cited(lines) if cited not in known]
    if not articles:
        which = f" ({_listed(missing)})" if missing else ""
        raise InputError(
            f"{name}: a report page carries no article text. Give the articles that it "
            f"cites{which} with it, each as a file with its id."
        )
    if missing:
        raise InputError(
            f"{name}: cites {_listed(missing)}, and the articles given are "
            f"{_listed([a.id for a in articles])}. Give the missing text, or write the id of the "
            "page into the article's file."
        )


def _listed(ids: Sequence[str]) -> str:
    few = ", ".join(shown(i, 60) for i in ids[:10])
    return few if len(ids) <= 10 else f"{few} and {len(ids) - 10} more"


def _cited(lines: Sequence[str]) -> list[str]:
    """The ids in brackets: numbers anywhere, and whatever opens a line of the sources."""
    numbers = [n.strip() for line in lines for m in _CITED.finditer(line) for n in m[1].split(",")]
    titles = [_squeezed(line) for line in lines]
    after = lines[titles.index(_AFTER[0]) + 1 :] if _AFTER[0] in titles else []
    sources = [found[1] for line in after if (found := _SOURCE.match(line.strip()))]
    return list(dict.fromkeys([*numbers, *sources]))


def _notes(lines: Sequence[str]) -> str:
    """The title and the date of the page, which a gold incident has no place for."""
    said = [_squeezed(line) for line in lines[:20]]
    kept = [line for line in said if line.startswith(("Incident: ", "Published Date: "))]
    return " | ".join(["Read from a report page", *kept])


def _opens(line: str, word: str) -> bool:
    """Whether the line begins with the word, and the word ends there."""
    return line == word or (line.startswith(word) and line[len(word)].isspace())


def _squeezed(line: str) -> str:
    return " ".join(line.split())
