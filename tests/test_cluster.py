"""Runs on a cluster, without Ray: the same outcomes, one cap, nothing lost where a worker dies."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from batching import PRICES, Endpoint, about, adds_up, batch, dear, row, rows, table, where
from cli_tools import Ran, Shell
from clusters import in_one_process
from cooking import READS, kitchen
from fake_endpoint import KEY, FakeEndpoint, failure

from classifier.batch.account import load_books
from classifier.batch.folder import RunFolder
from eval.prediction_files import load_predictions

REFUSES_R02 = where("number 2.", failure(400, "not for me"), READS)


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    in_one_process(monkeypatch)
    return kitchen(tmp_path, monkeypatch, capsys)


def spread(shell: Shell, endpoint: FakeEndpoint, *arguments: str) -> Ran:
    """`classifier batch --engine ray` into the folder `run`."""
    return batch(shell, endpoint, *arguments, "--engine", "ray", "--out", "run")


def outcomes(run: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reports and failures by id, but for what no two runs have in common."""
    folder = RunFolder.open(run)
    reports = {}
    for report in folder.reports():
        plain = report.model_dump(mode="json")
        for name in ("usage", "seconds"):
            plain["provenance"].pop(name)
        reports[report.incident.id] = plain
    return reports, {one.id: one.model_dump() for one in folder.failures()}


def test_the_outcomes_are_those_of_the_local_engine(shell: Shell) -> None:
    name = table(shell.folder, [*rows(9), row(1), "no json"])
    with Endpoint(default=REFUSES_R02) as endpoint:
        here = batch(shell, endpoint, name, "--out", "here", "--no-cache")
        there = spread(shell, endpoint, name, "--no-cache")
    assert (here.code, there.code) == (1, 1)
    there.said("11 inputs = 8 reports + 1 failure + 2 unread.", "r02: http", "1 ask, 2 read")
    assert outcomes(shell.folder / "here") == outcomes(shell.folder / "run")
    adds_up(shell.folder / "run", 11)


def test_each_worker_has_files_of_its_own_and_works(shell: Shell) -> None:
    with Endpoint(default=READS) as endpoint:
        assert spread(shell, endpoint, table(shell.folder, rows(8))).code == 0
    files = sorted((shell.folder / "run" / "parts").iterdir())
    assert len(files) == 2
    assert all(file.read_bytes().count(b"\n") >= 1 for file in files)
    assert (shell.folder / "run" / "reports.jsonl").read_bytes() == b""


@pytest.mark.parametrize("after", [0, 3, 9])
def test_a_worker_that_dies_loses_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    in_one_process(monkeypatch, prepare=lambda pool: pool.kills.update({after: 1}))
    with Endpoint(default=REFUSES_R02) as endpoint:
        ran = spread(shell, endpoint, table(shell.folder, rows(16)), "--concurrency", "4")
        asked = [json.dumps(body["messages"]) for body in endpoint.bodies]
    ran.said("16 inputs = 15 reports + 1 failure + 0 unread.")
    adds_up(shell.folder / "run", 16)
    assert len(asked) - len(set(asked)) <= 4  # what was in flight


