"""Runs on real Ray clusters of several processes on this machine, some of which are killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from batching import PRICES, Endpoint, adds_up, batch, dear, rows, table, where
from cli_tools import Shell, started
from cooking import READS, kitchen
from fake_endpoint import KEY, failure
from test_cluster import outcomes, spent

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(sys.platform == "win32", reason="kills processes by signals"),
]

LONG = 540
"""Seconds that a loaded machine may take for one of these; alone it is some twenty."""


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return kitchen(tmp_path, monkeypatch, capsys)


def slowly(answer: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def behave(body: dict[str, Any]) -> Any:
        time.sleep(0.3)
        return answer(body)

    return behave


def begun(endpoint: Endpoint, name: str, *more: str) -> Any:
    """A run on two workers, as a process of its own."""
    at = ("--model", "m", "--base-url", endpoint.url, "--taxonomy", "recipes", "--out", "run")
    return started("batch", name, *at, "--engine", "ray", "--ray-workers", "2", *more)


def reported(run: Path) -> dict[int, int]:
    """How many reports each worker has written, by its process id."""
    files = (run / "parts").glob("*-reports.jsonl")
    return {int(f.name.split("-")[1]): f.read_bytes().count(b"\n") for f in files}


def wait_for(condition: Callable[[], Any], process: Any = None) -> None:
    end = time.monotonic() + LONG / 2
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        if process is not None and process.poll() is not None:
            pytest.fail(f"it ended too early: {process.communicate()}")
        time.sleep(0.05)


def of_ray() -> set[int]:
    """The processes of clusters that this machine runs for a run."""
    if not Path("/proc/self/cmdline").exists():
        return set()
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            text = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if b"/tmp/ray-" in text:
            found.add(int(entry.name))
    return found


def test_a_worker_is_killed_and_the_outcomes_are_those_of_the_local_engine(shell: Shell) -> None:
    name, before = table(shell.folder, [*rows(24), "no json"]), of_ray()
    refuses = where("number 2.", failure(400, "not for me"), READS)
    with Endpoint(default=refuses) as endpoint:
        batch(shell, endpoint, name, "--out", "here", "--no-cache")
        endpoint._default = slowly(refuses)
        process = begun(endpoint, name, "--concurrency", "4")
        wait_for(lambda: sum(reported(shell.folder / "run").values()) >= 3, process)
        os.kill(max(reported(shell.folder / "run")), signal.SIGKILL)
        out, err = process.communicate(timeout=LONG)
    assert (process.returncode, out) == (1, ""), err
    assert "25 inputs = 23 reports + 1 failure + 1 unread." in err
    assert outcomes(shell.folder / "here") == outcomes(shell.folder / "run")
    assert len(reported(shell.folder / "run")) >= 2
    written = [p.read_bytes() for p in (shell.folder / "run").rglob("*") if p.is_file()]
    assert not [text for text in (*written, err.encode()) if KEY.encode() in text]
    wait_for(lambda: of_ray() <= before)


def test_the_cap_holds_for_the_cluster(shell: Shell) -> None:
    name, prices = table(shell.folder, rows(12)), shell.write("prices.toml", PRICES)
    with Endpoint(default=dear) as endpoint:
        process = begun(endpoint, name, "--prices", prices, "--max-cost", "4")
        _, err = process.communicate(timeout=LONG)
        paid = len(endpoint.requests) * Decimal("0.2")
    assert process.returncode == 1, err
    assert "Stopped: the next call may cost" in err
    assert 1 < paid == spent(shell) <= 4


def test_the_driver_is_killed_and_the_local_engine_goes_on(shell: Shell) -> None:
    name, before = table(shell.folder, rows(16)), of_ray()
    with Endpoint(default=slowly(READS)) as endpoint:
        process = begun(endpoint, name, "--concurrency", "4")
        wait_for(lambda: sum(reported(shell.folder / "run").values()) >= 3, process)
        process.kill()
        process.communicate(timeout=60)
        wait_for(lambda: of_ray() <= before)
        ran = batch(shell, endpoint, name, "--out", "run")
    assert ran.code == 0, ran.err
    adds_up(shell.folder / "run", 16)


def test_ctrl_c_finishes_what_is_in_flight(shell: Shell) -> None:
    with Endpoint(default=slowly(READS)) as endpoint:
        process = begun(endpoint, table(shell.folder, rows(40)), "--concurrency", "4")
        wait_for(lambda: sum(reported(shell.folder / "run").values()) >= 1, process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LONG)
    assert process.returncode == 130, err
    assert "Finishing what is in flight" in err
    assert "Traceback" not in err
    reports, failures = outcomes(shell.folder / "run")
    assert 1 <= len(reports) < 40
    assert failures == {}
