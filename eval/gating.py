"""May this change of the prompts go in? Yes, no, or not to be told from these incidents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from eval.blame import Place, likely_cause
from eval.changes import Change, Comparison

Outcome = Literal["pass", "regression", "undecided"]


@dataclass(frozen=True)
class GateResult:
    """The outcome, a sentence why, the comparison with the baseline behind it, and the line that
    each worse category is put down to, where one changed.
    """

    outcome: Outcome
    reason: str
    comparison: Comparison
    causes: Mapping[str, Place]


def judge(comparison: Comparison, margin: float, changed: Sequence[Place] = ()) -> GateResult:
    """A regression where anything is shown to be worse; a pass where a loss of `margin` and more in
    the overall exact-set rate is excluded; else undecided.
    """
    worse = [c for c in (*comparison.categories, comparison.overall) if c.verdict == "worse"]
    causes = {c.name: place for c in worse if (place := likely_cause(c.name, changed))}
    if worse:
        said = f"Worse than the baseline: {', '.join(map(_named, worse))}."
        return GateResult("regression", said, comparison, causes)
    low = comparison.overall.exact.low
    if low is not None and low >= -margin:
        said = f"No category is worse, and a loss of {margin:.3f} or more in all is excluded."
        return GateResult("pass", said, comparison, {})
    bound = "is not known" if low is None else f"may be as large as {-low:.3f}"
    said = (
        f"No category is shown to be worse, but the loss in all {bound}, and the margin is "
        f"{margin:.3f}. Take more incidents into the baseline, or look at the flips and bless it."
    )
    return GateResult("undecided", said, comparison, {})


def _named(change: Change) -> str:
    loss = -(change.exact.value or 0)
    return f"{change.name} (-{loss:.3f}, {change.harmful} harmful flips)"
