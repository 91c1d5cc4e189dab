"""Cases for the tests of scoring, written as letters, and strategies that make them up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from eval.cases import Cases, CategoryCases
from eval.metrics import measurer

OPTIONS = "abc"


def flags(sets: Sequence[str], options: str) -> np.ndarray:
    return np.array([[o in s for o in options] for s in sets], bool).reshape(-1, len(options))


def category(pairs, options=OPTIONS, name="kind", rows=None, probability=None, **counts):
    """A category of (gold, predicted) pairs: letters are options, `?` is unknown, None failed."""
    gold, predicted = [g for g, _ in pairs], [p or "" for _, p in pairs]
    usable = np.array([p is not None for _, p in pairs], bool)
    nowhere = np.full((len(pairs), len(options)), np.nan)
    return CategoryCases(
        name=name,
        options=tuple(options),
        rows=np.arange(len(pairs)) if rows is None else np.array(rows, np.intp),
        gold=flags(gold, options),
        predicted=flags(predicted, options),
        usable=usable,
        unknown_gold=np.array(["?" in g for g in gold], bool),
        unknown_predicted=np.array(["?" in p for p in predicted], bool),
        probability=nowhere if probability is None else np.array(probability, float),
        **({"failed": int((~usable).sum())} | counts),
    )


def cases(*categories, incidents=None):
    count = incidents or max(int(c.rows.max(initial=-1)) + 1 for c in categories)
    return Cases(tuple(f"incident-{n}" for n in range(count)), categories)


def measures(*categories, weights=None):
    """The measures of all categories together, then of each, as plain numbers and lists."""
    made = cases(*categories)
    weights = np.ones((1, len(made.incidents))) if weights is None else np.array([weights], float)
    return [{n: v[0].tolist() for n, v in m.items()} for m in measurer(made)(weights)]


def figures(pairs, options=OPTIONS):
    return measures(category(pairs, options))[1]


def random_pairs(seed, n=60, options=OPTIONS, failing=0.1):
    """Pairs in which people and prediction mostly agree; a few predictions fail."""
    random = np.random.default_rng(seed)
    gold = random.random((n, len(options))) < 0.4
    said = gold ^ (random.random(gold.shape) < 0.2)
    fails = random.random(n) < failing
    letters = [["".join(np.array(list(options))[row]) for row in of] for of in (gold, said)]
    return [(g, None if f else p) for g, p, f in zip(*letters, fails, strict=True)]


SETS = st.lists(st.sampled_from(OPTIONS), unique=True).map("".join)
PAIRS = st.lists(st.tuples(SETS, st.none() | SETS), min_size=1, max_size=12)
