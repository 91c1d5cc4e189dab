"""`classifier review`: what it needs, what it says, and how it ends."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_tools import Shell, clean_environment, started
from reviewing import Client, article, cake, gold, run_folder
from scripted import RECIPES

TAXONOMY = ("--taxonomy", str(RECIPES))


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    clean_environment(monkeypatch, tmp_path)
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, capsys)


@pytest.fixture
def run(shell: Shell) -> str:
    return str(run_folder(shell.folder))


def test_what_is_no_run_is_named(shell):
    shell.run("review", ".", *TAXONOMY).complained("is no run folder")


def test_a_name_that_nobody_can_see(shell, run):
    shell.run("review", run, *TAXONOMY, "--annotator", " ").complained("annotator's name is ' '")


def test_a_run_whose_taxonomy_is_not_at_hand(shell, run):
    shell.run("review", run).complained("'recipes 3'", "--taxonomy")


def test_articles_that_are_not_there(shell, run):
    shell.run("review", run, *TAXONOMY, "--articles", "no").complained("no: no such file")


def test_a_port_that_is_taken(shell, run):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        ran = shell.run("review", run, *TAXONOMY, "--port", port, "--no-open")
    ran.complained(f"The port {port}", "Give another --port")
    ran.said("does not say which articles it read")


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_a_review_from_the_first_line_to_ctrl_c(shell, run, monkeypatch):
    browser = Path(shell.write("browser", '#!/bin/sh\necho "$1" > begun && mv begun opened\n'))
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser.resolve()} %s")
    one = article()
    (shell.folder / "a1.json").write_text(one.model_dump_json())
    command = ("review", run, *TAXONOMY, "--articles", "a1.json")
    process = started(*command)
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    client = Client(address).enter()
    assert client.save(gold()).status == 200
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert "Saved in this review: 1 incident." in err
    assert f"classifier gold check {Path(run) / 'gold' / 'ann'}" in err
    assert "Traceback" not in err
    assert (shell.folder / "opened").read_text().strip() == address


def reviewed_by(shell: Shell, run: str, name: str, **changed: object) -> None:
    from eval.gold import GoldIncident
    from eval.reviewing.saving import Shelf

    given = GoldIncident.model_validate(gold(name=name, **changed))
    Shelf(Path(run)).save(name, "cake-x", given, None)


def test_two_reviews_become_gold_with_both_annotators(shell, run):
    reviewed_by(shell, run, "ann")
    other = {"course": ["main"], "diet": ["meat"]}
    reviewed_by(shell, run, "bob", labels=other, annotators={"bob": other})
    ran = shell.run("gold", "merge", f"{run}/gold/ann", f"{run}/gold/bob", "--out", "both")
    assert (ran.code, ran.out) == (0, "")
    assert shell.run("gold", "check", "both", *TAXONOMY).code == 0
    agreement = shell.run("eval", "agreement", run, "--gold", "both", *TAXONOMY)
    assert agreement.code == 0, agreement.err
    assert "ann" in agreement.out
    assert "bob" in agreement.out


def test_a_run_is_scored_against_what_one_person_said(shell, run):
    reviewed_by(shell, run, "ann")
    scored = shell.run("eval", "score", run, "--gold", f"{run}/gold/ann", *TAXONOMY)
    assert scored.code == 0, scored.err
    assert cake().incident.id == "cake"
    assert "course" in scored.out
