"""Which decisions became right or wrong from one run to another, and what was said for them."""

from __future__ import annotations

from collections.abc import Iterator

from classifier.records import Evidence
from eval.cases import Cases
from eval.changes import Flip
from eval.gold import Gold
from eval.predictions import Prediction, Predictions


def flips(
    before: Cases, after: Cases, gold: Gold, old: Predictions, new: Predictions
) -> tuple[Flip, ...]:
    """The flips of two runs on the same gold, the harmful ones first, then by category."""
    labels = {incident.id: incident.labels for incident in gold.incidents}
    found = (
        Flip(
            incident=incident,
            category=category,
            helpful=helpful,
            gold=labels[incident][category] or (),
            before=_options(old.items.get(incident), category),
            after=_options(new.items.get(incident), category),
            rationale_before=_rationale(old, incident, category),
            rationale_after=_rationale(new, incident, category),
            evidence_before=_evidence(old.items.get(incident), category),
            evidence_after=_evidence(new.items.get(incident), category),
        )
        for incident, category, helpful in _flipped(before, after)
    )
    return tuple(sorted(found, key=lambda flip: flip.helpful))


def _flipped(before: Cases, after: Cases) -> Iterator[tuple[str, str, bool]]:
    for a, b in zip(before.categories, after.categories, strict=True):
        for row, was, is_ in zip(a.rows, a.exact, b.exact, strict=True):
            if was != is_:
                yield before.incidents[row], a.name, bool(is_)


def _options(prediction: Prediction | None, category: str) -> tuple[str, ...]:
    return prediction.options.get(category, ()) if prediction else ()


def _rationale(side: Predictions, incident: str, category: str) -> str:
    """The reasons of the options that hold, or why there is no answer."""
    prediction = side.items.get(incident)
    if prediction is None:
        return side.failures.get(incident, "")
    held = prediction.options.get(category, ())
    reasons = prediction.rationale.get(category, {})
    told = [f"({name}) {reasons[name]}" for name in held if reasons.get(name)]
    return " ".join(told) or prediction.reason.get(category, "")


def _evidence(prediction: Prediction | None, category: str) -> tuple[Evidence, ...]:
    return prediction.quotes.get(category, ()) if prediction else ()
