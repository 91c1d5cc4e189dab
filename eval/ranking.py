"""Fits how sentences are ranked: from the sentences that people quoted to weights for each option.

A conditional logit (McFadden 1974, in Frontiers in Econometrics): of an incident's sentences one is
drawn, with odds that follow from its weighed traits and embedding. An option's weights are the sum
of three, held near 0 by Gaussian priors: those of all options, of its category, and its own, so
that an option that was seldom quoted is ranked as its category is. Embeddings are reduced to the
directions in which the sentences of the gold differ most, and the weights of these put back
together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.asking.sentences import Sentences
from classifier.chunking import Chunk
from classifier.embeddings import Embeddings
from classifier.grounding import Locator
from classifier.ranking import (
    EMBEDDING_WEIGHS,
    TRAITS,
    Ranking,
    first,
    share,
    traits,
    unit,
)
from classifier.records import Evidence, Part
from classifier.taxonomy import Taxonomy
from eval.gold import GoldIncident

Floats = NDArray[np.float64]

DIRECTIONS = 150
FOLDS = 5
LEAST_QUOTED = 30
"""Fewer quoted options than this teach nothing worth having."""

QUOTED = 0.5
"""How many of the sentences that are not called weak people must have quoted, for an option that
they gave too. They quote some of the sentences that show an option: read by hand, more do."""

STEPS = 45
STEP = 0.1
# How strongly the weights of all options, of a category and of an option are held (1 / variance).
_HELD = (0.5, 1.0, 2.0)
_DIGITS = 3


@dataclass(frozen=True, eq=False)
class Quoted:
    """An incident's sentences, and which of them people quoted for each `category/option`."""

    id: str
    sentences: tuple[Evidence, ...]
    shown: Mapping[str, tuple[int, ...]]


def quoted(incident: GoldIncident, taxonomy: Taxonomy) -> Quoted:
    """The sentences that the quotes of the incident's gold touch."""
    articles = {a.id: a for a in incident.articles}
    parts = tuple(Part(article_id=a.id, start=0, end=len(a.text)) for a in incident.articles)
    sentences = Sentences(Chunk(0, parts), articles).all
    locator = Locator(incident.articles)
    found = {
        f"{category}/{option}": _touched(locator, reason.quotes, sentences)
        for category, options in incident.reasons.items()
        for option, reason in options.items()
        if category in taxonomy.categories and option in taxonomy.categories[category].names
    }
    return Quoted(incident.id, sentences, {key: hit for key, hit in found.items() if hit})


def _touched(
    locator: Locator, quotes: Sequence[str], sentences: Sequence[Evidence]
) -> tuple[int, ...]:
    found = [e for quote in quotes for e in locator.locate(quote) if e.located]
    return tuple(
        n for n, sentence in enumerate(sentences) if any(_overlap(sentence, e) for e in found)
    )


def _overlap(one: Evidence, other: Evidence) -> bool:
    if one.article_id != other.article_id:
        return False
    return (one.start or 0) < (other.end or 0) and (other.start or 0) < (one.end or 0)


def fit_ranking(
    gold: Sequence[GoldIncident],
    taxonomy: Taxonomy,
    embeddings: Mapping[str, Embeddings],
    held: Mapping[str, Mapping[str, float]],
    *,
    seed: int = 0,
) -> Ranking | None:
    """The ranking that the gold's quotes teach, or None where they are fewer than `LEAST_QUOTED`.

    `embeddings` has those of each incident's sentences, by its id; an incident without any teaches
    nothing. `held` has the options (`category/option`) that what never saw an incident gave it, and
    their probabilities: what is weak is learnt from the evidence of these. What is measured is a
    cross-validation: each incident by what was fitted on others.
    """
    read = [incident for incident in gold if incident.id in embeddings]
    examples = [quoted(incident, taxonomy) for incident in read]
    if sum(len(e.shown) for e in examples) < LEAST_QUOTED:
        return None
    table = _Table.of(examples, taxonomy, embeddings)
    order = np.random.default_rng(seed).permutation(len(examples))
    folds = [(order[n::FOLDS], np.delete(order, slice(n, None, FOLDS))) for n in range(FOLDS)]
    quoted_at = {e.id: dict.fromkeys(e.shown, 1.0) for e in examples}
    firsts, evidence = [], []
    for unseen, seen in folds:
        weights = table.learn(seen)
        firsts += table.firsts(unseen, weights, quoted_at)
        evidence += table.firsts(unseen, weights, held)
    chances = [len(hit) / len(e.sentences) for e in examples for hit in e.shown.values()]
    least = least_support(evidence)
    shown = [hit for support, hit in evidence if support >= least]
    measured = {
        "quotes": float(len(firsts)),
        "first": round(float(np.mean([hit for _, hit in firsts])), 4),
        "chance": round(float(np.mean(chances)), 4),
        "shown": round(len(shown) / max(len(evidence), 1), 4),
        "shown_first": round(float(np.mean(shown)), 4) if shown else 0.0,
    }
    return table.ranking(table.learn(order), least, measured)


