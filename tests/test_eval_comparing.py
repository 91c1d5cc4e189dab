"""Tests of the comparison of two runs: verdicts, flips counted, intervals, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from eval.cases import Cases, CategoryCases
from eval.changes import Change, Comparison
from eval.comparing import Rules, compare

FEW = Rules(draws=200)


def category(name: str, right: list[bool], rows: list[int] | None = None) -> CategoryCases:
    """Decisions on one option, which people always chose; a wrong answer is unknown."""
    n = len(right)
    gold, predicted = np.ones((n, 1), dtype=bool), np.array(right, dtype=bool).reshape(n, 1)
    return CategoryCases(
        name=name,
        options=("it",),
        rows=np.array(range(n) if rows is None else rows, dtype=np.intp),
        gold=gold,
        predicted=predicted,
        usable=np.ones(n, dtype=bool),
        unknown_gold=np.zeros(n, dtype=bool),
        unknown_predicted=~predicted[:, 0],
        probability=np.full((n, 1), np.nan),
    )


def cases(**rights: list[bool]) -> Cases:
    n = max(map(len, rights.values()))
    names = tuple(f"i{k}" for k in range(n))
    return Cases(names, tuple(category(name, right) for name, right in rights.items()))


def compared(before: list[bool], after: list[bool]) -> Comparison:
    return compare(cases(a=before), cases(a=after), FEW)


def only(comparison: Comparison) -> Change:
    return comparison.categories[0]


def test_a_clear_loss_is_worse_in_that_category_and_no_other() -> None:
    before = cases(a=[True] * 40, b=[True, False] * 20)
    after = cases(a=[True] * 28 + [False] * 12, b=[True, False] * 20)
    comparison = compare(before, after, FEW)
    assert [c.verdict for c in comparison.categories] == ["worse", "no_difference"]
    assert comparison.overall.verdict == "worse"


def test_a_clear_gain_is_better() -> None:
    assert only(compared([False] * 20 + [True] * 20, [True] * 40)).verdict == "better"


def test_the_same_answers_show_no_difference_where_there_are_enough() -> None:
    assert only(compared([True, False] * 20, [True, False] * 20)).verdict == "no_difference"


def test_the_same_answers_of_ten_incidents_are_too_few() -> None:
    change = only(compared([True, False] * 5, [True, False] * 5))
    assert (change.verdict, change.needed) == ("too_few", 67)  # 77 at 10 points and 10 % flips


def test_some_flips_each_way_are_too_few_to_tell() -> None:
    before, after = [True] * 6 + [False] * 34, [False] * 6 + [True] * 9 + [False] * 25
    change = only(compared(before, after))
    assert (change.helpful, change.harmful, change.verdict) == (9, 6, "too_few")
    # by hand, two tests: (2.24 * sqrt(0.375) + 0.84 * sqrt(0.365))^2 / 0.01
    assert change.needed == 354 - 40


def test_a_large_difference_needs_few_more_to_be_shown() -> None:
    change = only(compared([False] * 5 + [True] * 5, [True] * 10))
    assert (change.verdict, change.helpful) == ("too_few", 5)
    assert change.needed == 20  # the rule of three asks for 30


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_the_test_is_mcnemars_and_the_change_that_of_the_rates(pairs: list) -> None:
    before, after = ([p[side] for p in pairs] for side in (0, 1))
    change = only(compare(cases(a=before), cases(a=after), Rules(draws=1)))
    theirs = mcnemar([[0, change.helpful], [change.harmful, 0]], exact=True).pvalue
    assert change.p == pytest.approx(min(1, theirs))
    assert change.exact.value == pytest.approx(np.mean(after) - np.mean(before))
    assert (change.before, change.after) == (np.mean(before), np.mean(after))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=30))
def test_the_other_way_round_everything_turns_its_sign(pairs: list) -> None:
    before, after = ([p[side] for p in pairs] for side in (0, 1))
    there, back = only(compared(before, after)), only(compared(after, before))
    assert (there.helpful, there.harmful) == (back.harmful, back.helpful)
    assert there.exact.value == pytest.approx(-(back.exact.value or 0))
    assert there.p == back.p


def test_one_category_with_flips_is_tested_with_the_overall_alone() -> None:
    """Nine harmful flips, p = 2^-8; the family is this category and all together."""
    before = cases(a=[True] * 30, **{f"c{k}": [True] * 30 for k in range(15)})
    after = cases(a=[True] * 21 + [False] * 9, **{f"c{k}": [True] * 30 for k in range(15)})
    change = compare(before, after, FEW).categories[0]
    assert change.adjusted == pytest.approx(2 * change.p)
    assert change.verdict == "worse"


def test_many_categories_with_flips_share_the_level() -> None:
    before = cases(**{f"c{k}": [True] * 30 for k in range(16)})
    after = cases(**{f"c{k}": [True] * 24 + [False] * 6 for k in range(16)})
    comparison = compare(before, after, FEW)
    assert all(c.p < 0.05 < c.adjusted for c in comparison.categories)


def test_answers_that_changed_and_stayed_wrong_are_counted() -> None:
    before, after = cases(a=[False] * 4), cases(a=[False] * 4)
    told = after.categories[0]
    told.unknown_predicted[0] = False  # now the empty set, no longer unknown
    assert only(compare(before, after, FEW)).altered == 1


def test_a_gated_category_needs_more_incidents_than_decisions() -> None:
    names = tuple(f"i{k}" for k in range(20))
    open_ = category("a", [True] * 5, rows=[0, 4, 8, 12, 16])
    change = only(compare(Cases(names, (open_,)), Cases(names, (open_,)), FEW))
    assert change.needed == 4 * 77 - 20


def test_different_incidents_are_refused() -> None:
    with pytest.raises(ValueError, match="same incidents"):
        compare(cases(a=[True]), cases(a=[True, True]), FEW)


def test_different_decisions_are_refused() -> None:
    names = ("x", "y")
    first, second = (Cases(names, (category("a", [True], rows=[k]),)) for k in (0, 1))
    with pytest.raises(ValueError, match="a: the two runs"):
        compare(first, second, FEW)


def test_the_interval_is_that_of_paired_draws() -> None:
    """Differences of a third each of -1, 0, 1: a standard error of sqrt(2/3/n)."""
    n = 300
    before = [True, False, False] * (n // 3)
    after = [False, False, True] * (n // 3)
    figure = only(compare(cases(a=before), cases(a=after), Rules(draws=2000))).exact
    width = 2 * 1.96 * np.sqrt(2 / 3 / n)
    assert (figure.high or 0) - (figure.low or 0) == pytest.approx(width, rel=0.06)


def test_a_comparison_reads_back_from_its_json() -> None:
    comparison = compared([True] * 5, [False] * 5)
    assert Comparison.model_validate_json(comparison.to_json()) == comparison
