"""`classifier batch` against a real server on loopback: runs, resumes, refusals, what is said."""

from __future__ import annotations

import json
import signal
import time
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from batching import PRICES, Endpoint, about, adds_up, batch, dear, row, rows, table, where
from cli_tools import Shell, started
from cooking import READS, kitchen
from fake_batches import FakeBatches
from fake_endpoint import KEY, failure, hang

from classifier.batch.account import load_books
from classifier.batch.folder import RunFolder
from classifier.models.batch_parts import BatchOptions


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return kitchen(tmp_path, monkeypatch, capsys)


REFUSES_R02 = where("number 2.", failure(400, "not for me"), READS)


def test_every_input_ends_as_a_report_or_as_a_failure(shell: Shell) -> None:
    name = table(shell.folder, [*rows(5), row(1), "no json"])
    with Endpoint(default=REFUSES_R02) as endpoint:
        ran = batch(shell, endpoint, name, "--out", "run")
    ran.complained("7 inputs = 4 reports + 1 failure + 2 unread.", "1 ask, 2 read", code=1)
    ran.said("in.jsonl:6: duplicate id 'r01'", "r02: http", "not for me", "batch retry run")
    reported, failed = adds_up(shell.folder / "run", 7)
    assert reported == {"r00", "r01", "r03", "r04"}
    assert failed == {"r02": "ask", "in.jsonl:6": "read", "in.jsonl:7": "read"}


def test_all_is_well(shell: Shell) -> None:
    with Endpoint(default=READS) as endpoint:
        ran = batch(shell, endpoint, table(shell.folder, rows(3)), "--out", "run")
    assert (ran.code, ran.out) == (0, "")
    ran.said("3 inputs = 3 reports + 0 failures + 0 unread.", "0 answers from the cache")


def test_the_same_command_asks_nothing_again(shell: Shell) -> None:
    name = table(shell.folder, [*rows(4), "no json"])
    with Endpoint(default=REFUSES_R02) as endpoint:
        batch(shell, endpoint, name, "--out", "run", "--no-cache")
        sent = len(endpoint.requests)
        ran = batch(shell, endpoint, name, "--out", "run", "--no-cache")
        assert len(endpoint.requests) == sent
    ran.complained("5 inputs = 3 reports + 1 failure + 1 unread.", code=1)
    lines = (shell.folder / "run" / "failures.jsonl").read_text().splitlines()
    assert len(lines) == 2


def test_retry_asks_the_failed_ones_alone(shell: Shell) -> None:
    name = table(shell.folder, [*rows(4), "no json"])
    with Endpoint(default=REFUSES_R02) as endpoint:
        batch(shell, endpoint, name, "--out", "run", "--no-cache")
    with Endpoint(default=READS) as endpoint:
        ran = shell.run("batch", "retry", "run", "--base-url", endpoint.url)
        assert ran.code == 2
    ran.complained("endpoint: was ")


def test_retry_at_the_same_endpoint(shell: Shell) -> None:
    broken = [failure(400, "not now")]

    def behave(body):
        return broken[0] if broken and about(body) == "r02" else READS(body)

    name = table(shell.folder, [*rows(4), "no json"])
    with Endpoint(default=behave) as endpoint:
        assert batch(shell, endpoint, name, "--out", "run", "--no-cache").code == 1
        broken.clear()
        sent = len(endpoint.requests)
        ran = shell.run("batch", "retry", "run", "--no-cache")
        assert {about(b) for b in endpoint.bodies[sent:]} == {"r02"}
    ran.complained("5 inputs = 4 reports + 0 failures + 1 unread.", code=1)
    assert adds_up(shell.folder / "run", 5)[1] == {"in.jsonl:5": "read"}


