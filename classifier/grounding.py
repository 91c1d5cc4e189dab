"""Pins a quote to the article it stands in: exact, normalised, fuzzy, or not found.

A fuzzy match forgives a typo, never another number and never a negation more or less.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from rapidfuzz.fuzz import partial_ratio_alignment, ratio

from classifier.claims import same_claim
from classifier.records import Article, Evidence, Match, Part

FUZZY_SCORE = 90.0
# The search sees windows as long as the quote, and a passage with a word more is longer than that.
_SEARCH_SCORE = 80.0
FUZZY_CHARACTERS = 20
FUZZY_MOST_CHARACTERS = 2000
# rapidfuzz searches for at most this many characters in time linear in the text.
_PROBE = 64
# How far an end of a fuzzy match may move to the end of a word that serves it better.
_REACH = 24

_SAME = {
    **dict.fromkeys("‘’‚‛′`´ʼ", "'"),
    **dict.fromkeys("“”„‟″«»「」『』", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    "…": "...",
}
# What cannot be seen: soft hyphens, joiners, byte-order and direction marks.
_IGNORED = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe0e\ufe0f\ufeff]"
)
_ELLIPSIS = re.compile(r"\s*(?:\[\s*(?:\.{3}|…)\s*\]|\(\s*(?:\.{3}|…)\s*\)|\.{3,}|…)\s*")
_EDGE = " \t\r\n\u00a0\"'“”„‟‘’‚‛«»「」『』*_"
# Thai, Lao, Burmese, Khmer, Chinese and Japanese are written without spaces between words.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


Span = tuple[int, int]


@dataclass(frozen=True)
class Normalised:
    """A text in a form that forgives typography, and where each character came from.

    `places[i]` is the offset in the original of the character behind `text[i]`.
    """

    text: str
    places: Sequence[int]

    def span(self, start: int, end: int) -> Span:
        """The span of the original behind a span of the normalised text."""
        return self.places[start], self.places[end - 1] + 1

    def window(self, start: int, end: int) -> Span:
        """The span of the normalised text that comes from a span of the original."""
        return bisect_left(self.places, start), bisect_left(self.places, end)

    def cuts(self, place: int) -> bool:
        """Whether a word, or a single character of the original, runs through `place`."""
        if not 0 < place < len(self.text):
            return False
        within = self.places[place - 1] == self.places[place]
        return within or _cuts_word(self.text, place)


def normalise(text: str) -> Normalised:
    """Compatibility forms, case, quotes, dashes and white space made alike."""
    characters: list[str] = []
    places = array("L")
    last = " "
    for place, character in enumerate(text):
        for form in _forms(character):
            if form == " " == last:
                continue
            characters.append(form)
            places.append(place)
            last = form
    if characters and last == " ":
        characters.pop()
        places.pop()
    return Normalised("".join(characters), places)


@lru_cache(4096)
def _forms(character: str) -> str:
    if _IGNORED.match(character):
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


Finder = Callable[[_Source, str, int, int], Span | None]
Window = tuple[_Source, int, int]


class Locator:
    """Finds quotes in the articles of one incident."""

    def __init__(self, articles: Sequence[Article]) -> None:
        self._sources = {a.id: _Source(a) for a in articles}

    def locate(self, quote: str, parts: Sequence[Part] = ()) -> tuple[Evidence, ...]:
        """Evidence for a quote; one with an ellipsis gives one for each side that has words.

        `parts` are the passages that the model saw: a quote that stands in several places is
        pinned to one of them.
        """
        pieces = [p for p in _ELLIPSIS.split(quote.strip(_EDGE)) if p.strip(_EDGE)]
        whole = self._pin(quote, parts)
        if whole.located or pieces in ([], [quote.strip(_EDGE)]):
            return (whole,)
        return tuple(self._pin(piece, parts) for piece in pieces)

    def _pin(self, quote: str, parts: Sequence[Part]) -> Evidence:
        """The first match: word for word before fuzzy, and the passages seen before any other."""
        seen, rest = self._windows(parts)
        if any(c.isalnum() for c in quote):
            for finders in (_VERBATIM, _FUZZY):
                for windows in (seen, rest):
                    evidence = _find(quote, finders, windows)
                    if evidence is not None:
                        return evidence
        first = (seen or rest)[0][0].id
        return Evidence(article_id=first, quote=quote, match="not_found")

    def _windows(self, parts: Sequence[Part]) -> tuple[list[Window], list[Window]]:
        seen = [
            (self._sources[p.article_id], p.start, p.end)
            for p in parts
            if p.article_id in self._sources
        ]
        rest = [(s, 0, len(s.text)) for s in self._sources.values()]
        return seen, [window for window in rest if window not in seen]


def _find(
    quote: str, finders: Sequence[tuple[Finder, Match]], windows: Sequence[Window]
) -> Evidence | None:
    for find, match in finders:
        for source, start, end in windows:
            span = find(source, quote, start, end)
            if span is not None:
                return Evidence(
                    article_id=source.id, quote=quote, start=span[0], end=span[1], match=match
                )
    return None


def _exact(source: _Source, quote: str, start: int, end: int) -> Span | None:
    """The quote between word ends; a long one may have been cut short in a word."""
    wanted = quote.strip()
    first: Span | None = None
    for at in _occurrences(source.text, wanted, start, end):
        span = (at, at + len(wanted))
        if not any(_cuts_word(source.text, place) for place in span):
            return span
        first = first or span
    return first if len(wanted) >= FUZZY_CHARACTERS else None


def _normalised(source: _Source, quote: str, start: int, end: int) -> Span | None:
    wanted = normalise(quote.strip(_EDGE)).text
    haystack = source.normalised
    for at in _occurrences(haystack.text, wanted, *haystack.window(start, end)):
        stop = at + len(wanted)
        if not (haystack.cuts(at) or haystack.cuts(stop)):
            return haystack.span(at, stop)
    return None


def _occurrences(text: str, wanted: str, start: int, end: int) -> Iterator[int]:
    at = text.find(wanted, start, end)
    while at >= 0:
        yield at
        at = text.find(wanted, at + 1, end)


def _cuts_word(text: str, place: int) -> bool:
    """Whether a word runs through `place`; scripts without spaces have no such ends."""
    if not 0 < place < len(text):
        return False
    before, after = text[place - 1], text[place]
    if unicodedata.category(after).startswith("M"):
        return not before.isspace()
    if _UNSPACED.match(before) or _UNSPACED.match(after):
        return False
    joined = before.isalnum() or unicodedata.category(before).startswith("M")
    return joined and after.isalnum()


def _fuzzy(source: _Source, quote: str, start: int, end: int) -> Span | None:
    wanted = normalise(quote.strip(_EDGE)).text
    haystack = source.normalised
    limits = haystack.window(start, end)
    long_enough = FUZZY_CHARACTERS <= len(wanted) <= limits[1] - limits[0] + _REACH
    if not long_enough or len(wanted) > FUZZY_MOST_CHARACTERS:
        return None
    for near in _candidates(wanted, haystack.text, limits):
        found = _aligned(wanted, haystack.text, near)
        if found is not None:
            first, last = _fitted(wanted, haystack, found, limits)
            passage = haystack.text[first:last]
            if ratio(wanted, passage) >= FUZZY_SCORE and same_claim(wanted, passage):
                return haystack.span(first, last)
    return None


def _candidates(wanted: str, text: str, limits: Span) -> Iterator[Span]:
    """Where a quote may stand. A long one is searched by its beginning, middle and end: searched
    as a whole, it can take a minute in a long text that repeats itself.
    """
    if len(wanted) <= _PROBE:
        yield limits
        return
    last = len(wanted) - _PROBE
    for at in (0, last // 2, last):
        found = _aligned(wanted[at : at + _PROBE], text, limits)
        if found is not None:
            begin = found[0] - at
            end = begin + len(wanted) + 2 * _REACH
            yield max(limits[0], begin - 2 * _REACH), min(limits[1], end)


def _aligned(wanted: str, text: str, limits: Span) -> Span | None:
    low, high = limits
    # Padded, because a quote that is longer than its text would itself be the one searched.
    searched = text[low:high].ljust(len(wanted))
    found = partial_ratio_alignment(wanted, searched, score_cutoff=_SEARCH_SCORE)
    if found is None:
        return None
    return low + found.dest_start, min(low + found.dest_end, high)


def _fitted(wanted: str, haystack: Normalised, near: Span, limits: Span) -> Span:
    """The span between word ends near a window that is most like the quote."""
    starts = _ends_near(haystack, near[0], limits)
    ends = _ends_near(haystack, near[1], limits)
    spans = [(a, b) for a in starts for b in ends if a < b]
    return max(
        (s for s in spans if haystack.text[s[0]] != " " != haystack.text[s[1] - 1]),
        key=lambda s: ratio(wanted, haystack.text[s[0] : s[1]]),
        default=near,
    )


def _ends_near(haystack: Normalised, place: int, limits: Span) -> list[int]:
    low, high = max(limits[0], place - _REACH), min(limits[1], place + _REACH)
    return [p for p in range(low, high + 1) if not haystack.cuts(p)]


_VERBATIM: tuple[tuple[Finder, Match], ...] = ((_exact, "exact"), (_normalised, "normalised"))
_FUZZY: tuple[tuple[Finder, Match], ...] = ((_fuzzy, "fuzzy"),)
