"""How many reports an hour the embedded model makes with 1, 2 and 4 articles at a time.

    python benchmarks/embedded_slots.py [ARTICLE...] [--model embedded] [--slots 1,2,4] [--count 4]

The llama.cpp server gets as many slots as articles are worked on at a time, each with the whole
context, and decodes what they ask in one batch (continuous batching). For each number the same
articles are classified, `--count` of them (the given ones over and over, with their ids changed),
without a cache. The table has the reports an hour, the seconds of one report from its start to its
end, and the peak memory of the process. Each number has a process of its own. Takes minutes for
each report: run it on an idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from time import monotonic

from classifier.articles import ReadOptions, read_incidents
from classifier.models.opening import open_model
from classifier.models.seam import OpenModel
from classifier.pipeline import classify_incident
from classifier.records import Incident
from classifier.settings import load_settings
from classifier.taxonomy import Taxonomy, load_taxonomy

ARTICLE = Path(__file__).parent.parent / "seeds" / "ariane-501.yaml"


@dataclass(frozen=True)
class Took:
    """What so many articles at a time took; `each` is the median of one report's seconds."""

    at_once: int
    reports: int
    seconds: float
    each: float
    peak_mb: float

    @property
    def an_hour(self) -> float:
        return 3600 * self.reports / self.seconds


def repeated(incidents: Sequence[Incident], count: int) -> list[Incident]:
    """So many incidents, the given ones over and over, each with an id of its own."""
    again = islice(cycle(incidents), count)
    return [i.model_copy(update={"id": f"{i.id}-{n}"}) for n, i in enumerate(again)]


async def classified(
    incidents: Sequence[Incident], taxonomy: Taxonomy, model: OpenModel, at_once: int
) -> Took:
    """Classify them all, `at_once` at a time."""
    waiting, each = iter(incidents), list[float]()
    begun = monotonic()

    async def work() -> None:
        for one in waiting:
            started = monotonic()
            await classify_incident(one, taxonomy, model)
            each.append(monotonic() - started)

    async with asyncio.TaskGroup() as workers:
        for _ in range(at_once):
            workers.create_task(work())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Took(at_once, len(each), monotonic() - begun, median(each), peak)


async def measured(incidents: Sequence[Incident], model: str, at_once: int) -> Took:
    settings = load_settings(model=model, cache=False, concurrency=at_once)
    taxonomy = load_taxonomy(settings.taxonomy)
    async with open_model(settings) as opened:
        return await classified(incidents, taxonomy, opened, at_once)


def table(rows: Sequence[Took]) -> str:
    heads = ("at a time", "reports", "reports an hour", "of one at a time", "seconds a report")
    lines = ["| " + " | ".join([*heads, "peak MB"]) + " |", "| --- " * 6 + "|"]
    for row in rows:
        share = row.an_hour / rows[0].an_hour
        lines.append(
            f"| {row.at_once} | {row.reports} | {row.an_hour:.1f} | {share:.2f} | "
            f"{row.each:.0f} | {row.peak_mb:.0f} |"
        )
    return "\n".join(lines)


def read(sources: Sequence[str], count: int) -> list[Incident]:
    today = datetime.now(UTC).date()
    return repeated(read_incidents(list(sources), ReadOptions(today=today)).incidents, count)


def elsewhere(given: argparse.Namespace, at_once: int) -> Took:
    """The measurement in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, *given.articles, "--model", given.model]
    command += ["--count", str(given.count), "--alone", str(at_once)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Took(**json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("articles", nargs="*", default=[str(ARTICLE)])
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--slots", default="1,2,4")
    parser.add_argument("--count", type=int, default=4, help="reports for each number of slots")
    parser.add_argument("--alone", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        took = asyncio.run(measured(read(given.articles, given.count), given.model, given.alone))
        print(json.dumps(asdict(took)))
        return
    print(table([elsewhere(given, int(number)) for number in given.slots.split(",")]))


if __name__ == "__main__":
    main()
