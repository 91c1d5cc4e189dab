"""Reads labels from a table in CSV: a row for each article, a column for each category."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

from classifier.articles.cleaning import mended
from classifier.articles.decoding import decode
from classifier.articles.naming import quoted, shown
from classifier.articles.shapes import ArticleShape, article_shape, derived_id
from classifier.errors import InputError
from classifier.pages.words import Problems, Words, key, nearest
from classifier.records import Article
from classifier.taxonomy import Category, Taxonomy
from eval.gold import GoldIncident
from eval.importing.labels import (
    Labelled,
    Options,
    by_annotator,
    check_gates,
    gold_incident,
    settled,
)

_MOST_BYTES = 200_000_000
_NEEDED = ("id", "text")
_OTHERS = ("article", "title", "url", "published", "source", "annotator", "notes")
_LONGEST_ANSWER = 10_000
_DELIMITERS = ",;\t"
_BETWEEN = re.compile(r"[|;,\n]")
_MEND = (
    "Let them agree, or add a row without an annotator for each article, with the labels that hold."
)


def read_table(data: bytes, name: str, taxonomy: Taxonomy) -> list[GoldIncident]:
    """The incidents of a table, in the order of their first rows; `name` is the file's.

    The columns are `id` (of the incident), `text`, perhaps `article` (the article's id), `title`,
    `url`, `published`, `source`, `annotator`, `notes`, and one for each category that was
    labelled, by name or label. A cell holds options between `|`, `;` or `,`, or `unknown`; an
    empty one is null where the category has a gate, false where it is true or false, and a mistake
    elsewhere. Rows with one id are one incident: its articles, and the people who labelled it. The
    labels are those of the rows without an annotator, or those on which all agree. Columns are
    divided by comma, semicolon or tab, whichever fits the header.

    Raises InputError with a line for each mistake.
    """
    name = shown(name)
    if len(data) > _MOST_BYTES:
        raise InputError(f"{name}: is larger than {_MOST_BYTES} bytes. Divide the table.")
    table = _Table(decode(data, name), name, taxonomy)
    problems = Problems()
    rows: list[_Row] = []
    with _big_cells(len(data)):
        for number, cells in table.rows():
            with problems.collecting():
                rows.append(table.row(number, cells))
    problems.raise_any()
    incidents: list[GoldIncident] = []
    for group in _grouped(rows):
        with problems.collecting():
            incidents.append(_incident(group, name))
    problems.raise_any()
    if not incidents:
        raise InputError(f"{name}: has no rows. Write a row for each article under the header.")
    return incidents


@dataclass(frozen=True)
class _Row:
    """One article as one person, or nobody in particular, labelled its incident."""

    number: int
    incident: str
    article: ArticleShape
    annotator: str
    notes: str
    labels: Mapping[str, Options]


class _Table:
    """The header of a table, and what its rows say."""

    def __init__(self, text: str, name: str, taxonomy: Taxonomy) -> None:
        self._text = text
        self._name = name
        self._taxonomy = taxonomy
        self._words = Words(taxonomy)
        self._delimiter = self._sniffed()
        self._columns = self._header()

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows below the header that are not blank, with their numbers; the header's is 1."""
        for number, cells in self._records(self._delimiter):
            if number > 1 and any(cell.strip() for cell in cells):
                yield number, cells

    def row(self, number: int, cells: Sequence[str]) -> _Row:
        """What a row says. Raises InputError for the mistakes in it."""
        place = f"{self._name}: row {number}"
        if len(cells) != len(self._columns):
            raise InputError(
                f"{place}: has {len(cells)} cells, and the header has {len(self._columns)}. "
                'Put cells that hold the delimiter or a newline into "quotes".'
            )
        named = dict(zip(self._columns, cells, strict=True))
        plain = {k: named[k] for k in (*_NEEDED, *_OTHERS) if k in named}
        labels = self._labels(named, place)
        check_gates(self._taxonomy, labels, place)
        if not plain["id"].strip():
            raise InputError(f"{place}: 'id' is empty. Write the id of the incident.")
        own = {"incident": plain["id"].strip(), "id": plain.get("article", "").strip() or None}
        article = article_shape(plain | own, place)
        notes = mended(plain.get("notes", "")).strip()
        annotator = mended(plain.get("annotator", "")).strip()
        return _Row(number, article.incident or "", article, annotator, notes, labels)

    def _labels(self, named: Mapping[str, str], place: str) -> dict[str, Options]:
        labels: dict[str, Options] = {}
        problems = Problems()
        for column, category in self._categories().items():
            with problems.collecting():
                where = f"{place}, column {quoted(column)}"
                words = _words(named[column], where)
                labels[category.name] = self._words.answer(category, words, where)
        problems.raise_any()
        return labels

    def _categories(self) -> dict[str, Category]:
        found = {c: self._words.category(c) for c in self._columns if c not in _NEEDED + _OTHERS}
        return {column: category for column, category in found.items() if category is not None}

    def _sniffed(self) -> str:
        """The delimiter that makes the most known columns of the header."""
        return max(_DELIMITERS, key=self._known_columns)

    def _known_columns(self, delimiter: str) -> int:
        try:
            return sum(map(self._is_known, self._first(delimiter)))
        except InputError:  # quotes that close before another character than this
            return 0

    def _is_known(self, column: str) -> bool:
        return key(column) in _NEEDED + _OTHERS or self._words.category(column) is not None

    def _header(self) -> list[str]:
        """The columns: ours in lower case, the others as written."""
        written = [column.strip() for column in self._first(self._delimiter)]
        columns = [key(c) if key(c) in _NEEDED + _OTHERS else c for c in written]
        place = f"{self._name}: row 1"
        known = [*_NEEDED, *_OTHERS, *self._taxonomy.categories]
        for column in columns:
            if not self._is_known(column):
                raise InputError(
                    f"{place}: {quoted(column)} is no column that is known"
                    f"{nearest(column, known)}. Allowed: {', '.join(known)}. Remove the others."
                )
        meant = [c.name if (c := self._words.category(n)) else n for n in columns]
        twice = [n for n in dict.fromkeys(meant) if meant.count(n) > 1]
        missing = [n for n in _NEEDED if n not in columns]
        if missing or twice or not set(columns) - set(_NEEDED + _OTHERS):
            lacks = ", ".join(missing) or "a column for a category"
            wrong = f"has {', '.join(twice)} twice" if twice else f"lacks {lacks}"
            raise InputError(
                f"{place}: the header {wrong}. Allowed: {', '.join(known)}, each once."
            )
        return columns

    def _first(self, delimiter: str) -> list[str]:
        with _big_cells(len(self._text)):
            return next(self._records(delimiter), (1, []))[1]

    def _records(self, delimiter: str) -> Iterator[tuple[int, list[str]]]:
        """Every record with its number, as a spreadsheet counts rows."""
        reader = csv.reader(io.StringIO(self._text, newline=""), delimiter=delimiter, strict=True)
        try:
            yield from enumerate(reader, start=1)
        except csv.Error as error:
            raise InputError(
                f"{self._name}: line {reader.line_num}: not CSV ({error}). Write a quote inside a "
                'quoted cell twice ("") and close every quoted cell.'
            ) from error


def _words(cell: str, place: str) -> list[str]:
    if len(cell) > _LONGEST_ANSWER:
        raise InputError(
            f"{place}: has {len(cell)} characters, and options have {_LONGEST_ANSWER} at most. "
            "Put texts into the column 'text', and options here."
        )
    return _BETWEEN.split(cell)


@contextmanager
def _big_cells(most: int) -> Iterator[None]:
    """Articles are longer than the 131,072 characters that the csv module takes for a mistake."""
    before = csv.field_size_limit(max(most, 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _grouped(rows: Sequence[_Row]) -> list[list[_Row]]:
    """The rows of each incident, by their first row."""
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(row.incident, row.number)
    ordered = sorted(rows, key=lambda r: first[r.incident])
    return [list(group) for _, group in groupby(ordered, key=lambda r: r.incident)]


def _incident(rows: Sequence[_Row], name: str) -> GoldIncident:
    identifier = rows[0].incident
    place = f"{name}: incident {quoted(identifier)}"
    answers = [_agreed(group, name) for group in _by_person(rows)]
    notes = dict.fromkeys(_signed(row) for row in rows if row.notes)
    fields = {
        "id": identifier,
        "articles": _articles(rows, name),
        "labels": settled(answers, place, _MEND),
        "annotators": by_annotator([a for a in answers if a.annotator], place),
        "notes": "\n".join(notes),
    }
    return gold_incident(place, fields)


def _by_person(rows: Sequence[_Row]) -> list[list[_Row]]:
    groups: dict[str, list[_Row]] = {}
    for row in rows:
        groups.setdefault(row.annotator, []).append(row)
    return list(groups.values())


def _agreed(rows: Sequence[_Row], name: str) -> Labelled:
    """What one person says of an incident: the same in each row."""
    first = rows[0]
    for row in rows[1:]:
        apart = [n for n, options in row.labels.items() if options != first.labels[n]]
        if apart:
            raise InputError(
                f"{name}: row {row.number}: {', '.join(apart)} is not as in row {first.number}, "
                f"which is of the same incident, {quoted(row.incident)}. Let the rows agree."
            )
    return Labelled(first.annotator, first.labels, final=not first.annotator)


def _articles(rows: Sequence[_Row], name: str) -> tuple[Article, ...]:
    """The articles, each once: further rows with its text are further people's."""
    first: dict[str, _Row] = {}
    for row in rows:
        known = first.setdefault(row.article.text, row)
        if known.article != row.article:
            raise InputError(
                f"{name}: row {row.number}: has the text of row {known.number} and another title, "
                "url, date, source or article id. Let the rows agree."
            )
    alone = len(first) == 1
    shapes = [row.article for row in first.values()]
    incident = rows[0].incident
    return tuple(
        shape.article(incident if alone else derived_id(incident, number))
        for number, shape in enumerate(shapes, start=1)
    )


def _signed(row: _Row) -> str:
    return f"{shown(row.annotator)}: {row.notes}" if row.annotator else row.notes
