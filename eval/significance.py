"""Is a difference between two runs more than chance, and how many incidents does it take?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

RULE_OF_THREE = 3.0


def sign_flip_p(differences: NDArray[np.int64]) -> float:
    """The exact two-sided p-value of the sum of paired differences (n,), under random signs.

    With differences of -1, 0 and 1 this is McNemar's exact test of the flips (McNemar 1947); in
    general it is Fisher's randomisation test of matched pairs (The Design of Experiments, 1935).
    The distribution of the sum is had from its characteristic function at the roots of unity.
    """
    sizes, counts = np.unique(np.abs(differences[differences != 0]), return_counts=True)
    if not len(sizes):
        return 1.0
    total = int(sizes @ counts)
    turns = np.exp(-2j * np.pi * np.arange(total // 2 + 1) / (total + 1))
    spectrum = np.ones(len(turns), dtype=np.complex128)
    for size, count in zip(sizes, counts, strict=True):
        spectrum *= ((1 + turns**size) / 2) ** count
    chances = np.clip(np.fft.irfft(spectrum, total + 1), 0, None)  # of 0..total going up
    upward = (int(differences.sum()) + total) // 2
    tail = float(chances[max(upward, total - upward) :].sum())
    return min(1.0, 2 * tail)


def least_p(differences: NDArray[np.int64]) -> float:
    """The smallest p-value that these differences could have had, were all their signs alike."""
    return min(1.0, 2.0 ** (1 - int(np.count_nonzero(differences))))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p-values, which hold for the whole family of tests (Holm 1979)."""
    ordered = sorted(p_values, key=lambda name: p_values[name])
    adjusted, highest = {}, 0.0
    for place, name in enumerate(ordered):
        highest = max(highest, min(1.0, p_values[name] * (len(ordered) - place)))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


def within_reach(least: Mapping[str, float], level: float) -> frozenset[str]:
    """The tests that could reach the level at all, their number allowed for (Tarone 1990).

    Those that cannot, for too few answers flipped, need not burden the others: the number of
    flips says nothing about their direction.
    """
    for size in range(1, len(least) + 1):
        able = frozenset(name for name, p in least.items() if p <= level / size)
        if len(able) <= size:
            return able
    return frozenset(least)


def incidents_needed(
    squared: float, difference: float, *, level: float = 0.05, power: float = 0.8
) -> int:
    """How many pairs show a mean `difference` with the given power.

    `squared` is the mean of the squared differences of a pair: of decisions that are right or
    wrong, the share that flips one way or the other (Connor 1987, Biometrics 43).
    """
    squared = max(squared, difference**2)
    normal = NormalDist()
    chance = normal.inv_cdf(1 - level / 2) * math.sqrt(squared)
    sure = normal.inv_cdf(power) * math.sqrt(squared - difference**2)
    return math.ceil(((chance + sure) / difference) ** 2)
