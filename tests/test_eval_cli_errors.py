"""What `classifier eval` says of bad input: one message that names it, exit 2, nothing written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_tools import Shell
from cooking import (
    OURS,
    READS,
    Repository,
    asking,
    copied,
    gold,
    held,
    incident,
    kitchen,
    refused_before_anything,
    save,
    told,
)
from fake_endpoint import FakeEndpoint

from eval.gold import Gold

LACKING = incident(1, labels={"course": ("soup",)})


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """A folder with the taxonomy `recipes`, `gold`, and right answers to it in `right.jsonl`."""
    shell = kitchen(tmp_path, monkeypatch, capsys)
    save(gold(3), tmp_path / "gold")
    told(shell, "right.jsonl", gold(3))
    return shell


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(default=READS) as endpoint:
        yield endpoint


ASKING = {
    "run": ("run", "--out", "new"),
    "bless": ("bless", "--baseline", "new.json"),
    "compare": ("compare", "recipes", "recipes", "--out", "new.txt"),
}
asks = pytest.mark.parametrize("command", ASKING.values(), ids=ASKING)


@asks
def test_gold_with_an_option_that_the_taxonomy_lacks(
    shell: Shell, endpoint: FakeEndpoint, command: tuple[str, ...]
) -> None:
    save(Gold((LACKING,), "x"), shell.folder / "gold")
    said = ("gold/r01.yaml: course has no option 'soup'. Allowed are starter, main, dessert",)
    refused_before_anything(shell, endpoint, command, *said)


@asks
def test_gold_with_a_category_that_the_taxonomy_lacks(
    shell: Shell, endpoint: FakeEndpoint, command: tuple[str, ...]
) -> None:
    save(Gold((incident(2, labels={"colour": ("red",)}),), "x"), shell.folder / "gold")
    refused_before_anything(
        shell, endpoint, command, "gold/r02.yaml: recipes has no category 'colour'. Allowed are"
    )


@asks
def test_gold_without_labels(
    shell: Shell, endpoint: FakeEndpoint, command: tuple[str, ...]
) -> None:
    file = shell.folder / "gold" / "r01.yaml"
    text = file.read_text("utf-8")
    file.write_text(text[: text.index("labels:")] + "labels: {}\n", "utf-8")
    refused_before_anything(shell, endpoint, command, "gold/r01.yaml", "labels is empty")
    file.write_text(text[: text.index("labels:")], "utf-8")
    refused_before_anything(shell, endpoint, command, "gold/r01.yaml", "labels is missing")


@asks
def test_gold_without_labels_in_what_is_asked(
    shell: Shell, endpoint: FakeEndpoint, command: tuple[str, ...]
) -> None:
    save(Gold(tuple(incident(n, labels={"diet": ("meat",)}) for n in range(3)), "x"),
         shell.folder / "gold")  # fmt: skip
    refused_before_anything(
        shell,
        endpoint,
        (*command, "--category", "heat"),
        "gold has no label in baked, heat, so nothing can be scored.",
    )


@asks
@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_gold_that_is_not_there(
    shell: Shell, endpoint: FakeEndpoint, command: tuple[str, ...], name: str
) -> None:
    (shell.folder / "empty").mkdir()
    refused_before_anything(shell, endpoint, (*command, "--gold", name), name)


@asks
def test_a_category_that_does_not_exist(
    shell: Shell, endpoint: FakeEndpoint, command: tuple[str, ...]
) -> None:
    refused_before_anything(
        shell,
        endpoint,
        (*command, "--category", "desert"),
        "recipes has no category 'desert'. Allowed: course, diet",
    )


UNWRITABLE = {
    "run": ("run", "--out", "right.jsonl/new"),
    "run, a file": ("run", "--out", "right.jsonl"),
    "run, another folder": ("run", "--out", "gold"),
    "bless": ("bless", "--baseline", "right.jsonl/new"),
    "bless, a folder": ("bless", "--baseline", "gold"),
    "compare": ("compare", "recipes", "recipes", "--out", "right.jsonl/new"),
    "compare, a folder": ("compare", "recipes", "recipes", "--out", "gold"),
    "score": ("score", "right.jsonl", "--out", "right.jsonl/new"),
    "agreement": ("agreement", "--out", "right.jsonl/new"),
}


@pytest.mark.parametrize("command", list(UNWRITABLE.values()), ids=UNWRITABLE)
def test_a_place_that_cannot_be_written(
    shell: Shell, endpoint: FakeEndpoint, command: tuple[str, ...]
) -> None:
    people = {"a": incident(0).labels, "b": incident(0).labels}
    save(Gold((incident(0, annotators=people),), "x"), shell.folder / "gold")
    before = held(shell.folder)
    if command[0] in ("score", "agreement"):
        ran = shell.run("eval", *command, *OURS)
    else:
        ran = asking(shell, endpoint, *command)
    ran.complained(repr(command[-1]), "Choose another")
    assert (endpoint.requests, held(shell.folder)) == ([], before)


def test_what_is_no_file_is_written_to_and_stays(shell: Shell) -> None:
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    ran = shell.run("eval", "score", "right.jsonl", *OURS, "--out", "pipe")
    assert (ran.code, ran.out) == (0, "")
    assert os.read(reader, 100).startswith(b"predictions: right.jsonl")
    os.close(reader)
    assert Path("pipe").is_fifo()


def test_answers_without_gold(shell: Shell) -> None:
    told(shell, "other.jsonl", Gold((incident(7), incident(8)), "x"))
    shell.run("eval", "score", "other.jsonl", *OURS).complained(
        "No incident of gold ('r00', 'r01', 'r02') has a prediction in other.jsonl ('r07', 'r08')"
    )


def test_answers_with_an_option_that_the_taxonomy_lacks(shell: Shell) -> None:
    odd = told(shell, "odd.jsonl", gold(3), {"r00": {"diet": ("stone",)}})
    for command in (("score", odd), ("compare", "right.jsonl", odd), ("compare", odd, odd)):
        shell.run("eval", *command, *OURS).complained(
            "odd.jsonl: incident 'r00': diet has no option 'stone'. Allowed are meat, vegan"
        )


def test_answers_that_are_not_there(shell: Shell) -> None:
    for command in (("score", "none"), ("compare", "right.jsonl", "none"), ("agreement", "none")):
        shell.run("eval", *command, *OURS).complained("none: no such file or folder. Give a run")


def test_answers_of_another_key_than_the_golds(shell: Shell) -> None:
    ran = shell.run("eval", "score", "gold", "--answers", "gpt9", *OURS)
    ran.complained("gold/r00.yaml: has no key 'gpt9'; it has id, articles, labels")


def finished(shell: Shell, endpoint: FakeEndpoint) -> Path:
    """A run of three incidents."""
    assert asking(shell, endpoint, "run", "--out", "run").code == 0
    return shell.folder / "run"


def test_a_run_that_had_hardly_begun(shell: Shell, endpoint: FakeEndpoint) -> None:
    run = finished(shell, endpoint)
    (run / "reports.jsonl").write_bytes((run / "reports.jsonl").read_bytes()[:50])
    for command in (("score", "run"), ("compare", "run", "right.jsonl"), ("agreement", "run")):
        shell.run("eval", *command, *OURS).complained("run: is a run without a report")


def test_a_run_that_is_half_written_is_scored_with_what_is_missing(
    shell: Shell, endpoint: FakeEndpoint
) -> None:
    reports = finished(shell, endpoint) / "reports.jsonl"
    whole = reports.read_bytes()
    reports.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 80])
    ran = shell.run("eval", "score", "run", *OURS)
    assert ran.code == 0
    assert "without a prediction, counted as wrong: r02" in ran.out
    assert "the last line is torn, and was skipped" in ran.out


def test_a_run_that_is_broken_in_the_middle(shell: Shell, endpoint: FakeEndpoint) -> None:
    reports = finished(shell, endpoint) / "reports.jsonl"
    first, *rest = reports.read_bytes().splitlines(keepends=True)
    reports.write_bytes(first + b'{"incident": {"id": \n' + b"".join(rest))
    before = held(shell.folder)
    shell.run("eval", "score", "run", *OURS).complained("run/reports.jsonl:2: is not a report")
    asking(shell, endpoint, "run", "--out", "run").complained("run/reports.jsonl:2: ")
    assert held(shell.folder) == before


def test_a_run_that_was_begun_with_other_settings(shell: Shell, endpoint: FakeEndpoint) -> None:
    finished(shell, endpoint)
    before, sent = held(shell.folder), len(endpoint.requests)
    again = ("run", "--out", "run")
    asking(shell, endpoint, *again, "--model", "n").complained(
        "The run in 'run' was begun with other settings:\n  model: was 'm', is now 'n'\n"
    )
    asking(shell, endpoint, *again, "--limit", "2").complained("  input: was ")
    asking(shell, endpoint, *again, "--category", "diet").complained("  settings.categories: was ")
    asking(shell, endpoint, *again, "--decide-only").complained("  parameters.explain: was True")
    assert (held(shell.folder), len(endpoint.requests)) == (before, sent)


def test_runs_on_other_gold(shell: Shell) -> None:
    told(shell, "more.jsonl", gold(5))
    shell.run("eval", "compare", "right.jsonl", "more.jsonl", *OURS).complained(
        "The two runs did not answer the same gold: only more.jsonl has r03, r04. Run both on"
    )


def test_things_that_are_not_of_one_kind(shell: Shell) -> None:
    for pair in (("recipes", "right.jsonl"), ("right.jsonl", "recipes")):
        shell.run("eval", "compare", *pair, *OURS).complained(
            f"{pair[0]!r} and {pair[1]!r} are not of one kind: one is a taxonomy's folder."
        )


@pytest.mark.parametrize("name", ["right.jsonl", "recipes", "..", "..main", "../recipes"])
def test_one_thing_that_is_no_revision(shell: Shell, name: str) -> None:
    shell.run("eval", "compare", name, *OURS).complained(
        f"There is nothing to compare {name!r} with. Give a second run or folder, or revisions"
    )


@pytest.mark.parametrize("given", ["v9..", "main..v9", "v9..main", "--..main"])
def test_a_git_revision_that_does_not_exist(
    shell: Shell, endpoint: FakeEndpoint, given: str
) -> None:
    Repository(shell.folder).commit("first")
    missing = given.replace("main", "").replace("..", "")
    before = held(shell.folder)
    at = ("--model", "m", "--base-url", endpoint.url, *OURS)
    ran = shell.run("eval", "compare", *at, "--", given)
    ran.complained(f"There is no revision {missing!r} in the repository of ")
    assert (endpoint.requests, held(shell.folder)) == ([], before)


def test_revisions_outside_of_a_repository(shell: Shell, endpoint: FakeEndpoint) -> None:
    refused_before_anything(shell, endpoint, ("compare", "main.."), "not a git repository")


def test_versions_with_other_categories(shell: Shell, endpoint: FakeEndpoint) -> None:
    fewer = copied(shell.folder / "fewer", ("diet", "name: diet", "name: feed"))
    (fewer / "categories" / "diet.yaml").rename(fewer / "categories" / "feed.yaml")
    header = fewer / "taxonomy.yaml"
    header.write_text(header.read_text("utf-8").replace("diet", "feed"), "utf-8")
    refused_before_anything(
        shell,
        endpoint,
        ("compare", "recipes", "fewer"),
        "The two taxonomies do not have the same categories: diet, feed. Name with --category",
    )


def test_versions_of_which_one_is_broken(shell: Shell, endpoint: FakeEndpoint) -> None:
    copied(shell.folder / "broken", ("diet", "merge: union", "merge: never"))
    refused_before_anything(shell, endpoint, ("compare", "recipes", "broken"), "diet.yaml:4: ")


def test_gold_of_one_person(shell: Shell) -> None:
    shell.run("eval", "agreement", *OURS).complained(
        "No incident of gold was labelled by two people. Give their labels under `annotators`"
    )


def test_agreement_is_no_page(shell: Shell) -> None:
    shell.run("eval", "agreement", *OURS, "-f", "html").complained("as text or json, not as html")


@pytest.mark.parametrize(
    "wrong",
    [
        ("score", "right.jsonl", "--draws", "0"),
        ("score", "right.jsonl", "--format", "pdf"),
        ("compare", "right.jsonl", "right.jsonl", "--margin", "2"),
        ("run", "--out", "new", "--limit", "0"),
        ("run",),
        ("gate",),
    ],
)
def test_wrong_usage(shell: Shell, wrong: tuple[str, ...]) -> None:
    before = held(shell.folder)
    shell.run("eval", *wrong, *OURS).complained("Usage: ")
    assert held(shell.folder) == before
