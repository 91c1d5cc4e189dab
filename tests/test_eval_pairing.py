import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.errors import InputError
from classifier.taxonomy import load_taxonomy
from eval.cases import Cases, CategoryCases
from eval.gold import Gold, GoldIncident, load_gold
from eval.pairing import Pairing, build_cases
from eval.prediction_files import load_stored_answers
from eval.predictions import Prediction, Predictions, from_reports
from tests.reports import CLOSED, FAIL, FAILED, answered, found, report
from tests.scripted import recipes

FAIL31 = Path(__file__).parent.parent.parent / "shared" / "fail31" / "taxonomy"
RECIPES = recipes()


def gold(*labels: dict[str, object]) -> Gold:
    """Incidents a, b, c ... with these labels."""
    return Gold(tuple(labelled("abcdef"[n], given_) for n, given_ in enumerate(labels)), "GOLD")


def labelled(id_: str, labels: dict[str, object]) -> GoldIncident:
    fields = {"id": id_, "articles": [{"id": id_, "text": "Cake."}], "labels": labels}
    return GoldIncident.model_validate(fields)


def told(labels: dict[str, list[str] | None], **more: object) -> Prediction:
    """A prediction as JSON Lines say it."""
    states = {c: "not_applicable" if o is None else "answered" for c, o in labels.items()}
    return Prediction("", {c: tuple(o or ()) for c, o in labels.items()}, states, **more)


def predictions(*items: Prediction | None, **failures: str) -> Predictions:
    """Predictions for incidents a, b, c ...; None leaves one out."""
    named = {"abcdef"[n]: item for n, item in enumerate(items) if item is not None}
    return Predictions(named, "RUN", failures)


def column(cases: Cases, name: str) -> CategoryCases:
    return next(c for c in cases.categories if c.name == name)


def paired(name: str, labels: object, given_: object) -> tuple[CategoryCases, Pairing]:
    """One incident: a label and an answer of one category."""
    answers = {} if given_ == "left out" else {name: given_}
    cases, pairing = build_cases(gold({name: labels}), predictions(told(answers)), RECIPES)
    return column(cases, name), pairing


def test_decisions_are_the_labels_that_are_not_null():
    labels = [{"course": ["main"], "heat": None}, {"course": None}, {"heat": ["fierce"]}]
    cases, _ = build_cases(gold(*labels), predictions(told({})), RECIPES)
    assert cases.incidents == ("a", "b", "c")
    assert column(cases, "course").rows.tolist() == [0]
    assert column(cases, "heat").rows.tolist() == [2]
    assert (cases.n, column(cases, "diet").n) == (2, 0)


def test_every_category_and_option_stands_in_the_order_of_the_taxonomy():
    cases, _ = build_cases(gold({"diet": ["vegan"]}), predictions(told({})), RECIPES)
    assert [c.name for c in cases.categories] == list(RECIPES.categories)
    assert [c.options for c in cases.categories] == [c.names for c in RECIPES.categories.values()]


@pytest.mark.parametrize(
    ("labels", "answer", "expected"),
    [
        (["meat"], ["meat"], ([1, 0, 0], [1, 0, 0], True)),
        (["meat"], ["vegan_with_changes", "vegan"], ([1, 0, 0], [0, 1, 1], False)),
        (["unknown"], ["unknown"], ([0, 0, 0], [0, 0, 0], True)),
        (["unknown"], [], ([0, 0, 0], [0, 0, 0], True)),
        (["unknown"], ["meat"], ([0, 0, 0], [1, 0, 0], False)),
        (["meat"], ["unknown"], ([1, 0, 0], [0, 0, 0], False)),
        (["meat"], ["unknown", "meat"], ([1, 0, 0], [1, 0, 0], True)),
        (["unknown", "meat"], ["meat"], ([1, 0, 0], [1, 0, 0], True)),
    ],
)
def test_options_are_rows(labels, answer, expected):
    cases, _ = paired("diet", labels, answer)
    rows = cases.gold[0].tolist(), cases.predicted[0].tolist(), bool(cases.exact[0])
    assert rows == expected
    assert cases.unknown_gold.tolist() == [labels == ["unknown"]]
    assert cases.unknown_predicted.tolist() == [answer == ["unknown"]]


