"""Which files the sources of a run name, and what is left out."""

import os
from pathlib import Path

import pytest

from tests.batch_inputs import ids, opened, parted, refused, write

POSIX = pytest.mark.skipif(os.name == "nt", reason="links and pipes")


def test_a_folder_is_read_in_order_and_files_in_it_are_called_by_their_path(tmp_path):
    write(tmp_path, b__txt="B.", a__md="A.", sub___a__txt="C.", sub___deep___z__txt="D.")
    assert ids(opened(tmp_path)) == ["a", "b", "sub-a", "sub-deep-z"]


def test_what_a_folder_holds_beside_articles_is_left_out_and_said(tmp_path):
    write(tmp_path, a__txt="A.", b__pdf="%PDF", c__PDF="%PDF", README="no", __hidden__txt="no")
    write(tmp_path, __git___x__txt="no")
    inputs = opened(tmp_path)
    assert ids(inputs) == ["a"]
    assert inputs.said == (
        f"3 not read, {tmp_path / 'README'} for one: 2 with the suffix '.pdf'; 1 without a suffix."
    )


def test_nothing_is_said_where_nothing_is_left_out(tmp_path):
    assert opened(write(tmp_path, a__txt="A.")).said is None


@POSIX
def test_pipes_and_links_to_folders_are_left_out(tmp_path):
    write(tmp_path, a__txt="A.", sub___b__txt="B.")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "none.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.jsonl")
    inputs = opened(tmp_path)
    assert ids(inputs) == ["a", "sub-b"]
    assert {Path(one.name).name for one in inputs.skipped} == {"loop", "none.txt", "pipe.jsonl"}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.txt", ["a"]),
        ("**/*.txt", ["a", "sub-b", "sub-deep-c"]),
        ("**", ["a", "sub-b", "sub-deep-c"]),
        ("s*", ["sub-b", "sub-deep-c"]),
        ("sub/[ab].txt", ["b"]),
        ("?.t?t", ["a"]),
    ],
)
def test_a_pattern_is_what_a_shell_would_make_of_it(tmp_path, pattern, found):
    write(tmp_path, a__txt="A.", sub___b__txt="B.", sub___deep___c__txt="C.")
    assert ids(opened(tmp_path / pattern)) == found


def test_a_name_with_the_signs_of_a_pattern_is_a_name_first(tmp_path):
    write(tmp_path, **{"[1]__txt": "A.", "1__txt": "B."})
    assert ids(opened(tmp_path / "[1].txt")) == ["[1]"]


def test_a_file_that_two_sources_name_is_read_once_and_said(tmp_path):
    write(tmp_path, a__txt="A.", b__txt="B.")
    inputs = opened(tmp_path / "a.txt", tmp_path)
    assert ids(inputs) == ["a", "b"]
    assert "1 named twice, and read once" in inputs.said


def test_a_named_file_of_another_suffix_is_read_as_classify_reads_it(tmp_path):
    write(tmp_path, a__news="A.", b__news='{"id": "x", "text": "B."}')
    assert ids(opened(tmp_path / "a.news", tmp_path / "b.news")) == ["a", "x"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("none.txt", "none.txt: no such file or folder"),
        ("*.none", "no file to read was found"),
        ("empty", "no file to read was found. There is none. Known suffixes: .txt"),
        ("junk", "1 with the suffix '.pdf'"),
        ("-", "-: is no file. A run reads its inputs again"),
        ("https://example.org/a", "https://example.org/a: is no file"),
        ("a\0b", "a\\x00b: is no file"),
    ],
)
def test_a_source_without_a_file_is_a_mistake(tmp_path, monkeypatch, source, says):
    monkeypatch.chdir(write(tmp_path, junk___a__pdf="%PDF"))
    (tmp_path / "empty").mkdir()
    assert says in refused(source)


def test_no_source_is_a_mistake():
    assert "No input given" in refused()


@POSIX
def test_a_named_pipe_is_refused_without_opening_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert "pipe.csv: is no regular file" in refused(tmp_path / "pipe.csv")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_may_not_be_looked_into_is_unread(tmp_path):
    write(tmp_path, a__txt="A.", closed___b__txt="B.")
    (tmp_path / "closed").chmod(0)
    incidents, [unread] = parted(opened(tmp_path))
    (tmp_path / "closed").chmod(0o700)
    assert len(incidents) == 1
    assert "closed: cannot be looked into (Permission denied)" in unread.reason


def test_a_hostile_file_name_is_shown_on_one_line(tmp_path):
    (tmp_path / "a\nb\x1b[31m.txt").write_bytes(b"\x00\x01\x02\xff")
    [unread] = parted(opened(tmp_path))[1]
    assert "a\\nb\\x1b[31m.txt: looks binary" in unread.reason
    assert unread.reason.isprintable()
