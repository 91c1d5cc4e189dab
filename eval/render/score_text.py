"""A score as text: a line for each category, what always answering the same would score, notes."""

from __future__ import annotations

from collections.abc import Iterator

from eval.figures import CategoryScore, Figure, Score
from eval.render.tables import between, number, table

_HEAD = ("category", "n", "exact", "95%", "constant", "precision", "recall", "F1", "constant")
_MORE = ("macro F1", "Jaccard", "kappa", "alpha")
_OPTIONS = ("option", "support", "predicted", "precision", "recall", "F1", "kappa")


def score_text(score: Score) -> str:
    """The whole score; figures that are not defined are dashes."""
    parts = [*_heading(score), "", _categories(score)]
    for category in score.categories:
        if category.options:
            parts += ["", category.name, _options(category)]
    parts += ["", *_rest(score)]
    return "\n".join(parts).rstrip() + "\n"


def _heading(score: Score) -> Iterator[str]:
    yield f"predictions: {score.predictions or '-'}"
    yield f"gold:        {score.gold or '-'}, {score.incidents} incidents"


def _categories(score: Score) -> str:
    head = (*_HEAD[:3], f"{score.confidence:.0%}", *_HEAD[4:], *_MORE)
    return table(head, [_row(c) for c in (*score.categories, score.overall)])


def _row(category: CategoryScore) -> tuple[str, ...]:
    lost = category.failed + category.missing
    exact, constant = category.exact, category.constant
    return (
        category.name,
        f"{category.decisions}" + (f" ({lost} lost)" if lost else ""),
        number(exact.value),
        between(exact.low, exact.high),
        number(constant.exact),
        number(category.precision.value),
        number(category.recall.value),
        number(category.micro_f1.value),
        number(constant.micro_f1),
        *(number(_figure(category, name).value) for name in ("macro_f1", "jaccard")),
        *(number(_figure(category, name).value) for name in ("kappa", "alpha")),
    )


def _figure(category: CategoryScore, name: str) -> Figure:
    figure: Figure = getattr(category, name)
    return figure


def _options(category: CategoryScore) -> str:
    rows = [
        (
            o.name,
            str(o.support),
            str(o.predicted),
            *(number(f.value) for f in (o.precision, o.recall, o.f1, o.kappa)),
        )
        for o in category.options
    ]
    return table(_OPTIONS, rows)


def _rest(score: Score) -> Iterator[str]:
    overall = score.overall
    yield (
        f"All together: exact {_told(overall.exact)}, F1 {_told(overall.micro_f1)}, "
        f"alpha {_told(overall.alpha)}."
    )
    if score.calibration:
        fit = score.calibration
        yield (
            f"Probabilities of {fit.options} options: Brier score {number(fit.brier)}, expected "
            f"calibration error {number(fit.ece)}, area under risk and coverage {number(fit.aurc)}."
        )
    if score.evidence:
        told = score.evidence
        yield (
            f"Evidence: {told.located} of {told.quotes} quotes located; {told.without_evidence} of "
            f"{told.options} options have none that is."
        )
    yield from (f"Note: {note}." for note in score.notes)


def _told(figure: Figure) -> str:
    return f"{number(figure.value)} {between(figure.low, figure.high)}".rstrip()
