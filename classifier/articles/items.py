"""What lies between bytes and incidents: where an article is from, and what was found there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from classifier.articles.naming import shown
from classifier.errors import InputError
from classifier.records import Article, Incident

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Raw:
    """Bytes and where they are from.

    `source` is as the caller gave it, `name` is fit to be shown, `id` is for what has none, `kind`
    is a key of the table of formats, and `url` is where the bytes were fetched.
    """

    data: bytes
    source: str
    name: str
    id: str
    kind: str
    url: str = ""


@dataclass(frozen=True)
class Placed:
    """An article, the source it came from, and its place there, fit to be shown."""

    article: Article
    source: str
    place: str


@dataclass(frozen=True)
class Item:
    """An incident in the making."""

    id: str
    title: str
    members: tuple[Placed, ...]

    @property
    def source(self) -> str:
        """The source of the first article."""
        return self.members[0].source

    @property
    def place(self) -> str:
        """The place of the first article."""
        return self.members[0].place

    def incident(self) -> Incident:
        """The record; an incident of one article is called as its article is."""
        articles = tuple(m.article for m in self.members)
        title = self.title or (articles[0].title if len(articles) == 1 else "")
        return Incident(id=self.id, title=title, articles=articles)


@dataclass(frozen=True)
class Failure:
    """A source, or a part of one, that could not be read."""

    source: str
    error: InputError


@dataclass(frozen=True)
class Parsed:
    """What one source held."""

    items: tuple[Item, ...] = ()
    failures: tuple[Failure, ...] = ()


def without_twins(members: Iterable[Placed]) -> tuple[tuple[Placed, ...], tuple[Failure, ...]]:
    """The first article of each id, and a failure for each later one."""
    first: dict[str, Placed] = {}
    failures = []
    for member in members:
        if (known := first.setdefault(member.article.id, member)) is not member:
            failures.append(Failure(member.source, twin_articles(known, member)))
    return tuple(first.values()), tuple(failures)


def twin_articles(first: Placed, second: Placed) -> InputError:
    """The error for two articles with one id; it says so where they have one text, too."""
    same = "; their texts are identical" if first.article.text == second.article.text else ""
    return InputError(
        f"{second.place}: the article id '{shown(second.article.id)}' is already that of "
        f"{first.place}{same}. Ids are unique within an incident: change one, or leave one out."
    )


def twin_incidents(first: Item, second: Item) -> InputError:
    """The error for two incidents with one id."""
    return InputError(
        f"{second.place}: the incident id '{shown(second.id)}' is already that of {first.place}. "
        "Ids of incidents are unique: change one, or read both as one incident "
        f"(--incident {shown(second.id)})."
    )
