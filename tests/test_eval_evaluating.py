"""Tests of what stands around a score and a comparison: names, notes, evidence, and refusals."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from cooking import (
    SWAP,
    gold,
    incident,
    predicted,
    prediction,
    reader,
    swapped,
    with_another_text,
)
from scripted import Scripted, opened, recipes

from classifier.errors import ConfigurationError, InputError
from classifier.models.opening import Notices
from classifier.pipeline import articles_sha256
from classifier.taxonomy import Taxonomy, load_taxonomy
from eval.changes import Comparison
from eval.comparing import Rules
from eval.evaluating import asked_of, contrast, evaluate
from eval.figures import Score
from eval.gold import Gold
from eval.predictions import EvidenceCount, Predictions, from_reports
from eval.running import Kept, Scope, classify_gold

RECIPES = recipes()
FEW = Rules(draws=100)


def scored(of: Gold, told: Predictions) -> Score:
    return evaluate(of, told, RECIPES, draws=20)


def contrasted(of: Gold, before: Predictions, after: Predictions) -> Comparison:
    return contrast(of, (before, RECIPES), (after, RECIPES), FEW)


def test_a_score_says_what_was_scored() -> None:
    told = predicted(gold(4), source="runs/a")
    found = scored(gold(4), told)
    assert (found.gold, found.gold_fingerprint) == ("gold", gold(4).fingerprint)
    assert (found.predictions, found.predictions_fingerprint) == ("runs/a", told.fingerprint)
    assert (found.overall.exact.value, found.incidents, found.notes) == (1, 4, ())


def test_the_fingerprint_changes_with_an_answer_and_not_with_their_source() -> None:
    marks = [
        scored(gold(4), told).predictions_fingerprint
        for told in (
            predicted(gold(4), source="a"),
            predicted(gold(4), source="b"),
            predicted(gold(4), {"r00": {"diet": ("vegan",)}}),
        )
    ]
    assert marks[0] == marks[1] != marks[2]


def test_what_did_not_pair_is_named_and_counted() -> None:
    whole = predicted(gold(6))
    items = {n: p for n, p in whole.items.items() if n not in ("r01", "r02")}
    told = Predictions(items, "x", {"r02": "too long"}, ("line 9: torn",))
    found = scored(Gold(gold(6).incidents[:5], "gold"), told)
    assert found.notes[-4:] == (
        "line 9: torn",
        "without a prediction, counted as wrong: r01",
        "without a report, counted as wrong: r02",
        "predicted and not in this gold, not scored: r05",
    )
    course = next(c for c in found.categories if c.name == "course")
    assert (course.missing, course.failed, course.exact.value) == (1, 1, 3 / 5)


def test_of_many_the_first_five_are_named() -> None:
    told = predicted(Gold(gold(9).incidents[:2], "gold"))
    found = scored(gold(9), told)
    assert found.notes[-1] == (
        "without a prediction, counted as wrong: r02, r03, r04, r05, r06 and 2 more"
    )


def test_a_null_that_nothing_explains_is_named_by_its_category() -> None:
    told = predicted(gold(3), {"r00": {"diet": None, "course": None}, "r01": {"diet": None}})
    assert scored(gold(3), told).notes == (
        "null where nothing closes the category, read as no option: course, diet",
    )


def read_from(of: Gold, source: str = "told") -> Predictions:
    """Right answers that say which texts they are from."""
    items = {
        i.id: prediction(i.id, i.labels, articles_sha256=articles_sha256(i.incident))
        for i in of.incidents
    }
    return Predictions(items, source)


def other_text() -> Gold:
    first, second = gold(2).incidents
    return Gold((first, with_another_text(second)), "other")


def test_answers_from_another_text_are_named() -> None:
    same, other = (scored(gold(2), read_from(of)).notes for of in (gold(2), other_text()))
    assert other == (*same, "answered from another text than the gold's: r01")


def test_runs_on_other_texts_are_refused() -> None:
    sides = read_from(gold(2)), read_from(other_text())
    with pytest.raises(ConfigurationError, match="gold: the articles of r01 are not the same"):
        contrasted(gold(2), *sides)
    assert contrasted(gold(2), sides[0], predicted(gold(2))).flips == ()


def test_evidence_is_that_of_the_incidents_in_the_gold() -> None:
    counts = {"r00": EvidenceCount(5, 4, 3, 1), "r01": None, "r02": EvidenceCount(9, 9, 9, 9)}
    items = {n: prediction(n, incident(int(n[1:])).labels, evidence=c) for n, c in counts.items()}
    found = scored(gold(2), Predictions(items, "x")).evidence
    assert found is not None
    assert (found.quotes, found.located, found.options, found.without_evidence) == (5, 4, 3, 1)
    assert scored(gold(2), predicted(gold(2))).evidence is None


def test_other_peoples_incidents_are_refused() -> None:
    with pytest.raises(InputError, match=r"No incident of gold .*'r00'.* has a prediction in told"):
        scored(gold(2), predicted(Gold((incident(7), incident(8)), "x")))


def test_an_option_that_the_taxonomy_lacks_is_named() -> None:
    with pytest.raises(
        InputError, match=r"'r01'.*course has no option 'soup'. Allowed are starter"
    ):
        scored(gold(2), predicted(gold(2), {"r01": {"course": ("soup",)}}))


def answers(taxonomy: Taxonomy, of: Gold) -> Predictions:
    """What a model that reads the definitions makes of the gold."""
    kept = Kept()
    asyncio.run(classify_gold(of, taxonomy, opened(Scripted(reader)), kept, Notices()))
    return from_reports(kept.reports, taxonomy.name, kept.failures)


def test_swapped_definitions_are_worse_in_their_category_and_no_other(tmp_path: Path) -> None:
    changed, of = load_taxonomy(swapped(tmp_path / "changed", *SWAP)), gold(18)
    sides = [(answers(t, of), t) for t in (RECIPES, changed)]
    found = contrast(of, sides[0], sides[1], FEW)
    assert [c.name for c in found.categories if c.verdict == "worse"] == ["course"]
    assert [c.name for c in found.categories if c.altered] == ["course"]
    assert found.overall.verdict == "worse"
    assert {f.category for f in found.flips} == {"course"}
    assert len(found.flips) == 12  # six starters, six main dishes
    back = contrast(of, sides[1], sides[0], FEW)
    assert [c.name for c in back.categories if c.verdict == "better"] == ["course"]


def test_a_comparison_says_what_was_compared() -> None:
    before, after = predicted(gold(4), source="old"), predicted(gold(4), source="new")
    found = contrasted(gold(4), before, after)
    assert (found.before, found.after, found.gold) == ("old", "new", "gold")
    assert found.gold_fingerprint == gold(4).fingerprint
    assert (found.flips, found.notes, found.incidents) == ((), (), 4)


def test_the_notes_say_which_side_they_are_about() -> None:
    whole = predicted(gold(4))
    items = {n: p for n, p in whole.items.items() if n != "r03"}
    torn = Predictions(items, "new", {"r03": "too long"}, ("line 9: torn",))
    assert contrasted(gold(4), whole, torn).notes == (
        "after: line 9: torn",
        "after: without a report, counted as wrong: r03",
    )
    assert contrasted(gold(4), torn, whole).notes == (
        "before: line 9: torn",
        "before: without a report, counted as wrong: r03",
    )


def test_runs_on_other_incidents_are_refused_with_what_differs() -> None:
    before = predicted(gold(4), source="runs/old")
    after = predicted(Gold(gold(11).incidents[1:], "x"), source="runs/new")
    with pytest.raises(ConfigurationError) as error:
        contrasted(gold(4), before, after)
    assert str(error.value) == (
        "The two runs did not answer the same gold: only runs/old has r00; only runs/new has r04, "
        "r05, r06, r07, r08 and 2 more. Run both on the same incidents."
    )


def test_a_failure_is_an_answer_to_the_same_gold() -> None:
    whole = predicted(gold(4))
    items = {n: p for n, p in whole.items.items() if n != "r03"}
    lost = Predictions(items, "new", {"r03": "too long"})
    course = contrasted(gold(4), whole, lost).categories[0]
    assert (course.harmful, course.altered) == (1, 1)


def test_taxonomies_with_other_categories_are_refused() -> None:
    narrow, told = Scope(("diet", "course")).of(RECIPES), predicted(gold(2))
    with pytest.raises(ConfigurationError, match=r"same categories: baked, garnish, heat\. Name"):
        contrast(gold(2), (told, RECIPES), (told, narrow), FEW)


def test_taxonomies_in_another_order_are_refused() -> None:
    turned = dict(reversed(RECIPES.categories.items()))
    other, told = RECIPES.model_copy(update={"categories": turned}), predicted(gold(2))
    with pytest.raises(ConfigurationError, match="same categories: their order"):
        contrast(gold(2), (told, RECIPES), (told, other), FEW)


def test_an_option_may_be_new() -> None:
    course = RECIPES.categories["course"]
    more = course.options[0].model_copy(update={"name": "snack", "letter": "z"})
    wider = course.model_copy(update={"options": (*course.options, more)})
    new = RECIPES.model_copy(update={"categories": {**RECIPES.categories, "course": wider}})
    after = predicted(gold(3), {"r00": {"course": ("snack",)}})
    found = contrast(gold(3), (predicted(gold(3)), RECIPES), (after, new), FEW)
    assert [(f.incident, f.after) for f in found.flips] == [("r00", ("snack",))]


def test_the_seed_of_the_rules_decides_the_interval() -> None:
    after = predicted(gold(9), {"r00": {"diet": ("vegan",)}, "r03": {"course": ("main",)}})
    sides = (predicted(gold(9)), RECIPES), (after, RECIPES)
    once, same, other = (
        contrast(gold(9), *sides, replace(FEW, seed=seed)).overall.exact for seed in (1, 1, 2)
    )
    assert once == same != other


def test_a_run_on_a_sample_is_scored_on_that_sample() -> None:
    of = gold(4)
    told = replace(predicted(of), asked=frozenset({"r00", "r02"}))
    narrowed, noted = asked_of(of, told)
    assert [i.id for i in narrowed.incidents] == ["r00", "r02"]
    assert noted.notes == ("the run is about 2 of the gold's 4 incidents",)


def test_predictions_that_do_not_say_are_scored_on_all() -> None:
    of = gold(2)
    assert asked_of(of, predicted(of)) == (of, predicted(of))


def test_what_is_left_for_review_is_told_apart_from_what_is_wrong():
    told = predicted(gold(6), {"r00": {"course": ("main",)}})
    item = told.items["r01"]
    left = replace(
        item,
        status={**item.status, "course": "needs_review"},
        options={**item.options, "course": ()},
    )
    found = evaluate(gold(6), replace(told, items={**told.items, "r01": left}), RECIPES)
    decisions = found.overall.decisions - 1
    said = f"1 decisions are left for review and count as wrong; of the other {decisions}, "
    assert [n.removeprefix(said)[:5] for n in found.notes] == [f"{(decisions - 1) / decisions:.3f}"]
