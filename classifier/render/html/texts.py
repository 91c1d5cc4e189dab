"""The articles of a report with the quotes marked in them, or why they are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from classifier.records import Article, ArticleRef, Evidence, Report
from classifier.render.html.kit import link
from classifier.render.html.marking import Mark, Piece, cut, fits, whole_signs
from classifier.render.text import WEAK, one_line

State = Literal["whole", "unproved", "changed", "missing"]

NOTES: Mapping[State, str] = {
    "whole": "",
    "unproved": "The report does not say which text it was made from. Here is the text that was "
    "given with it; nothing is marked in it.",
    "changed": "The text that was given is not the one that this report was made from, so it is "
    "not shown and nothing is marked.",
    "missing": "The text of this article is not at hand, so nothing can be marked in it.",
}
_LOST = "not found in the articles"


@dataclass(frozen=True)
class PieceView:
    """A stretch of an article. `quotes` are the ids of those that cover it; `id` is that of its
    mark, None where it is not marked.
    """

    text: str
    quotes: tuple[str, ...]
    id: str | None


@dataclass(frozen=True)
class ArticleView:
    """An article of the report, `number` counting from 1. `link` is its URL where it can be
    followed; `pieces` are empty where its text is not shown.
    """

    number: int
    ref: ArticleRef
    state: State
    pieces: tuple[PieceView, ...] = ()

    @property
    def note(self) -> str:
        """Why nothing is marked in it; empty where its text is the report's."""
        return NOTES[self.state]

    @property
    def link(self) -> str | None:
        """Its URL, where a browser may follow it."""
        return link(self.ref.url)

    @property
    def name(self) -> str:
        """What it is called: its title, else its id."""
        return one_line(self.ref.title) or one_line(self.ref.id)


@dataclass(frozen=True)
class QuoteView:
    """A quote. `marks` are the ids of its marks, in order; where it has none, `why` says why.
    `doubt` says what is to be doubted of one that stands.
    """

    id: str
    text: str
    match: str
    article: str
    marks: tuple[str, ...] = ()
    why: str = ""
    doubt: str = ""

    @property
    def lost(self) -> bool:
        """Whether it stands in no article: it supports nothing."""
        return self.match == "not_found"


def usable(ref: ArticleRef, article: Article | None) -> bool:
    """Whether this is the text that the report was made from, as far as the report tells."""
    return _state(ref, article) in ("whole", "unproved")


class Texts:
    """The articles of a report, and its quotes by the evidence that they are."""

    def __init__(self, report: Report, articles: Mapping[str, Article]) -> None:
        self._ids = {e: f"q{n}" for n, e in enumerate(dict.fromkeys(_evidence(report)), 1)}
        self._marks: dict[str, list[str]] = {}
        refs = enumerate(report.incident.articles, 1)
        self._texts = {ref.id: articles.get(ref.id) for ref in report.incident.articles}
        self.articles = tuple(self._article(n, ref) for n, ref in refs)
        self._states = {view.ref.id: view.state for view in reversed(self.articles)}
        self.numbers = {view.ref.id: view.number for view in reversed(self.articles)}

    def quote(self, evidence: Evidence) -> QuoteView:
        """A quote of the report, with the places where it is marked."""
        id_ = self._ids[evidence]
        marks = tuple(self._marks.get(id_, ()))
        return QuoteView(
            id=id_,
            text=one_line(evidence.quote),
            match=evidence.match,
            article=evidence.article_id,
            marks=marks,
            why="" if marks else self._why(evidence),
            doubt=WEAK if evidence.weak else "",
        )

    def _article(self, number: int, ref: ArticleRef) -> ArticleView:
        article = self._texts[ref.id]
        state = _state(ref, article)
        if article is None or state in ("changed", "missing"):
            return ArticleView(number, ref, state)
        marks = list(self._standing(article)) if state == "whole" else []
        pieces = cut(article.text, whole_signs(article.text, marks))
        views = tuple(_piece(piece, f"a{number}m{n}") for n, piece in enumerate(pieces))
        for view in views:
            for quote in view.quotes:
                self._marks.setdefault(quote, []).append(view.id or "")
        return ArticleView(number, ref, state, views)

    def _standing(self, article: Article) -> Iterator[Mark[str]]:
        for evidence, id_ in self._ids.items():
            mine = evidence.article_id == article.id and id_ not in self._marks
            if mine and _stands(article, evidence):
                yield Mark(evidence.start or 0, evidence.end or 0, id_)

    def _why(self, evidence: Evidence) -> str:
        if not evidence.located:
            return _LOST
        state = self._states.get(evidence.article_id)
        if state is None:
            return "from an article that the report does not list"
        if state == "whole":
            return "does not stand at the place that the report gives"
        return "cannot be shown: the article's text is not at hand"


def _state(ref: ArticleRef, article: Article | None) -> State:
    if article is None:
        return "missing"
    if ref.sha256 is None:
        return "unproved"
    return "whole" if article.sha256 == ref.sha256 else "changed"


def _stands(article: Article, evidence: Evidence) -> bool:
    """Whether the passage is there; an exact quote must also read as it says."""
    if not evidence.located or not fits(article.text, evidence.start, evidence.end):
        return False
    passage = article.text[evidence.start : evidence.end]
    return evidence.match != "exact" or passage.strip() == evidence.quote.strip()


def _piece(piece: Piece[str], id_: str) -> PieceView:
    return PieceView(piece.text, piece.kinds, id_ if piece.kinds else None)


def _evidence(report: Report) -> Iterator[Evidence]:
    """All evidence, in the order of the report."""
    for answer in report.fields.values():
        for item in answer.items:
            yield from item.evidence
    for decision in report.categories.values():
        for finding in decision.findings:
            yield from finding.evidence
