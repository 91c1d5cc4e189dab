"""Tests of scores, comparisons and agreement as text: as kept, and what must always be in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cooking import gold, predicted
from rich.cells import cell_len
from scripted import recipes

from eval.agreement import agree
from eval.changes import Comparison
from eval.comparing import Rules
from eval.evaluating import contrast, evaluate
from eval.figures import Score
from eval.gold import Gold, Labels
from eval.predictions import EvidenceCount, Predictions
from eval.render.agreement_text import agreement_text
from eval.render.comparison_text import comparison_text, verdict_text
from eval.render.score_text import score_text
from eval.render.tables import between, number, signed, table

SNAPSHOTS = Path(__file__).parent / "snapshots"
RECIPES = recipes()
OF = gold(12)
MISTAKES: dict[str, Labels] = {
    "r00": {"course": ("main",), "diet": ("unknown",)},
    "r02": {"heat": ("fierce",)},
    "r05": {"diet": ("meat", "vegan_with_changes")},
    "r08": {"course": ("main",), "garnish": None},
}
WHY = (
    "The article says that it is the main dish of a meal to which many came, and for which nobody "
    "paid, so that it can be no starter."
)
SAID = {"course": {"starter": "It stands first.", "main": WHY}}


def answered() -> Predictions:
    """Answers with mistakes, with probabilities, evidence, one failure and one that is missing."""
    told = predicted(OF, MISTAKES, "runs/monday")
    items = {
        name: replace(
            item,
            confidence={"diet": {"meat": 0.8, "vegan": 0.1, "vegan_with_changes": 0.3}},
            evidence=EvidenceCount(4, 3, 3, 1),
            rationale=SAID,
        )
        for name, item in told.items.items()
        if name not in ("r10", "r11")
    }
    return Predictions(items, told.source, {"r10": "ask: the article is too long"})


def scored() -> Score:
    return evaluate(OF, answered(), RECIPES, draws=200)


def compared() -> Comparison:
    before = predicted(OF, {"r03": {"baked": ("baked",)}}, "runs/sunday")
    items = {**answered().items, "r11": before.items["r11"]}
    after = Predictions(items, "runs/monday", answered().failures)
    return contrast(OF, (before, RECIPES), (after, RECIPES), Rules(draws=200))


def rated() -> Gold:
    """Two people, one of whom errs."""
    people = (
        i.model_copy(
            update={"annotators": {"anna": i.labels, "bert": i.labels | MISTAKES.get(i.id, {})}}
        )
        for i in OF.incidents
    )
    return Gold(tuple(people), "gold")


def kept(name: str) -> str:
    return (SNAPSHOTS / name).read_text("utf-8")


def test_a_score_is_as_kept() -> None:
    assert score_text(scored()) == kept("score.txt")


def test_a_comparison_is_as_kept() -> None:
    assert comparison_text(compared()) == kept("comparison.txt")


def test_agreement_is_as_kept() -> None:
    found = agree(rated(), RECIPES, predicted(OF, MISTAKES, "runs/monday"), draws=200)
    assert agreement_text(found) == kept("agreement.txt")


def test_without_a_model_agreement_has_no_columns_for_it() -> None:
    text = agreement_text(agree(rated(), RECIPES, draws=20))
    assert "band" not in text
    assert "model" not in text
    assert len({len(line.split("  ")) for line in text.splitlines() if "course" in line}) == 1


def test_every_category_and_option_of_a_score_is_in_its_text() -> None:
    text = score_text(scored())
    names = {c.name for c in scored().categories} | {
        o for c in RECIPES.categories.values() for o in c.names
    }
    assert [name for name in names if f"\n{name} " not in text and f"\n{name}\n" not in text] == []


def test_failed_and_missing_answers_are_shown_beside_the_count() -> None:
    line = next(x for x in score_text(scored()).splitlines() if x.startswith("course "))
    assert "12 (2 lost)" in line


def test_figures_that_are_not_defined_are_dashes() -> None:
    found = evaluate(gold(1), predicted(gold(1)), RECIPES)
    garnish = next(x for x in score_text(found).splitlines() if x.startswith("garnish "))
    assert garnish.split()[1:] == ["0", *["-"] * 10]


def test_flips_can_be_left_out() -> None:
    short = comparison_text(compared(), flips=False)
    assert comparison_text(compared()).startswith(short)
    assert "HARMFUL" not in short


def test_a_verdict_says_how_many_more_would_be_needed() -> None:
    change = compared().categories[0]
    assert change.verdict == "too_few"
    assert verdict_text(change) == f"too few to tell (about {change.needed} more)"


@pytest.mark.parametrize(
    ("value", "plain", "with_sign"),
    [
        (None, "-", "-"),
        (0.25, "0.250", "+0.250"),
        (-0.25, "-0.250", "-0.250"),
        (0.0, "0.000", "0.000"),
        (-0.0001, "-0.000", "0.000"),
        (1.0, "1.000", "+1.000"),
    ],
)
def test_numbers(value: float | None, plain: str, with_sign: str) -> None:
    assert (number(value), signed(value)) == (plain, with_sign)


def test_intervals() -> None:
    assert between(0.1, 0.25) == "[0.10, 0.25]"
    assert between(None, 0.25) == between(0.1, None) == ""


def test_a_table_has_words_to_the_left_and_numbers_to_the_right() -> None:
    assert table(("name", "n"), [("a", "1"), ("longer", "100")]) == (
        "name      n\n------  ---\na         1\nlonger  100"
    )


def test_columns_are_counted_in_cells_and_not_in_characters() -> None:
    lines = table(("name", "n"), [("寿司", "1"), ("é", "2")]).splitlines()
    assert {cell_len(line) for line in lines} == {7}


def test_a_table_without_rows_is_its_head() -> None:
    assert table(("a", "b"), []) == "a  b\n-  -"
