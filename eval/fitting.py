"""Fits a calibration: from scores and the labels of people to weights that were checked on others.

With tens of incidents and as many scores as options, each weight is held near what is known
without it: the score of the option itself near one slope that all options share, all other scores
near 0, and the base rate of an option near that of its category. These are Gaussian priors, so the
fit is a ridge-penalised logistic regression (le Cessie and van Houwelingen 1992, Applied
Statistics 41), solved by Newton's method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier.calibration import CategoryFit, Fit, Input, Scores, State, Weights, log_odds
from classifier.records import UNKNOWN
from classifier.taxonomy import Category, Taxonomy
from classifier.vocabulary import Vocabulary

Floats = NDArray[np.float64]

# A score that hardly varies over the gold must not be blown up.
LEAST_DEVIATION = 0.15
STEPS = 50
CLOSE = 1e-8
# The same for a number of a hidden state, of the deviation that half of them exceed.
LEAST_SHARE = 0.05
# Base rates of a category, so that one that always or never holds has finite log-odds.
LEAST_RATE = 0.02


@dataclass(frozen=True)
class Penalties:
    """How strongly the weights are held: the precision (1 / variance) of each prior.

    `own` holds the slope of the option's own score, `category` the scores of the other options of
    its category, `others` those of all other categories, `bias` its base rate, `words` those of the
    articles' words, of which the weights in one text have unit length, and `state` and `embedding`
    those of the numbers of the model's hidden state and of the articles' embedding, which as they
    are read have about unit length too.
    """

    own: float = 5.0
    category: float = 7.5
    others: float = 10.0
    bias: float = 0.5
    words: float = 0.4
    state: float = 0.2
    embedding: float = 0.2


@dataclass(frozen=True)
class Example:
    """An incident with its scores and text, and the options that people chose; a category that a
    gate closes, or that nobody labelled, is not in `labels`. `state` is the model's hidden state
    after its articles, and `embedding` that of the articles, where it gives them.
    """

    id: str
    scores: Scores
    labels: Mapping[str, frozenset[str]]
    text: str = ""
    state: tuple[float, ...] = ()
    embedding: tuple[float, ...] = ()


Likely = Mapping[str, Mapping[str, float]]
Tell = Callable[[Example], Likely]
Learn = Callable[[Sequence[Example]], Tell]


def fit(
    examples: Sequence[Example], taxonomy: Taxonomy, penalties: Penalties | None = None
) -> Weights:
    """The weights that the examples teach.

    Raises ValueError where there is no example.
    """
    if not examples:
        raise ValueError("no example to fit on")
    penalties = penalties or Penalties()
    table = _Table.of(examples, taxonomy, penalties)
    slope = _shared_slope(table)
    fitted = {
        category.name: _category_fit(table, category, slope, penalties)
        for category in taxonomy.categories.values()
        if table.rows(category).size
    }
    return Weights(
        inputs=table.inputs,
        categories=fitted,
        vocabulary=table.beside.vocabulary,
        state=table.beside.state,
        embedding=table.beside.embedding,
    )


def learner(taxonomy: Taxonomy, penalties: Penalties | None = None) -> Learn:
    """What a calibration learns from examples: to tell the probabilities of another."""

    def learn(examples: Sequence[Example]) -> Tell:
        weights = fit(examples, taxonomy, penalties)
        return lambda one: weights.probabilities(one.scores, one.text, one.state, one.embedding)

    return learn


def held_out(
    examples: Sequence[Example], learn: Learn, *, folds: int = 10, seed: int = 0
) -> dict[str, Likely]:
    """Id -> category -> option -> the probability, by what never saw the incident."""
    order = np.random.default_rng(seed).permutation(len(examples))
    told: dict[str, Likely] = {}
    for fold in range(min(folds, len(examples))):
        unseen = set(order[fold::folds].tolist())
        seen = [e for n, e in enumerate(examples) if n not in unseen]
        if seen:
            tell = learn(seen)
            told |= {examples[n].id: tell(examples[n]) for n in unseen}
    return told


@dataclass(frozen=True, eq=False)
class _Beside:
    """What is read of the examples beside their scores: words, states and embeddings.

    `rows` (n, k) are in the coordinates of the k directions in which the examples differ once each
    number weighs as its prior allows, so that every direction is held alike, with precision 1.
    `back` (k, numbers) leads from weights of these to those of the words, of the state's and of the
    embedding's numbers, which begin at `starts`. `mean` (words,) is that of the weighed texts.
    """

    vocabulary: Vocabulary
    mean: Floats
    state: State | None
    embedding: State | None
    rows: Floats
    back: Floats
    starts: tuple[int, int]

    @staticmethod
    def of(examples: Sequence[Example], penalties: Penalties) -> _Beside:
        vocabulary, mean, words = _words([e.text for e in examples])
        state, states = _states([e.state for e in examples])
        embedding, embeddings = _states([e.embedding for e in examples])
        cells = np.hstack([words, states, embeddings])
        starts = np.cumsum([words.shape[1], states.shape[1]])
        sizes = (words.shape[1], states.shape[1], embeddings.shape[1])
        allowed = np.repeat((penalties.words, penalties.state, penalties.embedding), sizes) ** -0.5
        left, size, directions = np.linalg.svd(cells * allowed, full_matrices=False)
        kept = size > CLOSE
        return _Beside(
            vocabulary,
            mean,
            state,
            embedding,
            left[:, kept] * size[kept],
            directions[kept] * allowed,
            (int(starts[0]), int(starts[1])),
        )

    def weights(self, directions: Floats) -> list[Floats]:
        """The weights of the words, of the state and of the embedding."""
        return np.split(directions @ self.back, self.starts)


def _words(texts: Sequence[str]) -> tuple[Vocabulary, Floats, Floats]:
    """The words of the texts, the mean of their weights, and the texts about it (n, words)."""
    vocabulary = Vocabulary.of(texts)
    weighed = [vocabulary.weigh(text) for text in texts]
    cells = np.array([[w.get(word, 0.0) for word in vocabulary.idf] for w in weighed])
    mean = cells.mean(axis=0)
    return vocabulary, mean, cells - mean


def _states(states: Sequence[Sequence[float]]) -> tuple[State | None, Floats]:
    """How states are read, and what is read of them (n, numbers): 0 where there is none."""
    known = [n for n, state in enumerate(states) if state]
    if not known:
        return None, np.zeros((len(states), 0))
    cells = np.array([states[n] for n in known])
    deviation = cells.std(axis=0)
    deviation += LEAST_SHARE * np.median(deviation) + CLOSE
    scale = 1 / (deviation * np.sqrt(cells.shape[1]))
    read = State(
        mean=tuple(cells.mean(axis=0).round(4).tolist()), scale=tuple(scale.round(6).tolist())
    )
    placed = np.zeros((len(states), cells.shape[1]))
    placed[known] = (cells - read.mean) * read.scale
    return read, placed


@dataclass(frozen=True, eq=False)
class _Table:
    """The examples as arrays: `read` (n, inputs) are the standardised scores, 0 where missing."""

    examples: Sequence[Example]
    keys: tuple[str, ...]
    common: frozenset[str]
    inputs: dict[str, Input]
    read: Floats
    beside: _Beside

    @staticmethod
    def of(examples: Sequence[Example], taxonomy: Taxonomy, penalties: Penalties) -> _Table:
        categories = taxonomy.categories.values()
        told = {name for example in examples for name in example.scores}
        scored = [c for c in categories if c.name in told]
        keys = tuple(f"{c.name}/{o}" for c in scored for o in c.judged)
        common = frozenset(f"{c.name}/{o}" for c in scored if c.gate is None for o in c.judged)
        raw = [log_odds(example.scores) for example in examples]
        cells = np.array([[odds.get(key, np.nan) for key in keys] for odds in raw])
        known = ~np.isnan(cells).all(axis=0)
        mean, deviation = np.zeros(len(keys)), np.ones(len(keys))
        mean[known] = np.nanmean(cells[:, known], axis=0)
        deviation[known] = np.nanstd(cells[:, known], axis=0) + LEAST_DEVIATION
        inputs = {
            key: Input(mean=float(m), deviation=float(d))
            for key, m, d in zip(keys, mean, deviation, strict=True)
        }
        read = np.nan_to_num((cells - mean) / deviation)
        beside = _Beside.of(examples, penalties)
        return _Table(examples, keys, common, inputs, read, beside)

    def rows(self, category: Category) -> NDArray[np.intp]:
        """The examples in which people labelled the category."""
        return np.array(
            [n for n, e in enumerate(self.examples) if category.name in e.labels], dtype=np.intp
        )

    def chosen(self, category: Category) -> Floats:
        """(rows, options): 1 where people chose the option."""
        rows = (self.examples[n].labels[category.name] for n in self.rows(category))
        return np.array([[float(o in held) for o in category.names] for held in rows])

    def reads(self, category: Category) -> tuple[str, ...]:
        """What a category is decided from: its own scores, and those that every incident has."""
        own = {f"{category.name}/{o}" for o in category.judged}
        return tuple(key for key in self.keys if key in own or key in self.common)

    def columns(self, keys: Sequence[str]) -> list[int]:
        place = {key: n for n, key in enumerate(self.keys)}
        return [place[key] for key in keys]


def _shared_slope(table: _Table) -> float:
    """How much the score of an option tells of it, all options taken together."""
    pairs = [(x, y) for x, y in _own_scores(table) if 0 < y.mean() < 1]
    if not pairs:
        return 0.0
    x = np.concatenate([x for x, _ in pairs])
    y = np.concatenate([y for _, y in pairs])
    of = np.repeat(np.arange(len(pairs)), [len(y) for _, y in pairs])
    design = np.column_stack([x, of[:, None] == np.arange(len(pairs))])
    held = np.array([1e-3, *[0.1] * len(pairs)])
    return float(_ridge(design, y, held, np.zeros(len(y)))[0])


def _own_scores(table: _Table) -> Iterator[tuple[Floats, Floats]]:
    """For each option: its own scores and whether it was chosen, over the labelled examples."""
    for column, key in enumerate(table.keys):
        category, _, option = key.partition("/")
        rows = [n for n, e in enumerate(table.examples) if category in e.labels]
        if rows:
            chosen = [float(option in table.examples[n].labels[category]) for n in rows]
            yield table.read[rows, column], np.array(chosen)


def _category_fit(
    table: _Table, category: Category, slope: float, penalties: Penalties
) -> CategoryFit:
    """The fit of each option, and of `unknown`, which holds where none does."""
    reads, chosen, rows = table.reads(category), table.chosen(category), table.rows(category)
    read = table.read[rows][:, table.columns(reads)]
    beside = table.beside.rows[rows]
    design = np.column_stack([np.ones(len(rows)), read, beside])

    def fitted(name: str, held: Floats, rate: float) -> Fit:
        own = f"{category.name}/{name}"
        near = np.zeros(design.shape[1])
        near[0] = _log_odds(rate)
        if own in reads:
            near[1 + reads.index(own)] = slope
        prior = np.concatenate(
            [[penalties.bias], _held(reads, own, penalties), np.ones(beside.shape[1])]
        )
        weights = near + _ridge(design, held, prior, design @ near)
        return _as_fit(weights, len(reads), table.beside)

    rate = float(chosen.mean())
    fits = {name: fitted(name, chosen[:, n], rate) for n, name in enumerate(category.names)}
    none = (~chosen.any(axis=1)).astype(float)
    if category.select != "boolean":
        fits[UNKNOWN] = fitted(UNKNOWN, none, float(none.mean()))
    return CategoryFit(inputs=reads, options=fits)


def _log_odds(rate: float) -> float:
    rate = min(max(rate, LEAST_RATE), 1 - LEAST_RATE)
    return float(np.log(rate / (1 - rate)))


def _held(reads: Sequence[str], own: str, penalties: Penalties) -> list[float]:
    """How strongly the weight of each input is held."""
    category = own.partition("/")[0] + "/"
    return [
        penalties.own
        if key == own
        else penalties.category
        if key.startswith(category)
        else penalties.others
        for key in reads
    ]


def _as_fit(weights: Floats, inputs: int, beside: _Beside) -> Fit:
    """The weights of the directions as weights of words, about no mean text, and of numbers."""
    of_words, of_state, of_embedding = beside.weights(weights[1 + inputs :])
    bias = float(weights[0] - of_words @ beside.mean)
    return Fit(
        bias=round(bias, 4),
        weights=tuple(round(float(w), 4) for w in weights[1 : 1 + inputs]),
        words=tuple(round(float(w), 3) for w in of_words),
        state=tuple(round(float(w), 3) for w in of_state),
        embedding=tuple(round(float(w), 3) for w in of_embedding),
    )


def _ridge(design: Floats, chosen: Floats, held: Floats, offset: Floats) -> Floats:
    """The weights w that minimise -log-likelihood + sum(held * w**2) / 2, beside fixed log-odds.

    `design` is (n, d), `chosen` (n,) of 0 and 1, `held` (d,) and above 0, `offset` (n,).
    """
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-np.clip(design @ weights + offset, -30, 30)))
        curvature = (design * (likely * (1 - likely))[:, None]).T @ design + np.diag(held)
        step = np.linalg.solve(curvature, design.T @ (likely - chosen) + held * weights)
        weights = weights - step
        if np.abs(step).max() < CLOSE:
            break
    return weights
