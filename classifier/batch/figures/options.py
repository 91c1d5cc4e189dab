"""Small multiples: a panel of bars for each category, with the interval of each share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from classifier.batch.figures.sheet import (
    BAR,
    EDGE,
    GREY,
    INK,
    MEDIUM,
    MOST,
    RULE,
    SMALL,
    Sheet,
    fitted,
    width_of,
    words,
)
from classifier.batch.stats_table import STATUSES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.batch.stats import CategoryCounts, RunStats, Share

_TOP, _FOOT = 0.85, 0.7
_HEAD, _LINE, _AXIS = 0.42, 0.19, 0.42  # of a panel: its title, a bar, what is below the bars
_BARS, _BETWEEN, _WIDEST_LABEL = 1.5, 0.35, 2.0


@dataclass(frozen=True)
class _Panel:
    """A category with the options that are shown."""

    counts: CategoryCounts
    options: tuple[str, ...]

    @property
    def height(self) -> float:
        return _HEAD + _LINE * len(self.options) + _AXIS


@dataclass(frozen=True)
class _Widths:
    """Of the three parts of a panel: option, bar, figures."""

    label: float
    figures: float

    @property
    def all(self) -> float:
        return self.label + _BARS + self.figures


def nothing_to_draw(stats: RunStats) -> str | None:
    """Why there is no such figure, if there is none."""
    return None if stats.reports and stats.categories else "the run has no report"


def options_figure(stats: RunStats, about: str) -> Any:
    """The share of each option among the incidents in which its category was decided."""
    panels = [_Panel(c, tuple(c.options)[:MOST]) for c in stats.categories.values()]
    wanted = 1 if len(panels) < 3 else 2 if len(panels) < 6 else 3
    columns = _split(panels, wanted)
    widths = _widths(panels)
    width = 2 * EDGE + len(columns) * (widths.all + _BETWEEN) - _BETWEEN
    height = _TOP + max(sum(p.height for p in column) for column in columns) + _FOOT
    sheet = Sheet(max(width, 5.5), height)
    for number, column in enumerate(columns):
        top = _TOP
        for panel in column:
            _draw(sheet, panel, EDGE + number * (widths.all + _BETWEEN), top, widths)
            top += panel.height
    sheet.head_and_foot("Options by category", f"{stats.reports:,} incidents", _foot(about))
    return sheet.figure


def _foot(about: str) -> tuple[str, ...]:
    bars = "Bars: share of the incidents in which the category was decided."
    return (bars, "Lines: 95% interval (Wilson). An incident can have several options.", about)


def _split(panels: Sequence[_Panel], columns: int) -> list[list[_Panel]]:
    """The panels in their order in so many columns, the highest as low as can be."""
    limit = max(panel.height for panel in panels)
    while len(filled := _filled(panels, limit)) > columns:
        limit += _LINE / 2
    return filled


def _filled(panels: Sequence[_Panel], limit: float) -> list[list[_Panel]]:
    columns: list[list[_Panel]] = [[]]
    for panel in panels:
        if columns[-1] and sum(p.height for p in columns[-1]) + panel.height > limit:
            columns.append([])
        columns[-1].append(panel)
    return columns


def _widths(panels: Sequence[_Panel]) -> _Widths:
    labels = [fitted(o, _WIDEST_LABEL, MEDIUM) for panel in panels for o in panel.options]
    figures = [_figures(p.counts.share(o)) for p in panels for o in p.options]
    return _Widths(
        label=max((width_of(text, MEDIUM) for text in labels), default=0.5) + 0.1,
        figures=max((width_of(text, SMALL) for text in figures), default=0.3) + 0.15,
    )


def _draw(sheet: Sheet, panel: _Panel, left: float, top: float, widths: _Widths) -> None:
    title = fitted(panel.counts.label, widths.all, MEDIUM, bold=True)
    sheet.write(left, top, title, weight="bold")
    said = fitted(_statuses(panel), widths.all, SMALL)
    sheet.write(left, top + 0.16, said, size=SMALL, color=GREY)
    if not panel.options:
        return
    axes = sheet.axes(left + widths.label, top + _HEAD, _BARS, _LINE * len(panel.options))
    shares = [panel.counts.share(option) for option in panel.options]
    _bars(axes, shares)
    labels = [fitted(option, _WIDEST_LABEL, MEDIUM) for option in panel.options]
    axes.set_yticks(range(len(shares)), labels, size=MEDIUM)
    for place, share in enumerate(shares):
        at = 1 + 0.1 / _BARS
        across = axes.get_yaxis_transform()
        axes.text(at, place, _figures(share), transform=across, va="center", size=SMALL, color=INK)


def _bars(axes: Any, shares: Sequence[Share]) -> None:
    places = range(len(shares))
    axes.barh(places, [share.share or 0 for share in shares], height=0.66, color=BAR, zorder=2)
    for place, share in enumerate(shares):
        if share.interval:
            axes.plot(share.interval, (place, place), color=INK, linewidth=0.9, zorder=3)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(shares) - 0.5, -0.5)
    axes.set_xticks((0, 0.25, 0.5, 0.75, 1), ("0", "", "50", "", "100%"), size=SMALL)
    axes.tick_params(length=2, width=0.6, pad=2)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=RULE, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)


def _figures(share: Share) -> str:
    return f"{share.count:,}" + ("" if share.share is None else f"  ({share.share:.0%})")


def _statuses(panel: _Panel) -> str:
    counts = panel.counts
    parts = [f"{counts.decided:,} decided"]
    for status in STATUSES:
        if status != "answered" and (number := counts.with_status(status)):
            parts.append(f"{number:,} {words(status)}")
    hidden = len(counts.options) - len(panel.options)
    return " · ".join(parts) + (f" · {hidden} more options not shown" if hidden else "")
