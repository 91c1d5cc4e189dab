import numpy as np
import pytest
from hypothesis import given, settings

from classifier.errors import ConfigurationError, InputError
from eval.bootstrap import draw_counts
from eval.figures import EvidenceScore, Score
from eval.scoring import FIGURES, score
from tests.labelled import PAIRS, cases, category, measures, random_pairs

PAIRS_BY_HAND = [("ab", "a"), ("b", "bc"), ("?", "?"), ("c", "c"), ("ac", None)]


def scored(*categories, **given):
    return score(cases(*categories), **({"draws": 50} | given))


def constant(gold, options="abc"):
    [told] = scored(category([(g, "") for g in gold], options), draws=0).categories
    return told.constant


def test_a_score_worked_by_hand():
    [told] = scored(category(PAIRS_BY_HAND)).categories
    values = [getattr(told, n).value for n in ("exact", "precision", "recall", "micro_f1")]
    assert values == [2 / 5, 3 / 4, 3 / 6, 6 / 10]
    assert (told.name, told.decisions, told.failed, told.missing) == ("kind", 5, 1, 0)
    a, _, c = told.options
    assert (a.name, a.support, a.predicted, a.precision.value, a.recall.value) == (
        "a",
        2,
        1,
        1,
        0.5,
    )
    assert (c.support, c.predicted, c.f1.value) == (2, 2, 0.5)
    assert told.confusion == ((1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1), (0, 0, 1, 1))


def test_the_figures_are_those_of_the_measures():
    made = category(random_pairs(1)), category(random_pairs(2), name="other")
    told = scored(*made, draws=0)
    for of, known in zip((told.overall, *told.categories), measures(*made), strict=True):
        assert [getattr(of, n).value for n in FIGURES] == [known[n] for n in FIGURES]


def test_all_together_has_no_options_and_counts_everything():
    one = category(PAIRS_BY_HAND)
    other = category([("a", None), ("b", None)], name="other", failed=0, missing=2)
    told = scored(one, other).overall
    assert (told.name, told.decisions, told.failed, told.missing) == ("all", 7, 1, 2)
    assert (told.options, told.confusion, told.calibration) == ((), (), None)
    assert told.exact.value == 2 / 7
    assert told.constant.exact == (1 + 1) / 7


def test_the_score_says_how_it_was_made():
    told = scored(category(PAIRS_BY_HAND), draws=7, seed=3, confidence=0.8)
    assert (told.incidents, told.draws, told.seed, told.confidence) == (5, 7, 3, 0.8)
    assert (told.schema_version, told.gold, told.evidence) == (1, "", None)


def test_a_score_is_read_back_from_its_json():
    said = random_pairs(1)
    made = category(said, probability=np.full((len(said), 3), 0.5))
    told = scored(made)
    assert told.calibration is not None
    assert Score.model_validate_json(told.to_json()) == told


def test_the_same_seed_gives_the_same_score():
    made = category(random_pairs(1))
    assert scored(made, seed=4) == scored(made, seed=4)
    assert scored(made, seed=4).overall.kappa.low != scored(made, seed=5).overall.kappa.low


def test_all_figures_share_the_draws():
    made = category(random_pairs(1)), category(random_pairs(1), name="twin")
    one, twin = scored(*made).categories
    assert [getattr(one, n) for n in FIGURES] == [getattr(twin, n) for n in FIGURES]
    assert one.options == twin.options


def test_an_interval_holds_its_figure_and_widens_with_the_confidence():
    made = category(random_pairs(1))
    for name in FIGURES:
        wide, narrow = (
            getattr(scored(made, draws=400, confidence=c).overall, name) for c in (0.99, 0.5)
        )
        assert wide.low < narrow.low < narrow.value < narrow.high < wide.high


def test_incidents_without_a_decision_are_drawn_too():
    """A category that half of the incidents have is less sure than its decisions alone say."""
    pairs = [("a", "a" if n % 3 else "b") for n in range(40)]
    told = score(cases(category(pairs, rows=range(0, 80, 2)), incidents=80), draws=2000).overall
    assert (told.decisions, told.exact.value) == (40, 26 / 40)
    assert told.exact.low < 0.52
    assert told.exact.high > 0.78


def test_no_draws_give_no_intervals():
    told = scored(category(PAIRS_BY_HAND), draws=0).overall.exact
    assert (told.value, told.low, told.high) == (0.4, None, None)


def test_one_incident_gives_no_interval_and_says_so():
    told = scored(category([("a", "a")]))
    assert (told.overall.exact.value, told.overall.exact.low) == (1, None)
    assert told.notes == ("one incident gives no interval: a bootstrap needs at least two",)


def test_a_figure_that_is_not_defined_is_null():
    told = scored(category([("a", ""), ("b", "")])).overall
    assert (told.precision.value, told.precision.low) == (None, None)
    assert told.recall.value == 0