def least_support(firsts: Sequence[tuple[float, bool]]) -> float:
    """The least support of evidence that is not weak: as low as leaves at least `QUOTED` of the
    sentences with that much of it quoted; 1 where none does. `firsts` are support and whether the
    sentence was quoted for the option.
    """
    ordered = sorted(firsts, reverse=True)
    shares = np.cumsum([hit for _, hit in ordered]) / np.arange(1, len(ordered) + 1)
    enough = np.flatnonzero(shares[LEAST_QUOTED - 1 :] >= QUOTED)
    if not enough.size:
        return 1.0
    share, _ = ordered[LEAST_QUOTED - 1 + int(enough[-1])]
    steps = 10.0**_DIGITS
    return math.floor(share * steps) / steps  # rounded up, it would leave itself out


@dataclass(frozen=True, eq=False)
class _Table:
    """The examples as arrays: `rows` has for each its (sentences, traits and directions)."""

    examples: Sequence[Quoted]
    places: Mapping[str, int]
    mean: Floats
    directions: Floats
    rows: list[Floats]

    @staticmethod
    def of(
        examples: Sequence[Quoted], taxonomy: Taxonomy, embeddings: Mapping[str, Embeddings]
    ) -> _Table:
        known = [row for e in examples for row in embeddings[e.id].of.values()]
        mean = np.mean(known, axis=0).round(_DIGITS)
        rows = [embeddings[e.id].rows(e.sentences, mean) for e in examples]
        about = unit(np.vstack(rows) - mean)
        directions = np.linalg.svd(about, full_matrices=False)[2][:DIRECTIONS]
        read = np.hstack(
            [
                np.vstack([traits(e.sentences) for e in examples]),
                about @ directions.T * EMBEDDING_WEIGHS,
            ]
        )
        ends = np.cumsum([len(e.sentences) for e in examples])[:-1]
        keys = [f"{c.name}/{o}" for c in taxonomy.categories.values() for o in c.names]
        return _Table(
            examples,
            {k: n for n, k in enumerate(keys)},
            mean,
            directions,
            np.split(read, ends),
        )

    def learn(self, chosen: NDArray[np.intp]) -> Floats:
        """(keys, features): the weights of each option, from the chosen examples."""
        learner = _Learner(list(self.places), len(self.rows[0][0]))
        for _ in range(STEPS):
            weights = learner.weights
            slope = np.zeros_like(weights)
            for n in chosen:
                for key, hit in self.examples[n].shown.items():
                    place = self.places[key]
                    slope[place] += _slope(self.rows[n], weights[place], list(hit))
            learner.step(slope)
        return learner.weights

    def firsts(
        self,
        chosen: NDArray[np.intp],
        weights: Floats,
        options: Mapping[str, Mapping[str, float]],
    ) -> list[tuple[float, bool]]:
        """For each of the chosen examples' options, which are given with their probabilities: the
        support of the sentence that is put first, and whether it was quoted for the option.
        """
        told = []
        for example, rows in ((self.examples[n], self.rows[n]) for n in chosen):
            for key, probability in options.get(example.id, {}).items() if len(rows) else ():
                odds = rows @ weights[self.places[key]]
                place, best = first(odds)
                told.append((share(best, odds) * probability, place in example.shown.get(key, ())))
        return told

    def ranking(self, weights: Floats, least: float, measured: dict[str, float]) -> Ranking:
        whole = np.hstack([weights[:, :TRAITS], weights[:, TRAITS:] @ self.directions])
        options = zip(self.places, whole.round(_DIGITS).tolist(), strict=True)
        return Ranking(
            mean=tuple(self.mean.tolist()),
            options={key: tuple(row) for key, row in options},
            least=least,
            measured=measured,
        )


def _slope(rows: Floats, weights: Floats, hit: list[int]) -> Floats:
    """The gradient of -log(the probability that one of the quoted sentences is drawn)."""
    odds = rows @ weights
    likely = np.exp(odds - odds.max())
    likely /= likely.sum()
    right = np.zeros_like(likely)
    right[hit] = likely[hit] / max(likely[hit].sum(), 1e-9)
    slope: Floats = rows.T @ (likely - right)
    return slope


class _Learner:
    """Weights as sums of shared ones, descended with Adam (Kingma and Ba 2015)."""

    def __init__(self, keys: Sequence[str], features: int) -> None:
        categories = list(dict.fromkeys(key.partition("/")[0] for key in keys))
        # which option has a part in which group: all options, each category, each option
        every = np.ones((1, len(keys)))
        of = np.array([[float(k.startswith(f"{c}/")) for k in keys] for c in categories])
        self._groups = np.vstack([every, of, np.eye(len(keys))])
        sizes = (1, len(categories), len(keys))
        self._held = np.repeat(_HELD, sizes)[:, None]
        self._parts = np.zeros((len(self._groups), features))
        self._first, self._second = np.zeros_like(self._parts), np.zeros_like(self._parts)
        self._steps = 0

    @property
    def weights(self) -> Floats:
        weights: Floats = self._groups.T @ self._parts
        return weights

    def step(self, slope: Floats) -> None:
        """Go down the slope (keys, features) of the data, and of the priors."""
        down = self._groups @ slope + self._held * self._parts
        self._steps += 1
        self._first = 0.9 * self._first + 0.1 * down
        self._second = 0.99 * self._second + 0.01 * down**2
        first = self._first / (1 - 0.9**self._steps)
        second = self._second / (1 - 0.99**self._steps)
        self._parts -= STEP * first / (np.sqrt(second) + 1e-8)
