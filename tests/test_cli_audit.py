"""`classifier audit` and `classify --strict`: what is printed, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_tools import QUOTE, Shell, clean_environment, fitting
from fake_endpoint import FakeEndpoint
from reports import FAIL, FAILED, answered, found, full, quoted, report
from scripted import RECIPES
from test_run_folder import MANIFEST

from classifier.batch.folder import RunFolder
from classifier.records import AuditFinding, Report
from classifier.render import to_page

SEED = Path(__file__).parents[2] / "shared" / "seed" / "000_a18f95dd12cf0c26.txt"
HOSTILE = "\x1b[31mred\x9b1m\u202e\nend"


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    clean_environment(monkeypatch, tmp_path)
    return Shell(tmp_path, capsys)


def saved(shell: Shell, made: Report, name: str = "r.json") -> str:
    return shell.write(name, made.to_json())


def sound() -> Report:
    design = answered(found("design", evidence=(quoted(),)))
    own = report().provenance.model_copy(update={"taxonomy_sha256": FAIL.sha256})
    return report(phase=design).model_copy(update={"provenance": own})


def test_a_sound_report_has_no_findings(shell: Shell) -> None:
    ran = shell.run("audit", saved(shell, sound()), "--strict")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "1 report: 0 errors, 0 warnings, 0 info.\n"


def test_findings_are_grouped_and_the_worst_comes_first(shell: Shell) -> None:
    ran = shell.run("audit", saved(shell, full()))
    title, *lines = ran.out.splitlines()
    assert title == "80997: Exposed Database of SenseNets (r.json)"
    assert lines[0].startswith("  error   failed categories.boundary: There is no answer")
    assert [line.split()[0] for line in lines] == ["error"] + ["warning"] * 2 + ["info"] * 2
    assert (ran.code, ran.err) == (0, "1 report: 1 error, 2 warnings, 2 info.\n")


def test_strict_fails_on_errors_alone(shell: Shell) -> None:
    warned = report(phase=answered(found("design", "")))
    assert shell.run("audit", saved(shell, warned), "--strict").code == 0
    ran = shell.run("audit", saved(shell, full()), "--strict", "--severity", "error")
    assert (ran.code, len(ran.out.splitlines())) == (1, 2)
    ran.said("1 report has an error.")


def test_json(shell: Shell) -> None:
    ran = shell.run("audit", saved(shell, sound()), saved(shell, full(), "f.json"), "-f", "json")
    first, second = json.loads(ran.out)
    assert (first["source"], first["id"], first["findings"]) == ("r.json", "80997", [])
    assert second["findings"][0]["check"] == "failed"
    assert json.loads(shell.run("audit", "-f", "json", shell.write("e.jsonl", "")).out) == []


def test_a_page(shell: Shell) -> None:
    ran = shell.run("audit", shell.write("p.txt", to_page(full(), FAIL)))
    assert "info    whole-article-citations: The citations (80997)" in ran.out


@pytest.mark.skipif(not SEED.is_file(), reason="../shared has the seed page")
def test_the_seed_page(shell: Shell) -> None:
    ran = shell.run("audit", str(SEED), "--strict", "--severity", "warning")
    told = [line.split()[1].rstrip(":") for line in ran.out.splitlines()[1:]]
    assert (ran.code, told[:2]) == (1, ["twin-statements", "time-after-publication"])
    assert "option-without-rationale" in told


def test_a_run(shell: Shell) -> None:
    manifest = MANIFEST.model_copy(update={"taxonomy_sha256": FAIL.sha256})
    with RunFolder.create_or_resume(shell.folder / "run", manifest) as run:
        for number in range(3):
            run.append_report(report(id_=str(number), boundary=FAILED))
    ran = shell.run("audit", "run", "--severity", "error")
    assert [line[0] for line in ran.out.splitlines() if line[:1].isdigit()] == ["0", "1", "2"]
    ran.said("3 reports: 3 errors, 0 warnings, 3 info.")


def test_one_source_that_is_broken_stops_no_other(shell: Shell) -> None:
    ran = shell.run("audit", "gone.json", saved(shell, full()))
    assert (ran.code, ran.out.startswith("80997: ")) == (1, True)
    ran.said("Error: gone.json: no such file")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone.json"], "gone.json: no such file"),
        (["r.json", "--taxonomy", "nowhere"], "There is no taxonomy 'nowhere'"),
        ([], "Missing argument"),
        (["r.json", "--severity", "grave"], "Invalid value for '--severity'"),
    ],
)
def test_wrong_usage(shell: Shell, arguments: list[str], said: str) -> None:
    shell.write("r.json", full().to_json())
    ran = shell.run("audit", *arguments)
    assert (ran.code, ran.out) == (2, "")
    ran.said(said)


def test_another_taxonomy(shell: Shell) -> None:
    ran = shell.run("audit", saved(shell, full()), "--taxonomy", str(RECIPES))
    assert "The taxonomy 'recipes' has no category 'phase'" in ran.out


def test_nothing_foreign_steers_the_terminal(shell: Shell) -> None:
    told = AuditFinding(check="x", severity="error", message=HOSTILE, place=HOSTILE)
    name = saved(shell, report(title=HOSTILE, audit=(told,)))
    for form in ("text", "json"):
        ran = shell.run("audit", name, "-f", form)
        assert {c for c in ran.out + ran.err if not c.isprintable() and c != "\n"} == set()
        assert "\nend" not in ran.out


def test_classify_strict_names_the_error(shell: Shell) -> None:
    article = {"id": "a", "text": QUOTE, "published": "2099-01-01"}
    name = shell.write("a.json", json.dumps(article))
    with FakeEndpoint(default=fitting({"software"})) as endpoint:
        assert shell.classify(endpoint, name).code == 0
        ran = shell.classify(endpoint, name, "--strict")
    assert (ran.code, ran.out.startswith("Incident: ")) == (1, True)
    ran.said("a: published-in-future (articles.a.published): Article a is dated 2099-01-01")


def test_classify_strict_takes_warnings(shell: Shell) -> None:
    with FakeEndpoint(default=fitting({"software"}, quote="nowhere at all")) as endpoint:
        assert shell.classify(endpoint, shell.write(), "--strict").code == 0
