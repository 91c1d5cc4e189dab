"""From one row, one JSON line or one parsed file to incidents in the making, and their ids."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from classifier.articles.cleaning import is_blank
from classifier.articles.items import Item
from classifier.articles.naming import LONGEST_ID
from classifier.articles.shapes import article_shape, item, one_article
from classifier.batch.inputs.options import Unread
from classifier.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from classifier.articles.shapes import ArticleShape
    from classifier.batch.inputs.options import InputOptions
    from classifier.batch.inputs.sources import SourceFile

_DIGITS = 16  # of the digest in an id: two of a million articles meet once in 37 million runs


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a file: the row or line that `number` counts from 1, or all of it for 0."""

    file: SourceFile
    number: int = 0

    def __str__(self) -> str:
        if not self.number:
            return self.file.name
        parting = ": row " if self.file.kind == "parquet" else ":"
        return f"{self.file.name}{parting}{self.number}"


@dataclass(frozen=True, slots=True)
class Whole:
    """An incident that is complete; `grouped` says that rows made it by their `incident`."""

    item: Item
    spot: Spot
    grouped: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """An article of the incident `incident`, whose other articles may follow."""

    incident: str
    shape: ArticleShape
    spot: Spot


Found = Whole | Member | Unread


def row(values: Mapping[str, object], spot: Spot, options: InputOptions) -> Whole | Member | Unread:
    """The article in a row, by field. Nothing is raised: what cannot be used is Unread."""
    place = str(spot)
    try:
        _refuse_long(values.get("text"), place, options)
        shape = article_shape(values, place)
    except InputError as error:
        return Unread(place, str(error), _known_id(values))
    if shape.incident is not None:
        return Member(shape.incident, shape, spot)
    return Whole(one_article(shape, spot.file.path, place, _row_id(shape)), spot)


def nested(value: object, line: str, spot: Spot, options: InputOptions) -> Whole | Unread:
    """The incident in a mapping with `articles`, or what is wrong with the value of the line."""
    place = str(spot)
    try:
        made = item(value, spot.file.path, place, _digest(line.strip()))
    except InputError as error:
        return Unread(place, str(error), _known_id(value))
    return bounded(made, spot, options)


def bounded(made: Item, spot: Spot, options: InputOptions) -> Whole | Unread:
    """The incident, where none of its articles is longer than the options allow."""
    try:
        for member in made.members:
            _refuse_long(member.article.text, member.place, options)
    except InputError as error:
        return Unread(made.place, str(error), made.id)
    return Whole(made, spot)


def too_long(what: str, options: InputOptions) -> InputError:
    """The error for what is longer than `--max-characters` lets it be."""
    return InputError(
        f"{what}, and {options.max_characters:,} are allowed for an article. Raise "
        "--max-characters to read it, or shorten it."
    )


def _refuse_long(text: object, place: str, options: InputOptions) -> None:
    most = options.max_characters
    if isinstance(text, str) and most is not None and len(text) > most:
        raise too_long(f"{place}: the text has {len(text):,} characters", options)


def _known_id(value: object) -> str | None:
    """The id that a broken row gives itself, where it is one."""
    given = value.get("id") if isinstance(value, dict) else None
    if isinstance(given, bool) or not isinstance(given, str | int):
        return None
    name = str(given) if isinstance(given, str) or given.bit_length() < 1000 else ""
    fits = name.isprintable() and not is_blank(name) and len(name) <= LONGEST_ID
    return name if fits else None


def _row_id(shape: ArticleShape) -> str:
    """The id of a row that gives none: a digest of its fields.

    Unlike the row's number it stays the same where rows are added, sorted or taken away, and where
    a table becomes a file of another format; and the same article twice is seen to be the same.
    """
    if shape.id is not None:
        return shape.id
    return _digest(shape.title, str(shape.published), shape.source, shape.url, shape.text)


def _digest(*texts: str) -> str:
    """The beginning keeps a spreadsheet from taking the digits for a number."""
    data = "\0".join(texts).encode("utf-8", "surrogatepass")  # the reader leaves no NUL in a text
    return "id-" + sha256(data).hexdigest()[:_DIGITS]