@pytest.mark.parametrize(
    ("category", "labels", "answer", "usable", "missing"),
    [
        ("baked", [], [], True, 0),
        ("baked", ["unknown"], "left out", False, 1),
        ("baked", [], "left out", False, 1),
        ("heat", ["unknown"], None, False, 0),
        ("heat", ["gentle"], ["gentle"], True, 0),
        ("baked", ["unknown"], None, True, 0),
        ("diet", ["meat"], None, True, 0),
    ],
)
def test_what_is_usable(category, labels, answer, usable, missing):
    cases, _ = paired(category, labels, answer)
    assert (cases.usable.tolist(), cases.missing, cases.failed) == ([usable], missing, 0)


def test_a_gate_closed_wrongly_is_not_usable_even_where_people_say_unknown():
    labels = {"baked": ["baked"], "heat": ["unknown"]}
    answers = told({"baked": [], "heat": None})
    cases, pairing = build_cases(gold(labels), predictions(answers), RECIPES)
    heat = column(cases, "heat")
    assert (heat.usable.tolist(), heat.exact.tolist()) == ([False], [False])
    assert (heat.failed, heat.missing, pairing.blank) == (0, 0, ())


def test_null_behind_a_gate_that_the_answers_themselves_open_is_an_empty_answer():
    labels = {"baked": ["baked"], "heat": ["unknown"]}
    answers = told({"baked": ["baked"], "heat": None})
    cases, pairing = build_cases(gold(labels), predictions(answers), RECIPES)
    assert column(cases, "heat").exact.tolist() == [True]
    assert pairing.blank == (("a", "heat"),)


def test_null_where_nothing_gates_is_an_empty_answer_and_is_told():
    cases, pairing = paired("diet", ["unknown"], None)
    assert (cases.exact.tolist(), cases.unknown_predicted.tolist()) == ([True], [False])
    assert pairing.blank == (("a", "diet"),)


def test_an_answer_to_a_null_label_is_not_scored():
    cases, _ = build_cases(gold({"heat": None}), predictions(told({"heat": ["fierce"]})), RECIPES)
    assert cases.n == 0


def test_what_is_missing_failed_or_surplus_is_named_and_counted():
    labels = {"diet": ["unknown"], "baked": []}
    given_ = predictions(told({"diet": ["unknown"]}), None, None, None, c="busy", x="busy", a="old")
    cases, pairing = build_cases(gold(labels, labels, labels), given_, RECIPES)
    assert pairing == Pairing(missing=("b",), failed=("c",), surplus=("x",))
    diet, baked = column(cases, "diet"), column(cases, "baked")
    assert (diet.usable.tolist(), diet.missing, diet.failed) == ([True, False, False], 1, 1)
    assert (baked.usable.any(), baked.missing, baked.failed) == (False, 2, 1)


def test_a_surplus_prediction_is_let_be_whatever_it_says():
    both = {"a": told({"diet": ["meat"]}), "z": told({"moon": ["cheese"]})}
    cases, pairing = build_cases(gold({"diet": ["meat"]}), Predictions(both, "RUN"), RECIPES)
    assert (pairing.surplus, cases.incidents) == (("z",), ("a",))


def test_probabilities_stand_in_their_columns():
    chances = {"diet": {"vegan": 0.25, "meat": 1.0, "unknown": 0.5}}
    items = [told({"diet": ["meat"]}, confidence=chances), told({"diet": ["meat"]})]
    labels = {"diet": ["meat"]}
    cases, _ = build_cases(gold(labels, labels, labels), predictions(*items), RECIPES)
    nan = math.nan
    expected = [[1.0, 0.25, nan], [nan] * 3, [nan] * 3]
    np.testing.assert_array_equal(column(cases, "diet").probability, expected)


def test_an_answer_that_is_not_usable_has_no_probability():
    closed = told({"baked": [], "heat": None}, confidence={"heat": {"fierce": 0.9}})
    cases, _ = build_cases(gold({"heat": ["fierce"]}), predictions(closed), RECIPES)
    assert np.isnan(column(cases, "heat").probability).all()


def test_reports_are_paired_by_their_statuses():
    labels = {"phase": ["design"], "boundary": ["unknown"], "perception": ["unknown"], "cps": []}
    said = report(id_="a", phase=answered(found("design")), boundary=FAILED, perception=CLOSED)
    cases, _ = build_cases(gold(labels), from_reports([said], "RUN"), FAIL)
    exact = {c.name: bool(c.exact[0]) for c in cases.categories if c.n}
    assert exact == {"phase": True, "boundary": False, "perception": False, "cps": True}
    assert (column(cases, "boundary").failed, column(cases, "perception").failed) == (1, 0)


