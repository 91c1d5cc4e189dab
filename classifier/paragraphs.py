"""Takes a running text apart: paragraphs that a letter opens, `(a) ...`, and items, `1. ...`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Sequence

_LETTER = re.compile(r"(?<!\S)\(([a-z])\)(?!\S)")
_NUMBER = re.compile(r"(?<!\S)([1-9]\d{0,3})\.(?=\s)")
_SPACE = re.compile(r"\s*")
_SENTENCE_END = re.compile(r"[.!?:;\])\"'”’…]\s*$")


def opens_paragraph(line: str) -> bool:
    """Whether a line begins with a paragraph's letter."""
    return _LETTER.match(line) is not None


def opens_item(line: str) -> bool:
    """Whether a line begins with an item's number."""
    return _NUMBER.match(line) is not None


def lettered(text: str, letters: Collection[str]) -> tuple[str, list[tuple[str, str]]]:
    """What stands before the first paragraph, and letter and text of each, in their order.

    The mark of a letter is its first at the end of a sentence, else its first; one with nothing
    behind it is none, and neither is a letter that is not among `letters`.
    """
    first: dict[str, re.Match[str]] = {}
    sure: set[str] = set()
    for mark in _LETTER.finditer(text):
        letter, opens = mark[1], _opens(text, mark)
        if letter in letters and letter not in sure and (opens or letter not in first):
            first[letter] = mark
        if opens:
            sure.add(letter)
    marks = _with_text(text, sorted(first.values(), key=re.Match.start))
    lead, paragraphs = _cut(text, marks)
    return lead, [(mark[1], said) for mark, said in zip(marks, paragraphs, strict=True)]


def numbered(text: str) -> tuple[str, list[str]]:
    """What stands before the first item, and the items, which count from 1 without a gap.

    As with letters, a number at the end of a sentence comes before one within.
    """
    places: defaultdict[int, list[re.Match[str]]] = defaultdict(list)
    for found in _NUMBER.finditer(text):
        places[int(found[1])].append(found)
    marks: list[re.Match[str]] = []
    while mark := _next(text, places[len(marks) + 1], marks[-1].end() if marks else None):
        marks.append(mark)
    return _cut(text, marks)


def _next(text: str, places: Sequence[re.Match[str]], end: int | None) -> re.Match[str] | None:
    """The mark that goes on from one that ends at `end`; an item in between is not empty."""
    said = _SPACE.match(text, end) if end is not None else None
    later = [m for m in places if said is None or m.start() > said.end()]
    return next((m for m in later if _opens(text, m)), later[0] if later else None)


def _opens(text: str, mark: re.Match[str]) -> bool:
    before = max(0, mark.start() - 3)
    return mark.start() == 0 or bool(_SENTENCE_END.search(text, before, mark.start()))


def _with_text(text: str, marks: Sequence[re.Match[str]]) -> list[re.Match[str]]:
    kept: list[re.Match[str]] = []
    end = len(text)
    for mark in reversed(marks):
        if text[mark.end() : end].strip():
            kept.append(mark)
            end = mark.start()
    return kept[::-1]


def _cut(text: str, marks: Sequence[re.Match[str]]) -> tuple[str, list[str]]:
    ends = [*(m.start() for m in marks), len(text)]
    pieces = [text[m.end() : end].strip() for m, end in zip(marks, ends[1:], strict=True)]
    return text[: ends[0]].strip(), pieces
