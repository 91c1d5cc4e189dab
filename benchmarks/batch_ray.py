"""What the Ray engine costs beside the local one, on this machine's cores: ratios within one run.

    python benchmarks/batch_ray.py [--incidents 400] [--rounds 3] [--delay 50] [--concurrency 64]

A stub on loopback answers each call after the delay. In turns, `--rounds` times, each in a process
of its own: the local engine; Ray with one worker; Ray with one for each core. Times are taken from
the run's own log, from the first outcome to the last, so that the start of a cluster is apart; it
stands in a column of its own. Processor time is that of all processes of the machine but the
stub's, so nothing else may run. The table has medians, and ratios to the local engine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from batch_stub import KEY, article, stub


@dataclass(frozen=True)
class Lap:
    """A run: incidents a second between the first outcome and the last, seconds before the first
    outcome, and seconds of processor time an incident, everything included.
    """

    rate: float
    start: float
    cpu: float


def busy() -> float:
    """Seconds of processor time that this machine has spent so far, of all its cores."""
    user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


def lap(folder: Path, url: str, out: str, incidents: int, flags: list[str]) -> Lap:
    """One run as a user starts it."""
    command = [sys.executable, "-m", "classifier", "batch", "in.jsonl", "--out", out, "--no-cache"]
    at = ["--model", "stub", "--base-url", url]
    environment = os.environ | {"OPENAI_API_KEY": KEY}
    begun, spent = time.time(), busy()
    subprocess.run(
        [*command, *at, *flags], cwd=folder, env=environment, check=True, capture_output=True
    )
    spent = busy() - spent
    times = sorted(outcome_times(folder / out / "log.jsonl"))
    rate = (len(times) - 1) / (times[-1] - times[0])
    return Lap(rate, times[0] - begun, spent / incidents)


def outcome_times(log: Path) -> Iterator[float]:
    """When each report was counted, in seconds since the epoch."""
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "report":
            yield datetime.fromisoformat(event["time"]).timestamp()


def main() -> None:
    """Run all in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("incidents", 400), ("rounds", 3), ("delay", 50), ("concurrency", 64)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    cores = os.cpu_count() or 1
    ray = ["--engine", "ray", "--ray-workers"]
    engines = {"local": [], "ray, 1 worker": [*ray, "1"]}
    engines[f"ray, {cores} workers"] = [*ray, str(cores)]
    laps: dict[str, list[Lap]] = {name: [] for name in engines}
    with TemporaryDirectory() as place, stub(given.delay / 1000) as url:
        folder = Path(place)
        lines = (json.dumps(article(n, 1500)) for n in range(given.incidents))
        (folder / "in.jsonl").write_text("".join(f"{line}\n" for line in lines))
        for turn in range(given.rounds):
            for number, (name, flags) in enumerate(engines.items()):
                flags = [*flags, "--concurrency", str(given.concurrency)]
                out = f"run{turn}-{number}"
                laps[name].append(lap(folder, url, out, given.incidents, flags))
    print(f"{given.incidents} incidents, {given.rounds} rounds, {given.delay} ms a call\n")
    print(f"{'':16}{'incidents/s':>12}{'ratio':>8}{'start s':>9}{'cpu s/incident':>16}{'ratio':>8}")
    base = [median(column) for column in zip(*map(astuple, laps["local"]), strict=True)]
    for name, of_engine in laps.items():
        rate, start, cpu = (median(column) for column in zip(*map(astuple, of_engine), strict=True))
        shown = f"{rate:12.1f}{rate / base[0]:8.2f}{start:9.1f}{cpu:16.3f}{cpu / base[2]:8.2f}"
        print(f"{name:16}{shown}")


if __name__ == "__main__":
    main()
