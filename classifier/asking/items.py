"""Makes an item of a field out of what the model said: its quotes located, its date resolved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from classifier.asking.context import AskContext
from classifier.chunking import Chunk, sentences
from classifier.dating import UnresolvedClueError, date_clues, resolve
from classifier.language import language_of
from classifier.records import Article, Evidence, Item, Part, When

# How far around a quote the sentence that holds it is looked for.
_REACH = 600


@dataclass(frozen=True)
class Said:
    """One statement of a model; `quotes` are its words, `clue` what it says to tell the date."""

    text: str
    quotes: tuple[str, ...] = ()
    clue: str = ""
    inferred: bool = False


def item_of(said: Said, evidence: Sequence[Evidence], when: When | None = None) -> Item:
    """The statement with the articles that its quotes stand in."""
    articles = dict.fromkeys(e.article_id for e in evidence if e.located)
    return Item(
        text=said.text,
        articles=tuple(articles),
        evidence=tuple(evidence),
        inferred=said.inferred,
        when=when,
    )


def when_of(
    context: AskContext, chunk: Chunk, said: Said, evidence: Sequence[Evidence]
) -> tuple[When | None, str]:
    """The date of a statement, or None and why there is none.

    It comes from the clue, if that stands in an article, and else from the words of the sentences
    that the quotes stand in; it counts from the day on which that article was published.
    """
    why = ""
    for clue, article, language in _clues(context, chunk, said, evidence):
        try:
            return resolve(clue, article.published, language), ""
        except UnresolvedClueError as error:
            why = why or str(error)
    if said.clue and not why:
        why = f"{said.clue!r} stands in no article"
    return None, why or f"no words of the articles say when: {said.text!r}"


def _clues(
    context: AskContext, chunk: Chunk, said: Said, evidence: Sequence[Evidence]
) -> Iterator[tuple[str, Article, str]]:
    """Words that may say a date, the article that they stand in, and their language."""
    parts = [_part(e) for e in evidence if e.located]
    if said.clue:
        found = context.locator.locate(said.clue, parts or chunk.parts)[0]
        if found.located:
            article = context.articles[found.article_id]
            yield said.clue, article, language_of(article.text)
    for part in parts:
        article = context.articles[part.article_id]
        told = (s for s in _sentences(article.text, part) if date_clues(s))
        yield from ((sentence, article, "en") for sentence in told)


def _part(evidence: Evidence) -> Part:
    return Part(article_id=evidence.article_id, start=evidence.start or 0, end=evidence.end or 0)


def _sentences(text: str, part: Part) -> Iterator[str]:
    """The sentences that a passage touches."""
    low, high = max(0, part.start - _REACH), min(len(text), part.end + _REACH)
    for start, end in sentences(text, low, high):
        if start < part.end and part.start < end:
            yield text[start:end]
