"""What a batch run costs beside the bare openai client, with the same requests to the same server.

    python benchmarks/batch_overhead.py [--incidents 500] [--rounds 3] [--delay 50]

A stub on loopback answers each call after the delay. In turns, `--rounds` times, each in a process
of its own: the bare client, with the very requests that the run sends, 64 at a time; the run
without a cache; the run with a new, empty cache. What is measured lies between the first incidents,
in which everything is loaded, and the last ones, in which fewer and fewer calls are in flight. The
table has the median of each. Processor time is the process's, with all its threads and the kernel's
work for it, divided by the calls; the server's is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from batch_stub import KEY, article, completion, stub
from openai import AsyncOpenAI
from pydantic import SecretStr

from classifier.batch.inputs import InputOptions, Inputs
from classifier.batch.running import Job, run_batch
from classifier.models.endpoint import Endpoint, EndpointSettings
from classifier.models.opening import Notices, open_model
from classifier.models.structured import Structured
from classifier.pipeline import classify_incident
from classifier.records import Incident
from classifier.settings import Settings, load_settings
from classifier.taxonomy import load_taxonomy

CONCURRENCY = 64
AT_ONCE = CONCURRENCY + CONCURRENCY // 4 + 1
OPTIONS = InputOptions(today=date(2026, 1, 1))
Body = dict[str, Any]


@dataclass(frozen=True)
class Lap:
    """So many calls, the seconds that they took and this process's processor time for them."""

    calls: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.calls / self.seconds

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu / self.calls


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Stretch:
    """Measures from the step `first` to the step `last` of some work."""

    def __init__(self, first: int, last: int) -> None:
        self._first, self._last = first, last
        self._step = self._calls = 0
        self.lap: Lap | None = None

    def step(self, calls: int) -> None:
        """So many calls more are done."""
        self._step += 1
        self._calls += calls
        if self._step == self._first:
            self._calls, self._begun, self._cpu = 0, monotonic(), cpu_seconds()
        elif self._step == self._last:
            self.lap = Lap(self._calls, monotonic() - self._begun, cpu_seconds() - self._cpu)


class Watched:
    """Looks on at a run, and measures all but its first and last incidents."""

    notices = Notices()

    def __init__(self, stretch: Stretch) -> None:
        self._stretch = stretch

    def begin(self, *_: object) -> None: ...

    def tell(self, event: str, fields: Mapping[str, Any]) -> None:
        if event == "report":
            self._stretch.step(fields.get("calls", 0))


def settings_for(url: str, cache: Path | None) -> Settings:
    return load_settings(
        model="stub",
        base_url=url,
        concurrency=CONCURRENCY,
        cache=cache is not None,
        cache_path=cache,
    )


async def run_once(settings: Settings, source: Path, out: Path, incidents: int) -> Lap | None:
    """A whole run."""
    stretch = Stretch(AT_ONCE, incidents - AT_ONCE)
    done = await run_batch(Job((str(source),), OPTIONS, settings, out), Watched(stretch))
    tally = done.ended.tally
    if not tally.well:
        raise SystemExit(f"the run did not go well: {tally}, {done.ended.stopped}")
    return stretch.lap


class Captured:
    """Answers requests in this process, as the stub does, and keeps their bodies."""

    def __init__(self) -> None:
        self.bodies: list[Body] = []

    async def post(self, body: Body) -> bytes:
        self.bodies.append(body)
        return completion(body["response_format"])


async def capture(source: Path, settings: Settings) -> list[Body]:
    """The bodies of all the requests that the run will send."""
    kept, taxonomy = Captured(), load_taxonomy(settings.taxonomy)
    at = EndpointSettings("stub", settings.base_url or "", SecretStr(KEY))
    async with open_model(settings) as opened, Endpoint(at, post=kept.post) as endpoint:
        model = replace(opened, model=Structured(endpoint))
        for one in Inputs.open([str(source)], OPTIONS).stream():
            if isinstance(one, Incident):
                await classify_incident(one, taxonomy, model)
    return kept.bodies


async def bare(url: str, bodies: Sequence[Body]) -> Lap | None:
    """All requests by the client alone."""
    waiting, stretch = iter(bodies), Stretch(CONCURRENCY, len(bodies) - CONCURRENCY)

    async def work() -> None:
        for body in waiting:
            reply = await client.chat.completions.create(**body)
            if not (reply.usage and reply.choices[0].message.content):
                raise SystemExit(f"the bare client got no answer: {reply}")
            stretch.step(1)

    # all connections are made at once at the beginning, which may take a while
    client = AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0, timeout=120)
    async with client, asyncio.TaskGroup() as workers:
        for _ in range(CONCURRENCY):
            workers.create_task(work())
    return stretch.lap


BARE, UNCACHED, CACHED = "openai client alone", "batch run, no cache", "batch run, empty cache"


def lap(name: str, url: str, source: Path, out: Path) -> Lap | None:
    """One lap, in this process."""
    if name == BARE:
        return asyncio.run(bare(url, asyncio.run(capture(source, settings_for(url, None)))))
    settings = settings_for(url, out.with_suffix(".sqlite") if name == CACHED else None)
    return asyncio.run(run_once(settings, source, out, len(source.read_text().splitlines())))


def lap_elsewhere(name: str, url: str, source: Path, out: Path) -> Lap:
    """One lap, in a process of its own."""
    command = [sys.executable, __file__, "--lap", name, url, str(source), str(out)]
    environment = os.environ | {"OPENAI_API_KEY": KEY}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return Lap(*json.loads(done.stdout))


def measure(url: str, folder: Path, given: argparse.Namespace) -> dict[str, list[Lap]]:
    source = folder / "in.jsonl"
    rows = (article(n, given.characters) for n in range(given.incidents))
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    laps: dict[str, list[Lap]] = {BARE: [], UNCACHED: [], CACHED: []}
    for number in range(given.rounds):
        for name, found in laps.items():
            found.append(lap_elsewhere(name, url, source, folder / f"{name}-{number}"))
            print(f"{name}: {found[-1]}", file=sys.stderr, flush=True)
    return laps


def table(laps: dict[str, list[Lap]]) -> str:
    """Medians; shares are of the bare client in the same round."""
    heads = ("", "calls", "calls a second", "of the bare client", "ms of processor a call")
    lines = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    for name, rows in laps.items():
        share = median(mine.rate / other.rate for mine, other in zip(rows, laps[BARE], strict=True))
        rate, cpu = median(lap.rate for lap in rows), median(lap.cpu_ms for lap in rows)
        lines.append(f"| {name} | {rows[0].calls} | {rate:.0f} | {share:.0%} | {cpu:.2f} |")
    return "\n".join(lines)


def main() -> None:
    if sys.argv[1:2] == ["--lap"]:
        name, url, source, out = sys.argv[2:]
        done = lap(name, url, Path(source), Path(out))
        print(json.dumps(astuple(done) if done else None))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=500, help=f"more than {2 * AT_ONCE}")
    parser.add_argument("--characters", type=int, default=3000, help="of an article")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--delay", type=float, default=50, help="milliseconds before an answer")
    given = parser.parse_args()
    if given.incidents <= 2 * AT_ONCE:
        parser.error(f"--incidents {given.incidents}: give more than {2 * AT_ONCE}")
    with TemporaryDirectory() as folder, stub(given.delay / 1000) as url:
        print(table(measure(url, Path(folder), given)))


if __name__ == "__main__":
    main()
