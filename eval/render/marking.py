"""The marks of a comparison's articles: what people quoted, and the evidence of the two runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from classifier.render.html import marking
from classifier.render.html.marking import fits

Kind = Literal["people", "before", "after"]
KINDS: tuple[Kind, ...] = ("people", "before", "after")

Mark = marking.Mark[Kind]
Piece = marking.Piece[Kind]


def cut(text: str, marks: Sequence[Mark]) -> tuple[Piece, ...]:
    """The whole text in pieces, the kinds of each in the order of `KINDS`; every mark must fit."""
    return marking.cut(text, sorted(marks, key=lambda mark: KINDS.index(mark.kind)))


__all__ = ["KINDS", "Kind", "Mark", "Piece", "cut", "fits"]
