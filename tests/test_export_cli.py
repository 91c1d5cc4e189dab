"""`classifier export` and `classifier stats`: what is said, printed and refused."""

from __future__ import annotations

import json
import os
import pty
import sys
from pathlib import Path

import pytest
from cli_tools import Shell, clean_environment, started
from reports import FAIL
from run_folders import MANIFEST, NOT_AT_HAND, holding, of_recipes, one, run_of
from scripted import RECIPES, recipes

REPORTS = [one("1", phase=holding("design")), one("2", phase=holding("operation"))]


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    clean_environment(monkeypatch, tmp_path)
    run_of(tmp_path / "run", REPORTS, [("3", "read", "it is empty")])
    return Shell(tmp_path, capsys)


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl", "sqlite"])
def test_export_writes_a_file_and_says_what_is_in_it(shell: Shell, form: str) -> None:
    ran = shell.run("export", "run", "--format", form, "--out", f"new/o.{form}")
    assert (ran.code, ran.out) == (0, "")
    ran.said(f"Written: new/o.{form}: 2 reports, 1 failure")
    assert (shell.folder / f"new/o.{form}").stat().st_size > 100


def test_export_to_standard_output(shell: Shell) -> None:
    process = started("export", "run", "-f", "jsonl", "--shape", "wide", "-o", "-")
    out, _ = process.communicate()
    rows = [json.loads(line) for line in out.splitlines()]
    assert (process.returncode, [row["incident"] for row in rows]) == (0, ["1", "2", "3"])
    assert rows[0]["domain.sales"] is None


def test_a_mark_for_excel(shell: Shell) -> None:
    shell.run("export", "run", "-f", "csv", "--excel", "-o", "o.csv")
    assert (shell.folder / "o.csv").read_bytes().startswith(b'\xef\xbb\xbf"incident"')


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gone", "-f", "csv", "-o", "o"), "is no run folder"),
        (("run", "-f", "sqlite", "-o", "o", "--shape", "wide"), "--shape wide is not for"),
        (("run", "-f", "jsonl", "-o", "o", "--excel"), "--excel is for --format csv"),
        (("run", "-f", "sqlite", "-o", "-"), "A database needs a file"),
        (("run", "-f", "csv", "-o", "run/o.csv"), "in the run folder"),
        (("run", "-f", "csv", "-o", "o", "--shape", "wide", "--taxonomy", "x"), "'x'"),
        (("run", "-f", "xlsx", "-o", "o"), "xlsx"),
        (("run", "-f", "csv"), "--out"),
    ],
)
def test_what_cannot_be_exported_is_refused(shell: Shell, arguments, said: str) -> None:
    shell.run("export", *arguments).complained(said)
    assert not (shell.folder / "o").exists()


def test_a_taxonomy_that_is_not_at_hand_is_said_and_can_be_given(shell: Shell) -> None:
    run_of(shell.folder / "r", [one("1", diet=holding("vegan"))], manifest=of_recipes(recipes()))
    command = ("export", "r", "-f", "csv", "--shape", "wide", "-o", "o.csv")
    shell.run(*command).said("taxonomy 'recipes ", "Give it with --taxonomy")
    assert b"diet.meat" not in (shell.folder / "o.csv").read_bytes()
    assert "taxonomy" not in shell.run(*command, "--taxonomy", str(RECIPES)).err
    assert b"diet.meat" in (shell.folder / "o.csv").read_bytes()


def test_a_taxonomy_that_was_changed_since_is_used_and_said(shell: Shell) -> None:
    changed = MANIFEST.model_copy(update={"taxonomy_sha256": "0" * 64})
    run_of(shell.folder / "r", REPORTS, manifest=changed)
    ran = shell.run("stats", "r", "--taxonomy", "fail")
    ran.said("The taxonomy 'fail' is not as it was")
    assert "entertainment" in ran.out


