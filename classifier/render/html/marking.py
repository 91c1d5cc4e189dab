"""Cuts a text where marks begin and end, so that marks which overlap stand side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Generic, Literal, TypeVar

import regex

K = TypeVar("K", bound=Hashable)

_CLUSTER = regex.compile(r"\X")


@dataclass(frozen=True)
class Mark(Generic[K]):
    """A passage to be marked: `text[start:end]`, in Unicode code points."""

    start: int
    end: int
    kind: K


@dataclass(frozen=True)
class Piece(Generic[K]):
    """A stretch of text under the same marks: the kinds that cover it, and those that begin at it.

    `start` and `end` are its offsets in the text, in Unicode code points.
    """

    start: int
    end: int
    text: str
    kinds: tuple[K, ...]
    begins: tuple[K, ...]


def fits(text: str, start: int | None, end: int | None) -> bool:
    """Whether there is a passage of the text to mark between two offsets."""
    return start is not None and end is not None and 0 <= start < end <= len(text)


def cut(text: str, marks: Sequence[Mark[K]]) -> tuple[Piece[K], ...]:
    """The whole text in pieces; every mark must fit. Pieces joined together are the text.

    The kinds of a piece are in the order in which the marks first name them.
    """
    places = sorted({0, len(text), *(m.start for m in marks), *(m.end for m in marks)})
    opening, closing = _by_place(marks, "start"), _by_place(marks, "end")
    rank = {kind: n for n, kind in enumerate(dict.fromkeys(m.kind for m in marks))}
    covering: Counter[K] = Counter()
    pieces = []
    for start, end in pairwise(places):
        begins = opening.get(start, Counter())
        covering += begins
        covering -= closing.get(start, Counter())
        kinds, first = (tuple(sorted(of, key=rank.__getitem__)) for of in (covering, begins))
        pieces.append(Piece(start, end, text[start:end], kinds, first))
    return tuple(pieces)


def whole_signs(text: str, marks: Sequence[Mark[K]]) -> list[Mark[K]]:
    """The marks, widened so that none parts what a reader sees as one sign: a letter from its
    accent, or the persons of one emoji.
    """
    inner = {} if text.isascii() else _inner(text)

    def widened(mark: Mark[K]) -> Mark[K]:
        start, end = inner.get(mark.start), inner.get(mark.end)
        return replace(
            mark, start=start[0] if start else mark.start, end=end[1] if end else mark.end
        )

    return [widened(mark) for mark in marks]


def _inner(text: str) -> Mapping[int, tuple[int, int]]:
    """For each place within a sign of several code points, where the sign begins and ends."""
    spans = (found.span() for found in _CLUSTER.finditer(text))
    return {at: (a, b) for a, b in spans if b - a > 1 for at in range(a + 1, b)}


def _by_place(marks: Sequence[Mark[K]], side: Literal["start", "end"]) -> dict[int, Counter[K]]:
    found: dict[int, Counter[K]] = {}
    for mark in marks:
        found.setdefault(getattr(mark, side), Counter())[mark.kind] += 1
    return found
