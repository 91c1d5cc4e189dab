"""The texts of a run, found again by their digest."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from reviewing import TEXT, article, cake, run_folder

from classifier.batch.command import save_start, start_of
from classifier.batch.inputs import InputOptions
from classifier.batch.texts import texts_of
from classifier.errors import ConfigurationError
from classifier.records import Article
from classifier.settings import load_settings


def written(folder: Path, *articles: Article) -> str:
    path = folder / "articles.jsonl"
    lines = [json.dumps({"id": a.id, "text": a.text, "title": "Another title"}) for a in articles]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return str(path)


def noted(run: Path, *sources: str) -> Path:
    """The run, which now says what it read."""
    from datetime import date

    save_start(run, start_of(sources, InputOptions(today=date(2026, 1, 1)), load_settings()))
    return run


def test_an_article_is_whole_again_as_the_report_names_it(tmp_path):
    run = noted(run_folder(tmp_path), written(tmp_path, article("x", "y"), article("b")))
    with closing(texts_of(run)) as texts:
        assert texts.remarks == ()
        assert texts.articles(cake().incident) == [article()]
        assert texts.text("0" * 64) is None
        assert texts.text(None) is None


def test_a_run_that_was_moved_finds_its_relative_inputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, article())
    run = noted(run_folder(tmp_path), "articles.jsonl")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with closing(texts_of(run)) as texts:
        assert texts.text(article().sha256) == TEXT


def test_named_files_count_in_the_place_of_the_runs_own(tmp_path):
    run = noted(run_folder(tmp_path), str(tmp_path / "gone"))
    with closing(texts_of(run, [written(tmp_path, article())])) as texts:
        assert texts.text(article().sha256) == TEXT
    with pytest.raises(ConfigurationError, match="nowhere"):
        texts_of(run, ["nowhere"])


def test_inputs_that_have_gone_or_were_never_noted_are_a_remark(tmp_path):
    run = run_folder(tmp_path)
    with closing(texts_of(run)) as texts:
        assert "does not say which articles" in texts.remarks[0]
    with closing(texts_of(noted(run, str(tmp_path / "gone")))) as texts:
        assert "cannot be read again" in texts.remarks[0]
        assert "--articles" in texts.remarks[0]
        assert texts.articles(cake().incident) == []


def test_an_input_that_cannot_be_read_is_a_remark_and_hides_no_other(tmp_path):
    path = written(tmp_path, article())
    with Path(path).open("a") as file:
        file.write("{broken\n")
    with closing(texts_of(tmp_path, [path])) as texts:
        assert len(texts.remarks) == 1
        assert texts.text(article().sha256) == TEXT
