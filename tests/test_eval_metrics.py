from itertools import product
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.metrics import masi_distance as nltk_masi
from nltk.metrics.agreement import AnnotationTask
from sklearn.metrics import cohen_kappa_score, jaccard_score, precision_recall_fscore_support

from eval.cases import Cases
from eval.metrics import SETS_AT_ONCE, confusion, distinct, masi_distance
from tests.labelled import OPTIONS, PAIRS, SETS, category, figures, flags, measures, random_pairs

NAMES = ("exact", "precision", "recall", "micro_f1", "macro_f1", "jaccard", "kappa", "alpha")
SEEDS = range(5)


def same(ours, theirs):
    return ours == pytest.approx(theirs, abs=1e-12, nan_ok=True)


def nltk_alpha(pairs):
    """Each unusable prediction is a value of its own; nltk's MASI needs a set that is not empty."""
    told = [
        (coder, str(n), frozenset(value or "?") if value is not None else frozenset([f"none {n}"]))
        for n, pair in enumerate(pairs)
        for coder, value in zip(("people", "prediction"), pair, strict=True)
    ]
    return AnnotationTask(told, nltk_masi).alpha()


@pytest.mark.parametrize("seed", SEEDS)
def test_micro_figures_are_those_of_scikit_learn(seed):
    made, ours = category(random_pairs(seed)), figures(random_pairs(seed))
    theirs = precision_recall_fscore_support(made.gold, made.predicted, average="micro")
    assert same([ours["precision"], ours["recall"], ours["micro_f1"]], theirs[:3])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_figures_of_options_are_those_of_scikit_learn(seed):
    made, ours = category(random_pairs(seed)), figures(random_pairs(seed))
    theirs = precision_recall_fscore_support(made.gold, made.predicted, average=None)
    for name, values in zip(("precision", "recall", "f1"), theirs, strict=False):
        assert same(ours[f"option_{name}"], values.tolist())
    assert same(ours["macro_f1"], theirs[2].mean())


@pytest.mark.parametrize("seed", SEEDS)
def test_jaccard_is_that_of_scikit_learn_and_0_where_not_usable(seed):
    pairs = random_pairs(seed)
    usable = category([(g, p) for g, p in pairs if p is not None])
    theirs = jaccard_score(usable.gold, usable.predicted, average="samples", zero_division=1)
    assert same(figures(pairs)["jaccard"], theirs * usable.n / len(pairs))


@pytest.mark.parametrize("seed", SEEDS)
def test_kappa_is_that_of_scikit_learn_with_no_answer_as_a_third_value(seed):
    made, ours = category(random_pairs(seed)), figures(random_pairs(seed))
    said = np.where(made.usable[:, None], made.predicted.astype(int), 2)
    gold = made.gold.astype(int)
    each = [cohen_kappa_score(gold[:, o], said[:, o]) for o in range(len(OPTIONS))]
    assert same(ours["option_kappa"], each)
    assert same(ours["kappa"], cohen_kappa_score(gold.ravel(), said.ravel()))


@pytest.mark.parametrize("seed", SEEDS)
def test_alpha_is_that_of_nltk(seed):
    assert same(figures(random_pairs(seed))["alpha"], nltk_alpha(random_pairs(seed)))


def test_alpha_is_that_of_nltk_with_more_sets_than_are_counted_at_once():
    options = "abcdefghij"
    pairs = random_pairs(1, n=400, options=options)
    assert len(distinct(category(pairs, options).gold)[0]) > SETS_AT_ONCE
    assert same(figures(pairs, options)["alpha"], nltk_alpha(pairs))


def test_masi_is_that_of_nltk():
    sets = ["".join(o for o, held in zip("abcd", s, strict=True) if held) for s in all_sets(4)]
    ours = masi_distance(flags(sets, "abcd")[:, None], flags(sets, "abcd")[None])
    theirs = [nltk_masi(set(a or "?"), set(b or "?")) for a in sets for b in sets]
    assert same(ours.ravel().tolist(), theirs)


def all_sets(options):
    return list(product([False, True], repeat=options))


