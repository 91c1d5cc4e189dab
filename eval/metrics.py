"""The figures of a score, from sums over incidents, so that a bootstrap is a matrix product.

Weights are (D, incidents): how often each of D draws holds an incident; all ones in one row is the
data as it stands. Every figure comes back as (D,), with nan where it is not defined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.cases import Cases, CategoryCases, Flags

Floats = NDArray[np.floating[Any]]
Numbers = NDArray[np.number[Any]]
Measures = Mapping[str, Floats]
Measurer = Callable[[Floats], Sequence[Measures]]

# Distinct sets of options counted at a time: bounds the memory where nearly every set differs.
SETS_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Cells:
    """Counts of cells (a decision and an option), in arrays of one shape.

    `hit`: people and prediction have it; `gold`, `predicted`: the one has it; `lost`: people have
    it and the prediction is not usable; `unusable`: the prediction is not usable; `total`: all.
    """

    total: Floats
    unusable: Floats
    gold: Floats
    predicted: Floats
    hit: Floats
    lost: Floats

    def pooled(self) -> Cells:
        """The sums over the last axis."""
        return Cells(*(getattr(self, f.name).sum(axis=-1) for f in fields(self)))

    @property
    def precision(self) -> Floats:
        """The share of predicted cells that are gold; not defined where none is predicted."""
        return ratio(self.hit, self.predicted)

    @property
    def recall(self) -> Floats:
        """The share of gold cells that are predicted; not defined where none is gold."""
        return ratio(self.hit, self.gold)

    @property
    def f1(self) -> Floats:
        """2 hit / (gold + predicted); not defined where there is neither."""
        return ratio(2 * self.hit, self.gold + self.predicted)

    @property
    def kappa(self) -> Floats:
        """Cohen's kappa (Cohen 1960, doi:10.1177/001316446002000104) of an option against absence.

        A prediction that is not usable is a third value, which people never give: it always
        disagrees. Not defined where agreement by chance is certain: both only ever say the same.
        """
        absent = self.total - self.unusable - self.gold + self.lost - self.predicted + self.hit
        denied = self.total - self.unusable - self.predicted
        chance = self.gold * self.predicted + (self.total - self.gold) * denied
        squared = self.total * self.total
        return ratio((self.hit + absent) * self.total - chance, squared - chance)


@dataclass(frozen=True, eq=False)
class Sums:
    """What the figures are made of: `cells` are (D, O), all else is (D,)."""

    decisions: Floats
    exact: Floats
    jaccard: Floats
    cells: Cells

    def measures(self) -> Measures:
        """Each figure but alpha by its name, (D,); an option's, named `option_...`, are (D, O).

        Precision, recall, F1 and kappa are micro: over all cells. Macro F1 is the mean over the
        options that people or prediction chose; an option that neither chose has no F1 and is
        left out of the mean, which is not defined where no option is left.
        """
        cells, pooled = self.cells, self.cells.pooled()
        return {
            "exact": ratio(self.exact, self.decisions),
            "precision": pooled.precision,
            "recall": pooled.recall,
            "micro_f1": pooled.f1,
            "macro_f1": mean_defined(cells.f1),
            "jaccard": ratio(self.jaccard, self.decisions),
            "kappa": pooled.kappa,
            "option_precision": cells.precision,
            "option_recall": cells.recall,
            "option_f1": cells.f1,
            "option_kappa": cells.kappa,
        }


def pool(of_categories: Sequence[Sums]) -> Sums:
    """All categories together: sums over decisions and cells."""
    cells = (
        np.concatenate([getattr(s.cells, f.name) for s in of_categories], axis=-1)
        for f in fields(Cells)
    )
    return Sums(
        decisions=_sum([s.decisions for s in of_categories]),
        exact=_sum([s.exact for s in of_categories]),
        jaccard=_sum([s.jaccard for s in of_categories]),
        cells=Cells(*cells),
    )


class Statistics:
    """The statistics of one category's decisions, ready to be summed under any weights.

    `incidents` is how many there are, with a decision in this category or without.
    """

    def __init__(self, category: CategoryCases, incidents: int) -> None:
        gold, predicted, usable = category.gold, category.predicted, category.usable
        of_decisions = [np.ones(category.n), usable, category.exact, jaccard(category)]
        of_cells = [gold, predicted, gold & predicted, gold & ~usable[:, None]]
        each = np.hstack([np.stack(of_decisions, axis=1), *of_cells])
        self._options = len(category.options)
        self._matrix = np.zeros((incidents, each.shape[1]))
        self._matrix[category.rows] = each

    def sums(self, weights: Floats) -> Sums:
        """The sums under weights (D, incidents)."""
        summed = (weights @ self._matrix.astype(weights.dtype)).astype(np.float64)
        decisions, usable, exact, overlap = summed[:, :4].T
        gold, predicted, hit, lost = np.split(summed[:, 4:], 4, axis=1)
        total = np.repeat(decisions[:, None], self._options, axis=1)
        unusable = np.repeat((decisions - usable)[:, None], self._options, axis=1)
        return Sums(decisions, exact, overlap, Cells(total, unusable, gold, predicted, hit, lost))


class Agreement:
    """Krippendorff's alpha of people and prediction in one category, under any weights."""

    def __init__(self, category: CategoryCases, incidents: int) -> None:
        self._sets, places = distinct(np.concatenate([category.gold, category.predicted]))
        self._gold, self._predicted = np.split(places, 2)
        self._rows, self._usable, self._incidents = category.rows, category.usable, incidents
        apart = np.where(category.usable, masi_distance(category.gold, category.predicted), 1.0)
        self._matrix = np.zeros((incidents, 3))
        self._matrix[category.rows] = np.stack([np.ones(category.n), ~category.usable, apart], 1)

    def alpha(self, weights: Floats) -> Floats:
        """Krippendorff's alpha with the MASI distance, (D,), under weights (D, incidents).

        1 - observed / expected disagreement (Krippendorff 2004, Content Analysis, ch. 11), for two
        coders without gaps. A value is a set of options; none at all (`unknown`, or a
        true-or-false category that is false) is a value too. A prediction that is not usable is a
        value of its own, at distance 1 from all others, from other unusable ones too. Not defined
        where only one value occurs, which tells nothing of agreement.
        """
        summed = (weights @ self._matrix.astype(weights.dtype)).astype(np.float64)
        decisions, unusable, apart = summed.T
        values = 2 * decisions
        observed = ratio(apart, decisions)
        pairs = self._pairs(self._counts(weights))
        pairs += 2 * unusable * (values - unusable) + unusable * (unusable - 1)
        return 1 - ratio(observed * values * (values - 1), pairs)

    def _counts(self, weights: Floats) -> Floats:
        """How often each set occurs, (D, sets)."""
        counts = np.empty((len(weights), len(self._sets)), dtype=weights.dtype)
        every = np.ones(len(self._rows), np.bool_)
        for some in _blocks(len(self._sets)):
            held = np.zeros((self._incidents, some.stop - some.start), dtype=weights.dtype)
            for places, counted in ((self._gold, every), (self._predicted, self._usable)):
                within = counted & (places >= some.start) & (places < some.stop)
                held[self._rows[within], places[within] - some.start] += 1
            counts[:, some] = weights @ held
        return counts

    def _pairs(self, counts: Floats) -> Floats:
        """The distances of all ordered pairs of usable values, summed, (D,)."""
        total = np.zeros(len(counts))
        for some in _blocks(len(self._sets)):
            # A matrix product counts what sets have in common far quicker than flags laid out.
            common = self._sets.astype(np.float32) @ self._sets[some].T.astype(np.float32)
            sizes = self._sets.sum(axis=1)
            distances = _masi_distance(common, sizes[:, None], sizes[None, some])
            reached = (counts @ distances.astype(counts.dtype)).astype(np.float64)
            total += (reached * counts[:, some]).sum(axis=1)
        return total


