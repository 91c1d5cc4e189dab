"""`classifier eval` from end to end, against a real server on loopback that reads definitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_tools import ROOT, Ran, Shell
from cooking import (
    OURS,
    READS,
    SWAP,
    Repository,
    asked,
    asking,
    copied,
    gold,
    harm,
    kitchen,
    reading,
    save,
    swapped,
    told,
)
from fake_endpoint import FakeEndpoint

from eval.agreement import AgreementScore
from eval.changes import Comparison
from eval.figures import Score
from eval.gold import Gold

FAIL31 = ROOT.parent / "shared" / "fail31" / "taxonomy"


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return kitchen(tmp_path, monkeypatch, capsys)


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(default=READS) as endpoint:
        yield endpoint


def compared(ran: Ran) -> Comparison:
    assert ran.code == 0, ran.err
    return Comparison.model_validate_json(ran.out)


def test_a_score_is_data_on_stdout_alone(shell: Shell) -> None:
    save(gold(4), shell.folder / "gold")
    right = told(shell, "right.jsonl", gold(4), {"r00": {"diet": ("vegan",)}})
    ran = shell.run("eval", "score", right, *OURS, "-f", "json", "--draws", "10")
    found = Score.model_validate_json(ran.out)
    assert (ran.code, ran.err, found.incidents, found.draws) == (0, "", 4, 10)
    assert {c.name: c.exact.value for c in found.categories if c.decisions} == {
        **dict.fromkeys(("course", "garnish", "baked", "heat"), 1),
        "diet": 3 / 4,
    }


def test_a_score_can_be_a_text_and_a_page(shell: Shell) -> None:
    save(gold(4), shell.folder / "gold")
    right = told(shell, "right.jsonl", gold(4))
    text = shell.run("eval", "score", right, *OURS)
    page = shell.run("eval", "score", right, *OURS, "-f", "html")
    assert text.out.startswith("predictions: right.jsonl\ngold:        gold, 4 incidents\n")
    assert page.out.startswith("<!doctype html>")
    assert "\x1b" not in text.out + page.out


def test_a_score_goes_to_a_file(shell: Shell) -> None:
    save(gold(4), shell.folder / "gold")
    right = told(shell, "right.jsonl", gold(4))
    ran = shell.run("eval", "score", right, *OURS, "-f", "json", "-o", "new/score.json")
    assert (ran.code, ran.out) == (0, "")
    ran.said("Written: new/score.json")
    assert Score.model_validate_json((shell.folder / "new" / "score.json").read_text("utf-8"))


def test_only_some_categories_are_scored(shell: Shell) -> None:
    save(gold(4), shell.folder / "gold")
    right = told(shell, "right.jsonl", gold(4))
    ran = shell.run("eval", "score", right, *OURS, "--category", "heat", "-f", "json")
    found = Score.model_validate_json(ran.out)
    assert sorted(c.name for c in found.categories) == ["baked", "heat"]


@pytest.mark.skipif(not FAIL31.is_dir(), reason="the paper's answers are not here")
def test_the_papers_own_answers_score_as_they_were_published(shell: Shell) -> None:
    at = ("--gold", str(FAIL31), "--answers", "fail_gpt35", "--draws", "1")
    ran = shell.run("eval", "score", str(FAIL31), *at, "-f", "json")
    all_ = Score.model_validate_json(ran.out).overall
    values = (all_.exact.value, all_.precision.value, all_.recall.value, all_.micro_f1.value)
    assert all_.decisions == 226
    assert [round(v or 0, 3) for v in values] == [0.633, 0.739, 0.895, 0.81]


def test_a_run_is_scored_and_is_not_asked_again(shell: Shell, endpoint: FakeEndpoint) -> None:
    save(gold(4), shell.folder / "gold")
    first = asking(shell, endpoint, "run", "--out", "run", "-f", "json")
    sent = len(endpoint.requests)
    again = asking(shell, endpoint, "run", "--out", "run", "-f", "json")
    assert first.code == 0
    assert first.err.startswith(f"{sent} calls, 0 answered from the cache, ")
    assert Score.model_validate_json(first.out).overall.exact.value == 1
    assert (again.code, again.out) == (0, first.out)
    again.said("Going on: 4 of 4 are done already.")
    assert len(endpoint.requests) == sent
    assert shell.run("eval", "score", "run", *OURS, "-f", "json").out == first.out


def test_a_run_of_some_categories_and_incidents(shell: Shell, endpoint: FakeEndpoint) -> None:
    save(gold(12), shell.folder / "gold")
    some = ("--out", "run", "--limit", "3", "--seed", "1", "--category", "garnish")
    found = Score.model_validate_json(asking(shell, endpoint, "run", *some, "-f", "json").out)
    assert (found.incidents, sorted(c.name for c in found.categories)) == (3, ["course", "garnish"])
    assert {name for names in asked(endpoint.bodies) for name in names} == {"course", "garnish"}


def test_an_incident_that_fails_is_named_and_counts_as_wrong(shell: Shell) -> None:
    save(gold(4), shell.folder / "gold")
    with FakeEndpoint(default=reading(refused=["number 2."])) as endpoint:
        ran = asking(shell, endpoint, "run", "--out", "run", "-f", "json")
    assert ran.code == 1
    ran.said("r02: ", "this recipe is not for me", "1 incident came to no report; run says why.")
    found = Score.model_validate_json(ran.out)
    assert found.overall.exact.value == pytest.approx(1 - 5 / found.overall.decisions)


def test_where_every_incident_fails_there_is_no_score(shell: Shell) -> None:
    save(gold(2), shell.folder / "gold")
    with FakeEndpoint(default=reading(refused=["Recipe"])) as endpoint:
        ran = asking(shell, endpoint, "run", "--out", "run")
    ran.complained("No incident came to a report", "run says why", code=1)


def test_two_runs_are_compared_without_a_model(shell: Shell) -> None:
    save(gold(18), shell.folder / "gold")
    good = told(shell, "good.jsonl", gold(18))
    changes = {f"r{n:02}": {"diet": ("vegan_with_changes",)} for n in range(10)}
    bad = told(shell, "bad.jsonl", gold(18), changes)
    found = compared(shell.run("eval", "compare", good, bad, *OURS, "-f", "json"))
    assert [c.name for c in found.categories if c.verdict == "worse"] == ["diet"]
    assert (found.before, found.after, len(found.flips)) == ("good.jsonl", "bad.jsonl", 10)
    back = shell.run("eval", "compare", bad, good, *OURS)
    assert "Better: diet.\n" in back.out
    page = shell.run("eval", "compare", good, bad, *OURS, "-f", "html")
    assert page.out.startswith("<!doctype html>")


def test_swapped_definitions_are_worse_there_and_nowhere_else(
    shell: Shell, endpoint: FakeEndpoint
) -> None:
    save(gold(12), shell.folder / "gold")
    swapped(shell.folder / "changed", *SWAP)
    ran = asking(shell, endpoint, "compare", "recipes", "changed", "-f", "json")
    found = compared(ran)
    assert [c.name for c in found.categories if c.verdict == "worse"] == ["course"]
    assert [c.name for c in found.categories if c.altered] == ["course"]
    assert all(f.rationale_after and f.evidence_after for f in found.flips)
    flip = found.flips[0]
    assert (flip.gold, flip.before, flip.after) == (("starter",), ("starter",), ("main",))


def test_only_what_changed_is_asked_anew(shell: Shell, endpoint: FakeEndpoint) -> None:
    save(gold(6), shell.folder / "gold")
    changed = ("baked", "Does it go into an oven?", "Does it ever go into an oven?")
    copied(shell.folder / "changed", changed)
    ran = asking(shell, endpoint, "compare", "recipes", "changed", "-f", "json")
    assert compared(ran).flips == ()
    again = [n for n, body in enumerate(endpoint.bodies) if "ever go" in str(body)]
    calls = list(asked(endpoint.bodies))
    assert len(again) == 6
    assert {name for n in again for name in calls[n]} == {"baked"}
    hits = len(calls) - 2 * 6
    ran.said(f"changed: 6 calls, {hits} answered from the cache")
    assert asking(shell, endpoint, "compare", "recipes", "changed", "-f", "json").out == ran.out
    assert len(endpoint.requests) == len(calls)


def test_a_sample_is_compared(shell: Shell, endpoint: FakeEndpoint) -> None:
    save(gold(6), shell.folder / "gold")
    some = ("--limit", "2", "--category", "diet", "--margin", "0.2")
    found = compared(asking(shell, endpoint, "compare", "recipes", "recipes", *some, "-f", "json"))
    assert (found.incidents, found.margin, len(endpoint.requests)) == (2, 0.2, 2)
    assert [c.name for c in found.categories] == ["diet"]


@pytest.fixture
def repository(shell: Shell) -> Repository:
    """The taxonomy as v1, and a swap of definitions on top of it that is not committed."""
    repository = Repository(shell.folder)
    (shell.folder / ".gitignore").write_text("*\n!recipes\n!recipes/**\n", "utf-8")
    repository.commit("first")
    repository.git("tag", "v1")
    harm(shell)
    return repository


def test_a_revision_is_compared_with_the_working_tree(
    shell: Shell, endpoint: FakeEndpoint, repository: Repository
) -> None:
    save(gold(12), shell.folder / "gold")
    found = compared(asking(shell, endpoint, "compare", "main..", "-f", "json"))
    assert (found.before, found.after) == ("main", "the working tree")
    assert [c.name for c in found.categories if c.verdict == "worse"] == ["course"]


def test_two_revisions_are_compared(
    shell: Shell, endpoint: FakeEndpoint, repository: Repository
) -> None:
    save(gold(12), shell.folder / "gold")
    repository.commit("swapped")
    found = compared(asking(shell, endpoint, "compare", "v1..main", "-f", "json"))
    assert (found.before, found.after) == ("v1", "main")
    assert found.overall.verdict == "worse"
    same = compared(asking(shell, endpoint, "compare", "main..", "-f", "json"))
    assert same.flips == ()


def test_agreement_of_people_and_of_a_model_with_them(shell: Shell) -> None:
    people = gold(8).incidents
    rated = Gold(
        tuple(i.model_copy(update={"annotators": {"a": i.labels, "b": i.labels}}) for i in people),
        "gold",
    )
    save(rated, shell.folder / "gold")
    model = told(shell, "model.jsonl", rated, {i.id: {"diet": ("vegan",)} for i in people})
    alone = shell.run("eval", "agreement", *OURS, "--draws", "50")
    assert (alone.code, alone.err) == (0, "")
    assert alone.out.startswith("raters: a, b, on 8 incidents of gold\n")
    beside = shell.run("eval", "agreement", model, *OURS, "-f", "json", "--draws", "50")
    bands = {c.name: c.band for c in AgreementScore.model_validate_json(beside.out).categories}
    assert bands["diet"] == "below"
