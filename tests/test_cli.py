"""The command itself: help, version, schema, cache, and how fast it starts."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from cli_tools import ROOT, Shell, clean_environment, fitting, started
from fake_endpoint import FakeEndpoint

from classifier.cli.console import counted, now_and_then, visible

HEAVY = (
    *("openai", "trafilatura", "xllamacpp", "pydantic_settings", "tiktoken", "pydantic", "rich"),
    *("numpy", "yaml", "asyncio"),
)


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    clean_environment(monkeypatch, tmp_path)
    return Shell(tmp_path, capsys)


def test_the_command_line_imports_nothing_heavy() -> None:
    code = "import sys, classifier.cli.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert set(HEAVY) & set(done.stdout.split()) == set(), done.stderr


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_is_on_stdout(shell: Shell, flag: str) -> None:
    ran = shell.run(flag)
    assert (ran.code, ran.err) == (0, "")
    for command in ("classify", "taxonomy", "models", "cache", "schema"):
        assert command in ran.out


def test_help_has_no_options_for_completion(shell: Shell) -> None:
    assert "completion" not in shell.run("--help").out


def test_help_has_every_setting(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from classifier.settings import Settings

    monkeypatch.setenv("COLUMNS", "200")  # a narrow one cuts long names
    out = "".join(shell.run(command, "--help").out for command in ("classify", "batch"))
    flags = {f"--{name.replace('_', '-')}" for name in Settings.model_fields} - {"--cache-path"}
    assert [flag for flag in sorted(flags) if flag not in out] == []


def test_version(shell: Shell) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", shell.run("--version").out)


@pytest.mark.parametrize("arguments", [["clasify"], ["--verison"], ["taxonomy", "chek"]])
def test_a_misspelt_command(shell: Shell, arguments: list[str]) -> None:
    shell.run(*arguments).complained(arguments[-1])


@pytest.mark.parametrize("group", [[], ["taxonomy"], ["models"], ["cache"]])
def test_a_group_without_a_command_shows_its_help(shell: Shell, group: list[str]) -> None:
    ran = shell.run(*group)
    assert (ran.code, "Usage:" in ran.out + ran.err) == (2, True)


def test_it_runs_as_a_module(shell: Shell) -> None:
    process = started("classify", "none.txt")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert err == "Error: none.txt: no such file. Check the name and the current folder.\n"


def test_the_schema_in_the_docs_is_the_one_that_is_printed(shell: Shell) -> None:
    ran = shell.run("schema")
    assert ran.code == 0
    kept = (ROOT / "docs/report.schema.json").read_text("utf-8")
    assert ran.out == kept, "run `classifier schema > docs/report.schema.json`"


def test_the_schema_refuses_what_it_does_not_know(shell: Shell) -> None:
    schema = json.loads(shell.run("schema").out)
    assert set(schema["required"]) == {"incident", "categories", "provenance"}
    assert schema["additionalProperties"] is False


def test_the_cache_is_shown_and_emptied(shell: Shell) -> None:
    (shell.folder / "a.txt").write_text("The signal failed because of its software. " * 5)
    with FakeEndpoint(default=fitting()) as endpoint:
        shell.classify(endpoint, "a.txt")
    shown = shell.run("cache", "info")
    assert shown.out.startswith(f"path     {shell.folder / 'cache.sqlite'}\nreplies  ")
    assert re.search(r"oldest   \d{4}-\d\d-\d\d\n$", shown.out)
    assert re.fullmatch(r"Removed [1-9]\d* replies\.\n", shell.run("cache", "clear").err)


def test_an_empty_cache(shell: Shell) -> None:
    ran = shell.run("cache", "info")
    assert (ran.code, "replies  0\n" in ran.out, "oldest" in ran.out) == (0, True, False)
    assert shell.run("cache", "clear").err == "Removed 0 replies.\n"


def test_a_damaged_cache_is_said(shell: Shell) -> None:
    (shell.folder / "cache.sqlite").write_text("no database")
    ran = shell.run("cache", "info")
    assert ran.code == 0
    ran.said("cache.sqlite")


def test_a_newer_table_in_the_cache(shell: Shell) -> None:
    connection = sqlite3.connect(shell.folder / "cache.sqlite")
    connection.execute("CREATE TABLE replies (other TEXT)")
    connection.commit()
    connection.close()
    assert shell.run("cache", "info").code == 0


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\nb", "a\nb"),
        ("\x1b[1m", "\\x1b[1m"),
        ("\u202ea", "\\u202ea"),
        ("\x9b", "\\x9b"),
        ("\udcff", "\\udcff"),
        ("é漢🚆", "é漢🚆"),
    ],
)
def test_messages_show_what_cannot_be_printed(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_nouns_follow_their_number() -> None:
    assert counted(1, "reply", "replies") == "1 reply"
    assert counted(0, "reply", "replies") == "0 replies"


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, 59.0, 61.0, 61.0, 100.0, 122.0, 122.0])
    progress = now_and_then(60, lambda: next(clock))
    for done in range(4):
        progress(done, 4, f"step {done}")
    assert capsys.readouterr().err == "step 1 (1/4)\nstep 3 (3/4)\n"