def distinct(sets: Flags) -> tuple[Flags, NDArray[np.intp]]:
    """The different rows of (n, O), and for each row its place among them, (n,)."""
    places = np.zeros(len(sets), dtype=np.intp)
    # Eight options at a time: far quicker than np.unique over rows, however many options.
    for byte in np.packbits(sets, axis=1).T:
        _, places = np.unique(places * 256 + byte, return_inverse=True)
    _, first, places = np.unique(places, return_index=True, return_inverse=True)
    return sets[first], places


def masi_distance(left: Flags, right: Flags) -> NDArray[np.float64]:
    """1 - MASI of sets of options in (..., O), broadcast against each other.

    MASI is Jaccard times 1 for equal sets, 2/3 where one holds the other, 1/3 where they overlap,
    0 where they do not (Passonneau 2006, LREC, "Measuring agreement on set-valued items"). The
    empty set stands for a value of its own, `unknown`: it equals itself and overlaps nothing.
    """
    return _masi_distance((left & right).sum(axis=-1), left.sum(axis=-1), right.sum(axis=-1))


def _masi_distance(common: Numbers, one: Numbers, other: Numbers) -> NDArray[np.float64]:
    """The distance of sets that have so many options, and so many in common."""
    whole = one + other - common
    smaller, larger = np.minimum(one, other), np.maximum(one, other)
    rules = [larger == common, common == smaller, common > 0]
    alike = np.select(rules, [1.0, 2 / 3, 1 / 3], 0.0)
    overlap = np.where(whole > 0, common / np.maximum(whole, 1), 1.0)
    distance: NDArray[np.float64] = 1 - overlap * alike
    return distance


