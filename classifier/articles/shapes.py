"""Plain mappings, as the formats give them, to articles and incidents; pydantic judges them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
)

from classifier.articles.cleaning import clean, is_blank, mended
from classifier.articles.dates import FORMAT, as_day
from classifier.articles.items import Item, Placed, twin_articles
from classifier.articles.naming import quoted
from classifier.errors import InputError
from classifier.records import Article, Identifier

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from pydantic_core import ErrorDetails

_MOST_PROBLEMS = 5
_ALLOWED = {
    "id": "a string or an integer, of 1 to 200 printable characters",
    "incident": "a string or an integer, of 1 to 200 printable characters, or null",
    "text": "a string that is not empty",
    "published": FORMAT,
    "articles": "a list of 1 to 10000 articles",
}


def _mend(value: Any) -> Any:
    return mended(value) if isinstance(value, str) else value


def _line(value: Any) -> Any:
    return "" if value is None else mended(value).strip() if isinstance(value, str) else value


def _printable(value: str) -> str:
    if is_blank(value) or not value.isprintable():
        raise ValueError("not printable")
    return value


def _visible(value: str) -> str:
    if is_blank(value):
        raise ValueError("empty")
    return clean(value)


Name = Annotated[Identifier, BeforeValidator(_mend), AfterValidator(_printable)]
Line = Annotated[str, Strict(), BeforeValidator(_line)]
Text = Annotated[str, Strict(), BeforeValidator(_mend), AfterValidator(_visible)]
Day = Annotated[Any, BeforeValidator(as_day)]


class _Loose(BaseModel):
    """What other tools wrote: their keys beside ours are left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class ArticleShape(_Loose):
    """One article as a file has it. `incident` names the incident it belongs to, in JSON Lines."""

    text: Text
    id: Name | None = None
    title: Line = ""
    published: Day = None
    source: Line = ""
    url: Line = ""
    incident: Name | None = None

    def article(self, spare_id: str) -> Article:
        """The record; `spare_id` is for an article without one."""
        published: date | None = self.published
        return Article(
            id=self.id or spare_id,
            text=self.text,
            title=self.title,
            published=published,
            source=self.source,
            url=self.url,
        )


class IncidentShape(_Loose):
    """An incident as a file has it."""

    articles: Annotated[list[ArticleShape], Field(min_length=1, max_length=10_000)]
    id: Name | None = None
    title: Line = ""


def article_shape(value: object, place: str) -> ArticleShape:
    """The article in a mapping. Raises InputError with at most five problems, one a line."""
    try:
        return ArticleShape.model_validate(value)
    except ValidationError as error:
        raise _readable(error, place) from error


def item(value: object, source: str, place: str, spare_id: str) -> Item:
    """The incident in a mapping: of its `articles`, or of the one article that it is itself."""
    if not isinstance(value, dict):
        raise InputError(
            f"{place}: is {quoted(value)}, and must be an article (an object with `text`) or an "
            "incident (an object with `articles`)."
        )
    if "articles" in value:
        return _incident(value, source, place, spare_id)
    return one_article(article_shape(value, place), source, place, spare_id)


def one_article(shape: ArticleShape, source: str, place: str, spare_id: str) -> Item:
    """The incident of a single article; it has the article's id and title."""
    article = shape.article(spare_id)
    return Item(article.id, article.title, (Placed(article, source, place),))


def _incident(value: Mapping[str, object], source: str, place: str, spare_id: str) -> Item:
    try:
        shape = IncidentShape.model_validate(value)
    except ValidationError as error:
        raise _readable(error, place) from error
    members = _members(shape, source, place, shape.id or spare_id)
    return Item(shape.id or spare_id, shape.title, members)


def _members(shape: IncidentShape, source: str, place: str, spare: str) -> tuple[Placed, ...]:
    alone = len(shape.articles) == 1
    first: dict[str, Placed] = {}
    for number, article in enumerate(shape.articles):
        record = article.article(spare if alone else derived_id(spare, number + 1))
        member = Placed(record, source, place if alone else f"{place}: articles[{number}]")
        if (known := first.setdefault(record.id, member)) is not member:
            raise twin_articles(known, member)
    return tuple(first.values())


def derived_id(stem: str, number: int) -> str:
    """The id of the `number`th part of what is called `stem`; never longer than an id may be."""
    tail = f"-{number}"
    return stem[: 200 - len(tail)] + tail


def _readable(error: ValidationError, place: str) -> InputError:
    problems = error.errors(include_url=False, include_context=False)
    lines = [_problem(p, place) for p in problems[:_MOST_PROBLEMS]]
    if (more := len(problems) - len(lines)) > 0:
        lines.append(f"{place}: and {more} more.")
    return InputError("\n".join(lines))


def _problem(problem: ErrorDetails, place: str) -> str:
    path = _path(problem["loc"])
    field = next((part for part in reversed(problem["loc"]) if isinstance(part, str)), "")
    allowed = _ALLOWED.get(field, "a string")
    if problem["loc"] and isinstance(problem["loc"][-1], int):
        allowed = "an article (an object with `text`)"
    if problem["type"] == "missing":
        return f"{place}: {path} is missing. Add it: {allowed}."
    return f"{place}: {path} is {quoted(problem['input'])}. Write {allowed}."


def _path(loc: tuple[int | str, ...]) -> str:
    joined = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return joined.lstrip(".")
