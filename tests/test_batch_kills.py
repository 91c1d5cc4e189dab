"""Batch runs that are killed at any moment: nothing is lost, and little is asked twice.

Run as a program, this file forks the runs that are killed: see `fork_runs`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from batching import Endpoint, rows, table
from cli_tools import ROOT
from cooking import READS, copied
from fake_endpoint import KEY, Answer

from classifier.batch.folder import RunFolder
from classifier.batch.manifest import load_manifest

KILLS = int(os.environ.get("CLASSIFIER_KILLS", "8"))
"""How many kills the suite makes; `python benchmarks/kills.py` makes 200."""

INCIDENTS = 36
CONCURRENCY = 4

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")


@dataclass
class Figures:
    """What came of the kills: `again` are requests that were sent more than once."""

    kills: int = 0
    runs: int = 0
    starts: int = 0
    requests: int = 0
    again: int = 0
    torn: int = 0


class Runs:
    """Runs of `classifier batch`, each a fork of one process that has imported everything."""

    def __init__(self, folder: Path, url: str) -> None:
        own = {"OPENAI_API_KEY": KEY, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        own |= {"CLASSIFIER_CACHE_PATH": str(folder / "cache.sqlite")}
        own |= {"XDG_CACHE_HOME": str(folder / "home")}
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CLASSIFIER", "OPENAI"))}
        self._forker = subprocess.Popen(
            [sys.executable, __file__, url],
            cwd=folder,
            env=kept | own,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def start(self, name: str, out: str) -> int:
        """Begin the run or go on with it; returns the process id."""
        self._forker.stdin.write(f"{name} {out}\n")
        self._forker.stdin.flush()
        return int(self._answer())

    def ended(self) -> int:
        """Wait for the run's end; returns its exit code, or less than 0 for a signal."""
        return int(self._answer())

    def close(self) -> None:
        self._forker.communicate(timeout=30)

    def _answer(self) -> str:
        return self._forker.stdout.readline()


def fork_runs(url: str) -> None:
    """For each line on standard input: fork a run, say its process id, and how it ended."""
    from classifier.batch import running  # noqa: F401 - loaded once, before the forks
    from classifier.cli.main import run
    from classifier.tokens import load_encoding

    load_encoding("o200k_base", Path("home") / "fail-classifier" / "tiktoken")
    print("ready", flush=True)
    for line in sys.stdin:
        name, out = line.split()
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            sys.stderr = Path("said.txt").open("a")  # noqa: SIM115 - the process ends with it
            at = ("--model", "m", "--base-url", url, "--taxonomy", "recipes")
            os._exit(run(["batch", name, *at, "--concurrency", str(CONCURRENCY), "--out", out]))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def slowly(chance: random.Random) -> Any:
    """An endpoint that takes 2 to 30 milliseconds."""

    def behave(body: dict[str, Any]) -> Answer:
        time.sleep(chance.uniform(0.002, 0.03))
        return READS(body)

    return behave


def killed_until(kills: int, folder: Path, seed: int) -> Figures:
    """Kill runs that often, and let the last one end; checks each folder after each kill."""
    chance, figures = random.Random(seed), Figures()
    copied(folder / "recipes")
    name = table(folder, rows(INCIDENTS))
    with Endpoint(default=slowly(chance)) as endpoint:
        runs = Runs(folder, endpoint.url)
        while figures.kills < kills:
            figures.runs += 1
            one_run(runs, endpoint, folder, name, chance, kills, figures)
        runs.close()
    return figures


def one_run(
    runs: Runs,
    endpoint: Endpoint,
    folder: Path,
    name: str,
    chance: random.Random,
    kills: int,
    figures: Figures,
) -> None:
    out, first, killed_before = f"run{figures.runs}", len(endpoint.requests), figures.kills
    (folder / "cache.sqlite").unlink(missing_ok=True)
    for beside in ("-wal", "-shm"):
        (folder / f"cache.sqlite{beside}").unlink(missing_ok=True)
    code = -signal.SIGKILL
    while code == -signal.SIGKILL:
        figures.starts += 1
        begun, process = len(endpoint.requests), runs.start(name, out)
        killing = threading.Thread(
            target=kill_somewhen, args=(process, endpoint, begun, chance, figures.kills < kills)
        )
        killing.start()
        code = runs.ended()
        killing.join()
        figures.kills += code == -signal.SIGKILL
        check(folder / out)
    assert code == 0, (folder / "said.txt").read_text()[-2000:]
    finished(folder / out, figures)
    sent = Counter(json.dumps(body["messages"]) for body in endpoint.bodies[first:])
    again = sent.total() - len(sent)
    assert again <= CONCURRENCY * (figures.kills - killed_before)
    figures.requests += sent.total()
    figures.again += again


def kill_somewhen(
    process: int, endpoint: Endpoint, begun: int, chance: random.Random, wanted: bool
) -> None:
    """Kill the process at a random moment: while it begins, or after some of its requests."""
    if not wanted:
        return
    requests, end = chance.choice([0, 0, *range(1, 25)]), time.monotonic() + 20
    while requests and len(endpoint.requests) < begun + requests and time.monotonic() < end:
        if not alive(process):
            return
        time.sleep(0.001)
    time.sleep(chance.uniform(0, 0.03 if requests else 0.4))
    if alive(process):
        os.kill(process, signal.SIGKILL)


def alive(process: int) -> bool:
    """Whether it has not ended: what has ended is no zombie for long, for it is waited for."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def check(run: Path) -> None:
    """A killed run can be read: no report stands twice, and none is a failure."""
    if load_manifest(run) is None:
        return
    folder = RunFolder.open(run)
    ids = [report.incident.id for report in folder.reports()]
    assert len(ids) == len(set(ids))
    assert list(folder.failures()) == []


def finished(run: Path, figures: Figures) -> None:
    """Every incident has one line, and that is its report."""
    lines = (run / "reports.jsonl").read_text().splitlines()
    ids = sorted(json.loads(line)["incident"]["id"] for line in lines)
    assert ids == [f"r{n:02}" for n in range(INCIDENTS)]
    figures.torn += RunFolder.open(run).torn()


def test_kills_lose_nothing_and_ask_little_again(tmp_path: Path) -> None:
    figures = killed_until(KILLS, tmp_path, seed=7)
    assert figures.kills == KILLS
    assert figures.again <= CONCURRENCY * KILLS


if __name__ == "__main__":
    fork_runs(sys.argv[1])
