"""From gold and predictions to a score or a comparison, with what was scored written into it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from classifier.errors import ConfigurationError, InputError
from classifier.pipeline import articles_sha256
from classifier.taxonomy import Taxonomy
from eval.changes import Comparison
from eval.comparing import Rules, compare
from eval.figures import EvidenceScore, Score
from eval.flips import flips
from eval.gold import Gold
from eval.pairing import Pairing, build_cases
from eval.predictions import Predictions
from eval.scoring import DRAWS, score

_NAMED = 5


def evaluate(
    gold: Gold, predictions: Predictions, taxonomy: Taxonomy, *, draws: int = DRAWS, seed: int = 0
) -> Score:
    """The score of predictions against gold; its notes name what did not pair.

    Raises `InputError` where they have nothing in common or speak of options that the taxonomy
    lacks.
    """
    cases, pairing = build_cases(gold, predictions, taxonomy)
    found = score(cases, draws=draws, seed=seed)
    return found.model_copy(
        update={
            "gold": gold.source,
            "gold_fingerprint": gold.fingerprint,
            "predictions": predictions.source,
            "predictions_fingerprint": predictions.fingerprint,
            "evidence": _evidence(gold, predictions),
            "notes": (
                *found.notes,
                *predictions.notes,
                *pairing_notes(pairing),
                *_text_notes(gold, predictions),
            ),
        }
    )


def contrast(
    gold: Gold,
    before: tuple[Predictions, Taxonomy],
    after: tuple[Predictions, Taxonomy],
    rules: Rules,
) -> Comparison:
    """The comparison of two predictions on the same gold, each by its own taxonomy, with flips.

    Raises `ConfigurationError` where the two are not of the same incidents or categories.
    """
    _refuse_different(before, after)
    check_same_categories(before[1], after[1])
    sides = [build_cases(gold, predictions, taxonomy) for predictions, taxonomy in (before, after)]
    (a, first), (b, second) = sides
    found = compare(a, b, rules)
    notes = [f"before: {note}" for note in (*before[0].notes, *pairing_notes(first))]
    notes += [f"after: {note}" for note in (*after[0].notes, *pairing_notes(second))]
    return found.model_copy(
        update={
            "gold": gold.source,
            "gold_fingerprint": gold.fingerprint,
            "before": before[0].source,
            "after": after[0].source,
            "flips": flips(a, b, gold, before[0], after[0]),
            "notes": tuple(notes),
        }
    )


def asked_of(gold: Gold, predictions: Predictions) -> tuple[Gold, Predictions]:
    """The incidents of the gold that the run was about, and the predictions with a note of it."""
    if predictions.asked is None:
        return gold, predictions
    ids = [i.id for i in gold.incidents if i.id in predictions.asked]
    if not ids or len(ids) == len(gold.incidents):
        return gold, predictions
    note = f"the run is about {len(ids)} of the gold's {len(gold.incidents)} incidents"
    return gold.only(ids), replace(predictions, notes=(*predictions.notes, note))


def check_scorable(gold: Gold, taxonomy: Taxonomy) -> None:
    """Raises `InputError` where the gold has no label for the taxonomy, or one that it lacks: to
    be known before anything is asked.
    """
    nobody = Predictions({}, "nobody", {incident.id: "" for incident in gold.incidents})
    cases, _ = build_cases(gold, nobody, taxonomy)
    if not cases.n:
        raise InputError(
            f"{gold.source} has no label in {', '.join(taxonomy.categories)}, so nothing can be "
            "scored. Label the incidents, or name other categories."
        )


def check_same_categories(before: Taxonomy, after: Taxonomy) -> None:
    """Raises `ConfigurationError` where the categories of two taxonomies differ."""
    if list(before.categories) != list(after.categories):
        differing = sorted(set(before.categories) ^ set(after.categories))
        what = ", ".join(differing) or "their order"
        raise ConfigurationError(
            f"The two taxonomies do not have the same categories: {what}. Name with --category "
            "those that both have."
        )


def pairing_notes(pairing: Pairing) -> Iterator[str]:
    """A sentence for each kind of thing that did not pair."""
    if pairing.missing:
        yield f"without a prediction, counted as wrong: {_few(pairing.missing)}"
    if pairing.failed:
        yield f"without a report, counted as wrong: {_few(pairing.failed)}"
    if pairing.surplus:
        yield f"predicted and not in this gold, not scored: {_few(pairing.surplus)}"
    if pairing.blank:
        names = sorted({category for _, category in pairing.blank})
        yield f"null where nothing closes the category, read as no option: {', '.join(names)}"


def _few(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + more


def _evidence(gold: Gold, predictions: Predictions) -> EvidenceScore | None:
    items = (predictions.items.get(incident.id) for incident in gold.incidents)
    counts = [i.evidence for i in items if i is not None and i.evidence is not None]
    if not counts:
        return None
    return EvidenceScore.of(
        quotes=sum(c.quotes for c in counts),
        located=sum(c.located for c in counts),
        options=sum(c.options for c in counts),
        without_evidence=sum(c.without_quote for c in counts),
    )


def _text_notes(gold: Gold, predictions: Predictions) -> Iterator[str]:
    read = {name: item.articles_sha256 for name, item in predictions.items.items()}
    other = [
        i.id for i in gold.incidents if read.get(i.id) not in (None, articles_sha256(i.incident))
    ]
    if other:
        yield f"answered from another text than the gold's: {_few(other)}"


def _refuse_different(
    before: tuple[Predictions, Taxonomy], after: tuple[Predictions, Taxonomy]
) -> None:
    (old, _), (new, _) = before, after
    told = [{*p.items, *p.failures} for p in (old, new)]
    only = [_few(sorted(told[side] - told[1 - side])) for side in (0, 1)]
    parts = [f"only {p.source} has {ids}" for ids, p in zip(only, (old, new), strict=True) if ids]
    if other := sorted(
        n for n in old.items.keys() & new.items.keys() if _texts_differ(old, new, n)
    ):
        parts.append(f"the articles of {_few(other)} are not the same")
    if parts:
        raise ConfigurationError(
            f"The two runs did not answer the same gold: {'; '.join(parts)}. Run both on the same "
            "incidents."
        )


def _texts_differ(before: Predictions, after: Predictions, name: str) -> bool:
    texts = {p.items[name].articles_sha256 for p in (before, after)}
    return None not in texts and len(texts) > 1
