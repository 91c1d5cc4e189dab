"""A table of ways to decide, learned on one gold and judged on another that none of them has seen.

    python benchmarks/accuracy.py [--fit GOLD] [--test GOLD] [--model embedded ...] [--scored]

The model reads every incident once; the cache keeps its replies, so that a second run is quick.
Each way then learns from what was read and the labels of `--fit` (by default the seeds) alone. The
first figures are a ten-fold cross-validation within that gold, the others of the `--test` gold.
Gates are decided as in a report: a category that is closed wrongly counts as wrong. With `--scored`
every option is scored too, which costs a call for each category of each incident.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from classifier.cli.console import shown_notices
from classifier.models.opening import open_model
from classifier.records import UNKNOWN
from classifier.resources import data_folder
from classifier.settings import load_settings
from classifier.taxonomy import load_taxonomy
from eval.calibrating import SPLITS, best_threshold, predictions_of, read_gold
from eval.evaluating import evaluate
from eval.figures import Score
from eval.fitting import Example, Learn, Likely, Penalties, Tell, held_out, learner
from eval.gold import Gold, load_gold

# Each lowers log-loss on the seed reports the most, beside those before it.
READ = ("domain", "consequence", "dimension", "capability", "boundary")
FIRM = 1e6  # a prior so strong that its weight stays where it is
TAXONOMY = load_taxonomy()


def commonest(train: Sequence[Example]) -> Tell:
    """The set of options that people chose most often, whatever the article says."""
    told = {}
    for name, category in TAXONOMY.categories.items():
        sets = [tuple(sorted(held)) for one in train for held in [one.labels.get(name)]
                if held is not None]  # fmt: skip
        best = max(sorted(set(sets)), key=sets.count) if sets else ()
        told[name] = {option: float(option in best) for option in category.names}
    return lambda _: told


def raw(_: Sequence[Example]) -> Tell:
    """The model's own probabilities, and one threshold for all options."""
    return lambda one: {
        name: {option: scores[option] for option in TAXONOMY.categories[name].names}
        for name, scores in one.scores.items()
    }


def words(train: Sequence[Example]) -> Tell:
    """No language model: TF-IDF of the words, a logistic model for each option."""
    reader = TfidfVectorizer(sublinear_tf=True, stop_words="english", min_df=2)
    seen = reader.fit_transform([one.text for one in train])
    models: dict[str, dict[str, LogisticRegression | float]] = {}
    for name, category in TAXONOMY.categories.items():
        rows = [n for n, one in enumerate(train) if name in one.labels]
        models[name] = {}
        for option in (*category.names, UNKNOWN):
            sets = [train[n].labels[name] or {UNKNOWN} for n in rows]
            chosen = np.array([option in held for held in sets])
            models[name][option] = (
                LogisticRegression(C=20).fit(seen[rows], chosen)
                if len(set(chosen.tolist())) == 2
                else float(chosen.mean() if len(chosen) else 0)
            )

    def tell(one: Example) -> Likely:
        read = reader.transform([one.text])
        return {
            name: {
                option: m if isinstance(m, float) else float(m.predict_proba(read)[0, 1])
                for option, m in of.items()
            }
            for name, of in models.items()
        }

    return tell


def reading(categories: Sequence[str], learn: Learn) -> Learn:
    """What is learnt where these categories alone are scored."""

    def fewer(one: Example) -> Example:
        return replace(one, scores={c: s for c, s in one.scores.items() if c in categories})

    def learnt(train: Sequence[Example]) -> Tell:
        tell = learn([fewer(one) for one in train])
        return lambda one: tell(fewer(one))

    return learnt


USUAL = Penalties()
SCORES = Penalties(words=FIRM, state=FIRM, embedding=FIRM)
WORDS = replace(SCORES, words=USUAL.words)
STATE = replace(SCORES, state=USUAL.state)
OWN = replace(SCORES, category=FIRM, others=FIRM)


def unscored(penalties: Penalties) -> Learn:
    return reading((), learner(TAXONOMY, penalties))