def test_retry_from_another_folder(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    name = table(shell.folder, [*rows(2), "no json"])
    with Endpoint(default=where("number 1.", failure(400), READS)) as endpoint:
        batch(shell, endpoint, name, "--out", "run")
        (shell.folder / "elsewhere").mkdir()
        monkeypatch.chdir(shell.folder / "elsewhere")
        ran = shell.run("batch", "retry", "../run")
    ran.complained("3 inputs = 1 report + 1 failure + 1 unread.", code=1)
    adds_up(shell.folder / "run", 3)


def test_other_settings_are_refused_and_named(shell: Shell) -> None:
    name = table(shell.folder, rows(2))
    with Endpoint(default=READS) as endpoint:
        batch(shell, endpoint, name, "--out", "run")
        ran = batch(shell, endpoint, name, "--out", "run", "--context", "9000")
        ran.complained("was begun with other settings", "32768, is now 9000")
        ran = batch(shell, endpoint, name, "--out", "run", "--title-column", "")
        ran.complained("settings.title_column: was 'title', is now ''")


def test_rows_that_were_appended_are_added(shell: Shell) -> None:
    with Endpoint(default=READS) as endpoint:
        batch(shell, endpoint, table(shell.folder, rows(2)), "--out", "run")
        ran = batch(shell, endpoint, table(shell.folder, rows(4)), "--out", "run")
        assert ran.code == 0
        ran.said("The inputs have grown", "4 inputs = 4 reports")
        changed = [rows(2)[1], *rows(5)[2:]]
        ran = batch(shell, endpoint, table(shell.folder, changed), "--out", "run")
    ran.complained("input: was 'files 1")


def test_an_input_that_can_be_read_later_fails_no_longer(shell: Shell) -> None:
    long = row(3, text=row(3)["text"] + " It is good." * 500)
    name = table(shell.folder, [*rows(2), long])
    with Endpoint(default=READS) as endpoint:
        ran = batch(shell, endpoint, name, "--out", "run", "--max-characters", "4000")
        assert ran.code == 1
        ran = batch(shell, endpoint, name, "--out", "run")
    assert ran.code == 0
    assert adds_up(shell.folder / "run", 3)[1] == {}


def test_a_missing_column_stops_it_before_anything_is_sent(shell: Shell) -> None:
    (shell.folder / "in.csv").write_text("id,body\n1,hello\n")
    with Endpoint(default=READS) as endpoint:
        ran = batch(shell, endpoint, "in.csv", "--out", "run")
        assert endpoint.requests == []
    ran.complained("has no column 'text'", "--text-column NAME")
    assert not (shell.folder / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("in.jsonl",), "Name one with --out RUN"),
        (("in.jsonl", "--out", "recipes"), "is no run folder"),
        (("none.csv", "--out", "run"), "no such file"),
        (("in.jsonl", "--out", "run", "--max-cost", "much"), "--max-cost 'much' is no number"),
        (("in.jsonl", "--out", "run", "--max-cost", "nan"), "--max-cost is NaN"),
        (("in.jsonl", "--out", "run", "--max-cost", "1"), "no known price"),
        (("in.jsonl", "--out", "run", "--json-log", "no/log"), "--json-log 'no/log' cannot be"),
    ],
)
def test_wrong_usage(shell: Shell, arguments: tuple[str, ...], said: str) -> None:
    table(shell.folder, rows(1))
    with Endpoint(default=READS) as endpoint:
        batch(shell, endpoint, *arguments).complained(said)
        assert endpoint.requests == []
    assert not (shell.folder / "run").exists()


def test_a_folder_called_as_a_command_is_still_an_input(shell: Shell) -> None:
    (shell.folder / "status").mkdir()
    table(shell.folder / "status", rows(1))
    with Endpoint(default=READS) as endpoint:
        assert batch(shell, endpoint, "status", "--out", "run").code == 0
    assert shell.run("batch", "status", "run").code == 0


def test_status_counts_and_names_reasons(shell: Shell) -> None:
    name = table(shell.folder, [*rows(4), "no json"])
    with Endpoint(default=REFUSES_R02) as endpoint:
        batch(shell, endpoint, name, "--out", "run")
    ran = shell.run("batch", "status", "run")
    assert ran.code == 0
    assert "3 reports, 1 failures, 1 unread; 0 not asked yet" in ran.out
    assert "1 ask: http" in ran.out
    assert "nobody is at work" in ran.out
    told = json.loads(shell.run("batch", "status", "run", "--json").out)
    assert (told["reports"], told["stages"]) == (3, {"ask": 1, "read": 1})


def test_status_of_what_is_no_run(shell: Shell) -> None:
    shell.run("batch", "status", "recipes").complained("is no run folder")
    shell.run("batch", "retry", "recipes").complained("is no run folder")


def test_status_while_a_writer_is_at_work_and_a_second_writer(shell: Shell) -> None:
    name = table(shell.folder, rows(3))
    stuck = where("number 2.", hang(), READS)
    with Endpoint(default=stuck) as endpoint:
        at = ("--model", "m", "--base-url", endpoint.url, "--taxonomy", "recipes")
        process = started("batch", name, *at, "--out", "run")
        wait_for(lambda: lines(shell.folder / "run" / "reports.jsonl") == 2)
        said = shell.run("batch", "status", "run").out
        batch(shell, endpoint, name, "--out", "run").complained("is being written by the process")
        process.kill()
        process.communicate(timeout=60)
    assert f"process {process.pid} is at work" in said
    assert "2 reports" in said
    assert "nobody is at work" in shell.run("batch", "status", "run").out


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_ctrl_c_once_finishes_what_is_in_flight(shell: Shell) -> None:
    def slow(body):
        time.sleep(0.4)
        return READS(body)

    name = table(shell.folder, rows(30))
    with Endpoint(default=slow) as endpoint:
        at = ("--model", "m", "--base-url", endpoint.url, "--taxonomy", "recipes")
        process = started("batch", name, *at, "--out", "run", "--concurrency", "2")
        wait_for(lambda: endpoint.requests)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        asked = {about(body) for body in endpoint.bodies}
    assert process.returncode == 130
    assert "Finishing what is in flight. Press Ctrl-C again" in err
    assert "Traceback" not in err
    assert {r.incident.id for r in RunFolder.open(shell.folder / "run").reports()} == asked


