"""Did the answers get better or worse from one run to another, for each category and in all?

Both runs answered the same gold. Whether a difference is more than chance is judged by exact tests
of the decisions that became right or wrong; how large it may be, by a paired bootstrap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eval.bootstrap import figure, replicate
from eval.cases import Cases, CategoryCases
from eval.changes import Change, Comparison, Verdict
from eval.figures import ALL, Figure
from eval.metrics import Floats, Measures, Statistics, Sums, pool
from eval.significance import (
    RULE_OF_THREE,
    holm,
    incidents_needed,
    least_p,
    sign_flip_p,
    within_reach,
)


@dataclass(frozen=True)
class Rules:
    """How to judge: see `Comparison`. There must be at least one draw."""

    level: float = 0.05
    margin: float = 0.1
    draws: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class _Pair:
    """One category of both runs, or all of them.

    `differences` (incidents,) count the decisions right after less those right before; `units` are
    what can be thought independent: the decisions of a category, the incidents of all together.
    """

    name: str
    n: int
    units: int
    differences: NDArray[np.int64]
    altered: int
    helpful: int
    harmful: int
    sides: tuple[float | None, float | None] = field(default=(None, None))


def compare(before: Cases, after: Cases, rules: Rules = Rules()) -> Comparison:
    """Compare two runs on the same gold; the flips are left to `eval.flips`.

    Raises ValueError where the cases are not those of the same incidents and labels.
    """
    _check_same(before, after)
    pairs = [
        _pair(a, b, len(before.incidents))
        for a, b in zip(before.categories, after.categories, strict=True)
    ]
    family = [_together(pairs, len(before.incidents)), *pairs]
    adjusted = _adjusted(family, rules.level)
    changes = _changes(before, after, rules)
    tests = max(1, sum(bool(pair.helpful + pair.harmful) for pair in family))
    judged = [
        _change(pair, intervals, adjusted[pair.name], rules, tests)
        for pair, intervals in zip(family, changes, strict=True)
    ]
    return Comparison(
        incidents=len(before.incidents),
        level=rules.level,
        margin=rules.margin,
        draws=rules.draws,
        seed=rules.seed,
        overall=judged[0],
        categories=tuple(judged[1:]),
    )


def _check_same(before: Cases, after: Cases) -> None:
    names = [[c.name for c in cases.categories] for cases in (before, after)]
    if before.incidents != after.incidents or names[0] != names[1]:
        raise ValueError("the two runs are not on the same incidents and categories")
    for a, b in zip(before.categories, after.categories, strict=True):
        if not np.array_equal(a.rows, b.rows):
            raise ValueError(f"{a.name}: the two runs are not on the same decisions")


def _pair(before: CategoryCases, after: CategoryCases, incidents: int) -> _Pair:
    change = after.exact.astype(np.int64) - before.exact.astype(np.int64)
    differences = np.zeros(incidents, dtype=np.int64)
    differences[before.rows] = change
    return _Pair(
        name=before.name,
        n=before.n,
        units=before.n,
        differences=differences,
        altered=int(_altered(before, after).sum()),
        helpful=int((change > 0).sum()),
        harmful=int((change < 0).sum()),
        sides=(_rate(before), _rate(after)),
    )


def _altered(before: CategoryCases, after: CategoryCases) -> NDArray[np.bool_]:
    """Which decisions differ, in options or in whether they could be used; (n,)."""
    names = list(dict.fromkeys((*before.options, *after.options)))
    options = _spread(before, names) != _spread(after, names)
    said = before.unknown_predicted != after.unknown_predicted
    differs: NDArray[np.bool_] = options.any(axis=1) | said | (before.usable != after.usable)
    return differs


def _spread(cases: CategoryCases, names: Sequence[str]) -> NDArray[np.bool_]:
    wide = np.zeros((cases.n, len(names)), dtype=np.bool_)
    wide[:, [names.index(o) for o in cases.options]] = cases.predicted
    return wide


def _rate(cases: CategoryCases) -> float | None:
    return float(cases.exact.mean()) if cases.n else None


def _together(pairs: Sequence[_Pair], incidents: int) -> _Pair:
    n = sum(p.n for p in pairs)
    differences = np.zeros(incidents, dtype=np.int64)
    for pair in pairs:
        differences += pair.differences
    sides = [
        sum(side * p.n for p in pairs if (side := p.sides[at]) is not None) / n if n else None
        for at in (0, 1)
    ]
    return _Pair(
        name=ALL,
        n=n,
        units=incidents,
        differences=differences,
        altered=sum(p.altered for p in pairs),
        helpful=sum(p.helpful for p in pairs),
        harmful=sum(p.harmful for p in pairs),
        sides=(sides[0], sides[1]),
    )


def _adjusted(family: Sequence[_Pair], level: float) -> Mapping[str, float]:
    """Holm's adjusted p-values over the tests whose flips suffice to reach the level; else 1."""
    able = within_reach({p.name: least_p(p.differences) for p in family}, level)
    shown = holm({p.name: sign_flip_p(p.differences) for p in family if p.name in able})
    return {p.name: shown.get(p.name, 1.0) for p in family}


