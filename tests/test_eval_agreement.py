"""Agreement between people, against figures by hand and nltk, and the model's place in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import pytest
from cooking import gold, incident, predicted, prediction
from nltk.metrics import masi_distance
from nltk.metrics.agreement import AnnotationTask
from scripted import recipes
from sklearn.metrics import cohen_kappa_score

from classifier.errors import InputError
from eval.agreement import AgreementScore, CategoryAgreement, agree
from eval.gold import Gold, Labels
from eval.predictions import Predictions

RECIPES = recipes()
COURSES = RECIPES.categories["course"].names
Said = Sequence[str]

# Four incidents, one of them told apart: starter, main and unknown agree.
ANNA = ("starter", "main", "dessert", "unknown")
BERT = ("starter", "main", "main", "unknown")


def courses(**people: Said) -> Gold:
    """What each said of the course, incident by incident; an empty text is no label of theirs."""
    return labelled(
        *(
            {name: {"course": (said,)} for name, said in zip(people, row, strict=True) if said}
            for row in zip(*people.values(), strict=True)
        )
    )


def labelled(*incidents: Mapping[str, Labels]) -> Gold:
    """What each person said of each incident."""
    made = (
        incident(n, annotators=dict(people), labels={"course": ("main",)})
        for n, people in enumerate(incidents)
    )
    return Gold(tuple(made), "gold")


def agreed(of: Gold, model: Predictions | None = None, **more: Any) -> AgreementScore:
    return agree(of, RECIPES, model, **{"draws": 100} | more)


def category(found: AgreementScore, name: str = "course") -> CategoryAgreement:
    return next(c for c in found.categories if c.name == name)


def figures(of: Gold, name: str = "course") -> tuple[float | None, ...]:
    people = category(agreed(of), name).people
    return people.exact.value, people.kappa.value, people.alpha.value


def model(said: Said) -> Predictions:
    """A model's courses, incident by incident."""
    items = {f"r{n:02}": prediction(f"r{n:02}", {"course": (o,)}) for n, o in enumerate(said)}
    return Predictions(items, "run")


def test_two_people_by_hand() -> None:
    """12 cells, 2 apart, 3 of each person's hold: (10/12 - 90/144) / (1 - 90/144) = 5/9. Of the
    8 values 2, 3, 1 and 2 are alike: 1 - 1/4 / (46/56) = 16/23.
    """
    exact, kappa, alpha = figures(courses(anna=ANNA, bert=BERT))
    assert exact == 3 / 4
    assert kappa == pytest.approx(5 / 9)
    assert alpha == pytest.approx(16 / 23)
    assert category(agreed(courses(anna=ANNA, bert=BERT))).decisions == 4


def test_the_order_of_two_people_does_not_matter() -> None:
    assert figures(courses(a=ANNA, b=BERT)) == pytest.approx(figures(courses(a=BERT, b=ANNA)))


SETS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("meat",), ("meat", "vegan_with_changes")),
    (("vegan", "vegan_with_changes"), ("vegan", "vegan_with_changes")),
    (("unknown",), ("meat",)),
    (("meat",), ("meat",)),
    (("vegan",), ("vegan_with_changes",)),
    (("unknown",), ("unknown",)),
)


def diets() -> Gold:
    return labelled(*({"a": {"diet": one}, "b": {"diet": other}} for one, other in SETS))


def test_alpha_of_sets_is_that_of_nltk() -> None:
    told = [
        (coder, str(n), frozenset(value))
        for n, pair in enumerate(SETS)
        for coder, value in zip("ab", pair, strict=True)
    ]
    theirs = AnnotationTask(told, masi_distance).alpha()
    assert figures(diets(), "diet")[2] == pytest.approx(theirs)


def test_kappa_of_sets_is_that_of_scikit_learn() -> None:
    names = RECIPES.categories["diet"].names
    cells = [[name in pair[side] for pair in SETS for name in names] for side in (0, 1)]
    assert figures(diets(), "diet")[1] == pytest.approx(cohen_kappa_score(*cells))


