"""Scores predictions against gold: every figure, with its interval and the constant beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from classifier.errors import ConfigurationError, InputError
from classifier.records import UNKNOWN
from eval.bootstrap import figure, replicate
from eval.calibration import calibration
from eval.cases import Cases, CategoryCases, Flags
from eval.figures import ALL, CategoryScore, Constant, Figure, OptionScore, Score
from eval.metrics import Floats, Measures, Statistics, Sums, confusion, distinct, measurer, pool

DRAWS = 1000
CONFIDENCE = 0.95
FIGURES = (
    "exact",
    "precision",
    "recall",
    "micro_f1",
    "macro_f1",
    "jaccard",
    "kappa",
    "alpha",
)
OPTION_FIGURES = ("precision", "recall", "f1", "kappa")
NO_DRAWS = np.empty(0)

Figures = Mapping[str, Sequence[Figure]]


def score(
    cases: Cases, *, draws: int = DRAWS, seed: int = 0, confidence: float = CONFIDENCE
) -> Score:
    """Every figure of the cases, for each category and for all together.

    `draws` are the bootstrap's draws of incidents, 0 for no intervals; all figures share them.
    `confidence` is what an interval should cover, between 0 and 1. The names and fingerprints of
    what was scored, and the evidence, are for the caller to fill in (`model_copy`). Raises
    ConfigurationError for draws below 0 or a confidence outside 0 to 1, InputError where there is
    no decision.
    """
    _check(cases, draws, confidence)
    incidents = len(cases.incidents)
    measure = measurer(cases)
    points = measure(np.ones((1, incidents)))
    # One incident can only be drawn again: an interval of no width would look like certainty.
    drawn = replicate(measure, incidents, draws if incidents > 1 else 0, seed)
    constants = [_constant_sums(category) for category in cases.categories]
    overall, *figures = _figures(points, drawn, confidence)
    return Score(
        incidents=incidents,
        draws=draws,
        seed=seed,
        confidence=confidence,
        overall=_overall(cases, overall, constants),
        categories=tuple(map(_category_score, cases.categories, figures, constants)),
        calibration=calibration(cases.categories),
        notes=tuple(_notes(cases)),
    )


def _check(cases: Cases, draws: int, confidence: float) -> None:
    if draws < 0:
        raise ConfigurationError(
            f"{draws} bootstrap draws: give 0 for no intervals, or 1000 for intervals"
        )
    if not 0 < confidence < 1:
        raise ConfigurationError(
            f"a confidence of {confidence:g}: give a share between 0 and 1, such as 0.95"
        )
    if not cases.n:
        raise InputError(
            "no category has a decision to score: label at least one category of one incident"
        )


def _figures(
    points: Sequence[Measures], drawn: Sequence[Measures], confidence: float
) -> Iterator[Figures]:
    """Figures by name: one each, and those named `option_...` one an option."""
    for place, point in enumerate(points):
        replicates = drawn[place] if drawn else dict.fromkeys(point, NO_DRAWS)
        yield {name: _each(point[name], replicates[name], confidence) for name in point}


def _each(points: Floats, drawn: Floats, confidence: float) -> list[Figure]:
    """The figures of points (1,) or (1, O), with draws (D,) or (D, O)."""
    values = points.reshape(-1).tolist()
    columns = drawn.reshape(len(drawn), len(values)).T
    return [figure(v, column, confidence) for v, column in zip(values, columns, strict=True)]


def _category_score(category: CategoryCases, figures: Figures, constant: Sums) -> CategoryScore:
    return CategoryScore(
        name=category.name,
        decisions=category.n,
        failed=category.failed,
        missing=category.missing,
        **{name: figures[name][0] for name in FIGURES},
        constant=_constant_score(constant_options(category), constant),
        options=tuple(_options(category, figures)),
        confusion=tuple(tuple(row) for row in confusion(category).tolist()),
        calibration=calibration([category]),
    )


def _options(category: CategoryCases, figures: Figures) -> Iterator[OptionScore]:
    for n, option in enumerate(category.options):
        yield OptionScore(
            name=option,
            support=int(category.gold[:, n].sum()),
            predicted=int(category.predicted[:, n].sum()),
            **{name: figures[f"option_{name}"][n] for name in OPTION_FIGURES},
        )


def _overall(cases: Cases, figures: Figures, constants: Sequence[Sums]) -> CategoryScore:
    return CategoryScore(
        name=ALL,
        decisions=cases.n,
        failed=sum(c.failed for c in cases.categories),
        missing=sum(c.missing for c in cases.categories),
        **{name: figures[name][0] for name in FIGURES},
        constant=_constant_score((), pool(constants)),
    )


def commonest(category: CategoryCases) -> Flags:
    """(O,): the commonest gold set; of equals, the one whose options come first, the empty last."""
    sets, places = distinct(category.gold)
    counts = np.bincount(places)
    equals = sets[counts == counts.max(initial=0)].tolist()
    return np.array(max(equals, default=[False] * len(category.options)), np.bool_)


def constant_options(category: CategoryCases) -> tuple[str, ...]:
    """The commonest gold set by name: ("unknown",) where it is empty and most such are unknown."""
    held = commonest(category)
    empty = ~category.gold.any(axis=1)
    if not held.any() and 2 * category.unknown_gold.sum() > empty.sum():
        return (UNKNOWN,)
    return tuple(name for name, holds in zip(category.options, held, strict=True) if holds)


def _constant_sums(category: CategoryCases) -> Sums:
    always = replace(
        category,
        predicted=np.tile(commonest(category), (category.n, 1)),
        usable=np.ones(category.n, np.bool_),
        unknown_predicted=np.zeros(category.n, np.bool_),
        failed=0,
        review=0,
        missing=0,
    )
    incidents = int(category.rows.max(initial=-1)) + 1
    return Statistics(always, incidents).sums(np.ones((1, incidents)))


def _constant_score(options: tuple[str, ...], sums: Sums) -> Constant:
    measures = sums.measures()
    names = ("exact", "precision", "recall", "micro_f1")
    values = {name: float(measures[name][0]) for name in names}
    return Constant(options=options, **{n: None if np.isnan(v) else v for n, v in values.items()})


def _notes(cases: Cases) -> Iterator[str]:
    failed = sum(c.failed for c in cases.categories)
    missing = sum(c.missing for c in cases.categories)
    review = sum(c.review for c in cases.categories)
    closed = sum(int((~c.usable).sum()) for c in cases.categories) - failed - missing - review
    if failed or missing:
        yield f"{failed} failed and {missing} missing decisions count as wrong"
    if review:
        right, answered = sum(int(c.exact.sum()) for c in cases.categories), cases.n - review
        share = f"{right / answered:.3f}" if answered else "none"
        yield (
            f"{review} decisions are left for review and count as wrong; of the other {answered}, "
            f"{share} are exact"
        )
    if closed:
        yield f"{closed} decisions say that a labelled category does not apply, and count as wrong"
    unlabelled = [c.name for c in cases.categories if not c.n]
    if unlabelled:
        yield f"no gold, so no figures: {', '.join(unlabelled)}"
    if len(cases.incidents) == 1:
        yield "one incident gives no interval: a bootstrap needs at least two"
