"""Reports that exist: JSON, pages, run folders, standard input, and what is none of these."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from reports import FAIL, full, report
from test_run_folder import MANIFEST

from classifier.batch.folder import RunFolder
from classifier.errors import InputError
from classifier.records import Report
from classifier.render import to_json, to_page
from classifier.stored import read_reports


def read(source: Path | str, **more: io.BytesIO) -> list[Report]:
    return list(read_reports(str(source), FAIL, **more))


def saved(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_report_as_json(tmp_path: Path) -> None:
    assert read(saved(tmp_path, "r.json", to_json(full(), FAIL))) == [full()]


def test_several_reports_in_an_array_and_in_lines(tmp_path: Path) -> None:
    both = [full(), report(id_="2")]
    array = "\n[" + ",".join(r.to_json() for r in both) + "]"
    lines = "".join(r.model_dump_json() + "\n" for r in both)
    assert read(saved(tmp_path, "r.txt", array)) == both
    assert read(saved(tmp_path, "r.jsonl", lines)) == both


def test_a_page(tmp_path: Path) -> None:
    page = to_page(full(), FAIL)
    [made] = read(saved(tmp_path, "seven.txt", page))
    assert (made.incident.id, to_page(made, FAIL)) == ("seven", page)
    assert list(made.categories) == list(FAIL.categories)


def test_a_run_folder_in_the_order_of_writing(tmp_path: Path) -> None:
    with RunFolder.create_or_resume(tmp_path / "run", MANIFEST) as run:
        for name in ("b", "a"):
            run.append_report(report(id_=name))
    assert [r.incident.id for r in read(tmp_path / "run")] == ["b", "a"]


@pytest.mark.parametrize("text", [to_page(full(), FAIL), full().to_json()])
def test_standard_input(text: str) -> None:
    [made] = read("-", stdin=io.BytesIO(text.encode()))
    assert made.incident.title == full().incident.title


def test_a_closed_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InputError, match="standard input: there is none"):
        read("-")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("r.json", "{", "r.json: is no report: not JSON"),
        ("r.json", "[" * 200_000, "r.json: is no report: "),
        ("r.json", '{"schema_version": 2}', "is no report: schema_version: Input should be 1"),
        ("r.json", '[{"incident": 7}]', "is no report: incident: "),
        ("r.jsonl", '{"incident": 7}\n{}\n', "r.jsonl:1: cannot be used"),
        ("r.txt", "A train stood still.", "r.txt: is no report page"),
        ("r.txt", "", "r.txt: is empty"),
    ],
)
def test_what_is_no_report(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read(saved(tmp_path, name, text))
    assert said in str(error.value)


@pytest.mark.parametrize("name", ["gone.json", "gone.jsonl", "gone", "a\0b", "a\0b.jsonl"])
def test_a_file_that_is_not_there(name: str) -> None:
    with pytest.raises(InputError):
        read(name)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no run folder"):
        read(tmp_path)


def test_a_source_that_never_ends() -> None:
    with pytest.raises(InputError, match="is larger than 100000000 bytes"):
        read("/dev/zero")