def test_a_category_worked_by_hand():
    # hits a, b; missed b, c; added c; the failed decision loses a and c
    told = figures([("ab", "a"), ("b", "bc"), ("?", "?"), ("c", "c"), ("ac", None)])
    assert told["exact"] == 2 / 5
    assert told["precision"] == 3 / 4
    assert told["recall"] == 3 / 6
    assert told["micro_f1"] == 6 / 10
    assert same(told["macro_f1"], (2 / 3 + 2 / 3 + 2 / 4) / 3)
    assert same(told["jaccard"], (1 / 2 + 1 / 2 + 1 + 1 + 0) / 5)


def test_alpha_worked_by_hand():
    # observed: 0, 1 - 1/2 * 2/3 and 1 over three decisions. Expected, over the ordered pairs of the
    # values a, a, ab, a, b and one that is not usable: a to ab 2/3 (3 pairs), a to b 1 (3),
    # ab to b 2/3 (1), and the unusable one to the five others 1, all twice, of 6 * 5
    observed = (0 + 2 / 3 + 1) / 3
    expected = 2 * (3 * 2 / 3 + 3 * 1 + 1 * 2 / 3 + 5) / 30
    assert same(figures([("a", "a"), ("ab", "a"), ("b", None)])["alpha"], 1 - observed / expected)


def test_two_unusable_predictions_equal_nothing_not_even_each_other():
    once = figures([("a", None), ("b", "b")])["alpha"]
    assert same(once, nltk_alpha([("a", None), ("b", "b")]))
    twice = [("a", None), ("a", None), ("b", "b")]
    assert same(figures(twice)["alpha"], nltk_alpha(twice))


def test_unknown_counts_as_the_empty_set():
    empty = figures([("", ""), ("", ""), ("a", "a")])
    assert same_figures(figures([("?", ""), ("", "?"), ("a", "a")]), empty)
    assert empty["exact"] == 1


def test_an_unusable_prediction_is_wrong_even_where_people_chose_nothing():
    told = figures([("?", None), ("a", "a")])
    assert (told["exact"], told["jaccard"], told["recall"]) == (0.5, 0.5, 1.0)
    assert told["kappa"] < 1
    assert told["alpha"] < 1


def test_what_is_not_defined_is_nan():
    told = figures([("?", "?")])
    assert [n for n in NAMES if not isnan(told[n])] == ["exact", "jaccard"]
    assert all(map(isnan, told["option_f1"] + told["option_kappa"]))


def test_macro_f1_leaves_out_options_that_nobody_chose():
    told = figures([("a", "a"), ("a", "ab")])
    assert isnan(told["option_f1"][2])
    assert told["macro_f1"] == (1 + 0) / 2


def test_no_decisions_define_nothing():
    empty = measures(category([]), category([("a", "a"), ("b", "b")], name="other"))
    assert all(isnan(empty[1][n]) for n in NAMES)
    assert [empty[0][n] for n in NAMES] == [1.0] * len(NAMES)


def test_all_categories_together_are_pooled():
    first, second = random_pairs(1, n=20), random_pairs(2, n=30)
    overall, one, other = measures(category(first), category(second, name="other"))
    at_once = figures(first + second)
    for name in ("exact", "precision", "recall", "micro_f1", "jaccard", "kappa"):
        assert same(overall[name], at_once[name])
    assert same(overall["macro_f1"], np.mean(one["option_f1"] + other["option_f1"]))
    assert same(overall["alpha"], (one["alpha"] + other["alpha"]) / 2)


def test_the_alpha_of_all_leaves_out_categories_that_have_none():
    overall, one, other = measures(
        category([("a", "a"), ("b", "a")]), category([("a", "a"), ("a", "a")], name="other")
    )
    assert isnan(other["alpha"])
    assert overall["alpha"] == one["alpha"]


def test_confusion_worked_by_hand():
    made = category(
        [("ab", "ac"), ("c", ""), ("", "b"), ("?", "?"), ("", None), ("a", None), ("ab", "c")]
    )
    assert confusion(made).tolist() == [
        [1, 0, 1, 1],  # a: held once, missed while c was added, missed by the failed one
        [0, 0, 2, 0],
        [0, 0, 0, 1],
        [0, 1, 0, 1],  # none: b added alone; nothing and nothing, the failed one left out
    ]