def jaccard(category: CategoryCases) -> NDArray[np.float64]:
    """(n,): common over all options of the two sets; 1 where both are empty, 0 if not usable."""
    common = (category.gold & category.predicted).sum(axis=1)
    whole = (category.gold | category.predicted).sum(axis=1)
    overlap: NDArray[np.float64] = np.where(whole > 0, common / np.maximum(whole, 1), 1.0)
    return overlap * category.usable


def confusion(category: CategoryCases) -> NDArray[np.int64]:
    """(O+1, O+1): what people chose (rows) against what was answered (columns), `none` last.

    On the diagonal both have the option, or usable and both none. Cell (g, p) counts the decisions
    in which g was missed while p was added, (g, none) those in which g was missed and nothing was
    added, (none, p) those in which p was added and nothing was missed.
    """
    gold, predicted = category.gold, category.predicted
    missed, added = gold & ~predicted, predicted & ~gold
    none_missed, none_added = ~missed.any(axis=1), ~added.any(axis=1)
    table = np.zeros((len(category.options) + 1,) * 2, dtype=np.int64)
    table[:-1, :-1] = missed.T.astype(np.int64) @ added.astype(np.int64)
    table[:-1, :-1] += np.diag((gold & predicted).sum(axis=0))
    table[:-1, -1] = missed[none_added].sum(axis=0)
    table[-1, :-1] = added[none_missed].sum(axis=0)
    table[-1, -1] = (category.usable & ~(gold | predicted).any(axis=1)).sum()
    return table


def measurer(cases: Cases) -> Measurer:
    """A function from weights (D, incidents) to the measures: of all categories together, then of
    each, in their order.

    Alpha of all is the unweighted mean of the categories' alphas that are defined: were values of
    different categories pooled, two categories' difference would count as disagreement to be
    expected by chance, and raise it.
    """
    statistics = [Statistics(category, len(cases.incidents)) for category in cases.categories]
    agreements = [Agreement(category, len(cases.incidents)) for category in cases.categories]

    def measure(weights: Floats) -> Sequence[Measures]:
        sums = [s.sums(weights) for s in statistics]
        alphas = [a.alpha(weights) for a in agreements]
        alphas = [mean_defined(np.stack(alphas, axis=-1)), *alphas]
        everything = zip((pool(sums), *sums), alphas, strict=True)
        return [{**s.measures(), "alpha": alpha} for s, alpha in everything]

    return measure


def ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, nan where the whole is 0."""
    empty = np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan)
    shares: Floats = np.divide(part, whole, out=empty, where=whole != 0)
    return shares


def mean_defined(values: Floats) -> Floats:
    """The mean over the last axis of what is not nan; nan where all is."""
    return ratio(np.nansum(values, axis=-1), (~np.isnan(values)).sum(axis=-1).astype(float))


def _blocks(sets: int) -> Iterator[slice]:
    for low in range(0, sets, SETS_AT_ONCE):
        yield slice(low, min(low + SETS_AT_ONCE, sets))


def _sum(parts: Sequence[Floats]) -> Floats:
    total: Floats = np.stack(parts).sum(axis=0)
    return total
