"""The words of a text, weighed: what an article speaks of, as far as gold uses the same words.

Term frequency times inverse document frequency (Sparck Jones 1972, Journal of Documentation 28),
with the logarithm of the frequency, of unit length.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from pydantic import Field

from classifier.records import Record

_WORD = re.compile(r"[^\W\d_]{2,}")
# A word of one text alone teaches nothing; one of most texts tells nothing.
LEAST_TEXTS = 2
MOST_TEXTS = 0.6


class Vocabulary(Record):
    """The words that are read, each with its inverse document frequency, in a fixed order."""

    idf: dict[str, float] = Field(default_factory=dict)

    @staticmethod
    def of(texts: Sequence[str]) -> Vocabulary:
        """The words that several of the texts have in common, and not most of them."""
        texts_with = Counter(word for text in texts for word in set(words(text.lower())))
        most = MOST_TEXTS * len(texts)
        idf = {
            word: round(math.log((1 + len(texts)) / (1 + count)) + 1, 4)
            for word, count in sorted(texts_with.items())
            if LEAST_TEXTS <= count <= most
        }
        return Vocabulary(idf=idf)

    def weigh(self, text: str) -> dict[str, float]:
        """Word -> weight, for those that the text has; their squares sum to 1, if there are any."""
        counts = Counter(word for word in words(text.lower()) if word in self.idf)
        weights = {word: (1 + math.log(n)) * self.idf[word] for word, n in counts.items()}
        length = math.hypot(*weights.values())
        return {word: weight / length for word, weight in weights.items()}


def words(text: str) -> list[str]:
    """The words of a text, of two letters or more, in order and as they are written."""
    return _WORD.findall(text)