def test_what_the_dead_worker_had_finished_is_not_asked_again(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, two = table(shell.folder, rows(12)), ("--no-cache", "--at-once", "2")
    with Endpoint(default=READS) as endpoint:
        batch(shell, endpoint, name, "--out", "here", *two)
        undisturbed = len(endpoint.requests)
    in_one_process(monkeypatch, workers=1, prepare=lambda pool: pool.kills.update({6: 0}))
    with Endpoint(default=READS) as endpoint:
        assert spread(shell, endpoint, name, *two).code == 0
        assert undisturbed <= len(endpoint.requests) <= undisturbed + 2 * 3  # so many calls each
    lines = [brief.id for brief in RunFolder.open(shell.folder / "run").briefs()]
    assert sorted(lines) == [f"r{n:02}" for n in range(12)]


def test_either_engine_goes_on_with_the_other_s_run(shell: Shell) -> None:
    first, all_rows = table(shell.folder, rows(4)), rows(9)
    with Endpoint(default=REFUSES_R02) as endpoint:
        batch(shell, endpoint, first, "--out", "run")
        spread(shell, endpoint, table(shell.folder, all_rows[:7]))
        batch(shell, endpoint, table(shell.folder, all_rows), "--out", "run")
    with_failure = adds_up(shell.folder / "run", 9)
    assert with_failure[1] == {"r02": "ask"}
    names = sorted(p.name[:6] for p in (shell.folder / "run" / "parts").iterdir())
    assert names == ["000001", "000001", "000002", "000002"]


def test_retry_on_a_cluster_asks_what_failed_and_keeps_the_rest(shell: Shell) -> None:
    broken = [failure(400, "not now")]
    name = table(shell.folder, rows(5))

    def behave(body: dict[str, Any]) -> Any:
        return broken[0] if broken and about(body) == "r02" else READS(body)

    with Endpoint(default=behave) as endpoint:
        assert spread(shell, endpoint, name, "--no-cache").code == 1
        broken.clear()
        sent = len(endpoint.requests)
        ran = shell.run("batch", "retry", "run", "--no-cache", "--engine", "ray")
        assert {about(body) for body in endpoint.bodies[sent:]} == {"r02"}
    assert ran.code == 0, ran.err
    adds_up(shell.folder / "run", 5)


def test_status_export_and_eval_read_parts(shell: Shell) -> None:
    with Endpoint(default=REFUSES_R02) as endpoint:
        spread(shell, endpoint, table(shell.folder, rows(6)))
    assert (
        "5 reports, 1 failures, 0 unread; 0 not asked yet"
        in shell.run("batch", "status", "run").out
    )
    wide = ("--format", "jsonl", "--shape", "wide", "--out", "wide.jsonl")
    assert shell.run("export", "run", *wide).code == 0
    assert len((shell.folder / "wide.jsonl").read_text().splitlines()) == 6
    read = load_predictions(shell.folder / "run")
    assert (len(read.items), [*read.failures]) == (5, ["r02"])


@pytest.mark.parametrize("at_once", ["4", "40"])  # with 40, most of the engine waits for inputs
def test_the_cap_holds_for_all_workers_together(shell: Shell, at_once: str) -> None:
    name, prices = table(shell.folder, rows(12)), shell.write("prices.toml", PRICES)
    with Endpoint(default=dear) as endpoint:
        capped = ("--prices", prices, "--max-cost", "4", "--at-once", at_once)
        ran = spread(shell, endpoint, name, *capped)
        ran.complained("Stopped: the next call may cost", "of 4 USD spent", code=1)
        assert 2 < spent(shell) <= 4
        assert spent(shell) == len(endpoint.requests) * Decimal("0.2")
        ran = spread(shell, endpoint, name, "--prices", prices, "--max-cost", "40")
        assert ran.code == 0, ran.err
        assert spent(shell) == len(endpoint.requests) * Decimal("0.2")
    adds_up(shell.folder / "run", 12)


def test_what_a_dead_worker_had_leased_counts_as_spent(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_one_process(monkeypatch, prepare=lambda pool: pool.kills.update({2: 0}))
    name, prices = table(shell.folder, rows(12)), shell.write("prices.toml", PRICES)
    with Endpoint(default=dear) as endpoint:
        ran = spread(shell, endpoint, name, "--prices", prices, "--max-cost", "40", "--no-cache")
        assert ran.code == 0, ran.err
        paid = len(endpoint.requests) * Decimal("0.2")
    assert paid <= spent(shell) <= 40
    adds_up(shell.folder / "run", 12)


def spent(shell: Shell) -> Decimal:
    books = load_books(shell.folder / "run")
    assert books is not None
    return books.total


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (failure(429, "You exceeded it", code="insufficient_quota"), "The quota is spent"),
        (failure(401, "Incorrect API key"), "Check the API key"),
    ],
)
def test_what_every_worker_would_meet_stops_all(shell: Shell, answer: Any, said: str) -> None:
    with Endpoint(default=answer) as endpoint:
        ran = spread(shell, endpoint, table(shell.folder, rows(60)), "--tries", "1")
        assert len(endpoint.requests) <= 40
    ran.complained("Stopped: ", said, code=1)
    assert adds_up(shell.folder / "run", 0) == (set(), {})


def test_the_last_one_may_fail_too(shell: Shell) -> None:
    fails = where("number 5.", failure(503, "not this one"), READS)
    with Endpoint(default=fails) as endpoint:
        ran = spread(shell, endpoint, table(shell.folder, rows(6)), "--tries", "1")
    ran.said("6 inputs = 5 reports + 1 failure + 0 unread.")
    assert ran.code == 1


def test_a_bank_that_is_gone_stops_the_run(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(pool: Any) -> None:
        for wire in pool.wires:
            wire.at = None

    in_one_process(monkeypatch, prepare=lose)
    with Endpoint(default=READS) as endpoint:
        ran = spread(shell, endpoint, table(shell.folder, rows(6)))
        assert endpoint.requests == []
    ran.complained("6 incidents came back without an outcome", code=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "embedded"), "takes no model that runs in the process"),
        (("--via", "openai-batch"), "with --via direct, not with openai-batch"),
        (("--base-url", "http://127.0.0.1:9/v1?key=abc"), "Set it as OPENAI_BASE_URL"),
        (("--ray-workers", "0"), "--ray-workers is 0: give 1 or more"),
    ],
)
def test_wrong_usage(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    table(shell.folder, rows(1))
    at = ("--model", "m", "--base-url", "http://127.0.0.1:9/v1", "--taxonomy", "recipes")
    ran = shell.run("batch", "in.jsonl", *at, *arguments, "--engine", "ray", "--out", "run")
    ran.complained(said)
    assert "abc" not in ran.err
    assert not (shell.folder / "run").exists()


@pytest.mark.parametrize("flags", [("--address", "auto"), ("--ray-workers", "2")])
def test_flags_for_ray_alone(shell: Shell, flags: tuple[str, ...]) -> None:
    with Endpoint(default=READS) as endpoint:
        ran = batch(shell, endpoint, table(shell.folder, rows(1)), "--out", "run", *flags)
    ran.complained(f"{flags[0]} {flags[1]} is for --engine ray")


def test_without_ray_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = kitchen(tmp_path, monkeypatch, capsys)
    monkeypatch.setitem(sys.modules, "ray", None)
    with Endpoint(default=READS) as endpoint:
        ran = spread(shell, endpoint, table(shell.folder, rows(1)))
    ran.complained("--engine ray needs ray", "pip install 'fail-classifier[ray]'")


def test_no_secret_is_part_of_what_workers_are_told(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    in_one_process(monkeypatch, prepare=lambda pool: told.append(repr(pool.plan)))
    with Endpoint(default=READS) as endpoint:
        assert spread(shell, endpoint, table(shell.folder, rows(1))).code == 0
    assert KEY not in told[0]
