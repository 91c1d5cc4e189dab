"""How often scored decisions agree with people, by threshold; nothing is explained, so it is quick.

    python benchmarks/agreement.py GOLD_FOLDER [--model embedded] [--limit N]

`exact` is the share of decisions whose set of options is the people's; precision, recall and F1
count options, with `unknown` as the empty set. A gate is taken from the labels, so that each
category is judged on its own. The threshold of the taxonomy was chosen by this table on the same
incidents, and one number fitted to them is what it is: an upper end, not a promise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from classifier.articles import ReadOptions, read_incidents
from classifier.asking import AskContext
from classifier.asking.context import Meter
from classifier.asking.scored import decide, score
from classifier.chunking import cut
from classifier.grounding import Locator
from classifier.models.opening import open_model
from classifier.models.seam import OpenModel
from classifier.pipeline import method_of
from classifier.settings import load_settings
from classifier.taxonomy import Taxonomy, load_taxonomy

THRESHOLDS = (0.25, 0.3, 0.34, 0.38, 0.42, 0.46, 0.5, 0.55)
Scores = dict[str, dict[str, float]]


async def scores_of(gold: Path, taxonomy: Taxonomy, model: OpenModel) -> tuple[Any, Scores]:
    labels = json.loads(gold.read_text("utf-8"))["labels"]  # noqa: ASYNC240 - a small file
    options = ReadOptions(today=datetime.now(UTC).date())
    [incident] = read_incidents([str(gold)], options).incidents
    articles = {a.id: a for a in incident.articles}
    locator = Locator(incident.articles)
    context = AskContext(
        model.model, taxonomy, method_of(taxonomy, model.info.method), articles, locator, Meter()
    )
    [chunk] = await cut(incident, model.counter, model.info.context_tokens - 2000)
    asked = [c for c in taxonomy.categories.values() if labels.get(c.name) is not None]
    return labels, {c.name: await score(context, chunk, c) for c in asked}


def outcomes(
    taxonomy: Taxonomy, threshold: float, judged: list[tuple[Any, Scores]]
) -> Iterator[tuple[str, set[str], set[str]]]:
    """(category, what we say, what people say) for each decision."""
    method = replace_threshold(taxonomy, threshold)
    for labels, scores in judged:
        for name, of_options in scores.items():
            answer = decide(of_options, taxonomy.categories[name], method)
            said = set(answer.applied) or ({"unknown"} if answer.unknown else set())
            yield name, said, set(labels[name])


def replace_threshold(taxonomy: Taxonomy, threshold: float) -> Any:
    return taxonomy.methods["embedded"].model_copy(update={"threshold": threshold})


def line(decisions: list[tuple[str, set[str], set[str]]]) -> str:
    exact = sum(a == b for _, a, b in decisions) / len(decisions)
    pairs = [(a - {"unknown"}, b - {"unknown"}) for _, a, b in decisions]
    hits = sum(len(a & b) for a, b in pairs)
    said = sum(len(a) for a, _ in pairs) or 1
    true = sum(len(b) for _, b in pairs) or 1
    f1 = 2 * hits / (said + true)
    return f"{exact:.3f} | {hits / said:.3f} | {hits / true:.3f} | {f1:.3f} |"


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--limit", type=int, default=None)
    given = parser.parse_args()
    taxonomy = load_taxonomy()
    files = sorted(given.gold.glob("*.json"), key=lambda f: f.stat().st_size)[: given.limit]
    judged = []
    async with open_model(load_settings(model=given.model)) as opened:
        local = replace(opened, info=replace(opened.info, method="embedded"))
        for file in files:
            judged.append(await scores_of(file, taxonomy, local))
            print(file.stem, flush=True)
    print(f"{len(files)} incidents, {given.model}\n| threshold | exact | precision | recall | F1 |")
    print("| --- | --- | --- | --- | --- |")
    for threshold in THRESHOLDS:
        print(f"| {threshold} | {line(list(outcomes(taxonomy, threshold, judged)))}")
    print("\n| category | exact | precision | recall | F1 |\n| --- | --- | --- | --- | --- |")
    chosen = list(outcomes(taxonomy, taxonomy.methods["embedded"].threshold, judged))
    for name in taxonomy.categories:
        rows = [row for row in chosen if row[0] == name]
        if rows:
            print(f"| {name} ({len(rows)}) | {line(rows)}")


if __name__ == "__main__":
    asyncio.run(main())
