"""Tests of the flips: which decisions they are, their order, and what is said for both sides."""

from __future__ import annotations

from dataclasses import replace

from cooking import gold, predicted
from scripted import recipes

from classifier.records import Evidence
from eval.changes import Flip
from eval.flips import flips
from eval.gold import Gold
from eval.pairing import build_cases
from eval.predictions import Prediction, Predictions

RECIPES = recipes()
OF = gold(4)
WRONG = {"course": ("dessert",)}
SAID = Evidence(article_id="a0", quote="before", start=0, end=6, match="exact")


def found(before: Predictions, after: Predictions, of: Gold = OF) -> tuple[Flip, ...]:
    cases = [build_cases(of, side, RECIPES)[0] for side in (before, after)]
    return flips(cases[0], cases[1], of, before, after)


def with_one(changed: Prediction) -> Predictions:
    """Predictions that are right, but for this one."""
    return Predictions({**predicted(OF).items, changed.id: changed}, "x")


def right(identifier: str = "r00") -> Prediction:
    return predicted(OF).items[identifier]


def test_the_same_answers_have_none() -> None:
    assert found(predicted(OF), predicted(OF)) == ()


def test_a_loss_is_harmful_and_a_gain_is_helpful() -> None:
    (loss,) = found(predicted(OF), predicted(OF, {"r00": WRONG}))
    assert (loss.incident, loss.category, loss.helpful) == ("r00", "course", False)
    assert (loss.gold, loss.before, loss.after) == (("starter",), ("starter",), ("dessert",))
    (gain,) = found(predicted(OF, {"r00": WRONG}), predicted(OF))
    assert (gain.helpful, gain.before, gain.after) == (True, ("dessert",), ("starter",))


def test_another_wrong_answer_is_no_flip() -> None:
    other = predicted(OF, {"r00": {"course": ("main",)}})
    assert found(predicted(OF, {"r00": WRONG}), other) == ()


def test_the_harmful_come_first_then_by_category_and_incident() -> None:
    before = predicted(OF, {"r03": {"course": ("main",)}})
    after = predicted(OF, {"r01": {"baked": ("baked",), **WRONG}, "r00": {"diet": ("vegan",)}})
    order = [(f.helpful, f.category, f.incident) for f in found(before, after)]
    categories = [name for name in RECIPES.categories if name in ("course", "diet", "baked")]
    harmful = {"course": "r01", "diet": "r00", "baked": "r01"}
    assert order == [
        *((False, name, harmful[name]) for name in categories),
        (True, "course", "r03"),
    ]


def test_unknown_and_nothing_are_told_apart_from_options() -> None:
    (flip,) = found(predicted(OF), predicted(OF, {"r00": {"diet": ("unknown",)}}))
    assert (flip.before, flip.after) == (("meat",), ("unknown",))
    (other,) = found(predicted(OF, {"r01": {"baked": ("baked",)}}), predicted(OF))
    assert (other.gold, other.before, other.after) == ((), ("baked",), ())


def test_a_category_that_people_left_closed_has_no_flip() -> None:
    assert OF.incidents[1].labels["heat"] is None
    assert found(predicted(OF), predicted(OF, {"r01": {"heat": ("fierce",)}})) == ()


def test_the_reasons_are_those_of_the_options_that_held() -> None:
    said = {"course": {"starter": "It comes first.", "main": "No.", "dessert": "It is last."}}
    before = with_one(replace(right(), rationale=said))
    after = with_one(replace(predicted(OF, {"r00": WRONG}).items["r00"], rationale=said))
    (flip,) = found(before, after)
    assert flip.rationale_before == "(starter) It comes first."
    assert flip.rationale_after == "(dessert) It is last."


def test_unknown_has_its_reason_too() -> None:
    unknown = predicted(OF, {"r00": {"diet": ("unknown",)}}).items["r00"]
    after = with_one(replace(unknown, rationale={"diet": {"unknown": "It does not say."}}))
    (flip,) = found(predicted(OF), after)
    assert (flip.rationale_before, flip.rationale_after) == ("", "(unknown) It does not say.")


def test_why_a_category_failed_is_its_reason() -> None:
    failed = replace(
        right(),
        options={**right().options, "diet": ()},
        status={**right().status, "diet": "failed"},
        reason={"diet": "the reply was cut"},
    )
    (flip,) = found(predicted(OF), with_one(failed))
    assert (flip.category, flip.after, flip.rationale_after) == ("diet", (), "the reply was cut")


def test_the_evidence_of_both_sides_is_kept() -> None:
    before = with_one(replace(right(), quotes={"course": (SAID,), "diet": (SAID,)}))
    (flip,) = found(before, predicted(OF, {"r00": WRONG}))
    assert (flip.evidence_before, flip.evidence_after) == ((SAID,), ())


def test_an_incident_without_a_report_flips_in_all_that_was_right() -> None:
    items = {n: p for n, p in predicted(OF).items.items() if n != "r00"}
    lost = found(predicted(OF), Predictions(items, "x", {"r00": "ask: too long"}))
    labelled = {name for name, options in OF.incidents[0].labels.items() if options is not None}
    assert {f.category for f in lost} == labelled
    assert {f.rationale_after for f in lost} == {"ask: too long"}
