"""`classifier gold`: what a check prints, and what is brought in from other people's files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_tools import Ran, Shell
from cooking import held, incident, kitchen, save

from classifier.taxonomy import load_taxonomy
from eval.gold import Gold, GoldReason, load_gold
from eval.gold_checking import check_gold

RECIPES = ("--taxonomy", "recipes")
TABLE = (
    "id,text,course,diet,garnish,baked,heat\n"
    "cake,Plums lie on it.,dessert,vegan,fruit,yes,gentle\n"
    "soup,It is served cold.,starter,unknown,,no,\n"
)
PAGE = """Incident: A plum cake

Published Date: 2020-02-03

On the plate

What Which Why
Course dessert (c) It ends the meal [7].
Diet unknown
Garnish fruit (a) Plums lie on it [7].

In the oven

What Which Why
Baked baked (a) An hour in the oven [7].
Heat gentle (a) At 150 degrees [7].

Sources
[7] Plums

Back to List
"""


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return kitchen(tmp_path, monkeypatch, capsys)


def checked(shell: Shell, *arguments: str) -> Ran:
    return shell.run("gold", "check", *arguments, *RECIPES)


def brought(shell: Shell, kind: str, *arguments: str) -> Ran:
    return shell.run("gold", f"import-{kind}", *arguments, *RECIPES)


def test_sound_gold_has_no_findings(shell: Shell) -> None:
    said = GoldReason(rationale="It says so.", quotes=("Recipe number 0.",))
    reasons = {c: {o: said} for c, options in incident(0).labels.items() for o in options or ()}
    save(Gold((incident(0, reasons=reasons),), "x"), shell.folder / "gold")
    ran = checked(shell, "gold", "--strict")
    assert (ran.code, ran.out) == (0, "")
    ran.said("1 incident in gold: 0 findings, 0 of them to be mended.")


def test_every_finding_is_a_line_of_data(shell: Shell) -> None:
    odd = incident(1, labels={"course": ("soup", "main"), "heat": ("gentle",)})
    save(Gold((odd,), "x"), shell.folder / "gold")
    ran = checked(shell, "gold")
    found = check_gold(load_gold(Path("gold")), load_taxonomy("recipes"))
    assert (ran.code, ran.out.splitlines()) == (1, [str(finding) for finding in found])
    assert any(line.startswith("gold/r01.yaml: error: course: ") for line in ran.out.splitlines())


def test_warnings_fail_only_where_that_is_wanted(shell: Shell) -> None:
    quoteless = {"diet": {"meat": GoldReason(rationale="It says so.")}}
    save(Gold((incident(0, reasons=quoteless, notes="x"),), "x"), shell.folder / "gold")
    found = check_gold(load_gold(Path("gold")), load_taxonomy("recipes"))
    severities = {finding.severity for finding in found}
    assert severities == {"warning"}
    assert checked(shell, "gold").code == 0
    assert checked(shell, "gold", "--strict").code == 1


def test_a_text_cannot_steer_the_terminal(shell: Shell) -> None:
    odd = {"diet": {"meat": GoldReason(rationale="x", quotes=("\x1b[31mred",))}}
    save(Gold((incident(0, reasons=odd),), "x"), shell.folder / "gold")
    ran = checked(shell, "gold")
    assert ran.code == 1
    assert "\x1b" not in ran.out


def test_without_a_folder_the_seeds_are_checked(shell: Shell) -> None:
    ran = shell.run("gold", "check")
    assert "seeds: " in ran.err
    assert ran.code == 0, ran.out


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_check_of_nothing_is_refused(shell: Shell, name: str) -> None:
    (shell.folder / "empty").mkdir()
    checked(shell, name).complained(f"{name}: ", "Give a folder of .yaml")


def test_a_table_becomes_a_file_for_each_incident(shell: Shell) -> None:
    ran = brought(shell, "csv", shell.write("t.csv", TABLE), "--out", "new/gold")
    assert (ran.code, ran.out) == (0, "")
    ran.said("Written: 2 incidents to new/gold")
    made = load_gold(Path("new/gold"))
    assert [i.id for i in made.incidents] == ["cake", "soup"]
    assert made.incidents[1].labels["heat"] is None
    assert sorted(f.name for f in Path("new/gold").iterdir()) == ["cake.yaml", "soup.yaml"]


def test_a_page_becomes_gold_with_the_articles_that_it_cites(shell: Shell) -> None:
    page = shell.write("page.txt", PAGE)
    article = shell.write("7.txt", "Plums lie on it, and it was an hour in the oven.")
    ran = brought(shell, "page", page, "--article", article, "--out", "gold", "--id", "cake")
    assert ran.code == 0, ran.err
    (made,) = load_gold(Path("gold")).incidents
    assert (made.id, [a.id for a in made.articles]) == ("cake", ["7"])
    assert made.labels["garnish"] == ("fruit",)


def test_an_export_of_label_studio_becomes_gold(shell: Shell) -> None:
    chosen = {"course": "main", "diet": "meat"}
    result = [
        {"from_name": c, "to_name": "text", "type": "choices", "value": {"choices": [o]}}
        for c, o in chosen.items()
    ]
    task = {
        "id": 5,
        "data": {"id": "stew", "text": "Lard."},
        "annotations": [{"id": 1, "result": result}],
    }
    file = shell.write("export.json", json.dumps([task]))
    some = ("--category", "course", "--category", "diet", "--out", "gold")
    ran = brought(shell, "label-studio", file, *some)
    assert ran.code == 0, ran.err
    (made,) = load_gold(Path("gold")).incidents
    assert made.labels == {"course": ("main",), "diet": ("meat",)}


def test_an_id_that_is_a_path_stays_in_the_folder(shell: Shell) -> None:
    table = shell.write("t.csv", TABLE.replace("cake,", "../../cake,"))
    assert brought(shell, "csv", table, "--out", "gold").code == 0
    made = load_gold(Path("gold"))
    assert [i.id for i in made.incidents] == ["../../cake", "soup"]
    assert {f.parent.name for f in shell.folder.rglob("*cake*")} == {"gold"}


def test_ids_that_differ_in_case_alone_get_files_of_their_own(shell: Shell) -> None:
    """On some disks `Cake.yaml` is `cake.yaml`."""
    table = shell.write("t.csv", TABLE.replace("soup,", "Cake,"))
    assert brought(shell, "csv", table, "--out", "gold").code == 0
    assert [i.id for i in load_gold(Path("gold")).incidents] == ["Cake", "cake"]
    assert len({f.name.casefold() for f in Path("gold").iterdir()}) == 2


def test_what_is_there_is_not_overwritten(shell: Shell) -> None:
    save(Gold((incident(0, id="soup"),), "x"), shell.folder / "gold")
    table = shell.write("t.csv", TABLE)
    before = held(shell.folder)
    brought(shell, "csv", table, "--out", "gold").complained(
        "'gold/soup.yaml' is there already, and nothing is overwritten. Choose another --out"
    )
    assert held(shell.folder) == before


@pytest.mark.parametrize("out", ["t.csv", "t.csv/new"])
def test_a_folder_that_cannot_be_made_is_named(shell: Shell, out: str) -> None:
    table = shell.write("t.csv", TABLE)
    before = held(shell.folder)
    brought(shell, "csv", table, "--out", out).complained(
        f"--out {out!r} is no folder to write to: ", "Choose another place."
    )
    assert held(shell.folder) == before


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("csv", TABLE.replace("fruit", "stone"), "bad: row 2, column 'garnish'"),
        ("csv", "a,b\n1,2\n", "bad"),
        ("page", PAGE.replace("dessert", "soup"), "bad:8"),
        ("page", "Hello.", "bad"),
        ("label-studio", "[{]", "bad"),
        ("label-studio", "[]", "bad"),
    ],
)
def test_a_file_that_says_something_else_is_named(
    shell: Shell, kind: str, text: str, said: str
) -> None:
    file = shell.write("bad", text)
    brought(shell, kind, file, "--out", "gold").complained(said)
    assert not Path("gold").exists()


@pytest.mark.parametrize("kind", ["csv", "page", "label-studio"])
@pytest.mark.parametrize("name", ["none", "."])
def test_a_file_that_cannot_be_read_is_named(shell: Shell, kind: str, name: str) -> None:
    brought(shell, kind, name, "--out", "gold").complained(f"{name!r} cannot be read: ")
    assert not Path("gold").exists()


def test_an_article_that_is_not_there_is_named(shell: Shell) -> None:
    page = shell.write("page.txt", PAGE)
    ran = brought(shell, "page", page, "--article", "none.txt", "--out", "gold")
    ran.complained("none.txt: no such file")
    brought(shell, "page", page, "--out", "gold").complained("page.txt", "7")
    assert not Path("gold").exists()
