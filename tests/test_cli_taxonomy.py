"""The `taxonomy` commands: what ships, what one says, and each mistake with file and line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cli_tools import Shell, clean_environment

from classifier.resources import data_folder
from classifier.taxonomy import load_taxonomy


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    clean_environment(monkeypatch, tmp_path)
    return Shell(tmp_path, capsys)


@pytest.fixture
def own(shell: Shell) -> Path:
    """A copy of the FAIL taxonomy, to be broken."""
    return Path(shutil.copytree(data_folder("prompts") / "fail", shell.folder / "own"))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_list(shell: Shell) -> None:
    fail = load_taxonomy("fail")
    options = sum(len(c.options) for c in fail.categories.values())
    ran = shell.run("taxonomy", "list")
    counts = f"{len(fail.categories)} categories, {options} options, 12 open fields"
    assert ran.out == f"fail  {fail.title}: {counts}\n"
    assert (ran.code, ran.err) == (0, "")


def test_show_has_every_option_with_its_definition(shell: Shell) -> None:
    ran = shell.run("taxonomy", "show")
    for category in load_taxonomy("fail").categories.values():
        assert f"{category.name}: {category.label}" in ran.out
        for option in category.options:
            assert f"  ({option.letter}) {option.name}: {option.definition}\n" in ran.out


def test_show_has_every_open_field_with_its_question(shell: Shell) -> None:
    ran = shell.run("taxonomy", "show")
    postmortem = load_taxonomy("fail").postmortem
    assert postmortem is not None
    for field in postmortem.fields:
        assert f"  {field.name}: {field.label} (" in ran.out
        assert f"    {field.question}\n" in ran.out


def test_show_of_one_category_shows_no_field(shell: Shell) -> None:
    assert "Postmortem" not in shell.run("taxonomy", "show", "-c", "duration").out


def test_check_names_a_mistake_in_the_open_fields(shell: Shell, own: Path) -> None:
    replace(own / "fields.yaml", "heading: title", "heading: titel")
    ran = shell.run("taxonomy", "check", "own")
    assert ran.out.startswith("own/fields.yaml:2: the heading leads to nothing: 'titel'")


def test_show_says_when_a_category_is_asked(shell: Shell) -> None:
    ran = shell.run("taxonomy", "show", "--category", "perception")
    assert ran.out.startswith("perception: Perception (asked where cps is cps)\n")


def test_show_of_one_category(shell: Shell) -> None:
    ran = shell.run("taxonomy", "show", "-c", "duration")
    assert ran.out.count("\n\n") == 0
    assert ran.out.splitlines()[0] == "duration: Duration"


def test_show_of_a_category_that_there_is_not(shell: Shell) -> None:
    ran = shell.run("taxonomy", "show", "-c", "durations")
    ran.complained("There is no category 'durations'. Allowed: recurring, phase")


@pytest.mark.parametrize("command", ["show", "check"])
def test_a_taxonomy_that_there_is_not(shell: Shell, command: str) -> None:
    ran = shell.run("taxonomy", command, "fial\x1b[31m")
    ran.complained("There is no taxonomy 'fial\\x1b[31m'. Allowed: fail", "copy one from prompts/")


def test_check_of_what_ships(shell: Shell) -> None:
    ran = shell.run("taxonomy", "check")
    assert (ran.code, ran.out, ran.err) == (0, "", "fail: no mistakes.\n")


def test_check_of_a_folder(shell: Shell, own: Path) -> None:
    assert shell.run("taxonomy", "check", "own").code == 0


def test_check_names_a_misspelt_key(shell: Shell, own: Path) -> None:
    replace(own / "categories/cps.yaml", "select:", "selekt:")
    ran = shell.run("taxonomy", "check", "own")
    assert (ran.code, ran.err) == (1, "own: 1 mistake.\n")
    assert ran.out.startswith("own/categories/cps.yaml:4: selekt: ")


def test_check_names_every_mistake(shell: Shell, own: Path) -> None:
    replace(own / "categories/cps.yaml", "select:", "selekt:")
    replace(own / "categories/phase.yaml", "label:", "lable:")
    ran = shell.run("taxonomy", "check", "own")
    files = {line.partition(":")[0] for line in ran.out.splitlines()}
    assert files == {"own/categories/cps.yaml", "own/categories/phase.yaml"}


def test_check_of_a_gate_that_there_is_not(shell: Shell, own: Path) -> None:
    replace(own / "categories/perception.yaml", "category: cps", "category: cpz")
    ran = shell.run("taxonomy", "check", "own")
    assert ran.code == 1
    assert "cpz" in ran.out


def test_check_prints_nothing_that_steers_a_terminal(shell: Shell, own: Path) -> None:
    replace(own / "categories/cps.yaml", "select:", '"\\e[31m\\u202e":')
    ran = shell.run("taxonomy", "check", "own")
    assert ran.code == 1
    assert {c for c in ran.out if not c.isprintable() and c != "\n"} == set()


def test_show_of_a_broken_taxonomy_is_a_usage_error(shell: Shell, own: Path) -> None:
    replace(own / "categories/cps.yaml", "select: boolean", "select: maybe")
    shell.run("taxonomy", "show", "own").complained("own/categories/cps.yaml:4: select: ")


def test_a_file_that_is_no_utf_8(shell: Shell, own: Path) -> None:
    (own / "categories/cps.yaml").write_bytes(b"name: \xff\n")
    ran = shell.run("taxonomy", "check", "own")
    assert ran.code == 1
    assert "Save it as UTF-8 text" in ran.out


def test_wording_that_is_no_utf_8(shell: Shell, own: Path) -> None:
    (own / "wording/system.jinja").write_bytes(b"\xff")
    ran = shell.run("taxonomy", "check", "own")
    assert (ran.code, "system.jinja" in ran.out) == (1, True)