def test_of_three_people_the_pairs_are_averaged() -> None:
    told = {"a": ANNA, "b": BERT, "c": ("starter", "dessert", "dessert", "main")}
    pairs = [
        figures(courses(**{x: told[x], y: told[y]}))
        for x, y in (("a", "b"), ("a", "c"), ("b", "c"))
    ]
    found = category(agreed(courses(**told)))
    assert found.decisions == 12
    assert figures(courses(**told)) == pytest.approx(
        [mean(f for f in column if f is not None) for column in zip(*pairs, strict=True)]
    )


def test_a_third_person_counts_where_they_labelled() -> None:
    third = ("", "main", "", "")
    found = agreed(courses(a=ANNA, b=BERT, c=third))
    assert found.raters == ("a", "b", "c")
    assert category(found).decisions == 4 + 1 + 1
    assert category(found).people.exact.value == pytest.approx((3 / 4 + 1 + 1) / 3)


def test_people_who_never_met_are_no_pair() -> None:
    found = agreed(
        courses(a=(*ANNA, "", ""), b=(*BERT, "main", "main"), c=("",) * 4 + ("main",) * 2)
    )
    assert category(found).decisions == 4 + 2


def test_an_incident_that_one_person_labelled_does_not_count() -> None:
    found = agreed(courses(anna=(*ANNA, "main"), bert=(*BERT, "")))
    assert (found.incidents, category(found).decisions) == (4, 4)


def test_a_gated_category_counts_where_both_opened_it() -> None:
    opened = {"course": ("dessert",), "garnish": ("fruit",)}
    closed = {"course": ("main",), "garnish": None}
    other = opened | {"garnish": ("cream",)}
    found = agreed(
        labelled(
            {"a": opened, "b": opened},
            {"a": opened, "b": other},
            {"a": opened, "b": closed},
            {"a": closed, "b": closed},
        )
    )
    garnish = category(found, "garnish")
    assert (garnish.decisions, garnish.people.exact.value) == (2, 1 / 2)
    assert category(found).decisions == 4


def test_a_category_that_nobody_labelled_has_no_figures() -> None:
    heat = category(agreed(courses(anna=ANNA, bert=BERT)), "heat")
    assert (heat.decisions, heat.people.exact.value, heat.people.alpha.value) == (0, None, None)


def test_all_together_are_the_decisions_of_all_categories() -> None:
    rows = [
        {"a": {"course": ("main",), "baked": ()}, "b": {"course": ("main",), "baked": baked}}
        for baked in ((), ("baked",), ())
    ]
    found = agreed(labelled(*rows)).overall
    assert (found.name, found.decisions, found.people.exact.value) == ("all", 6, 5 / 6)


@pytest.mark.parametrize("people", [{}, {"a": {"course": ("main",)}}])
def test_gold_of_one_person_is_refused(people: Mapping[str, Labels]) -> None:
    with pytest.raises(InputError, match=r"No incident of gold was labelled by two people\."):
        agreed(labelled(people, people))


def test_an_option_that_the_taxonomy_lacks_is_named() -> None:
    with pytest.raises(InputError, match="course has no option 'soup'"):
        agreed(courses(anna=("soup", "main"), bert=("main", "main")))


def test_without_a_model_there_is_no_band() -> None:
    found = agreed(courses(anna=ANNA, bert=BERT))
    assert found.model == ""
    assert {(c.model, c.difference, c.band) for c in found.categories} == {(None, None, None)}


def test_the_model_is_set_beside_each_person() -> None:
    """It agrees with Anna in 4 of 4 and with Bert in 3 of 4; they in 3 of 4."""
    found = category(agreed(courses(anna=ANNA, bert=BERT), model(ANNA)))
    assert found.model is not None
    assert found.difference is not None
    assert found.model.exact.value == (1 + 3 / 4) / 2
    assert found.difference.value == pytest.approx(1 / 8)


