"""Cuts a text where marks begin and end, so that marks which overlap stand side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Kind = Literal["people", "before", "after"]
KINDS: tuple[Kind, ...] = ("people", "before", "after")


@dataclass(frozen=True)
class Mark:
    """A passage to be marked: `text[start:end]`, in Unicode code points."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True)
class Piece:
    """A stretch of text under the same marks: the kinds that cover it, and those that begin at it.

    `start` and `end` are its offsets in the text, in Unicode code points.
    """

    start: int
    end: int
    text: str
    kinds: tuple[Kind, ...]
    begins: tuple[Kind, ...]


def fits(text: str, start: int | None, end: int | None) -> bool:
    """Whether there is a passage of the text to mark between two offsets."""
    return start is not None and end is not None and 0 <= start < end <= len(text)


def cut(text: str, marks: Sequence[Mark]) -> tuple[Piece, ...]:
    """The whole text in pieces; every mark must fit. Pieces joined together are the text."""
    places = sorted({0, len(text), *(m.start for m in marks), *(m.end for m in marks)})
    opening, closing = _by_place(marks, "start"), _by_place(marks, "end")
    covering: Counter[Kind] = Counter()
    pieces = []
    for start, end in pairwise(places):
        begins = opening.get(start, Counter())
        covering += begins
        covering -= closing.get(start, Counter())
        pieces.append(Piece(start, end, text[start:end], _kinds(covering), _kinds(begins)))
    return tuple(pieces)


def _by_place(marks: Sequence[Mark], side: Literal["start", "end"]) -> dict[int, Counter[Kind]]:
    found: dict[int, Counter[Kind]] = {}
    for mark in marks:
        found.setdefault(getattr(mark, side), Counter())[mark.kind] += 1
    return found


def _kinds(counts: Counter[Kind]) -> tuple[Kind, ...]:
    return tuple(kind for kind in KINDS if counts[kind] > 0)