@pytest.mark.parametrize(("few", "ends"), [(True, (None, None)), (False, (1, 1))])
def test_a_figure_that_few_draws_define_has_no_interval(few, ends):
    """Alpha needs two values, so a draw that holds one of these incidents twice has none."""
    seeds = {defined < 5: seed for seed in range(20) for defined in [defining_draws(seed)]}
    told = scored(category([("a", "a"), ("b", "b")]), draws=9, seed=seeds[few]).overall.alpha
    assert (told.value, told.low, told.high) == (1, *ends)


def defining_draws(seed):
    [counts] = draw_counts(2, 9, seed)
    return int(counts.all(axis=1).sum())


@pytest.mark.parametrize(
    ("gold", "options", "exact"),
    [
        (["a", "a", "b"], ("a",), 2 / 3),
        (["b", "ab", "b", "ab"], ("a", "b"), 1 / 2),
        (["b", "c"], ("b",), 1 / 2),
        (["?", "c"], ("c",), 1 / 2),
        (["?", "?", "c"], ("unknown",), 2 / 3),
        (["", "?", "?", "c"], ("unknown",), 3 / 4),
        (["", "", "?", "c"], (), 3 / 4),
    ],
)
def test_the_constant_is_the_commonest_gold_set(gold, options, exact):
    told = constant(gold)
    assert (told.options, told.exact) == (options, exact)


def test_the_constant_has_the_figures_of_always_answering_it():
    gold = [g for g, _ in random_pairs(3)]
    told = constant(gold)
    [known] = scored(category([(g, "".join(told.options)) for g in gold]), draws=0).categories
    assert told.precision == known.precision.value
    assert told.recall == known.recall.value
    assert told.micro_f1 == known.micro_f1.value
    assert told.exact == known.exact.value


def test_a_constant_of_unknown_predicts_nothing():
    told = constant(["?", "?", "a"])
    assert (told.precision, told.recall, told.micro_f1) == (None, 0, 0)


def test_the_constants_are_pooled():
    one, other = category([("a", "")] * 3 + [("bc", "")]), category([("b", "")], name="other")
    told = scored(one, other).overall.constant
    assert (told.options, told.exact) == ((), 4 / 5)
    assert (told.precision, told.recall) == (4 / 5, 4 / 6)


def test_a_failure_does_not_touch_the_constant():
    one, other = (scored(category([("a", p), ("b", "b")])).overall.constant for p in ("a", None))
    assert one == other


def test_what_is_counted_as_wrong_is_said():
    told = scored(category([("a", None)] * 6 + [("a", "a")], failed=1, missing=2))
    assert told.notes == (
        "1 failed and 2 missing decisions count as wrong",
        "3 decisions say that a labelled category does not apply, and count as wrong",
    )


def test_a_category_without_gold_is_named_and_has_no_figures():
    told = scored(category(PAIRS_BY_HAND), category([], name="bare"))
    bare = told.categories[1]
    assert told.notes[-1] == "no gold, so no figures: bare"
    assert bare.decisions == 0
    assert {getattr(bare, n).value for n in FIGURES} == {None}
    assert bare.constant.exact is None
    assert told.overall.exact == told.categories[0].exact


def test_calibration_is_of_each_category_and_of_all():
    told = scored(
        category([("a", "a")] * 2, "a", probability=[[0.9], [0.8]]),
        category([("a", "a")] * 2, name="b"),
    )
    assert told.categories[0].calibration == told.calibration
    assert told.categories[1].calibration is None
    assert told.calibration.options == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"draws": -1}, "-1 bootstrap draws: give 0 for no intervals, or 1000"),
        ({"confidence": 95}, "a confidence of 95: give a share between 0 and 1, such as 0.95"),
        ({"confidence": 0}, "a confidence of 0: give a share between 0 and 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(ConfigurationError, match=message):
        scored(category(PAIRS_BY_HAND), **wrong)


def test_nothing_to_score_is_refused():
    with pytest.raises(InputError, match="no category has a decision to score: label at least"):
        scored(category([]), category([], name="other"))


def test_evidence_has_its_shares():
    told = EvidenceScore.of(quotes=8, located=6, options=5, without_evidence=1)
    assert (told.located_share, told.without_share) == (0.75, 0.2)
    none = EvidenceScore.of(quotes=0, located=0, options=0, without_evidence=0)
    assert (none.located_share, none.without_share) == (None, None)


@settings(max_examples=40)
@given(PAIRS, PAIRS)
def test_any_cases_have_a_score_that_json_can_hold(one, other):
    told = scored(category(one), category(other, name="other"), draws=20)
    assert "NaN" not in told.to_json()
    assert Score.model_validate_json(told.to_json()) == told
    for of in (told.overall, *told.categories):
        for figure in (getattr(of, n) for n in FIGURES):
            assert figure.low is None or figure.low <= figure.high