@pytest.mark.parametrize(
    ("labels", "answers", "more", "message"),
    [
        (
            {"diet": ["fish"]},
            {},
            {},
            "GOLD: incident 'a': diet has no option 'fish'. Allowed are mea",
        ),
        ({"moon": None}, {}, {}, "GOLD: incident 'a': recipes has no category 'moon'. Allowed are"),
        ({"heat": None}, {"heat": ["x"]}, {}, "RUN: incident 'a': heat has no option 'x'. Allowed"),
        ({"heat": None}, {"moon": None}, {}, "RUN: incident 'a': recipes has no category 'moon'."),
        (
            {"heat": None},
            {},
            {"confidence": {"diet": {"fish": 0.5}}},
            "diet has no option 'fish'. Allowed are meat, vegan, vegan_with_changes, unknown.",
        ),
    ],
)
def test_what_the_taxonomy_lacks_is_refused(labels, answers, more, message):
    with pytest.raises(InputError) as caught:
        build_cases(gold(labels), predictions(told(answers, **more)), RECIPES)
    assert message in str(caught.value)


def test_a_stranger_in_gold_is_named_by_its_file():
    known = Gold(gold({"diet": ["fish"]}).incidents, "seeds", {"a": "seeds/a.yaml"})
    with pytest.raises(InputError, match=r"^seeds/a\.yaml: diet has no option 'fish'"):
        build_cases(known, predictions(told({})), RECIPES)


@pytest.mark.parametrize(
    ("ids", "shown"), [("", "none"), ("wxyz", "'w', 'x', 'y' and 1 more"), ("xyz", "'x', 'y', 'z'")]
)
def test_nothing_in_common(ids, shown):
    given_ = Predictions({name: told({}) for name in ids}, "RUN")
    with pytest.raises(InputError) as caught:
        build_cases(gold({"diet": ["meat"]}), given_, RECIPES)
    assert f"No incident of GOLD ('a') has a prediction in RUN ({shown})." in str(caught.value)


def test_a_run_whose_every_incident_failed_is_wrong_throughout():
    cases, pairing = build_cases(gold({"diet": ["unknown"]}), predictions(a="busy"), RECIPES)
    assert (column(cases, "diet").exact.tolist(), pairing.failed) == ([False], ("a",))


def chosen(category: str) -> st.SearchStrategy[list[str] | None]:
    names = RECIPES.allowed(category)
    return st.none() | st.lists(st.sampled_from(names), max_size=3, unique=True)


LABELS = st.fixed_dictionaries({}, optional={name: chosen(name) for name in RECIPES.categories})


def is_exact(category: str, labels: dict[str, object], answers: dict[str, object]) -> bool:
    """Whether one answer is right, said once more in sets."""
    gate = RECIPES.categories[category].gate
    answer = answers.get(category)
    if answer is None and gate and gate.option not in (answers.get(gate.category) or ()):
        return False
    same = set(labels[category]) - {"unknown"} == set(answer or ()) - {"unknown"}
    return category in answers and same


@given(st.lists(st.tuples(LABELS.filter(bool), LABELS), min_size=1, max_size=6))
def test_a_decision_is_exact_where_the_sets_are_the_same(pairs):
    given_ = predictions(*(told(answers) for _, answers in pairs))
    cases, _ = build_cases(gold(*(labels for labels, _ in pairs)), given_, RECIPES)
    labelled_ = [o for labels, _ in pairs for o in labels.values() if o is not None]
    assert cases.n == len(labelled_)
    for category in cases.categories:
        expected = [is_exact(category.name, *pairs[place]) for place in category.rows]
        assert category.exact.tolist() == expected


@pytest.mark.skipif(not FAIL31.is_dir(), reason="shared/fail31 is not here")
def test_the_answers_of_the_paper_score_as_the_paper_says():
    """The figures of shared/fail31/README.md, `unknown` counted as the empty set."""
    gold_, theirs = load_gold(FAIL31), load_stored_answers(FAIL31, "fail_gpt35")
    cases, pairing = build_cases(gold_, theirs, load_taxonomy("fail"))
    both, said, true = (
        sum(int(flags(c).sum()) for c in cases.categories)
        for flags in (lambda c: c.gold & c.predicted, lambda c: c.predicted, lambda c: c.gold)
    )
    exact = sum(int(c.exact.sum()) for c in cases.categories)
    assert (cases.n, exact, both, said, true) == (226, 143, 238, 322, 266)
    rates = [exact / cases.n, both / said, both / true, 2 * both / (said + true)]
    assert [f"{rate:.3f}" for rate in rates] == ["0.633", "0.739", "0.895", "0.810"]
    assert pairing == Pairing(blank=(("fail31-13", "recurring"),))