@given(SETS, SETS)
def test_an_equal_set_has_only_a_diagonal_in_the_confusion(gold, predicted):
    table = confusion(category([(gold, predicted)]))
    assert (table == np.diag(table.diagonal())).all() == (set(gold) == set(predicted))
    assert table.diagonal()[:-1].sum() == len(set(gold) & set(predicted))


@given(PAIRS)
def test_every_figure_keeps_its_bounds(pairs):
    told = figures(pairs)
    for name in NAMES:
        least = -1 if name in ("kappa", "alpha") else 0
        assert isnan(told[name]) or least - 1e-9 <= told[name] <= 1 + 1e-9


@given(st.lists(SETS, min_size=1, max_size=12))
def test_a_perfect_prediction_is_1_wherever_a_figure_is_defined(gold):
    told = figures([(g, g) for g in gold])
    assert all(isnan(told[n]) or same(told[n], 1) for n in NAMES)
    assert told["exact"] == told["jaccard"] == 1


@given(PAIRS, st.data())
def test_the_order_of_incidents_changes_nothing(pairs, data):
    assert same_figures(figures(pairs), figures(data.draw(st.permutations(pairs))))


@given(PAIRS, st.permutations(OPTIONS))
def test_the_order_of_options_changes_nothing(pairs, options):
    assert same_figures(figures(pairs), figures(pairs, "".join(options)))


def same_figures(one, other):
    return same([one[n] for n in NAMES], [other[n] for n in NAMES])


@given(PAIRS, st.data())
def test_an_answer_that_fails_raises_no_share_of_right_ones(pairs, data):
    place = data.draw(st.integers(0, len(pairs) - 1))
    failed = [(g, None if n == place else p) for n, (g, p) in enumerate(pairs)]
    before, after = figures(pairs), figures(failed)
    for name in ("exact", "jaccard", "recall"):
        assert isnan(before[name]) or after[name] <= before[name] + 1e-12
    gold, predicted = pairs[place]
    right = predicted is not None and set(gold) == set(predicted)
    assert (after["exact"] < before["exact"]) == right


@given(PAIRS, st.data())
def test_a_weight_is_a_repetition(pairs, data):
    """What a bootstrap rests on: a draw's figures are those of the incidents it holds."""
    size = len(pairs)
    weights = data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    repeated = [p for p, w in zip(pairs, weights, strict=True) for _ in range(w)]
    weighted = measures(category(pairs), weights=weights)[1]
    assert same_figures(weighted, figures(repeated) if repeated else dict.fromkeys(NAMES, np.nan))


@given(st.integers(1, 20), st.integers(0, 20), st.integers(0, 99))
def test_distinct_sets_give_the_sets_back(options, n, seed):
    sets = np.random.default_rng(seed).random((n, options)) < 0.3
    found, places = distinct(sets)
    assert (found[places] == sets).all()
    assert len(found) == len({tuple(row) for row in sets.tolist()})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rows": np.arange(3)}, r"gold is \(2, 3\) of bool, not \(3, 3\)"),
        ({"usable": np.ones(3, bool)}, r"usable is \(3,\) of bool, not \(2,\) of kind b"),
        ({"gold": np.ones((2, 3))}, r"gold is \(2, 3\) of float64, not \(2, 3\) of kind b"),
        ({"usable": np.zeros(2, bool)}, "decision 0 is not usable and predicts options"),
        ({"probability": np.full((2, 3), 1.5)}, "decision 0 has a probability outside 0 to 1"),
        ({"missing": 1}, "0 failed, 1 missing and 0 for review of 0 decisions that are not usable"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(wrong, message):
    made = category([("a", "a"), ("b", "c")])
    with pytest.raises(ValueError, match=f"kind: {message}"):
        type(made)(**(vars(made) | wrong))


@pytest.mark.parametrize(
    ("rows", "message"),
    [([0, 5], "rows 0 to 5, not 0 to 1"), ([1, 1], "an incident has two decisions")],
)
def test_rows_that_do_not_fit_are_refused(rows, message):
    made = category([("a", "a"), ("b", "c")], rows=rows)
    with pytest.raises(ValueError, match=message):
        Cases(("one", "two"), (made,))
