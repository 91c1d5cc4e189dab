"""Tests of significance against statsmodels, against every outcome counted, and by hand."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from eval.significance import (
    holm,
    incidents_needed,
    least_p,
    sign_flip_p,
    within_reach,
)

P_VALUES = st.floats(0, 1)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 20))
def test_flips_of_one_category_are_mcnemars_exact_test(better: int, worse: int, same: int) -> None:
    differences = np.repeat([1, -1, 0], [better, worse, same])
    theirs = mcnemar([[same, better], [worse, 0]], exact=True).pvalue
    assert sign_flip_p(differences) == pytest.approx(min(theirs, 1))


@given(st.lists(st.integers(-6, 6), max_size=9))
def test_sums_are_compared_with_every_choice_of_signs(differences: list[int]) -> None:
    found = abs(sum(differences))
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in product((-1, 1), repeat=len(differences))
    ]
    wanted = np.mean([s >= found for s in sums])
    assert sign_flip_p(np.array(differences, dtype=np.int64)) == pytest.approx(wanted)


def test_ten_thousand_incidents_agree_with_the_normal_distribution() -> None:
    rng = np.random.default_rng(1)
    differences = rng.integers(-16, 17, 10_000)
    differences[:300] = 4
    z = abs(differences.sum()) / np.sqrt((differences**2).sum())
    from scipy.stats import norm

    assert sign_flip_p(differences) == pytest.approx(2 * norm.sf(z), rel=0.02)


def test_the_sign_does_not_matter() -> None:
    differences = np.array([1, 1, 1, -1, 2])
    assert sign_flip_p(differences) == sign_flip_p(-differences)


def test_no_difference_is_no_evidence() -> None:
    assert sign_flip_p(np.zeros(5, dtype=np.int64)) == 1.0
    assert least_p(np.zeros(5, dtype=np.int64)) == 1.0


def test_the_least_p_is_what_equal_signs_give() -> None:
    assert least_p(np.array([1, -1, 0, 1])) == sign_flip_p(np.array([1, 1, 0, 1])) == 0.25


@given(st.lists(P_VALUES, min_size=1, max_size=20))
def test_holm_agrees_with_statsmodels(values: list[float]) -> None:
    named = {str(n): p for n, p in enumerate(values)}
    theirs = multipletests(values, method="holm")[1]
    assert list(holm(named).values()) == pytest.approx(list(theirs))


def test_categories_without_flips_do_not_burden_the_one_that_has_them() -> None:
    least = {"domain": 2.0**-9, **{str(n): 1.0 for n in range(15)}}
    assert within_reach(least, 0.05) == {"domain"}


def test_tarones_number_is_the_smallest_that_holds_those_in_reach() -> None:
    least = {"a": 0.001, "b": 0.02, "c": 0.04, "d": 0.5}  # at K=2, a and b are within 0.025
    assert within_reach(least, 0.05) == {"a", "b"}
    assert within_reach({}, 0.05) == frozenset()


@given(st.dictionaries(st.text(max_size=3), P_VALUES, max_size=20))
def test_all_within_reach_could_be_shown_at_their_share_of_the_level(least: dict) -> None:
    able = within_reach(least, 0.05)
    assert all(least[name] <= 0.05 / max(1, len(able)) for name in able)


def test_needed_incidents_are_those_of_connors_table() -> None:
    """Worked by hand: (1.96 * sqrt(0.2) + 0.8416 * sqrt(0.2 - 0.01))^2 / 0.01 = 154.4."""
    assert incidents_needed(0.2, 0.1) == 155
    assert incidents_needed(0.0, 0.1) == 4  # every pair by as much: chance alone is left


def test_needed_incidents_have_the_promised_power() -> None:
    flipping, difference = 0.3, 0.15
    n = incidents_needed(flipping, difference)
    rng = np.random.default_rng(2)
    chances = [(flipping + difference) / 2, (flipping - difference) / 2, 1 - flipping]
    draws = rng.multinomial(n, chances, size=1000)
    shown = [sign_flip_p(np.repeat([1, -1], draw[:2])) <= 0.05 for draw in draws]
    assert 0.74 <= np.mean(shown) <= 0.86
