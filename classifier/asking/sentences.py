"""The sentences of a chunk, each named by its first words: a beginning that is unique."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

from classifier.chunking import Chunk, sentences
from classifier.prompting import neutral
from classifier.records import Article, Evidence

LEAST_WORDS = 4
LEAST_CHARACTERS = 24
LONGEST = 57
CHOICE: dict[str, Any] = {"$ref": "#/$defs/beginning"}
"""What a schema has where a model chooses a sentence."""
_WORD = re.compile(r"\S+")
_LETTERS = re.compile(r"\w{2,}")


class Sentences:
    """Maps the first words of each sentence to the evidence that the whole sentence is."""

    def __init__(self, chunk: Chunk, articles: Mapping[str, Article]) -> None:
        by_text: dict[str, Evidence] = {}
        for part in chunk.parts:
            text = articles[part.article_id].text
            for start, end in sentences(text, part.start, part.end):
                evidence = _whole(part.article_id, text, start, end)
                by_text.setdefault(neutral(evidence.quote), evidence)
        ordered = sorted(t for t in by_text if len(t) >= LEAST_CHARACTERS) or sorted(by_text)
        shared = [0, *(_shared(a, b) for a, b in pairwise(ordered)), 0]
        beginnings = {
            text: _beginning(text, max(around))
            for text, around in zip(ordered, pairwise(shared), strict=False)
        }
        self._by_beginning = {beginnings[t]: e for t, e in by_text.items() if t in beginnings}

    @property
    def all(self) -> tuple[Evidence, ...]:
        """The sentences that can be chosen, in the order of the articles."""
        return tuple(self._by_beginning.values())

    @property
    def beginnings(self) -> list[str]:
        """What a model may choose from, in the order of the articles."""
        return list(self._by_beginning)

    def like(self, text: str) -> Evidence | None:
        """The sentence that shares the most with a text: of its words, those that few sentences
        have. The first of equals; None where it shares none.
        """
        wanted = _words(text)
        shared = [sum(self._rarity[word] for word in words & wanted) for words in self._words]
        best = max(range(len(shared)), key=shared.__getitem__, default=None)
        return self.all[best] if best is not None and shared[best] > 0 else None

    @cached_property
    def _words(self) -> list[frozenset[str]]:
        return [_words(sentence.quote) for sentence in self.all]

    @cached_property
    def _rarity(self) -> dict[str, float]:
        counts = Counter(word for words in self._words for word in words)
        return {word: math.log(len(self._words) / n) for word, n in counts.items()}

    def evidence(self, beginning: str) -> Evidence | None:
        """The sentence that begins so, if the beginning is one of ours."""
        return self._by_beginning.get(beginning)


def choosing(schema: Mapping[str, Any], beginnings: Sequence[str]) -> dict[str, Any]:
    """A schema in which each `CHOICE` is one of these, or any text where there is none: JSON Schema
    does not allow an empty `enum`.
    """
    choices = {"enum": list(beginnings)} if beginnings else {}
    return {**schema, "$defs": {"beginning": {"type": "string", **choices}}}


def _words(text: str) -> frozenset[str]:
    return frozenset(_LETTERS.findall(text.lower()))


def _whole(article_id: str, text: str, start: int, end: int) -> Evidence:
    return Evidence(
        article_id=article_id, quote=text[start:end], start=start, end=end, match="exact"
    )


def _shared(first: str, second: str) -> int:
    """How many characters two texts have in common at their beginning."""
    same = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        same += 1
    return same


def _beginning(text: str, shared: int) -> str:
    """The first words: at least four, and one more character than any other sentence shares."""
    longest = max(shared + 2, LONGEST)
    for count, word in enumerate(_WORD.finditer(text), 1):
        if word.end() > longest:  # a script without spaces
            return text[:longest]
        if count >= LEAST_WORDS and word.end() > shared:
            return text[: word.end()]
    return text