WAYS: Mapping[str, Learn] = {
    "the commonest answer": commonest,
    "words alone (TF-IDF)": words,
    "words alone, our priors": unscored(WORDS),
    "the state": unscored(STATE),
    "the embedding": unscored(replace(SCORES, embedding=USUAL.embedding)),
    "words and state": unscored(replace(USUAL, embedding=FIRM)),
    "words and embedding": unscored(replace(USUAL, state=FIRM)),
    "state and embedding": unscored(replace(USUAL, words=FIRM)),
    "words, state and embedding": unscored(USUAL),
    "the same, priors half as strong": unscored(Penalties(words=0.2, state=0.1, embedding=0.1)),
    "the same, priors twice as strong": unscored(Penalties(words=0.8, state=0.4, embedding=0.4)),
}
SCORED: Mapping[str, Learn] = {
    "raw scores, one threshold": raw,
    "one slope, a bias for each option": learner(TAXONOMY, replace(OWN, own=FIRM)),
    "each option from its own score": learner(TAXONOMY, OWN),
    "each option from its category's scores": learner(
        TAXONOMY, replace(OWN, category=SCORES.category)
    ),
    "each option from all scores": learner(TAXONOMY, SCORES),
    "all scores and the words": learner(TAXONOMY, WORDS),
    "all scores and the state": learner(TAXONOMY, STATE),
    "all scores, words, state and embedding": learner(TAXONOMY, USUAL),
    **{
        f"scores of {', '.join(READ[:count])}; words, state and embedding": reading(
            READ[:count], learner(TAXONOMY)
        )
        for count in range(1, len(READ) + 1)
    },
}


def judged(gold: Gold, likely: Mapping[str, Likely], threshold: float) -> Score:
    return evaluate(gold, predictions_of(likely, TAXONOMY, threshold), TAXONOMY, draws=0)


def row(name: str, scores: Sequence[Score], threshold: float) -> str:
    cells = []
    for score in scores:
        ece = score.calibration.ece if score.calibration else float("nan")
        of = score.overall
        figures = (of.exact.value, of.micro_f1.value, of.alpha.value, ece)
        cells += [f"{figure:.3f}" for figure in figures if figure is not None]
    return f"| {name} | {threshold:.2f} | " + " | ".join(cells) + " |"


async def labelled(gold: Gold, model: str, scored: bool) -> Sequence[Example]:
    with shown_notices() as notices:
        async with open_model(load_settings(model=model), notices) as opened:
            read = await read_gold(gold, TAXONOMY, opened, notices, None if scored else ())
            return read.examples


def table(model: str, fitting: Gold, testing: Gold | None, scored: bool) -> None:
    train = asyncio.run(labelled(fitting, model, scored))
    test = asyncio.run(labelled(testing, model, scored)) if testing else []
    heads = "exact | F1 | alpha | ECE | " * (2 if test else 1)
    print(f"\n{model}: {len(train)} incidents to learn from, {len(test)} to test on\n")
    print(f"| decided by | threshold | {heads.strip()}")
    print("| --- " * (heads.count("|") + 2) + "|")
    for name, way in {**WAYS, **(SCORED if scored else {})}.items():
        splits = [held_out(train, way, seed=seed) for seed in range(SPLITS)]
        threshold = best_threshold(fitting, splits, TAXONOMY)
        scores = [judged(fitting, splits[0], threshold)]
        if testing:
            tell = way(train)
            scores.append(judged(testing, {one.id: tell(one) for one in test}, threshold))
        print(row(name, scores, threshold), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", type=Path, default=data_folder("seeds"))
    parser.add_argument("--test", type=Path)
    parser.add_argument("--model", action="append")
    parser.add_argument("--scored", action="store_true")
    given = parser.parse_args()
    for model in given.model or ["embedded"]:
        testing = load_gold(given.test) if given.test else None
        table(model, load_gold(given.fit), testing, given.scored)


if __name__ == "__main__":
    main()
