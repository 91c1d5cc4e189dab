"""How long a large score takes: `python benchmarks/scoring.py [--reports N] [--draws N]`.

Scores synthetic cases with FAIL's categories and options, every category of every report labelled
and every option with a probability, and prints seconds and the process's peak memory. Two sizes of
sets are tried: about one and a half options each, and every option by the toss of a coin, in which
nearly every set differs: the worst that Krippendorff's alpha can meet.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Mapping
from time import perf_counter

import numpy as np

from classifier.taxonomy import load_taxonomy
from eval.cases import Cases, CategoryCases
from eval.scoring import score

FAILED, MISSING, WRONG = 0.02, 0.01, 0.1


def synthetic(options: Mapping[str, tuple[str, ...]], reports: int, held: float | None) -> Cases:
    """Cases in which a decision holds `held` options on average, or half of them all."""
    random = np.random.default_rng(3)
    categories = [
        category(random, name, names, reports, min(0.5, held / len(names)) if held else 0.5)
        for name, names in options.items()
    ]
    return Cases(tuple(f"report-{n}" for n in range(reports)), tuple(categories))


def category(
    random: np.random.Generator, name: str, options: tuple[str, ...], n: int, share: float
) -> CategoryCases:
    gold = random.random((n, len(options))) < share
    lot = random.random(n)
    usable = lot >= FAILED + MISSING
    predicted = (gold ^ (random.random(gold.shape) < WRONG * share)) & usable[:, None]
    told = np.where(predicted, 1 - random.random(gold.shape) / 2, random.random(gold.shape) / 2)
    return CategoryCases(
        name=name,
        options=options,
        rows=np.arange(n),
        gold=gold,
        predicted=predicted,
        usable=usable,
        unknown_gold=~gold.any(axis=1),
        unknown_predicted=~predicted.any(axis=1) & usable,
        probability=np.where(usable[:, None], told, np.nan),
        failed=int((lot < FAILED).sum()),
        missing=int(((lot >= FAILED) & ~usable).sum()),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=10_000)
    parser.add_argument("--draws", type=int, default=1_000)
    given = parser.parse_args()
    options = {c.name: c.names for c in load_taxonomy().categories.values()}
    print(f"{given.reports} reports x {len(options)} categories, {given.draws} draws")
    print("| sets | seconds | peak memory of the process |\n| --- | --- | --- |")
    for sets, held in (("about 1.5 options", 1.5), ("by the toss of a coin", None)):
        cases = synthetic(options, given.reports, held)
        begun = perf_counter()
        score(cases, draws=given.draws)
        seconds = perf_counter() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| {sets} | {seconds:.1f} | {peak:.0f} MiB |")


if __name__ == "__main__":
    main()
