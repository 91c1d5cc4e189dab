"""Tests of blame: the line that changed, and the file that answers for a category."""

from pathlib import Path

import pytest

from eval.blame import Place, changed_lines, likely_cause, line_digests

FILES = {
    "taxonomy.yaml": "name: x\nversion: 1\n",
    "categories/diet.yaml": "name: diet\nquestion: Which?\noptions: []\n",
    "categories/heat.yaml": "name: heat\nquestion: How hot?\n",
    "wording/score.jinja": "Say of each.\n",
}


def written(folder: Path, **changes: str) -> Path:
    for name, text in {**FILES, **{k.replace("__", "/"): v for k, v in changes.items()}}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def before(tmp_path: Path) -> dict:
    return line_digests(written(tmp_path / "before"))


def test_nothing_changed_names_no_line(tmp_path: Path, before: dict) -> None:
    assert changed_lines(before, line_digests(written(tmp_path / "after"))) == []


def test_the_changed_line_is_named(tmp_path: Path, before: dict) -> None:
    text = FILES["categories/diet.yaml"].replace("Which?", "Which one?")
    after = line_digests(written(tmp_path / "after", **{"categories/diet.yaml": text}))
    assert changed_lines(before, after) == [Place("categories/diet.yaml", 2)]


def test_line_ends_of_windows_are_no_change(tmp_path: Path, before: dict) -> None:
    folder = written(tmp_path / "after")
    path = folder / "taxonomy.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert changed_lines(before, line_digests(folder)) == []


@pytest.mark.parametrize("text", ["", "Say.\n"])
def test_a_line_taken_away_or_rewritten_is_line_one(
    text: str, tmp_path: Path, before: dict
) -> None:
    after = line_digests(written(tmp_path / "after", **{"wording/score.jinja": text}))
    assert changed_lines(before, after) == [Place("wording/score.jinja", 1)]


def test_a_file_that_went_is_named(tmp_path: Path, before: dict) -> None:
    folder = written(tmp_path / "after")
    (folder / "categories" / "heat.yaml").unlink()
    assert changed_lines(before, line_digests(folder)) == [Place("categories/heat.yaml", 1)]


def test_a_category_is_answered_for_by_its_own_file_first() -> None:
    shared, own = Place("wording/score.jinja", 1), Place("categories/heat.yaml", 4)
    assert likely_cause("heat", [own, shared]) == own
    assert likely_cause("diet", [own, shared]) == shared
    assert likely_cause("diet", [own]) is None
