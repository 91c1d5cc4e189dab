"""Makes of a flip what its page shows: quotes with links to their marks, articles with the marks.

The people's quotes are located here; those of the runs bring their offsets along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from classifier.grounding import Locator
from classifier.records import Article, Evidence
from classifier.render.html.kit import link
from classifier.render.text import one_line
from eval.changes import Flip
from eval.gold import Gold, GoldIncident
from eval.render.marking import Kind, Mark, Piece, cut, fits

ARTICLE_CHARACTERS = 6_000_000
"""How much text of articles a page holds: an article stands in it once for each of its flips."""


@dataclass(frozen=True)
class QuoteView:
    """A quote in the list; `first` and `last` are the ids of its marks, None where it has none."""

    kind: Kind
    text: str
    option: str
    match: str
    first: str | None = None
    last: str | None = None


@dataclass(frozen=True)
class PieceView:
    """A piece of an article; `id` is that of its mark, None where it is not marked."""

    piece: Piece
    id: str | None


@dataclass(frozen=True)
class ArticleView:
    """An article in pieces. `link` is its URL where that can be followed."""

    article: Article
    link: str | None
    pieces: tuple[PieceView, ...]

    @property
    def marked(self) -> bool:
        """Whether there is any mark in it."""
        return any(view.id for view in self.pieces)


@dataclass(frozen=True)
class FlipView:
    """A flip with what is shown of it. `number` counts from 0, `category` is that one's place.

    `reasons` are the people's, by option; `missing` says why there are no articles.
    """

    number: int
    flip: Flip
    category: int
    title: str
    reasons: tuple[tuple[str, str], ...] = ()
    quotes: tuple[QuoteView, ...] = ()
    articles: tuple[ArticleView, ...] = ()
    missing: str = ""


def flip_views(
    flips: Sequence[Flip],
    categories: Mapping[str, int],
    gold: Gold,
    budget: int = ARTICLE_CHARACTERS,
) -> Iterator[FlipView]:
    """Each flip as it is shown; articles are left out once their text would exceed the budget."""
    sources = {incident.id: _Source(incident) for incident in gold.incidents}
    for at, flip in enumerate(flips):
        source = sources.get(flip.incident)
        place = categories[flip.category]
        if source is None:
            yield FlipView(at, flip, place, flip.incident, missing="The gold lacks this incident.")
            continue
        budget -= source.characters
        yield _view(at, flip, place, source, whole=budget >= 0)


@dataclass(frozen=True)
class _Source:
    incident: GoldIncident

    @cached_property
    def locator(self) -> Locator:
        return Locator(self.incident.articles)

    @cached_property
    def characters(self) -> int:
        return sum(len(article.text) for article in self.incident.articles)

    @property
    def title(self) -> str:
        return one_line(self.incident.articles[0].title) or self.incident.id


@dataclass(frozen=True)
class _Quoted:
    kind: Kind
    option: str
    evidence: Evidence


def _view(at: int, flip: Flip, category: int, source: _Source, *, whole: bool) -> FlipView:
    quoted = [*_of_people(flip, source), *_of_runs(flip)]
    found: dict[int, tuple[str, str]] = {}
    articles = []
    for place, article in enumerate(source.incident.articles if whole else ()):
        pieces = _pieces(article, quoted, f"f{at}a{place}")
        articles.append(ArticleView(article, link(article.url), pieces))
        found |= _found(article, quoted, pieces)
    quotes = (_quote(one, *found.get(n, (None, None))) for n, one in enumerate(quoted))
    reasons = source.incident.reasons.get(flip.category, {}).items()
    return FlipView(
        number=at,
        flip=flip,
        category=category,
        title=source.title,
        reasons=tuple((option, why.rationale) for option, why in reasons if why.rationale),
        quotes=tuple(quotes),
        articles=tuple(articles),
        missing="" if whole else "The articles are left out: the page would be too large.",
    )


def _of_people(flip: Flip, source: _Source) -> Iterator[_Quoted]:
    for option, reason in source.incident.reasons.get(flip.category, {}).items():
        for quote in reason.quotes:
            for evidence in source.locator.locate(quote):
                yield _Quoted("people", option, evidence)


def _of_runs(flip: Flip) -> Iterator[_Quoted]:
    sides: tuple[tuple[Kind, Sequence[Evidence]], ...] = (
        ("before", flip.evidence_before),
        ("after", flip.evidence_after),
    )
    for kind, evidence in sides:
        # whatever options it stands for
        places = {(e.article_id, e.start, e.end, e.quote): e for e in evidence}
        for one in places.values():
            yield _Quoted(kind, "", one)


def _stands(article: Article, evidence: Evidence) -> bool:
    return (
        evidence.article_id == article.id
        and evidence.located
        and fits(article.text, evidence.start, evidence.end)
    )


def _pieces(article: Article, quoted: Sequence[_Quoted], prefix: str) -> tuple[PieceView, ...]:
    marks = [
        Mark(q.evidence.start or 0, q.evidence.end or 0, q.kind)
        for q in quoted
        if _stands(article, q.evidence)
    ]
    return tuple(
        PieceView(piece, f"{prefix}m{n}" if piece.kinds else None)
        for n, piece in enumerate(cut(article.text, marks))
    )


def _found(
    article: Article, quoted: Sequence[_Quoted], views: Sequence[PieceView]
) -> dict[int, tuple[str, str]]:
    """The ids of the first and the last mark of each quote that stands in the article."""
    starts = {view.piece.start: view.id or "" for view in views}
    ends = {view.piece.end: view.id or "" for view in views}
    return {
        n: (starts[q.evidence.start or 0], ends[q.evidence.end or 0])
        for n, q in enumerate(quoted)
        if _stands(article, q.evidence)
    }


def _quote(one: _Quoted, first: str | None, last: str | None) -> QuoteView:
    text = one_line(one.evidence.quote)
    return QuoteView(one.kind, text, one.option, one.evidence.match, first, last)
