"""How often does a comparison call two equal runs different, and how often does it see a loss?

    python benchmarks/compare_error_rate.py [--draws 1000]

Simulated runs over 16 categories, of which three are gated and asked of four incidents in ten.
What is right in one run is right in the other but for a share of decisions that flips; incidents
differ in how hard they are and in how shaky, so that the decisions of one hang together. `equal`:
flips go either way alike; the rate is that of calling anything better or worse. `all`: ten points
are lost in every category, and the overall verdict should be worse. `one`: ten points are lost in
one category, where alone anything flips, and that category should be called worse.
"""

from __future__ import annotations

import argparse

import numpy as np

from eval.cases import Cases, CategoryCases
from eval.comparing import Rules, compare

CATEGORIES = 16
GATED = 3
GATE = 0.4
LOSS = 0.1
RULES = Rules(draws=1)  # the verdicts better and worse rest on the tests alone


def cases_of(right: np.ndarray, asked: np.ndarray) -> Cases:
    """Cases of one option that people always chose; `right` and `asked` are (incidents, 16)."""
    made = []
    for place in range(CATEGORIES):
        rows = np.flatnonzero(asked[:, place])
        predicted = right[rows, place][:, None]
        made.append(
            CategoryCases(
                name=f"c{place}",
                options=("it",),
                rows=rows,
                gold=np.ones_like(predicted),
                predicted=predicted,
                usable=np.ones(len(rows), dtype=bool),
                unknown_gold=np.zeros(len(rows), dtype=bool),
                unknown_predicted=~predicted[:, 0],
                probability=np.full(predicted.shape, np.nan),
            )
        )
    return Cases(tuple(map(str, range(len(right)))), tuple(made))


def pair(
    rng: np.random.Generator, incidents: int, flipping: float, loss: float, only: int | None
) -> tuple[Cases, Cases]:
    """Two runs. `flipping` is the share of decisions that differ, `loss` how much rarer right is
    in the second; with `only`, nothing differs in the other categories.
    """
    hard = rng.beta(4, 4, size=(incidents, 1))
    shaky = rng.gamma(2, 0.5, size=(incidents, 1))
    before = rng.random((incidents, CATEGORIES)) < hard
    rate = before.mean()
    spoils = np.clip((flipping + loss) / 2 / rate * shaky, 0, 1)
    mends = np.clip((flipping - loss) / 2 / (1 - rate) * shaky, 0, 1)
    chance = rng.random(before.shape)
    after = np.where(before, chance >= spoils, chance < mends)
    if only is not None:
        after = np.where(np.arange(CATEGORIES) == only, after, before)
    asked = np.ones(before.shape, dtype=bool)
    asked[:, -GATED:] = (rng.random(incidents) < GATE)[:, None]
    return cases_of(before, asked), cases_of(after, asked)


def rates(incidents: int, flipping: float, draws: int, seed: int) -> tuple[float, float, float]:
    """The shares of draws: equal runs called different, loss in all seen, loss in one seen."""
    rng = np.random.default_rng(seed)
    called = seen_all = seen_one = 0
    for _ in range(draws):
        equal = compare(*pair(rng, incidents, flipping, 0, None), RULES)
        called += any(c.verdict in ("better", "worse") for c in (equal.overall, *equal.categories))
        lost = compare(*pair(rng, incidents, flipping, LOSS, None), RULES)
        seen_all += lost.overall.verdict == "worse"
        single = compare(*pair(rng, incidents, flipping, LOSS, 0), RULES)
        seen_one += single.categories[0].verdict == "worse"
    return called / draws, seen_all / draws, seen_one / draws


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("| incidents | flipping | equal, called different | all, seen | one, seen |")
    print("| --- | --- | --- | --- | --- |")
    for incidents in (31, 60, 200):
        for flipping in (0.12, 0.3):
            found = rates(incidents, flipping, given.draws, given.seed)
            cells = " | ".join(f"{share:.3f}" for share in found)
            print(f"| {incidents} | {flipping:.2f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
