"""Pins a quote to the article it stands in: exact, normalised, fuzzy, or not found.

A fuzzy match forgives a typo, never another number and never a negation more or less.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz.fuzz import partial_ratio_alignment

from classifier.records import Article, Evidence, Match, Part

FUZZY_SCORE = 90.0
FUZZY_CHARACTERS = 20

_SAME = {
    **dict.fromkeys("‘’‚‛′`´ʼ", "'"),
    **dict.fromkeys("“”„‟″«»「」『』", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    "…": "...",
}
_IGNORED = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
_ELLIPSIS = re.compile(r"\s*(?:\[\s*(?:\.{3}|…)\s*\]|\(\s*(?:\.{3}|…)\s*\)|\.{3,}|…)\s*")
_EDGE = " \t\n\"'“”„‟‘’‚‛«»「」『』*_"
_NUMBER = re.compile(r"\d+")
_NEGATION = re.compile(r"n't\b|\b(?:no|not|never|none|nobody|nothing|neither|nor|without|cannot)\b")


@dataclass(frozen=True)
class Normalised:
    """A text in a form that forgives typography, and where each character came from.

    `places[i]` is the offset in the original of the character behind `text[i]`.
    """

    text: str
    places: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original behind a span of the normalised text."""
        return self.places[start], self.places[end - 1] + 1


def normalise(text: str) -> Normalised:
    """Compatibility forms, case, quotes, dashes and white space made alike."""
    characters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for form in _forms(character):
            if form == " " and (not characters or characters[-1] == " "):
                continue
            characters.append(form)
            places.append(place)
    if characters and characters[-1] == " ":
        characters.pop()
        places.pop()
    return Normalised("".join(characters), tuple(places))


def _forms(character: str) -> Iterable[str]:
    if character in _IGNORED:
        return ""
    if character.isspace():
        return " "
    same = _SAME.get(character)
    return same or unicodedata.normalize(
        "NFKD", unicodedata.normalize("NFKC", character).casefold()
    )


class _Source:
    """One article, normalised only when a quote needs it."""

    def __init__(self, article: Article) -> None:
        self.id = article.id
        self.text = article.text

    @cached_property
    def normalised(self) -> Normalised:
        return normalise(self.text)


Span = tuple[int, int]
Finder = Callable[[_Source, str, int, int], Span | None]


class Locator:
    """Finds quotes in the articles of one incident."""

    def __init__(self, articles: Sequence[Article]) -> None:
        self._sources = {a.id: _Source(a) for a in articles}

    def locate(self, quote: str, parts: Sequence[Part] = ()) -> tuple[Evidence, ...]:
        """Evidence for a quote; one with an ellipsis gives one for each side of it.

        `parts` are the passages that the model saw: a quote that stands in several places is
        pinned to one of them.
        """
        pieces = [p for p in _ELLIPSIS.split(quote.strip(_EDGE)) if p.strip(_EDGE)]
        whole = self._pin(quote, parts)
        if whole.located or len(pieces) < 2:
            return (whole,)
        return tuple(self._pin(piece, parts) for piece in pieces)

    def _pin(self, quote: str, parts: Sequence[Part]) -> Evidence:
        for find, match in _FINDERS:
            for source, start, end in self._places(parts):
                span = find(source, quote, start, end)
                if span is not None:
                    return Evidence(
                        article_id=source.id, quote=quote, start=span[0], end=span[1], match=match
                    )
        first = parts[0].article_id if parts else next(iter(self._sources))
        return Evidence(article_id=first, quote=quote, match="not_found")

    def _places(self, parts: Sequence[Part]) -> Iterator[tuple[_Source, int, int]]:
        for part in parts:
            if part.article_id in self._sources:
                yield self._sources[part.article_id], part.start, part.end
        for source in self._sources.values():
            yield source, 0, len(source.text)


def _exact(source: _Source, quote: str, start: int, end: int) -> Span | None:
    wanted = quote.strip()
    at = source.text.find(wanted, start, end) if wanted else -1
    return None if at < 0 else (at, at + len(wanted))


def _normalised(source: _Source, quote: str, start: int, end: int) -> Span | None:
    wanted = normalise(quote.strip(_EDGE)).text
    if not any(c.isalnum() for c in wanted):
        return None
    haystack = source.normalised
    at = haystack.text.find(wanted)
    while at >= 0:
        span = haystack.span(at, at + len(wanted))
        if start <= span[0] and span[1] <= end and _whole_words(source.text, span):
            return span
        at = haystack.text.find(wanted, at + 1)
    return None


def _whole_words(text: str, span: Span) -> bool:
    return not (_cuts_word(text, span[0]) or _cuts_word(text, span[1]))


def _cuts_word(text: str, place: int) -> bool:
    """Whether an ASCII word runs through `place`; scripts without spaces have no such ends."""
    if not 0 < place < len(text):
        return False
    before, after = text[place - 1], text[place]
    return all(c.isascii() and c.isalnum() for c in (before, after))


def _fuzzy(source: _Source, quote: str, start: int, end: int) -> Span | None:
    wanted = normalise(quote.strip(_EDGE)).text
    haystack = source.normalised
    if len(wanted) < FUZZY_CHARACTERS or len(wanted) > len(haystack.text):
        return None
    found = partial_ratio_alignment(wanted, haystack.text, score_cutoff=FUZZY_SCORE)
    if found is None or found.dest_start >= found.dest_end:
        return None
    first, last = _snap(haystack.text, found.dest_start, found.dest_end)
    span = haystack.span(first, last)
    inside = start <= span[0] and span[1] <= end
    return span if inside and _same_claim(wanted, haystack.text[first:last]) else None


def _snap(text: str, start: int, end: int) -> Span:
    """Widen a window that cuts a word in half, or narrow it where only a letter was caught."""
    while start > 0 and _cuts_word(text, start):
        start -= 1
    while end < len(text) and _cuts_word(text, end):
        end += 1
    while start < end and text[start] == " ":
        start += 1
    while end > start and text[end - 1] == " ":
        end -= 1
    return start, end


def _same_claim(wanted: str, passage: str) -> bool:
    numbers = set(_NUMBER.findall(wanted)) <= set(_NUMBER.findall(passage))
    return numbers and len(_NEGATION.findall(wanted)) == len(_NEGATION.findall(passage))


_FINDERS: tuple[tuple[Finder, Match], ...] = (
    (_exact, "exact"),
    (_normalised, "normalised"),
    (_fuzzy, "fuzzy"),
)
