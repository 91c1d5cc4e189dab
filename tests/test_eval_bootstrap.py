import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from eval.bootstrap import draw_counts, interval, replicate
from eval.metrics import measurer
from tests.labelled import cases, category, random_pairs


def drawn(incidents, draws, seed=0, **given):
    return np.concatenate(list(draw_counts(incidents, draws, seed, **given)))


def exact_interval(right, draws):
    """The interval of the exact rate where so many decisions of one category are right."""
    made = cases(category([("a", "a" if r else "b") for r in right]))
    replicates = replicate(measurer(made), len(right), draws, seed=0)
    return interval(replicates[1]["exact"], 0.95)


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 9))
def test_a_draw_holds_as_many_incidents_as_there_are(incidents, draws, seed):
    counts = drawn(incidents, draws, seed)
    assert counts.shape == (draws, incidents)
    assert (counts.sum(axis=1) == incidents).all()


def test_the_draws_depend_on_the_seed_and_not_on_the_blocks():
    whole = drawn(30, 40, seed=1)
    assert (drawn(30, 40, seed=1, at_once=70) == whole).all()
    assert (drawn(30, 10, seed=1) == whole[:10]).all()
    assert (drawn(30, 40, seed=2) != whole).any()


def test_every_incident_is_as_likely():
    counts = drawn(10, 20_000)
    assert counts.mean(axis=0) == pytest.approx(np.ones(10), abs=0.03)
    assert counts.var(axis=0) == pytest.approx(np.full(10, 0.9), abs=0.04)


def test_the_blocks_of_a_replication_are_joined():
    made = cases(category(random_pairs(1, n=40)))
    measure = measurer(made)
    [_, kind] = replicate(measure, 40, 25, seed=3)
    assert kind["option_f1"].shape == (25, 3)
    for row, counts in enumerate(drawn(40, 25, seed=3)):
        alone = measure(counts[None].astype(float))[1]
        assert kind["alpha"][row] == pytest.approx(alone["alpha"][0], abs=1e-5)
        assert kind["exact"][row] == pytest.approx(alone["exact"][0], abs=1e-6)


def test_no_draws_give_no_replication():
    made = cases(category(random_pairs(1)))
    assert list(replicate(measurer(made), 60, 0, seed=0)) == []


@pytest.mark.parametrize("right", [45, 60, 78])
def test_the_exact_rate_has_the_interval_of_a_binomial(right):
    ends = exact_interval(np.arange(80) < right, draws=4000)
    known = stats.binom.ppf([0.025, 0.975], 80, right / 80) / 80
    assert ends == pytest.approx(known, abs=1 / 80 + 1e-6)


def test_the_interval_is_that_of_scipy():
    right = np.random.default_rng(5).random(60) < 0.7
    known = stats.bootstrap(
        (right,), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert exact_interval(right, draws=4000) == pytest.approx((known.low, known.high), abs=0.02)


def test_f1_has_the_interval_of_scipy():
    made = category(random_pairs(4, n=50, failing=0))
    counts = [(made.gold & made.predicted).sum(1), made.gold.sum(1), made.predicted.sum(1)]
    known = stats.bootstrap(
        counts,
        lambda hit, gold, said, axis: 2 * hit.sum(axis) / (gold.sum(axis) + said.sum(axis)),
        paired=True,
        vectorized=True,
        n_resamples=4000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    [_, kind] = replicate(measurer(cases(made)), 50, 4000, seed=0)
    ours = interval(kind["micro_f1"], 0.95)
    assert ours == pytest.approx((known.low, known.high), abs=0.01)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(11)
    covered = 0
    for seed in range(300):
        right = random.random(100) < 0.65
        low, high = interval(drawn(100, 200, seed) @ right / 100, 0.9)
        covered += low <= 0.65 <= high
    assert 0.85 < covered / 300 < 0.94


def test_decisions_of_one_incident_are_drawn_together():
    """Five categories right or wrong together are worth one; the width grows by root five."""
    random = np.random.default_rng(2)
    alike = [random.random(80) < 0.6] * 5
    apart = [random.permutation(r) for r in alike]
    ratio = width(alike) / width(apart)
    assert ratio == pytest.approx(np.sqrt(5), rel=0.25)


def width(of_categories):
    made = [category([("a", "a" if r else "b") for r in right]) for right in of_categories]
    [overall, *_] = replicate(measurer(cases(*made)), len(of_categories[0]), 2000, seed=0)
    low, high = interval(overall["exact"], 0.95)
    return high - low


def test_a_percentile_interval_worked_by_hand():
    assert interval(np.arange(101.0), 0.9) == pytest.approx((5, 95))


def test_draws_that_do_not_define_the_figure_are_left_out():
    draws = np.array([np.nan, 1.0, 2.0, 3.0, np.nan])
    assert interval(draws, 0.5) == pytest.approx((1.5, 2.5))


@pytest.mark.parametrize("draws", [[], [np.nan], [np.nan, np.nan, 1.0]])
def test_under_half_of_the_draws_give_no_interval(draws):
    assert interval(np.array(draws), 0.95) is None


def test_half_of_the_draws_give_an_interval():
    assert interval(np.array([np.nan, 1.0]), 0.95) == (1.0, 1.0)
