"""`classifier report`: reports that exist, as pages or as text; `classify --format html`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_tools import QUOTE, TEXT, Shell, clean_environment, fitting
from fake_endpoint import FakeEndpoint
from html_reports import articles, report, saved, telling
from reports import FAIL
from run_folders import run_of

from classifier.render import to_json, to_markdown, to_page, to_terminal


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    clean_environment(monkeypatch, tmp_path)
    return Shell(tmp_path, capsys)


def corpus(shell: Shell) -> str:
    lines = (json.dumps({"id": a.id, "title": a.title, "text": a.text}) for a in articles())
    return shell.write("corpus.jsonl", "\n".join(lines))


def pages(shell: Shell, out: str = "out") -> list[str]:
    return [p.read_text("utf-8") for p in (shell.folder / out / "reports").iterdir()]


def test_classify_prints_a_page_beside_the_article(shell: Shell) -> None:
    with FakeEndpoint(default=fitting({"design"})) as endpoint:
        ran = shell.classify(endpoint, shell.write(), "--format", "html")
    assert ran.code == 0
    assert f"{QUOTE}</mark>" in ran.out
    assert TEXT.partition(QUOTE)[0] in ran.out


def test_classify_writes_a_page_for_each_of_several(shell: Shell) -> None:
    names = (shell.write("a.txt"), shell.write("b.txt"))
    with FakeEndpoint(default=fitting()) as endpoint:
        shell.classify(endpoint, *names, "-f", "html", "-o", "all/")
    assert sorted(p.name for p in (shell.folder / "all").iterdir()) == ["a.html", "b.html"]


@pytest.mark.parametrize("out", [(), ("-o", "all.html")])
def test_several_pages_need_a_folder(shell: Shell, out: tuple[str, ...]) -> None:
    names = (shell.write("a.txt"), shell.write("b.txt"))
    with FakeEndpoint() as endpoint:
        ran = shell.classify(endpoint, *names, "-f", "html", *out)
        assert endpoint.requests == []
    ran.complained("there are several", "--out FOLDER/")


@pytest.mark.parametrize(
    ("form", "render"),
    [("text", to_terminal), ("json", to_json), ("markdown", to_markdown), ("page", to_page)],
)
def test_a_report_is_printed_in_every_form(shell: Shell, form: str, render: object) -> None:
    [name] = saved(shell.folder, telling())
    ran = shell.run("report", name, "--format", form)
    assert (ran.code, ran.out) == (0, render(telling(), FAIL))  # type: ignore[operator]


def test_several_reports_are_one_list(shell: Shell) -> None:
    names = saved(shell.folder, report(id_="a"), report(id_="b"))
    ran = shell.run("report", *names, "--format", "json")
    assert [r["incident"]["id"] for r in json.loads(ran.out)] == ["a", "b"]
    assert shell.run("report", *names).out.count("The shuttle that fell silent") == 2


def test_a_page_of_one_report_is_printed_with_its_articles(shell: Shell) -> None:
    [name] = saved(shell.folder, telling())
    ran = shell.run("report", name, "--format", "html", "--articles", corpus(shell))
    assert ran.code == 0
    assert "<mark" in ran.out


def test_several_reports_are_no_single_page(shell: Shell) -> None:
    names = saved(shell.folder, report(id_="a"), report(id_="b"))
    shell.run("report", *names, "--format", "html").complained("there are several")


def test_a_run_becomes_a_folder_of_pages(shell: Shell) -> None:
    run_of(shell.folder / "run", [telling(), report(id_="other")])
    ran = shell.run("report", "run", "--out", "out", "--articles", corpus(shell))
    assert (ran.code, ran.out) == (0, "")
    ran.said("Written: out/index.html: 2 reports.")
    assert all("Die Raumfähre fiel aus" in page for page in pages(shell))


def test_articles_that_are_not_found_are_counted(shell: Shell) -> None:
    run_of(shell.folder / "run", [telling()])
    ran = shell.run("report", "run", "--out", "out")
    ran.said("The text of 2 of 2 articles was not found", "--articles PATH")
    assert ran.code == 0
    assert "<mark id" not in pages(shell)[0]


def test_a_folder_with_other_things_is_refused(shell: Shell) -> None:
    [name] = saved(shell.folder, telling())
    (shell.folder / "mine").mkdir()
    shell.write("mine/notes.txt", "mine")
    shell.run("report", name, "--out", "mine").complained("holds 'notes.txt'")


def test_a_form_does_not_go_with_a_folder(shell: Shell) -> None:
    [name] = saved(shell.folder, telling())
    shell.run("report", name, "-o", "out", "-f", "json").complained("--format json does not fit")


@pytest.mark.parametrize("source", ["none.json", "broken.json"])
def test_what_is_no_report_is_said(shell: Shell, source: str) -> None:
    shell.write("broken.json", '{"incident": 3}')
    shell.run("report", source, "--out", "out").complained(source)


def test_a_report_of_another_taxonomy_is_said_once(shell: Shell) -> None:
    names = saved(shell.folder, report(id_="a"), report(id_="b"))
    ran = shell.run("report", *names, "--out", "out")
    assert ran.err.count("made with the taxonomy 'fail 1' (111111111111)") == 1
