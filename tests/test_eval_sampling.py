"""Tests of the sample: the same for the same gold and seed, and fair to what is rare."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from cooking import gold, incident
from hypothesis import given
from hypothesis import strategies as st

from eval.gold import Gold
from eval.sampling import sample

ROOT = Path(__file__).parents[1]
COURSES = ("starter", "main", "dessert")


def of_courses(*options: str) -> Gold:
    """An incident for each option, with no other label."""
    return Gold(
        tuple(incident(n, labels={"course": (o,)}) for n, o in enumerate(options)), "courses"
    )


def counted(chosen: Gold) -> Counter[str]:
    return Counter(o for i in chosen.incidents for o in i.labels["course"] or ())


@pytest.mark.parametrize("limit", [None, 12, 13])
def test_all_where_there_are_no_more(limit: int | None) -> None:
    whole = gold(12)
    assert sample(whole, limit) is whole


def test_an_option_that_stands_once_is_kept_by_every_seed() -> None:
    whole = of_courses(*["main"] * 19, "dessert")
    assert all(counted(sample(whole, 4, seed))["dessert"] == 1 for seed in range(20))


def test_the_shares_of_the_options_are_kept() -> None:
    whole = of_courses(*["main"] * 12, *["starter"] * 6, *["dessert"] * 6)
    assert counted(sample(whole, 8)) == {"main": 4, "starter": 2, "dessert": 2}


def test_every_label_that_fits_into_the_sample_is_in_it() -> None:
    chosen = sample(gold(36), 12)
    told = {
        (c, o) for i in chosen.incidents for c, options in i.labels.items() for o in options or ()
    }
    whole = {(c, o) for i in gold(36).incidents for c, os_ in i.labels.items() for o in os_ or ()}
    assert told == whole


def test_another_seed_takes_others_and_the_same_takes_the_same() -> None:
    whole = gold(36)
    assert sample(whole, 6, 1) == sample(whole, 6, 1)
    assert len({sample(whole, 6, seed).fingerprint for seed in range(5)}) > 1


def test_the_order_of_the_gold_does_not_matter() -> None:
    whole = gold(24)
    turned = Gold(whole.incidents[::-1], whole.source)
    ids = [{i.id for i in sample(g, 7, 3).incidents} for g in (whole, turned)]
    assert ids[0] == ids[1]


@given(
    st.lists(st.sets(st.sampled_from(COURSES)), min_size=1, max_size=20),
    st.integers(1, 25),
    st.integers(0, 3),
)
def test_a_sample_is_of_the_gold_in_its_order_and_has_the_size(
    sets: list[set[str]], limit: int, seed: int
) -> None:
    incidents = [incident(n, labels={"course": tuple(sorted(s))}) for n, s in enumerate(sets)]
    chosen = sample(Gold(tuple(incidents), "x"), limit, seed).incidents
    assert len(chosen) == min(limit, len(sets))
    assert [i for i in incidents if i in chosen] == list(chosen)


TOLD = """
from pathlib import Path
from eval.gold import load_gold
from eval.sampling import sample
gold = load_gold(Path("seeds"))
print([i.id for limit in (5, 12, 30) for i in sample(gold, limit, 1).incidents])
"""


def test_every_process_takes_the_same() -> None:
    """Python's order of sets is another one in each process."""
    told = {
        subprocess.run(
            [sys.executable, "-c", TOLD],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1
