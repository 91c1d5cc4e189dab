"""A heat map: how often the options of two categories occur together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from classifier.batch.figures.sheet import (
    EDGE,
    GREY,
    INK,
    MEDIUM,
    MOST,
    SMALL,
    Sheet,
    fitted,
    width_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.batch.stats import Cross, RunStats

_TOP, _FOOT = 0.85, 0.6
_CELL_WIDTH, _CELL_HEIGHT = 0.55, 0.29
_ANGLE = 40
_WIDEST_LABEL = 2.0
_DARK = 0.72
"""The share from which on a cell is so dark that its number is white."""
_NARROWEST = 5.5


@dataclass(frozen=True)
class _Grid:
    """The options of both sides, as names and as labels that fit."""

    cross: Cross
    rows: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def row_labels(self) -> list[str]:
        return [
            f"{fitted(name, _WIDEST_LABEL, MEDIUM)}  ({self.cross.of_row[name]:,})"
            for name in self.rows
        ]

    @property
    def column_labels(self) -> list[str]:
        return [fitted(name, _WIDEST_LABEL, MEDIUM) for name in self.columns]

    @property
    def size(self) -> tuple[float, float]:
        return _CELL_WIDTH * len(self.columns), _CELL_HEIGHT * len(self.rows)


def nothing_to_draw(stats: RunStats) -> str | None:
    """Why there is no such figure, if there is none."""
    if not stats.reports:
        return "the run has no report"
    if stats.cross is None:
        return "there is no taxonomy to take two categories from; name them with --cross"
    if not stats.cross.of_row or not stats.cross.pairs:
        return f"no incident has options of both {stats.cross.rows} and {stats.cross.columns}"
    return None


def cross_figure(stats: RunStats, about: str) -> Any:
    """Rows are coloured by the share of their incidents; a cell's number counts incidents."""
    cross = stats.cross
    assert cross is not None  # noqa: S101 - nothing_to_draw has looked
    sides = (stats.categories[cross.rows], stats.categories[cross.columns])
    grid = _Grid(cross, *(tuple(side.options)[:MOST] for side in sides))
    left, below = _left(grid), _below(grid)
    width, height = grid.size
    full = max(_NARROWEST, left + width + 1.0 + EDGE)
    sheet = Sheet(full, _TOP + height + below + _FOOT)
    axes = sheet.axes(left, _TOP, width, height)
    image = _cells(axes, grid)
    _key(sheet, image, left + width + 0.25, min(height, 2.0))
    title = f"{sides[0].label} by {sides[1].label}"
    hidden = sum(len(side.options) for side in sides) - len(grid.rows) - len(grid.columns)
    said = "Incidents that have both options" + (f"; {hidden} options not shown" if hidden else "")
    foot = ("In brackets: incidents with the row's option in which both were decided.", about)
    sheet.head_and_foot(title, said, foot)
    return sheet.figure


def _left(grid: _Grid) -> float:
    """Room for the rows' labels, and for the first column's, which leans to the left."""
    rows = max(width_of(label, MEDIUM) for label in grid.row_labels)
    leaning = math.cos(math.radians(_ANGLE))
    reaches = (
        width_of(label, MEDIUM) * leaning - _CELL_WIDTH * (place + 0.5)
        for place, label in enumerate(grid.column_labels)
    )
    return EDGE + max(rows + 0.1, *reaches, 0.0)


def _below(grid: _Grid) -> float:
    widest = max(width_of(label, MEDIUM) for label in grid.column_labels)
    return widest * math.sin(math.radians(_ANGLE)) + 0.2


def _cells(axes: Any, grid: _Grid) -> Any:
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    # Lightness falls evenly from white: it reads the same in greyscale.
    paint = ListedColormap(colormaps["Blues"]([n / 255 * 0.9 for n in range(256)]))
    shares = [[grid.cross.share(r, c).share or 0.0 for c in grid.columns] for r in grid.rows]
    image = axes.pcolormesh(shares, cmap=paint, vmin=0, vmax=1, edgecolors="white", linewidth=1)
    axes.set_ylim(len(grid.rows), 0)
    for y, row in enumerate(shares):
        for x, share in enumerate(row):
            number = grid.cross.share(grid.rows[y], grid.columns[x]).count
            _number(axes, x, y, number, share)
    _labels(axes, grid.row_labels, grid.column_labels)
    return image


def _number(axes: Any, x: int, y: int, number: int, share: float) -> None:
    colour = "white" if share >= _DARK else INK if number else "#8c8c8c"
    place = (x + 0.5, y + 0.5)
    axes.text(*place, f"{number:,}", ha="center", va="center_baseline", size=SMALL, color=colour)


def _labels(axes: Any, rows: Sequence[str], columns: Sequence[str]) -> None:
    axes.set_yticks([n + 0.5 for n in range(len(rows))], rows, size=MEDIUM)
    leaning = {"rotation": _ANGLE, "ha": "right", "va": "top", "rotation_mode": "anchor"}
    axes.set_xticks([n + 0.5 for n in range(len(columns))], columns, size=MEDIUM, **leaning)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _key(sheet: Sheet, image: Any, left: float, height: float) -> None:
    axes = sheet.axes(left, _TOP, 0.12, height)
    bar = sheet.figure.colorbar(image, cax=axes)
    bar.outline.set_visible(False)
    bar.set_ticks([0, 0.5, 1], labels=["0", "50", "100%"], size=SMALL)
    bar.ax.tick_params(length=2, width=0.6)
    bar.set_label("share of the row", size=SMALL, color=GREY)
