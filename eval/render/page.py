"""A score or a comparison as one HTML file that needs nothing else and runs nothing of others.

A content security policy allows the page's own style and script, by their hashes, and no network;
whatever an article or a model wrote is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from jinja2.sandbox import ImmutableSandboxedEnvironment

from classifier.errors import InputError
from classifier.render.html.kit import environment, page
from eval.changes import Change, Comparison
from eval.figures import Figure, Score
from eval.gold import Gold
from eval.render.comparison_text import VERDICTS, verdict_text
from eval.render.drawing import bar, reach, reliability, risk_coverage, whisker
from eval.render.flip_views import flip_views
from eval.render.tables import between, number, signed

_HEAT = 10  # steps of the confusion table's tint


def score_page(score: Score, gold: Gold | None = None) -> str:
    """The score as HTML; with `gold`, its incidents are listed.

    Raises InputError where the score is not of this gold.
    """
    if gold is not None:
        _same_gold(score.gold_fingerprint, gold)
    return _page("score.html.jinja", score=score, gold=gold)


def comparison_page(comparison: Comparison, gold: Gold) -> str:
    """The comparison as HTML, with the articles of the gold and the quotes marked in them.

    Raises InputError where the comparison is not of this gold.
    """
    _same_gold(comparison.gold_fingerprint, gold)
    names = [c.name for c in comparison.categories] + [f.category for f in comparison.flips]
    categories = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return _page(
        "comparison.html.jinja",
        comparison=comparison,
        flips=flip_views(comparison.flips, categories, gold),
        flipped=_flipped(comparison, categories),
        reach=reach(c.exact for c in (*comparison.categories, comparison.overall)),
        f1_reach=reach(c.micro_f1 for c in (*comparison.categories, comparison.overall)),
        verdicts=_by_verdict(comparison.categories),
    )


def _same_gold(fingerprint: str, gold: Gold) -> None:
    if fingerprint and fingerprint != gold.fingerprint:
        raise InputError(
            f"The gold in {gold.source} (fingerprint {gold.fingerprint[:12]}) is not the one that "
            f"was scored ({fingerprint[:12]}). Give that one, or score again."
        )


def _flipped(comparison: Comparison, categories: Mapping[str, int]) -> list[tuple[int, str, int]]:
    """The categories that flips are in: place, name, how many."""
    counts = dict.fromkeys(categories, 0)
    for flip in comparison.flips:
        counts[flip.category] += 1
    return [(categories[name], name, count) for name, count in counts.items() if count]


def _by_verdict(changes: Sequence[Change]) -> dict[str, list[str]]:
    return {v: [c.name for c in changes if c.verdict == v] for v in VERDICTS}


def _page(template: str, **values: Any) -> str:
    return page(
        _environment(), template, styles=["base.css", "page.css"], scripts=["page.js"], **values
    )


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    made = environment("eval.render")
    filters: dict[str, Callable[..., str]] = {
        "number": _number,
        "signed": lambda value: "–" if value is None else _minus(signed(value)),
        "chance": lambda p: "< 0.001" if p < 0.0005 else _number(p),
        "between": _between,
        "verdict": verdict_text,
    }
    made.filters.update(filters)
    made.globals |= {
        "bar": bar,
        "whisker": whisker,
        "reliability": reliability,
        "risk_coverage": risk_coverage,
        "heat": _heat,
        "rank": list(VERDICTS).index,
    }
    return made


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else _minus(number(value, digits))


def _between(figure: Figure) -> str:
    return _minus(between(figure.low, figure.high))


def _minus(figures: str) -> str:
    """Figures with a true minus, and none before a zero."""
    return re.sub(r"-(?!0\.0+(?!\d))", "−", figures).replace("-", "")


def _heat(row: Sequence[int], count: int) -> int:
    """How strongly a cell of a table is tinted: its share of its row, from 0 to 10."""
    return -(-_HEAT * count // sum(row)) if count else 0
