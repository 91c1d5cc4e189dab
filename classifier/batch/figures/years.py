"""Incidents over time: a bar for each year of publication."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classifier.batch.figures.sheet import BAR, EDGE, GREY, MEDIUM, RULE, SMALL, Sheet, width_of
from classifier.batch.stats import years_of

if TYPE_CHECKING:
    from classifier.batch.stats import RunStats

_WIDTH, _HEIGHT, _TOP, _FOOT = 7.0, 3.4, 0.85, 0.85
_NUMBERED = 25
"""Years of a figure whose bars have room for their numbers."""


def nothing_to_draw(stats: RunStats) -> str | None:
    """Why there is no such figure, if there is none."""
    if not stats.reports:
        return "the run has no report"
    return None if years_of(stats) else "no incident has a day of publication"


def years_figure(stats: RunStats, about: str) -> Any:
    """How many incidents were published in each year, the years without any among them."""
    years = years_of(stats)
    counts = [stats.years[year] for year in years]
    sheet = Sheet(_WIDTH, _HEIGHT)
    left = EDGE + 0.3 + width_of(f"{max(counts):,}", MEDIUM)
    axes = sheet.axes(left, _TOP, _WIDTH - EDGE - left, _HEIGHT - _TOP - _FOOT)
    bars = axes.bar(years, counts, width=0.78, color=BAR, zorder=2)
    if years[-1] - years[0] < _NUMBERED:
        axes.bar_label(bars, [f"{n:,}" for n in counts], padding=2, size=SMALL, color=GREY)
    _scale(axes, years[0], years[-1], max(counts))
    sheet.head_and_foot("Incidents by year of publication", _said(stats), (about,))
    return sheet.figure


def _scale(axes: Any, first: int, last: int, most: int) -> None:
    room = max(0.0, (8 - (last - first + 1)) / 2)  # so that few years are no fat bars
    axes.set_xlim(first - 0.6 - room, last + 0.6 + room)
    axes.set_ylim(0, most * 1.12)
    years = _round_numbers(first, last, 10 if last - first > _NUMBERED // 2 else _NUMBERED)
    axes.set_xticks(years, [str(year) for year in years])
    counts = _round_numbers(0, most, 5)
    axes.set_yticks(counts, [f"{count:,}" for count in counts])
    axes.grid(axis="y", color=RULE, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(length=2, width=0.6, labelsize=MEDIUM)
    axes.set_ylabel("incidents", size=MEDIUM)


def _round_numbers(low: int, high: int, most: int) -> list[int]:
    """Whole numbers from `low` to `high`, about as many as are wanted at most."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(most, integer=True).tick_values(low, high)
    return [round(tick) for tick in ticks if low <= tick <= high]


def _said(stats: RunStats) -> str:
    undated = stats.years[None]
    dated = f"{stats.reports - undated:,} incidents"
    return dated + (f"; {undated:,} more have no day of publication" if undated else "")
