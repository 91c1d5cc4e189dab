"""A sheet measured in inches from its upper left corner: labels are measured, so none can meet."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import Any

INK, GREY, RULE, BAR = "#1a1a1a", "#595959", "#dcdcdc", "#7fa9cf"
SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 8,
    "text.parse_math": False,  # a $ in a label is a $
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "svg.hashsalt": "classifier",  # else its ids differ each time
    "svg.fonttype": "path",
}

LARGE, MEDIUM, SMALL = 10.0, 8.0, 7.0
"""Sizes of letters, in points."""
EDGE = 0.25
"""The margin of a sheet, in inches."""
MOST = 40
"""Options of one category that a figure shows; what is more is said."""

_POINTS = 72
_LONGEST = 200  # characters worth measuring


class Sheet:
    """A white sheet of `width` by `height` inches."""

    def __init__(self, width: float, height: float) -> None:
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        self.figure = Figure(figsize=(width, height))

    def axes(self, left: float, top: float, width: float, height: float) -> Any:
        """Axes whose upper left corner is there."""
        bottom = self.height - top - height
        across, up = self.width, self.height
        return self.figure.add_axes((left / across, bottom / up, width / across, height / up))

    def write(self, left: float, top: float, text: str, **style: Any) -> None:
        """A line of text whose first letter's upper left corner is there."""
        given: dict[str, Any] = {"va": "top", "ha": "left", "size": MEDIUM} | style
        self.figure.text(left / self.width, 1 - top / self.height, text, **given)

    def head_and_foot(self, title: str, below: str, foot: tuple[str, ...]) -> None:
        """The title with a line below it, and small lines at the foot."""
        room = self.width - 2 * EDGE
        self.write(EDGE, EDGE, fitted(title, room, LARGE, bold=True), size=LARGE, weight="bold")
        self.write(EDGE, EDGE + 0.2, fitted(below, room, MEDIUM), color=GREY)
        for line, text in enumerate(reversed(foot)):
            top = self.height - EDGE + 0.02 - 0.14 * (line + 1)
            self.write(EDGE, top, fitted(text, room, SMALL), size=SMALL, color=GREY)


def words(name: str) -> str:
    """A name as it is read: one line, with spaces for underscores."""
    return " ".join(name.replace("_", " ").split())


@lru_cache(maxsize=4096)
def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a line of text is, in inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    weight = "bold" if bold else "normal"
    font = FontProperties(family=SETTINGS["font.family"], weight=weight, size=size)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width) / _POINTS


def fitted(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """The text on one line, cut at its end where it is wider than so many inches."""
    line = words(text[:_LONGEST])
    if len(text) <= _LONGEST and width_of(line, size, bold=bold) <= width:
        return line
    fitting = bisect_right(
        range(len(line)), width, key=lambda kept: width_of(f"{line[:kept]}…", size, bold=bold)
    )
    return line[: max(1, fitting - 1)].rstrip() + "…"
