"""The sentences of a chunk, each named by its first words: the shortest beginning that is unique."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from classifier.chunking import Chunk, sentences
from classifier.prompting import neutral
from classifier.records import Article, Evidence

LEAST_WORDS = 4
LEAST_CHARACTERS = 24


class Sentences:
    """Maps the first words of each sentence to the evidence that the whole sentence is."""

    def __init__(self, chunk: Chunk, articles: Mapping[str, Article]) -> None:
        by_text: dict[str, Evidence] = {}
        for part in chunk.parts:
            text = articles[part.article_id].text
            for start, end in sentences(text, part.start, part.end):
                by_text.setdefault(text[start:end], _whole(part.article_id, text, start, end))
        long_enough = sorted(t for t in by_text if len(t) >= LEAST_CHARACTERS) or sorted(by_text)
        shared = [_shared(a, b) for a, b in pairwise(long_enough)]
        self._by_beginning = {
            _beginning(text, max(before, after)): by_text[text]
            for text, before, after in zip(long_enough, [0, *shared], [*shared, 0], strict=True)
        }

    @property
    def beginnings(self) -> list[str]:
        """What a model may choose from, in the order of the articles."""
        return sorted(self._by_beginning, key=lambda b: self._place(self._by_beginning[b]))

    def evidence(self, beginning: str) -> Evidence | None:
        """The sentence that begins so, if the beginning is one of ours."""
        return self._by_beginning.get(beginning)

    @staticmethod
    def _place(evidence: Evidence) -> tuple[str, int]:
        return evidence.article_id, evidence.start or 0


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
    end = shared + 1
    words = 0
    for place, character in enumerate(text):
        words += character.isspace()
        if words >= LEAST_WORDS and place >= end:
            return neutral(text[:place].rstrip())
        if place >= max(end, 8 * LEAST_WORDS + LEAST_CHARACTERS):
            return neutral(text[: place + 1])
    return neutral(text)
