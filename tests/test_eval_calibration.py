import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from eval.calibration import calibration, confidence, risk_coverage
from tests.labelled import OPTIONS, category, random_pairs


def probable(seed, n=80, **given):
    """A category whose options have probabilities that lean towards what was answered."""
    pairs = random_pairs(seed, n=n, failing=0)
    said = category(pairs, **given).predicted
    lean = np.random.default_rng(seed).random(said.shape) / 2
    return category(pairs, probability=np.where(said, 1 - lean, lean), **given)


def close(ours, known):
    return np.shape(ours) == np.shape(known) and np.allclose(ours, known)


def two(first, second, third=("a", None), **given):
    nan = float("nan")
    told = [[0.9, 0.2], [0.6, nan], [nan, nan]]
    return category([first, second, third], "ab", probability=told, **given)


@pytest.mark.parametrize("seed", range(3))
def test_the_brier_score_is_that_of_scikit_learn(seed):
    made = probable(seed)
    theirs = brier_score_loss(made.gold.ravel(), made.probability.ravel())
    assert calibration([made]).brier == pytest.approx(theirs)


@pytest.mark.parametrize("seed", range(3))
def test_the_bins_are_those_of_scikit_learn(seed):
    made = probable(seed)
    observed, mean = calibration_curve(made.gold.ravel(), made.probability.ravel(), n_bins=10)
    bins = [b for b in calibration([made]).bins if b.count]
    assert [b.observed for b in bins] == pytest.approx(observed.tolist())
    assert [b.mean_probability for b in bins] == pytest.approx(mean.tolist())
    assert sum(b.count for b in bins) == made.probability.size


def test_a_calibration_worked_by_hand():
    told = calibration([two(("a", "a"), ("", "a"))])
    assert told.options == 3
    assert told.brier == pytest.approx((0.1**2 + 0.2**2 + 0.6**2) / 3)
    assert told.ece == pytest.approx((0.1 + 0.2 + 0.6) / 3)
    filled = [(b.low, b.mean_probability, b.observed) for b in told.bins if b.count]
    assert close(filled, [(0.2, 0.2, 0), (0.6, 0.6, 0), (0.9, 0.9, 1)])


def test_cells_of_one_bin_are_weighed_together():
    made = category([("a", "a"), ("", "a")], "a", probability=[[0.92], [0.96]])
    told = calibration([made])
    assert told.ece == pytest.approx(0.94 - 0.5)
    assert [b.count for b in told.bins] == [0] * 9 + [2]
    assert (told.bins[0].mean_probability, told.bins[0].observed) == (None, None)


def test_the_ends_of_the_scale_have_a_bin():
    made = category([("a", "a"), ("", "")], "a", probability=[[1.0], [0.0]])
    told = calibration([made])
    assert (told.bins[0].count, told.bins[9].count, told.brier, told.ece) == (1, 1, 0, 0)


def test_without_probabilities_there_is_no_calibration():
    assert calibration([category(random_pairs(1))]) is None
    assert calibration([]) is None


def test_a_category_without_probabilities_is_left_out():
    made = probable(1)
    assert calibration([category(random_pairs(2)), made]) == calibration([made])


def test_the_least_sure_option_says_how_sure_a_decision_is():
    assert confidence(two(("a", "a"), ("b", ""))).tolist() == pytest.approx([0.8, 0.4, -1])


def test_an_answer_against_its_probability_is_unsure():
    made = category([("a", ""), ("a", "a")], "a", probability=[[0.9], [0.9]])
    assert confidence(made).tolist() == pytest.approx([0.1, 0.9])


def test_a_decision_that_is_not_usable_is_the_least_sure_whatever_its_probabilities():
    made = category([("a", None), ("a", "a")], "a", probability=[[0.01], [0.6]])
    assert confidence(made).tolist() == pytest.approx([-1, 0.6])


def test_risk_against_coverage_worked_by_hand():
    curve = risk_coverage(np.array([0.6, 0.9, 0.8, 0.7]), np.array([True, False, True, False]))
    assert curve.points() == ((0.25, 0), (0.5, 1 / 2), (0.75, 1 / 3), (1.0, 1 / 2))
    assert curve.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_what_failed_is_covered_last_and_is_wrong():
    told = calibration([two(("a", "a"), ("a", "a"))])
    assert close(told.risk_coverage, [(1 / 3, 0), (2 / 3, 0), (1, 1 / 3)])


def test_equally_sure_decisions_share_their_errors():
    curve = risk_coverage(np.array([0.5, 0.9, 0.5]), np.array([True, True, False]))
    assert curve.risk.tolist() == [1, 1.5 / 2, 2 / 3]


def test_a_long_curve_has_a_hundred_points_and_ends_at_all_decisions():
    made = probable(1, n=1234)
    points = calibration([made]).risk_coverage
    assert len(points) == 100
    assert points[-1] == pytest.approx((1, 1 - made.exact.mean()))
    assert np.diff([c for c, _ in points]) == pytest.approx(np.full(99, 0.01), abs=0.001)


def test_categories_are_pooled_over_their_cells():
    one, other = probable(1, n=30), probable(2, n=50)
    both = calibration([one, other])
    apart = [calibration([c]) for c in (one, other)]
    assert both.brier == pytest.approx((30 * apart[0].brier + 50 * apart[1].brier) / 80)
    assert both.options == 80 * len(OPTIONS)


PROBABILITIES = st.lists(st.floats(0, 1), min_size=3, max_size=3)
TOLD = st.lists(
    st.tuples(st.sampled_from(["", "a", "bc"]), st.sampled_from(["a", "c", None]), PROBABILITIES),
    min_size=1,
    max_size=10,
)


@given(TOLD, st.data())
def test_the_order_of_decisions_changes_nothing(told, data):
    def made(of):
        return calibration([category([p[:2] for p in of], probability=[p[2] for p in of])])

    one, other = made(told), made(data.draw(st.permutations(told)))
    assert one.model_dump(exclude={"bins", "risk_coverage"}) == pytest.approx(
        other.model_dump(exclude={"bins", "risk_coverage"})
    )
    assert close(one.risk_coverage, other.risk_coverage)
    assert 0 <= one.ece <= 1
    assert one.ece**2 <= one.brier + 1e-12 <= 1 + 1e-9
