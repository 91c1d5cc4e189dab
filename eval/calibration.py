"""How well probabilities fit what people chose: calibration, and risk against coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.cases import CategoryCases
from eval.figures import Bin, Calibration

BINS = 10
CURVE_POINTS = 100

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """Risk against coverage, (n,) each: after the surest decision, the two surest, ... all."""

    coverage: Numbers
    risk: Numbers

    @property
    def aurc(self) -> float:
        """The mean risk over all coverages (Geifman and El-Yaniv 2017, arXiv:1705.08500)."""
        return float(self.risk.mean())

    def points(self, most: int = CURVE_POINTS) -> tuple[tuple[float, float], ...]:
        """At most so many (coverage, risk), evenly spaced; the last is at full coverage."""
        n = len(self.risk)
        at = np.unique(np.ceil(np.arange(1, most + 1) * n / most).astype(int)) - 1
        return tuple(zip(self.coverage[at].tolist(), self.risk[at].tolist(), strict=True))


def calibration(categories: Sequence[CategoryCases]) -> Calibration | None:
    """The calibration of the categories together; None where no option has a probability.

    The cells (a decision and an option) that have a probability count for the Brier score, the
    mean of (probability - chosen by people)**2 (Brier 1950), and for the expected calibration
    error. Risk against coverage takes in every decision of the categories with probabilities.
    """
    told = [c for c in categories if not np.isnan(c.probability).all()]
    if not told:
        return None
    probability = np.concatenate([c.probability[~np.isnan(c.probability)] for c in told])
    chosen = np.concatenate([c.gold[~np.isnan(c.probability)] for c in told]).astype(float)
    bins = reliability(probability, chosen)
    sure = np.concatenate([confidence(c) for c in told])
    curve = risk_coverage(sure, np.concatenate([~c.exact for c in told]))
    return Calibration(
        options=len(probability),
        brier=float(np.mean((probability - chosen) ** 2)),
        ece=calibration_error(bins),
        bins=bins,
        risk_coverage=curve.points(),
        aurc=curve.aurc,
    )


def reliability(probability: Numbers, chosen: Numbers) -> tuple[Bin, ...]:
    """Ten bins of equal width over 0 to 1: the points of a reliability diagram."""
    edges = np.arange(BINS + 1) / BINS
    place = np.clip(np.searchsorted(edges, probability, side="right") - 1, 0, BINS - 1)
    count = np.bincount(place, minlength=BINS)
    mean, observed = (
        np.bincount(place, of, minlength=BINS) / np.maximum(count, 1)
        for of in (probability, chosen)
    )
    return tuple(
        Bin(
            low=float(edges[b]),
            high=float(edges[b + 1]),
            count=int(count[b]),
            mean_probability=float(mean[b]) if count[b] else None,
            observed=float(observed[b]) if count[b] else None,
        )
        for b in range(BINS)
    )


def calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error: the mean over cells of their bin's |mean probability -
    observed share| (Naeini and others 2015, AAAI), with bins of equal width.
    """
    apart = (
        b.count * abs(b.mean_probability - b.observed)
        for b in bins
        if b.mean_probability is not None and b.observed is not None
    )
    return sum(apart) / sum(b.count for b in bins)


def confidence(category: CategoryCases) -> Numbers:
    """(n,): how sure a decision is, that is how sure its least sure option is.

    An option is as sure as the probability of what was answered about it: p where it was chosen,
    1 - p where it was not. The decision is exact only if all are right, and the least of these
    probabilities bounds that from above however the options hang together; their product would
    take them for independent. -1, below all others, where there is no usable prediction or no
    probability: such a decision is the last to be relied on.
    """
    stated = np.where(category.predicted, category.probability, 1 - category.probability)
    none = np.isnan(stated).all(axis=1) | ~category.usable
    least = np.where(np.isnan(stated), np.inf, stated).min(axis=1, initial=np.inf)
    return np.where(none, -1.0, least)


def risk_coverage(sure: Numbers, wrong: NDArray[np.bool_]) -> Curve:
    """The share of wrong ones among the k surest decisions, for every k.

    Equally sure decisions share their errors evenly, so that their order does not matter.
    """
    _, group, size = np.unique(-sure, return_inverse=True, return_counts=True)
    rate = np.bincount(group, wrong.astype(float)) / size
    answered = np.arange(1, len(sure) + 1)
    return Curve(answered / len(sure), np.cumsum(np.repeat(rate, size)) / answered)
