"""`classifier eval bless` and `gate`, against a real server on loopback that reads definitions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from cli_tools import Shell
from cooking import (
    OURS,
    READS,
    asked,
    asking,
    copied,
    gold,
    harm,
    held,
    incident,
    kitchen,
    reading,
    refused_before_anything,
    save,
    scoring,
)
from fake_endpoint import FakeEndpoint

from eval.gold import Gold


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return kitchen(tmp_path, monkeypatch, capsys)


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(default=READS) as endpoint:
        yield endpoint


def blessed(shell: Shell, endpoint: FakeEndpoint, count: int) -> None:
    save(gold(count), shell.folder / "gold")
    ran = asking(shell, endpoint, "bless", "--baseline", "base.json")
    assert (ran.code, ran.out) == (0, "")
    ran.said(f"Blessed: {count} incidents in base.json")


def test_the_gate_passes_what_did_not_change(shell: Shell, endpoint: FakeEndpoint) -> None:
    blessed(shell, endpoint, 6)
    sent = len(endpoint.requests)
    ran = asking(shell, endpoint, "gate", "--baseline", "base.json", "--github")
    assert (ran.code, len(endpoint.requests)) == (0, sent)
    assert "::" not in ran.out
    ran.said("No category is worse, and a loss of 0.020 or more in all is excluded.")


def test_the_gate_stops_a_harmful_change_and_marks_its_line(
    shell: Shell, endpoint: FakeEndpoint
) -> None:
    blessed(shell, endpoint, 12)
    harm(shell)
    more = ("--baseline", "base.json", "--github", "--junit", "reports/gate.xml")
    ran = asking(shell, endpoint, "gate", *more)
    assert ran.code == 1
    assert "::error file=recipes/categories/course.yaml,line=7,title=course is worse::" in ran.out
    ran.said("Worse than the baseline: course (-0.667, 8 harmful flips), all")
    suite = Xml.parse(shell.folder / "reports" / "gate.xml").getroot()
    failed = [c.get("name") for c in suite.iter("testcase") if c.find("failure") is not None]
    assert failed == ["course", "all"]
    assert "r00 course: people starter; before starter; after main" in (
        next(suite.iter("failure")).text or ""
    )


def test_the_gate_says_when_it_cannot_tell(shell: Shell, endpoint: FakeEndpoint) -> None:
    blessed(shell, endpoint, 6)
    harm(shell)
    ran = asking(shell, endpoint, "gate", "--baseline", "base.json", "--github")
    assert ran.code == 2
    assert "::warning title=The gate could not decide::" in ran.out
    ran.said("No category is shown to be worse, but the loss in all may be as large as")


def test_blessing_moves_the_baseline(shell: Shell, endpoint: FakeEndpoint) -> None:
    blessed(shell, endpoint, 12)
    harm(shell)
    assert asking(shell, endpoint, "gate", "--baseline", "base.json").code == 1
    assert asking(shell, endpoint, "bless", "--baseline", "base.json").code == 0
    assert asking(shell, endpoint, "gate", "--baseline", "base.json").code == 0


def test_a_baseline_of_some_categories_and_incidents(shell: Shell, endpoint: FakeEndpoint) -> None:
    save(gold(12), shell.folder / "gold")
    some = ("--baseline", "base.json", "--limit", "5", "--category", "diet")
    assert asking(shell, endpoint, "bless", *some).code == 0
    harm(shell)
    sent = len(endpoint.requests)
    ran = asking(shell, endpoint, "gate", "--baseline", "base.json")
    assert (ran.code, len(endpoint.requests)) == (0, sent)
    assert set(asked(endpoint.bodies)) == {("diet",)}
    assert "gold:   gold, 5 incidents" in ran.out


def test_the_gate_asks_the_baselines_own_model(shell: Shell, endpoint: FakeEndpoint) -> None:
    blessed(shell, endpoint, 3)
    gate = ("eval", "gate", "--base-url", endpoint.url, *OURS, "--baseline", "base.json")
    assert shell.run(*gate).code == 0
    shell.run(*gate, "--model", "n").complained(
        "The baseline was answered by m, and n is asked now. Leave --model out"
    )


def test_the_gate_explains_as_little_as_the_baseline_did(shell: Shell) -> None:
    save(gold(3), shell.folder / "gold")
    more = ("--baseline", "base.json", "--method", "embedded", "--no-cache")
    with FakeEndpoint(default=scoring({"course": ["main"]})) as endpoint:
        ran = asking(shell, endpoint, "bless", *more, "--decide-only")
        decided = len(endpoint.bodies)
        assert (ran.code, asking(shell, endpoint, "gate", *more).code) == (0, 0)
        assert len(endpoint.bodies) == 2 * decided
        assert all(body.get("top_logprobs") for body in endpoint.bodies)
        asking(shell, endpoint, "bless", *more)
    assert not all(body.get("top_logprobs") for body in endpoint.bodies)


def test_a_baseline_with_a_failure_is_blessed_and_says_so(shell: Shell) -> None:
    save(gold(3), shell.folder / "gold")
    with FakeEndpoint(default=reading(refused=["number 2."])) as endpoint:
        ran = asking(shell, endpoint, "bless", "--baseline", "base.json")
        ran.complained("Without a report: r02; the gate counts them as wrong.", code=1)
        assert asking(shell, endpoint, "gate", "--baseline", "base.json").code == 0


BROKEN = {
    "missing": (None, "The baseline 'base.json' cannot be read: No such file or directory."),
    "no JSON": ("{", "'base.json' is no baseline: the file: Invalid JSON"),
    "something else": ('{"id": 1}', "'base.json' is no baseline: taxonomy: Field required."),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN)
def test_a_baseline_that_is_none(
    shell: Shell, endpoint: FakeEndpoint, text: str | None, said: str
) -> None:
    save(gold(1), shell.folder / "gold")
    if text is not None:
        shell.write("base.json", text)
    refused_before_anything(shell, endpoint, ("gate", "--baseline", "base.json"), said)


def baseline(shell: Shell, endpoint: FakeEndpoint) -> tuple[str, ...]:
    """A command that compares with a baseline of three incidents."""
    blessed(shell, endpoint, 3)
    endpoint.requests.clear()
    return ("gate", "--baseline", "base.json", "--junit", "gate.xml")


def test_a_baseline_of_another_taxonomy(shell: Shell, endpoint: FakeEndpoint) -> None:
    gate = baseline(shell, endpoint)
    refused_before_anything(
        shell,
        endpoint,
        (*gate, "--taxonomy", "fail"),
        "The baseline is of the taxonomy 'recipes', and 'fail' is asked. Give --taxonomy recipes",
    )


def test_a_baseline_of_other_options(shell: Shell, endpoint: FakeEndpoint) -> None:
    gate = baseline(shell, endpoint)
    copied(shell.folder / "other", ("course", "name: starter", "name: first"))
    refused_before_anything(
        shell,
        endpoint,
        (*gate, "--taxonomy", "other"),
        "The options of course are not those of the baseline.",
    )


def test_a_baseline_of_other_gold(shell: Shell, endpoint: FakeEndpoint) -> None:
    gate = baseline(shell, endpoint)
    (shell.folder / "gold" / "r02.yaml").unlink()
    save(Gold((incident(1, labels={"course": ("dessert",)}),), "x"), shell.folder / "gold")
    refused_before_anything(
        shell,
        endpoint,
        gate,
        "The gold of gold is not the baseline's: r02 missing; r01 with another text or other",
    )


def test_a_baseline_stays_where_the_new_one_comes_to_nothing(
    shell: Shell, endpoint: FakeEndpoint
) -> None:
    baseline(shell, endpoint)
    before = held(shell.folder)
    with FakeEndpoint(default=reading(refused=["Recipe"])) as refusing:
        for command in ("bless", "gate"):
            ran = asking(shell, refusing, command, "--baseline", "base.json", "--no-cache")
            ran.complained("no incident came to a report (ask: ", "not for me", code=1)
    assert held(shell.folder) == before


def test_a_report_that_cannot_be_written(shell: Shell, endpoint: FakeEndpoint) -> None:
    gate = baseline(shell, endpoint)
    refused_before_anything(
        shell,
        endpoint,
        (*gate, "--junit", "gold"),
        "--junit 'gold' cannot be written: Is a directory. Choose another place.",
    )