def _changes(before: Cases, after: Cases, rules: Rules) -> list[Mapping[str, Figure]]:
    """For all categories together and for each: the change of each rate, with its interval."""
    incidents = len(before.incidents)
    sides = [[Statistics(c, incidents) for c in cases.categories] for cases in (before, after)]

    def measure(weights: Floats) -> list[Measures]:
        old, new = ([s.sums(weights) for s in side] for side in sides)
        pairs = zip([pool(old), *old], [pool(new), *new], strict=True)
        return [_difference(a, b) for a, b in pairs]

    found = measure(np.ones((1, incidents)))
    drawn = replicate(measure, incidents, rules.draws, rules.seed)
    return [
        {name: figure(values[0], draws[name], 1 - rules.level) for name, values in at.items()}
        for at, draws in zip(found, drawn, strict=True)
    ]


def _difference(before: Sums, after: Sums) -> Measures:
    old, new = before.measures(), after.measures()
    return {name: new[name] - old[name] for name in ("exact", "micro_f1")}


def _change(
    pair: _Pair, figures: Mapping[str, Figure], adjusted: float, rules: Rules, tests: int
) -> Change:
    verdict = _verdict(pair, figures["exact"], adjusted, rules)
    return Change(
        name=pair.name,
        decisions=pair.n,
        before=pair.sides[0],
        after=pair.sides[1],
        exact=figures["exact"],
        micro_f1=figures["micro_f1"],
        altered=pair.altered,
        helpful=pair.helpful,
        harmful=pair.harmful,
        p=sign_flip_p(pair.differences),
        adjusted=adjusted,
        verdict=verdict,
        needed=_needed(pair, rules, tests) if verdict == "too_few" else None,
    )


def _verdict(pair: _Pair, exact: Figure, adjusted: float, rules: Rules) -> Verdict:
    """A difference is shown by the test; that there is none, by an interval within the margin.

    No flip in n decisions still leaves room for 3/n of them (the rule of three, Hanley and
    Lippman-Hand 1983), which a bootstrap cannot see.
    """
    if adjusted <= rules.level:
        return "better" if pair.differences.sum() > 0 else "worse"
    if exact.low is None or exact.high is None or rules.margin * pair.units < RULE_OF_THREE:
        return "too_few"
    inside = -rules.margin < exact.low and exact.high < rules.margin
    return "no_difference" if inside else "too_few"


def _needed(pair: _Pair, rules: Rules, tests: int) -> int:
    """How many more incidents would show, four times in five, the difference that was seen, or
    that of the margin where it is larger; `tests` share the level.
    """
    incidents, units = len(pair.differences), max(1, pair.units)
    each = pair.differences / (max(1, pair.n) / units)
    difference = max(rules.margin, abs(float(each.sum())) / units)
    squared = float(np.square(each).sum()) / units
    if pair.name != ALL:  # a decision flips or does not: fewer flips would not suffice
        squared = max(squared, difference)
    needed = incidents_needed(squared, difference, level=rules.level / tests)
    needed = max(needed, math.ceil(RULE_OF_THREE / rules.margin))
    share = units / max(1, incidents)  # a gated category is decided in some incidents alone
    return max(1, math.ceil(needed / share) - incidents)
