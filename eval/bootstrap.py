"""The bootstrap over incidents: how far a figure would move with other incidents of the same kind.

Incidents are drawn, not decisions, because the decisions on one incident hang together: drawing
them one by one would make the intervals too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from eval.figures import Figure
from eval.metrics import Floats, Measurer, Measures

# Counts held at a time, 4 bytes each.
BLOCK_COUNTS = 16_000_000


def draw_counts(
    incidents: int, draws: int, seed: int, at_once: int = BLOCK_COUNTS
) -> Iterator[NDArray[np.float32]]:
    """How often each draw with replacement holds each incident, in blocks (b, incidents) of about
    `at_once` counts.

    The draws depend on the first three numbers alone, so that two scores of the same incidents
    share them; float32 counts exactly up to 2**24.
    """
    random = np.random.default_rng(seed)
    block = max(1, at_once // max(1, incidents))
    for begun in range(0, draws, block):
        counts = np.empty((min(block, draws - begun), incidents), dtype=np.float32)
        for row in counts:
            row[:] = np.bincount(random.integers(incidents, size=incidents), minlength=incidents)
        yield counts


def replicate(measure: Measurer, incidents: int, draws: int, seed: int) -> Sequence[Measures]:
    """The measures of every draw: as `measure` gives them, with all draws on the first axis.

    Empty where there are no draws.
    """
    blocks = [measure(counts) for counts in draw_counts(incidents, draws, seed)]
    return [
        {name: np.concatenate([m[name] for m in same]) for name in same[0]}
        for same in zip(*blocks, strict=True)
    ]


def interval(drawn: Floats, confidence: float) -> tuple[float, float] | None:
    """The percentile interval (Efron and Tibshirani 1993, ch. 13) of a figure's draws (D,).

    `confidence` is the share it should cover, such as 0.95. Draws that do not define the figure
    (nan) are left out; None where fewer than half are left, or where there are none.
    """
    defined = drawn[~np.isnan(drawn)]
    if not len(defined) or 2 * len(defined) < len(drawn):
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def figure(value: float, drawn: Floats, confidence: float) -> Figure:
    """The figure with its interval; nothing where the value is not defined (nan)."""
    if np.isnan(value):
        return Figure()
    low, high = interval(drawn, confidence) or (None, None)
    return Figure(value=float(value), low=low, high=high)