def test_ctrl_c_twice_stops(shell: Shell) -> None:
    with Endpoint(default=hang()) as endpoint:
        at = ("--model", "m", "--base-url", endpoint.url, "--taxonomy", "recipes")
        process = started("batch", table(shell.folder, rows(3)), *at, "--out", "run")
        wait_for(lambda: endpoint.requests)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "0 inputs = 0 reports + 0 failures + 0 unread, so far." in err


def test_a_cap_stops_the_run_and_it_goes_on(shell: Shell) -> None:
    name, prices = table(shell.folder, rows(8)), shell.write("prices.toml", PRICES)
    paid = ("--out", "run", "--prices", prices)
    with Endpoint(default=dear) as endpoint:
        ran = batch(shell, endpoint, name, *paid, "--max-cost", "3")
        ran.complained("Stopped: the next call may cost", "raise --max-cost", code=1)
        ran.said("estimated before the calls, at most:", "so far.")
        assert 0 < spent(shell) <= 3
        assert spent(shell) == len(endpoint.requests) * Decimal("0.2")
        ran = batch(shell, endpoint, name, *paid, "--max-cost", "20")
        assert ran.code == 0, ran.err
        assert spent(shell) == len(endpoint.requests) * Decimal("0.2")
    assert "4.20 USD spent" in shell.run("batch", "status", "run").out
    adds_up(shell.folder / "run", 8)


def spent(shell: Shell) -> Decimal:
    books = load_books(shell.folder / "run")
    assert books is not None
    return books.total


def test_the_cap_knows_what_earlier_starts_spent(shell: Shell) -> None:
    name, prices = table(shell.folder, rows(8)), shell.write("prices.toml", PRICES)
    paid = ("--out", "run", "--prices", prices, "--max-cost", "3")
    with Endpoint(default=dear) as endpoint:
        for _ in range(3):
            batch(shell, endpoint, name, *paid).complained("Stopped: the next call", code=1)
            assert len(endpoint.requests) <= 15


def test_a_lost_account_is_made_anew_from_the_reports(shell: Shell) -> None:
    name, prices = table(shell.folder, rows(4)), shell.write("prices.toml", PRICES)
    with Endpoint(default=dear) as endpoint:
        batch(shell, endpoint, name, "--out", "run", "--prices", prices)
        before = spent(shell)
        (shell.folder / "run" / "account.json").unlink()
        batch(shell, endpoint, name, "--out", "run", "--prices", prices)
    assert spent(shell) == before > 0


def test_a_dry_run_sends_and_writes_nothing(shell: Shell) -> None:
    name, prices = table(shell.folder, rows(6)), shell.write("prices.toml", PRICES)
    before = {p.name for p in shell.folder.iterdir()}
    with Endpoint(default=READS) as endpoint:
        ran = batch(shell, endpoint, name, "--dry-run", "--prices", prices)
        assert endpoint.requests == []
    assert ran.code == 0
    assert ran.out.startswith("6 incidents to ask about\n")
    assert "Every incident was gone through" in ran.out
    assert {p.name for p in shell.folder.iterdir()} - before <= {"home"}


def test_a_dry_run_deducts_what_is_in_the_cache_and_done(shell: Shell) -> None:
    name = table(shell.folder, rows(4))
    with Endpoint(default=READS) as endpoint:
        batch(shell, endpoint, table(shell.folder, rows(2), "first.jsonl"), "--out", "other")
        sent = len(endpoint.requests)
        ran = batch(shell, endpoint, name, "--dry-run")
        assert f"{sent} of the questions answered from the cache" in ran.out
        batch(shell, endpoint, name, "--out", "run")
        ran = batch(shell, endpoint, name, "--out", "run", "--dry-run")
    assert ran.out.startswith("0 incidents to ask about (4 done already)\n")


def test_a_json_log_has_an_event_a_line(shell: Shell) -> None:
    name = table(shell.folder, rows(4))
    with Endpoint(default=REFUSES_R02) as endpoint:
        ran = batch(shell, endpoint, name, "--out", "run", "--json-log", "-")
    events = [json.loads(line) for line in ran.out.splitlines()]
    assert [e["event"] for e in events if e["event"] in ("begun", "ended")] == ["begun", "ended"]
    assert sorted(e["id"] for e in events if e["event"] == "report") == ["r00", "r01", "r03"]
    [failed] = [e for e in events if e["event"] == "failure"]
    assert (failed["id"], failed["stage"]) == ("r02", "ask")
    assert events[-1]["inputs"] == 4
    kept = (shell.folder / "run" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in kept][-1] == "ended"


def test_a_run_through_the_provider_s_batches(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    quick = partial(BatchOptions, settle=0.05, first_look=0.02, longest_look=0.05)
    monkeypatch.setattr("classifier.batch.running.BatchOptions", quick)  # else it waits for seconds
    with FakeBatches(READS) as server:
        name = table(shell.folder, rows(6))
        ran = batch(shell, server.url, name, "--out", "run", "--via", "openai-batch")
        ran.said("6 inputs = 6 reports + 0 failures + 0 unread.")
        assert 0 < len(server.batches) <= 4
    adds_up(shell.folder / "run", 6)
    assert (shell.folder / "run" / "batches.jsonl").exists()
