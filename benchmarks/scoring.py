"""How long a large score and a large comparison take, and how much memory.

    python benchmarks/scoring.py [--reports 10000] [--draws 1000]

Scores synthetic cases with FAIL's categories and options, every category of every report labelled
and every option with a probability, and prints seconds and the process's peak memory. Two sizes of
sets are tried: about one and a half options each, and every option by the toss of a coin, in which
nearly every set differs: the worst that Krippendorff's alpha can meet. `from files` is the whole
command: gold from JSON files, predictions from JSON Lines of labels, paired, scored.
"""

from __future__ import annotations

import argparse
import json
import resource
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from classifier.taxonomy import Taxonomy, load_taxonomy
from eval.cases import Cases, CategoryCases
from eval.comparing import Rules, compare
from eval.evaluating import evaluate
from eval.gold import load_gold
from eval.prediction_files import load_predictions
from eval.scoring import score

FAILED, MISSING, WRONG = 0.02, 0.01, 0.1


def synthetic(
    options: Mapping[str, tuple[str, ...]], reports: int, held: float | None, seed: int = 3
) -> Cases:
    """Cases in which a decision holds `held` options on average, or half of them all."""
    random = np.random.default_rng(seed)
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


def timed(name: str, work: Callable[[], object]) -> None:
    begun = perf_counter()
    work()
    seconds = perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| {name} | {seconds:.1f} | {peak:.0f} MiB |", flush=True)


def from_files(taxonomy: Taxonomy, draws: int, folder: Path) -> None:
    gold = load_gold(folder / "gold")
    evaluate(gold, load_predictions(folder / "answers.jsonl"), taxonomy, draws=draws)


def written(cases: Cases, folder: Path) -> Path:
    """The cases as files: gold, a JSON file an incident, and predictions as JSON Lines."""
    (folder / "gold").mkdir()
    sides = ("gold", "predicted")
    labels: list[dict[str, dict[str, list[str]]]] = [
        {s: {} for s in sides} for _ in cases.incidents
    ]
    for c in cases.categories:
        for side in sides:
            for row, cells in zip(c.rows, getattr(c, side), strict=True):
                held = [o for o, holds in zip(c.options, cells, strict=True) if holds]
                labels[row][side][c.name] = held or ["unknown"]
    with (folder / "answers.jsonl").open("w") as answers:
        for name, told in zip(cases.incidents, labels, strict=True):
            answers.write(json.dumps({"id": name, "labels": told["predicted"]}) + "\n")
            gold = {"id": name, "articles": [{"id": name, "text": "It failed. " * 300}]}
            path = folder / "gold" / f"{name}.json"
            path.write_text(json.dumps({**gold, "labels": told["gold"]}))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=10_000)
    parser.add_argument("--draws", type=int, default=1_000)
    given = parser.parse_args()
    taxonomy = load_taxonomy()
    options = {c.name: c.names for c in taxonomy.categories.values()}
    print(f"{given.reports} reports x {len(options)} categories, {given.draws} draws")
    print("| what | seconds | peak memory of the process |\n| --- | --- | --- |")
    few = synthetic(options, given.reports, 1.5)
    timed("score, about 1.5 options", lambda: score(few, draws=given.draws))
    other = synthetic(options, given.reports, 1.5, seed=4)
    same_gold = Cases(
        few.incidents,
        tuple(
            replace(a, gold=b.gold, unknown_gold=b.unknown_gold)
            for a, b in zip(other.categories, few.categories, strict=True)
        ),
    )
    timed("compare, about 1.5 options", lambda: compare(few, same_gold, Rules(draws=given.draws)))
    with TemporaryDirectory() as folder:
        place = written(few, Path(folder))
        timed("score, from files", lambda: from_files(taxonomy, given.draws, place))
    many = synthetic(options, given.reports, None)
    timed("score, by the toss of a coin", lambda: score(many, draws=given.draws))


if __name__ == "__main__":
    main()
