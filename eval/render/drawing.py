"""Draws figures as inline SVG: bars, whiskers around zero, reliability, risk against coverage.

What a drawing looks like is said by the classes of its parts in templates/page.css.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from eval.figures import Bin, Calibration, Figure
from eval.render.tables import number

_WIDTH, _HEIGHT, _EDGE = 84.0, 12.0, 4.0  # of a bar or a whisker, in pixels
_STEPS = (0.02, 0.04, 0.06, 0.08, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
_LEFT, _TOP, _SIDE, _BELOW, _RIGHT = 58.0, 12.0, 260.0, 44.0, 14.0  # of a diagram
_LARGEST, _SMALLEST = 9.0, 2.5  # radius of a dot of the reliability diagram


def bar(figure: Figure, low: float = 0.0, floor: float | None = None) -> Markup:
    """A figure between `low` and 1 as a dot, its interval as a band, and as a tick the `floor`:
    what the constant answer scores.
    """
    if figure.value is None:
        return Markup("")
    scale = _Scale(low, 1.0)
    parts = [_line("track", scale.at(low), scale.at(1.0))]
    if low < 0:
        parts.append(_tick("zero", scale.at(0.0)))
    parts += _interval(figure, scale)
    if floor is not None:
        parts.append(_tick("floor", scale.at(floor)))
    return _small(parts)


def whisker(change: Figure, reach: float) -> Markup:
    """A change with its interval around zero, on a scale from `-reach` to `reach`."""
    if change.value is None:
        return Markup("")
    scale = _Scale(-reach, reach)
    track = _line("track", scale.at(-reach), scale.at(reach))
    return _small([track, _tick("zero", scale.at(0.0)), *_interval(change, scale)])


def reach(changes: Iterable[Figure]) -> float:
    """The end of a scale that all these changes and their intervals fit on."""
    ends = [abs(x) for c in changes for x in (c.value, c.low, c.high) if x is not None]
    return _above(max(ends, default=0.0))


def reliability(calibration: Calibration) -> Markup:
    """How often people chose the options of a bin, against the mean probability these have.

    The area of a dot says how many options are in its bin.
    """
    filled = [b for b in calibration.bins if b.count]
    most = max((b.count for b in filled), default=1)
    plane = _Plane(1.0, 1.0)
    points = [(b.mean_probability or 0.0, b.observed or 0.0) for b in filled]
    parts = [
        *plane.frame("mean probability", "share that people chose"),
        plane.path("diagonal", [(0.0, 0.0), (1.0, 1.0)]),
        *(plane.path("gap", [(x, x), (x, y)]) for x, y in points),
        plane.path("curve", points),
        *(_dot(plane, point, one, most) for point, one in zip(points, filled, strict=True)),
    ]
    return plane.drawing(parts, "Reliability diagram; the table beneath has its figures.")


def risk_coverage(calibration: Calibration) -> Markup:
    """The share of wrong answers among those given, as ever more of them are given."""
    points = calibration.risk_coverage
    plane = _Plane(1.0, min(1.0, _above(max((risk for _, risk in points), default=0.0))))
    ground = [(points[0][0], 0.0), *points, (points[-1][0], 0.0)] if points else []
    parts = [
        *plane.frame("share of decisions answered, the surest first", "share of these not exact"),
        plane.path("ground", ground),
        plane.path("curve", points),
    ]
    told = f"; all answered, {number(points[-1][1])} are not exact" if points else ""
    return plane.drawing(parts, f"Risk against coverage{told}.")


def _above(value: float) -> float:
    """The least round number that is not below a value; the largest where it is above all."""
    return next((step for step in _STEPS if value <= step), max(_STEPS[-1], value))


@dataclass(frozen=True)
class _Scale:
    """Where values from `low` to `high` stand in a small drawing; what is beyond is at its end."""

    low: float
    high: float

    def at(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return _EDGE + share * (_WIDTH - 2 * _EDGE)


def _interval(figure: Figure, scale: _Scale) -> list[Markup]:
    parts = []
    if figure.low is not None and figure.high is not None:
        parts.append(_line("range", scale.at(figure.low), scale.at(figure.high)))
    place = Markup('<circle class="dot" cx="{}" cy="{}" r="3"/>')
    return [*parts, place.format(_short(scale.at(figure.value or 0.0)), _short(_HEIGHT / 2))]


def _line(kind: str, start: float, end: float) -> Markup:
    shape = Markup('<line class="{}" x1="{}" x2="{}" y1="{y}" y2="{y}"/>')
    return shape.format(kind, _short(start), _short(end), y=_short(_HEIGHT / 2))


def _tick(kind: str, place: float) -> Markup:
    shape = Markup('<line class="{}" x1="{x}" x2="{x}" y1="1" y2="{}"/>')
    return shape.format(kind, _short(_HEIGHT - 1), x=_short(place))


def _small(parts: Sequence[Markup]) -> Markup:
    # The figures stand beside it as text.
    shape = Markup(
        '<svg class="small" width="{w}" height="{h}" viewBox="0 0 {w} {h}" aria-hidden="true">'
        "{}</svg>"
    )
    return shape.format(Markup("").join(parts), w=_short(_WIDTH), h=_short(_HEIGHT))


@dataclass(frozen=True)
class _Plane:
    """A square diagram: both axes begin at 0 and end at `right` and `top`."""

    right: float
    top: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The place of a point in pixels."""
        return _LEFT + x / self.right * _SIDE, _TOP + (1 - y / self.top) * _SIDE

    def path(self, kind: str, points: Sequence[tuple[float, float]]) -> Markup:
        """A line through the points; nothing without any."""
        places = (self.at(*point) for point in points)
        steps = " ".join(f"{_short(x)},{_short(y)}" for x, y in places)
        return Markup('<polyline class="{}" points="{}"/>').format(kind, steps)

    def frame(self, across: str, upward: str) -> list[Markup]:
        """Grid, numbers and names of the axes."""
        parts = [part for share in (0, 0.25, 0.5, 0.75, 1) for part in self._grid(share)]
        middle, base = _SIDE / 2, _TOP + _SIDE + 36
        shape = Markup('<text class="axis" text-anchor="middle" transform="{}">{}</text>')
        parts.append(shape.format(f"translate({_short(_LEFT + middle)} {_short(base)})", across))
        turned = f"translate(11 {_short(_TOP + middle)}) rotate(-90)"
        return [*parts, shape.format(turned, upward)]

    def _grid(self, share: float) -> list[Markup]:
        x, y = self.at(share * self.right, share * self.top)
        ends = [(0.0, share * self.top), (self.right, share * self.top)]
        label = Markup('<text class="tick" text-anchor="{}" x="{}" y="{}">{}</text>')
        below, beside = _short(_TOP + _SIDE + 16), _short(_LEFT - 6)
        return [
            self.path("grid", ends),
            label.format("middle", _short(x), below, f"{share * self.right:g}"),
            label.format("end", beside, _short(y + 4), f"{share * self.top:.3g}"),
        ]

    def drawing(self, parts: Sequence[Markup], told: str) -> Markup:
        """The whole diagram; `told` is what it is to those who do not see it."""
        width, height = _LEFT + _SIDE + _RIGHT, _TOP + _SIDE + _BELOW
        shape = Markup(
            '<svg class="diagram" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
        )
        return shape.format(_short(width), _short(height), told, Markup("").join(parts))


def _dot(plane: _Plane, point: tuple[float, float], one: Bin, most: int) -> Markup:
    x, y = plane.at(*point)
    radius = max(_SMALLEST, _LARGEST * math.sqrt(one.count / most))
    told = (
        f"{one.low:g} to {one.high:g}: {one.count} options, mean probability "
        f"{number(one.mean_probability)}, people chose {number(one.observed)}"
    )
    shape = Markup('<circle class="dot" cx="{}" cy="{}" r="{}"><title>{}</title></circle>')
    return shape.format(_short(x), _short(y), _short(radius), told)


def _short(pixels: float) -> str:
    return f"{pixels:.1f}".removesuffix(".0")