def test_the_settings_say_where_the_taxonomy_is(shell: Shell) -> None:
    run_of(shell.folder / "r", [one("1", diet=holding("vegan"))], manifest=of_recipes(recipes()))
    shell.write("classifier.toml", f"taxonomy = '{RECIPES}'")
    ran = shell.run("stats", "r")
    assert (ran.code, ran.err, "diet\toption\tmeat\t0\t1" in ran.out) == (0, "", True)


def test_stats_on_a_pipe_are_a_table_of_tabs(shell: Shell) -> None:
    ran = shell.run("stats", "run")
    assert (ran.code, ran.err) == (0, "")
    assert "phase\toption\tdesign\t1\t2\t0.5000\t0.0945\t0.9055\t1\t0\n" in ran.out


def test_stats_as_json(shell: Shell) -> None:
    ran = shell.run("stats", "run", "--format", "json")
    told = json.loads(ran.out)
    assert (told["reports"], told["failures"], len(told["categories"])) == (
        2, 1, len(FAIL.categories))  # fmt: skip


def test_stats_draws_figures(shell: Shell) -> None:
    pytest.importorskip("matplotlib")
    ran = shell.run("stats", "run", "--out", "figures")
    ran.said("Written: figures/options.png", "Written: figures/years.svg", "No figure 'cross'")
    assert len(list((shell.folder / "figures").iterdir())) == 4


@pytest.mark.parametrize("cross", ["phase", "phase,", "phase,phase", "a,b,c", "phase,colour"])
def test_a_pair_that_is_none_is_refused(shell: Shell, cross: str) -> None:
    shell.run("stats", "run", "--cross", cross).complained("--cross")


def test_a_pair_is_in_the_table_only_where_it_is_named(shell: Shell) -> None:
    assert "\tcross\t" not in shell.run("stats", "run").out
    out = shell.run("stats", "run", "--cross", "phase, cps").out
    assert "phase,cps\tcross\tdesign,cps\t0\t0\t" in out


def test_figures_without_matplotlib_are_refused_before_any_counting(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    shell.run("stats", "run", "--out", "figures").complained("fail-classifier[figures]")


def test_a_folder_for_figures_that_is_a_file_is_refused(shell: Shell) -> None:
    pytest.importorskip("matplotlib")
    shell.write("figures", "")
    shell.run("stats", "run", "--out", "figures").complained("--out 'figures'")


def test_a_torn_line_is_said(shell: Shell) -> None:
    with (shell.folder / "run" / "reports.jsonl").open("ab") as file:
        file.write(b'{"schema_version":1,')
    shell.run("stats", "run").said("1 torn line is not counted")


@pytest.mark.parametrize("reports", [[], REPORTS])
def test_on_a_terminal_the_tables_are_for_people(shell: Shell, reports) -> None:
    run_of(shell.folder / "r", reports)
    ours, theirs = pty.openpty()
    process = started("stats", "r", "--cross", "phase,duration", stdout=theirs)
    os.close(theirs)
    shown = _read(ours)
    _, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert f"{len(reports)} reports; 0 inputs failed." in shown
    assert ("50%" in shown, "2019" in shown) == (bool(reports), bool(reports))


def _read(terminal: int) -> str:
    parts = []
    try:
        while part := os.read(terminal, 65536):
            parts.append(part)
    except OSError:  # Linux says so where the other side was closed
        pass
    os.close(terminal)
    return b"".join(parts).decode()


def test_nothing_in_a_report_steers_the_terminal(shell: Shell) -> None:
    hostile = one("1", **{"a\x1b[2J": holding("b\x07")})
    run_of(shell.folder / "r", [hostile], manifest=NOT_AT_HAND)
    ours, theirs = pty.openpty()
    process = started("stats", "r", stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = _read(ours)
    process.wait()
    assert ("\x1b[2J" in shown, "\x07" in shown, "\\x1b[2J" in shown) == (False, False, True)
