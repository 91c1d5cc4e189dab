"""A score or a comparison as one HTML file that needs nothing else and runs nothing of others.

A content security policy allows the page's own style and script, by their hashes, and no network;
whatever an article or a model wrote is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from jinja2 import PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from classifier.errors import InputError
from classifier.render.text import one_line
from eval.changes import Change, Comparison
from eval.figures import Figure, Score
from eval.gold import Gold
from eval.render.comparison_text import VERDICTS, verdict_text
from eval.render.drawing import bar, reach, reliability, risk_coverage, whisker
from eval.render.flip_views import flip_views
from eval.render.tables import between, number, signed

# A browser shows no control characters, and a lone surrogate cannot be written as UTF-8.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
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
    style, script = _own("page.css"), _own("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return (
        _environment()
        .get_template(template)
        .render(style=Markup(style), script=Markup(script), policy=policy, **values)  # noqa: S704
    )


def _own(name: str) -> str:
    """One of the page's own files, as it will be hashed: browsers see line feeds alone."""
    loader = _environment().loader
    assert loader is not None  # noqa: S101
    return "\n".join(loader.get_source(_environment(), name)[0].splitlines())


def _hash(block: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=PackageLoader("eval.render"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_written,
    )
    environment.filters |= {
        "line": one_line,
        "number": _number,
        "signed": lambda value: "–" if value is None else _minus(signed(value)),
        "chance": lambda p: "< 0.001" if p < 0.0005 else _number(p),
        "between": _between,
        "verdict": verdict_text,
    }
    environment.globals |= {
        "bar": bar,
        "whisker": whisker,
        "reliability": reliability,
        "risk_coverage": risk_coverage,
        "heat": _heat,
        "rank": list(VERDICTS).index,
    }
    return environment


def _written(value: Any) -> Any:
    """What is put into a page, with a mark for each character that no page can hold."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return _UNWRITABLE.sub("\ufffd", value)


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
