"""`classifier classify --out`: files and folders, and what never happens to them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from cli_tools import TEXT, Shell, clean_environment, fitting
from fake_endpoint import FakeEndpoint
from reports import report

from classifier.cli.output import file_names


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    clean_environment(monkeypatch, tmp_path)
    return Shell(tmp_path, capsys)


def written(shell: Shell) -> list[str]:
    return sorted(p.relative_to(shell.folder).as_posix() for p in shell.folder.rglob("*.json"))


def test_out_is_a_file(shell: Shell) -> None:
    with FakeEndpoint(default=fitting()) as endpoint:
        ran = shell.classify(endpoint, shell.write(), "-f", "json", "-o", "new/r.json")
    assert (ran.code, ran.out, written(shell)) == (0, "", ["new/r.json"])
    assert ran.err == f"Written: {shell.folder / 'new/r.json'}\n"


@pytest.mark.parametrize("out", ["there", "new/"])
def test_out_is_a_folder(shell: Shell, out: str) -> None:
    (shell.folder / "there").mkdir()
    with FakeEndpoint(default=fitting()) as endpoint:
        shell.classify(endpoint, shell.write(), "-f", "json", "-o", out)
    assert written(shell) == [f"{out.strip('/')}/train.json"]


@pytest.mark.parametrize("suffix", ["txt", "json", "md"])
def test_out_of_several_is_a_folder(shell: Shell, suffix: str) -> None:
    form = {"txt": "page", "json": "json", "md": "markdown"}[suffix]
    names = (shell.write("a.txt"), shell.write("b.txt"))
    with FakeEndpoint(default=fitting()) as endpoint:
        shell.classify(endpoint, *names, "-f", form, "-o", "all")
    assert sorted(p.name for p in (shell.folder / "all").iterdir()) == [
        f"a.{suffix}",
        f"b.{suffix}",
    ]


def test_out_of_several_with_a_suffix_is_one_file(shell: Shell) -> None:
    with FakeEndpoint(default=fitting()) as endpoint:
        names = (shell.write("a.txt"), shell.write("b.txt"))
        shell.classify(endpoint, *names, "-f", "json", "-o", "all.json")
    assert len(json.loads((shell.folder / "all.json").read_text())) == 2


@pytest.mark.parametrize("out", ["train.txt/r.json", "train.txt/", "/proc/none/r.json"])
def test_an_unwritable_place_is_found_before_anything_is_sent(shell: Shell, out: str) -> None:
    with FakeEndpoint() as endpoint:
        ran = shell.classify(endpoint, shell.write(), "-o", out)
        assert endpoint.requests == []
    ran.complained(f"--out {out!r} cannot be written", "Choose another place; nothing was sent")


def test_a_place_that_goes_bad_meanwhile_is_no_usage_error(shell: Shell) -> None:
    def behave(body: object) -> object:
        (shell.folder / "all").mkdir(exist_ok=True)
        (shell.folder / "all/train.json.new").mkdir(exist_ok=True)
        return fitting()(body)

    with FakeEndpoint(default=behave) as endpoint:
        ran = shell.classify(endpoint, shell.write(), "-f", "json", "-o", "all/")
    ran.complained("cannot be written any more", "the answers come from the cache", code=1)


def test_a_device_is_written_to_and_not_replaced(shell: Shell) -> None:
    os.mkfifo(shell.folder / "pipe")
    reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE, text=True)
    with FakeEndpoint(default=fitting()) as endpoint:
        shell.classify(endpoint, shell.write(), "-f", "page", "-o", "pipe")
    assert reader.communicate(timeout=5)[0].startswith("Incident: ")
    assert (shell.folder / "pipe").is_fifo()


def test_a_link_stays_a_link(shell: Shell) -> None:
    (shell.folder / "link.json").symlink_to(shell.folder / "real.json")
    (shell.folder / "real.json").write_text("old")
    with FakeEndpoint(default=fitting()) as endpoint:
        shell.classify(endpoint, shell.write(), "-f", "json", "-o", "link.json")
    assert (shell.folder / "link.json").is_symlink()
    assert (shell.folder / "real.json").read_text().startswith("{")


@pytest.mark.parametrize("id_", ["../../etc/x", "/etc/x", "..", "a\\b", "C:x", ".hidden"])
def test_an_id_like_a_path_stays_in_the_folder(shell: Shell, id_: str) -> None:
    name = shell.write("a.jsonl", json.dumps({"id": id_, "text": TEXT}))
    with FakeEndpoint(default=fitting()) as endpoint:
        ran = shell.classify(endpoint, name, "-f", "json", "-o", "out/")
    [path] = written(shell)
    assert (ran.code, path.count("/"), path.startswith("out/")) == (0, 1, True)
    assert json.loads((shell.folder / path).read_text())["incident"]["id"] == id_


@pytest.mark.parametrize(
    "ids", [("a/b", "a_b", "a\\b"), ("A", "a"), ("x" * 199 + "1", "x" * 199 + "2"), ("..", "?")]
)
def test_no_two_reports_have_one_file(ids: tuple[str, ...]) -> None:
    names = file_names([report(id_=i) for i in ids])
    assert len({name.casefold() for name in names}) == len(ids)
    assert [r.incident.id for r in names.values()] == list(ids)


@pytest.mark.parametrize("id_", ["漢" * 200, "\x1b[31m", "\ud800", "…", "con."])
def test_a_file_name_is_short_and_plain(tmp_path: Path, id_: str) -> None:
    [name] = file_names([report(id_=id_ if id_ != "\ud800" else "?")])
    (tmp_path / f"{name}.json.new").touch()
    assert name.isprintable()


def test_a_harmless_id_is_the_name() -> None:
    assert list(file_names([report(id_="fail31-01_b.c")])) == ["fail31-01_b.c"]