@pytest.mark.parametrize(
    ("anna", "bert", "said", "band"),
    [
        (["main"] * 30, ["main"] * 30, ["main"] * 30, "within"),
        (["main"] * 30, ["main"] * 30, ["starter"] * 30, "below"),
        (["main"] * 30, ["starter"] * 30, ["main"] * 30, "above"),
        (["main"] * 30, ["main"] * 30, ["main"] * 24 + ["starter"] * 6, "below"),
        (["main"] * 12, ["main"] * 12, ["main"] * 10 + ["starter"] * 2, "too_few"),
        (
            ["main"] * 40,
            ["main"] * 20 + ["starter"] * 20,
            ["main"] * 20 + ["starter"] * 20,
            "above",
        ),
        (["main"] * 8, ["main"] * 8, ["main"] * 8, "too_few"),
        (["main"] * 5, ["main"] * 5, ["starter"] * 5, "too_few"),
        (["main"] * 6, ["main"] * 6, ["starter"] * 6, "below"),
    ],
)
def test_the_human_band(anna: list[str], bert: list[str], said: list[str], band: str) -> None:
    found = agreed(courses(anna=anna, bert=bert), model(said), draws=400)
    assert category(found).band == band


def test_the_margin_is_the_lag_that_is_excluded() -> None:
    of = courses(anna=["main"] * 60, bert=["main"] * 60)
    late = model(["main"] * 59 + ["starter"])
    assert category(agreed(of, late, margin=0.1)).band == "within"
    assert category(agreed(of, late, margin=0.01)).band == "too_few"


def test_a_category_with_few_decisions_has_no_band_of_its_own() -> None:
    both = {"course": ("main",), "diet": ("meat",)}
    rows = [{"a": both, "b": both}] * 3 + [
        {"a": {"course": ("main",)}, "b": {"course": ("main",)}}
    ] * 40
    told = {f"r{n:02}": prediction(f"r{n:02}", both) for n in range(43)}
    found = agreed(labelled(*rows), Predictions(told, "run"))
    assert (category(found).band, category(found, "diet").band) == ("within", "too_few")


def test_one_incident_has_no_interval() -> None:
    found = category(agreed(courses(anna=["main"], bert=["main"]), model(["main"])))
    assert (found.people.exact.low, found.band) == (None, "too_few")


def test_the_same_seed_gives_the_same_intervals() -> None:
    of = courses(anna=ANNA * 3, bert=BERT * 3)
    once, same, other = (agreed(of, seed=seed) for seed in (1, 1, 2))
    assert once == same
    assert once.categories != other.categories


def test_answers_that_failed_are_counted_as_disagreement() -> None:
    of = courses(anna=["main"] * 4, bert=["main"] * 4)
    items = {n: p for n, p in model(["main"] * 4).items.items() if n != "r03"}
    found = category(agreed(of, Predictions(items, "run", {"r03": "too long"})))
    assert found.model is not None
    assert found.model.exact.value == 3 / 4


def test_a_model_of_other_incidents_is_refused() -> None:
    with pytest.raises(InputError, match="No incident of gold"):
        agreed(courses(anna=ANNA, bert=BERT), predicted(Gold((incident(9),), "x")))


def test_it_reads_back_from_its_json() -> None:
    found = agreed(courses(anna=ANNA, bert=BERT), model(ANNA))
    assert AgreementScore.model_validate_json(found.to_json()) == found
    assert (found.gold, found.model, found.schema_version) == ("gold", "run", 1)


def test_many_raters_who_label_all_categories() -> None:
    people = {"a": None, "b": None, "c": None, "d": None}
    of = Gold(
        tuple(
            i.model_copy(update={"annotators": dict.fromkeys(people, i.labels)})
            for i in gold(6).incidents
        ),
        "gold",
    )
    found = agreed(of, predicted(gold(6)))
    labels = sum(o is not None for i in gold(6).incidents for o in i.labels.values())
    assert (found.overall.decisions, found.overall.people.exact.value) == (6 * labels, 1)
