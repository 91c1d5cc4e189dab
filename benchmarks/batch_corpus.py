"""A corpus as large as the paper's through a stub: memory, rate, and taking up what is nearly done.

    python benchmarks/batch_corpus.py [--seconds 600] [--articles 137427] [--characters 600]

The run is stopped after the seconds, and its rate extrapolated to all articles, which the table
says. Memory is the resident memory of the process that runs, after the first hundred reports, half
way and at the end; its peak holds the beginning too. Then the reports that are still missing but
one are written to the run folder in the shape of those that are there, and a new process takes the
run up: its seconds are from the look at the folder to the end of the run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from batch_stub import KEY, article, stub

from classifier.batch.folder import REPORTS
from classifier.batch.inputs import InputOptions
from classifier.batch.running import Job, run_batch
from classifier.models.opening import Notices
from classifier.settings import load_settings

ARTICLES = 137_427
LOADED = 100
CONCURRENCY = 64


def resident_mb() -> float:
    """The resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


@dataclass
class Went:
    """How a start of the run went; `memory` are (reports, MB) as they came."""

    reports: int = 0
    seconds: float = 0.0
    peak_mb: float = 0.0
    memory: list[tuple[int, float]] = field(default_factory=list)

    def around(self, share: float) -> float:
        """The memory when that share of the reports was made."""
        wanted = self.memory[0][0] + share * (self.memory[-1][0] - self.memory[0][0])
        return min(self.memory, key=lambda one: abs(one[0] - wanted))[1]


class Watched:
    """Looks on at a run; stops it once its time is over."""

    notices = Notices()

    def __init__(self, seconds: float) -> None:
        self.went = Went()
        self._until = monotonic() + seconds

    def begin(self, engine: Any, _progress: object) -> None:
        self._engine = engine

    def tell(self, event: str, _fields: Mapping[str, Any]) -> None:
        if event != "report":
            return
        self.went.reports += 1
        if self.went.reports % LOADED == 0:
            self.went.memory.append((self.went.reports, resident_mb()))
        if monotonic() > self._until and not self._engine.interrupted:
            self._engine.interrupt()


async def started(url: str, folder: Path, seconds: float) -> Went:
    """Begin the run of the folder, or go on with it."""
    settings = load_settings(
        model="stub",
        base_url=url,
        concurrency=CONCURRENCY,
        cache_path=folder / "cache.sqlite",
    )
    options = InputOptions(today=date(2026, 1, 1))
    job = Job((str(folder / "in.jsonl"),), options, settings, folder / "run")
    watched, begun = Watched(seconds), monotonic()
    done = await run_batch(job, watched)
    if done.ended.stopped is not None or done.ended.tally.failures:
        raise SystemExit(f"the run did not go well: {done.ended}")
    watched.went.seconds = monotonic() - begun
    watched.went.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return watched.went


def elsewhere(url: str, folder: Path, seconds: float) -> Went:
    """A start of the run in a process of its own."""
    command = [sys.executable, __file__, "--start", url, str(folder), str(seconds)]
    environment = os.environ | {"OPENAI_API_KEY": KEY}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return Went(**json.loads(done.stdout))


def finish_but_one(reports: Path, articles: int) -> None:
    """Write the reports that are missing, but the last one, as copies with another id."""
    done = set()
    with reports.open("rb") as file:
        for line in file:
            done.add(json.loads(line)["incident"]["id"])
    name = json.dumps(json.loads(line)["incident"]["id"]).encode()
    with reports.open("ab") as file:
        for number in range(articles - 1):
            if f"a{number}" not in done:
                file.write(line.replace(name, f'"a{number}"'.encode()))


def table(first: Went, again: Went, articles: int) -> str:
    rate = first.reports / first.seconds
    all_ = articles / rate / 3600
    whole = "" if first.reports == articles else f" (extrapolated from {first.reports:,} reports)"
    rows = [
        ("reports", f"{first.reports:,} in {first.seconds:.0f} s"),
        ("reports a second", f"{rate:.1f}"),
        (f"hours for {articles:,}", f"{all_:.1f}{whole}"),
        ("MB after the first hundred, half way, at the end",
         ", ".join(f"{first.around(share):.0f}" for share in (0, 0.5, 1))),
        ("MB at most", f"{first.peak_mb:.0f}"),
        (f"taking up with {articles - 1:,} of {articles:,} done", f"{again.seconds:.1f} s"),
        ("MB at most, taking up", f"{again.peak_mb:.0f}"),
    ]  # fmt: skip
    return "\n".join(["| what | |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in rows)])


def main() -> None:
    if sys.argv[1:2] == ["--start"]:
        url, folder, seconds = sys.argv[2:]
        print(json.dumps(asdict(asyncio.run(started(url, Path(folder), float(seconds))))))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--articles", type=int, default=ARTICLES)
    parser.add_argument("--characters", type=int, default=600, help="of an article")
    given = parser.parse_args()
    with TemporaryDirectory() as name, stub() as url:
        folder = Path(name)
        with (folder / "in.jsonl").open("w") as file:
            for number in range(given.articles):
                file.write(json.dumps(article(number, given.characters)) + "\n")
        first = elsewhere(url, folder, given.seconds)
        finish_but_one(folder / "run" / REPORTS, given.articles)
        print(table(first, elsewhere(url, folder, given.seconds), given.articles))


if __name__ == "__main__":
    main()
