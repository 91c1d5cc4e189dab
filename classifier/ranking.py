"""Ranks sentences by how well they show an option, as the quotes in gold have taught it.

A sentence is read as its embedding, of unit length about the mean of the gold's sentences, and a
few traits. `eval.ranking` fits the weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from classifier.embeddings import Embeddings
from classifier.records import Evidence, Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# An embedding weighs as much as this many traits: tried on quotes that were held out.
EMBEDDING_WEIGHS = 2.0
TRAITS = 6
_LONG = 300
_SPEECH = ('"', "“", "«", "„")


class Ranking(Record):
    """How sentences are read and weighed.

    `mean` is that of the embeddings of the gold's sentences. `options` maps `category/option` to
    its weights: those of the traits, then those of the embedding's numbers.
    A sentence with less support than `least` is weak evidence; that is its share of the odds, times
    the probability of its option. `measured` is the share of quotes in gold that it put first,
    unseen, what chance puts there, and of the evidence that reports would show how much is not
    weak, and how much of that was quoted.
    """

    mean: tuple[float, ...]
    options: dict[str, tuple[float, ...]]
    least: float = Field(default=0.0, ge=0, le=1)
    measured: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _a_weight_for_each_number(self) -> Ranking:
        for name, weights in self.options.items():
            if len(weights) != TRAITS + len(self.mean):
                numbers = f"{TRAITS} traits and an embedding of {len(self.mean)}"
                raise ValueError(f"{name} has {len(weights)} weights for {numbers}")
        return self

    def read(self, sentences: Sequence[Evidence], embeddings: Embeddings) -> Floats:
        """What is weighed of each sentence: (sentences, traits and numbers of the embedding)."""
        import numpy as np

        about = embeddings.rows(sentences, self.mean) - np.array(self.mean)
        return np.hstack([traits(sentences), unit(about) * EMBEDDING_WEIGHS])

    def best(self, key: str, read: Floats, among: Floats) -> tuple[int, float] | None:
        """Which of the sentences that were read shows `category/option` best, the first of equals,
        and its share of the odds of all sentences of the incident, read `among`.

        None where there is no sentence, or gold has taught nothing about the option.
        """
        if key not in self.options or not len(read):
            return None
        place, odds = first(read @ self.options[key])
        return place, share(odds, among @ self.options[key])


def first(odds: Floats) -> tuple[int, float]:
    """The place of the largest of the log-odds (n,), and these."""
    place = int(odds.argmax())
    return place, float(odds[place])


def share(odds: float, among: Floats) -> float:
    """The share of these odds in all, given as log-odds (n,); at most 1."""
    import numpy as np

    return min(1.0, float(1 / np.exp(among - odds).sum()))


def unit(rows: Floats) -> Floats:
    """Each row with the length 1, or 0."""
    import numpy as np

    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)


def traits(sentences: Sequence[Evidence]) -> Floats:
    """(sentences, TRAITS): whether it is its article's first or second, how far down it stands, how
    long it is, and whether it has digits or speech in it; each from 0 to 1.
    """
    import numpy as np

    count, seen = Counter(s.article_id for s in sentences), Counter[str]()
    rows = []
    for sentence in sentences:
        place, text = seen[sentence.article_id], sentence.quote
        seen[sentence.article_id] += 1
        rows.append(
            (
                place == 0,
                place == 1,
                place / count[sentence.article_id],
                min(len(text), _LONG) / _LONG,
                any(map(str.isdigit, text)),
                any(mark in text for mark in _SPEECH),
            )
        )
    return np.array(rows, dtype=float).reshape(len(rows), TRAITS)
