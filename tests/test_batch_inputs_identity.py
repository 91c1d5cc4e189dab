"""What identifies the inputs of a run, how many there are, and how much memory they take."""

from __future__ import annotations

import gc
import gzip
import json
import os
import shutil
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.batch.inputs.identity import continues, fingerprint
from classifier.batch.inputs.sources import SourceFile
from tests.batch_inputs import opened


def lines(path: Path, *ids: object) -> Path:
    text = "".join(json.dumps({"id": i, "text": f"Text {i}."}) + "\n" for i in ids)
    path.write_text(text)
    return path


# Fingerprints


def test_a_corpus_that_is_moved_or_touched_stays_the_same(tmp_path):
    lines(tmp_path / "a.jsonl", 1, 2)
    before = [opened(s).fingerprint() for s in (tmp_path / "a.jsonl", tmp_path)]
    os.utime(tmp_path / "a.jsonl", (0, 0))
    shutil.copytree(tmp_path, tmp_path / "moved")
    moved = tmp_path / "moved"
    assert [opened(s).fingerprint() for s in (moved / "a.jsonl", moved)] == before
    assert before[0].startswith("files 1, bytes 66, sha256 ")


@pytest.mark.parametrize("change", ["edit", "rename", "add", "remove", "append"])
def test_whatever_changes_the_inputs_changes_the_fingerprint(tmp_path, change):
    one, two = lines(tmp_path / "a.jsonl", 1), lines(tmp_path / "b.jsonl", 2)
    before = opened(tmp_path).fingerprint()
    if change == "edit":
        one.write_text(one.read_text().replace("T", "t"))
    elif change == "rename":
        one.rename(tmp_path / "aa.jsonl")
    elif change == "remove":
        two.unlink()
    else:
        lines(tmp_path / "c.jsonl" if change == "add" else two, 2, 3)
    after = opened(tmp_path)
    assert after.fingerprint() != before
    assert after.continues(before) is (change in ("add", "append"))


def test_rows_that_were_appended_keep_the_ids_of_the_others(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text\nA.\nB.\n")
    before = opened(path)
    ids, mark = [i.id for i in before.stream()], before.fingerprint()
    path.write_text("text\nA.\nB.\nC.\n")
    assert opened(path).continues(mark)
    assert [i.id for i in opened(path).stream()][:2] == ids


@pytest.mark.parametrize("mark", ["", "files 1, bytes 3, sha256 no", "anything"])
def test_nothing_continues_what_is_no_fingerprint(tmp_path, mark):
    assert not opened(lines(tmp_path / "a.jsonl", 1)).continues(mark)


def test_inputs_continue_themselves(tmp_path):
    inputs = opened(lines(tmp_path / "a.jsonl", 1))
    assert inputs.continues(inputs.fingerprint())


def test_a_file_that_is_gone_changes_the_fingerprint_and_stops_nothing(tmp_path):
    inputs = opened(lines(tmp_path / "a.jsonl", 1))
    before = inputs.fingerprint()
    (tmp_path / "a.jsonl").unlink()
    assert inputs.fingerprint() != before
    assert "no such file" in next(inputs.stream()).reason


@given(st.lists(st.tuples(st.text("ab", min_size=1, max_size=2), st.binary(max_size=3))))
def test_bytes_do_not_wander_between_files(tmp_path_factory, parts):
    folder = tmp_path_factory.mktemp("parts")
    files = []
    for number, (name, body) in enumerate(parts):
        (folder / str(number)).write_bytes(body)
        files.append(SourceFile(str(folder / str(number)), name, "articles"))
    for cut in range(len(files)):
        assert continues(files, fingerprint(files[:cut]))
        assert fingerprint(files[:cut]) != fingerprint(files)


# Counts


def test_parquet_lines_and_files_are_counted(tmp_path):
    lines(tmp_path / "a.jsonl", 1, 2, 3)
    (tmp_path / "b.jsonl").write_text('{"id": 4, "text": "A."}')
    (tmp_path / "c.txt").write_text("C.")
    pq.write_table(pa.table({"id": range(5, 9), "text": ["A."] * 4}), tmp_path / "d.parquet")
    inputs = opened(tmp_path)
    assert inputs.count() == sum(1 for _ in inputs.stream()) == 9


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl.gz", "a.jsonl", "a.parquet"])
def test_what_only_reading_tells_is_not_counted(tmp_path, name):
    path, row = tmp_path / name, {"text": "A.", "of": 1}
    if name == "a.parquet":
        pq.write_table(pa.table({key: [value] for key, value in row.items()}), path)
    elif name == "a.csv":
        path.write_text("text,of\nA.,1\n")
    else:
        body = json.dumps(row).encode()
        path.write_bytes(gzip.compress(body) if name == "a.jsonl.gz" else body)
    assert opened(path, columns={"incident": "of"}).count() is None


# Memory


def many(path: Path, rows: int) -> Path:
    """A table of `rows` different articles of 1,000 characters."""
    texts = (f"{number} ".ljust(1000, "x") for number in range(rows))
    if path.suffix == ".jsonl":
        with path.open("w") as file:
            file.writelines(f'{{"id": {n}, "text": "{text}"}}\n' for n, text in enumerate(texts))
    else:
        with path.open("w") as file:
            file.write("id,text\n")
            file.writelines(f"{n},{text}\n" for n, text in enumerate(texts))
    return path


def peak(path: Path) -> int:
    """The most bytes that Python held while the stream was taken, row by row."""
    stream = opened(path).stream()
    next(stream)
    gc.collect()
    tracemalloc.start()
    try:
        for _ in stream:
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_row_costs_the_memory_of_its_id_and_no_more(tmp_path, suffix):
    few = peak(many(tmp_path / f"few.{suffix}", 500))
    more = peak(many(tmp_path / f"more.{suffix}", 4_500))
    assert few < 500_000
    assert (more - few) / 4_000 < 300


def test_parquet_is_read_in_pieces_of_a_row_group(tmp_path):
    path, rows = tmp_path / "a.parquet", 4_000
    texts = pa.array([os.urandom(1000).hex() for _ in range(rows)])
    pq.write_table(pa.table({"text": texts}), path, row_group_size=rows, use_dictionary=False)
    whole = texts.nbytes
    del texts
    before = pa.total_allocated_bytes()
    most = max(pa.total_allocated_bytes() for _ in opened(path).stream()) - before
    assert whole == pytest.approx(8_000_000, rel=0.01)
    assert 0 < most < whole / 2


def test_columns_that_are_not_needed_are_not_read(tmp_path):
    path = tmp_path / "a.parquet"
    junk = pa.array([os.urandom(100_000) for _ in range(64)])
    pq.write_table(pa.table({"text": [str(n) for n in range(64)], "junk": junk}), path)
    del junk
    before = pa.total_allocated_bytes()
    most = max(pa.total_allocated_bytes() for _ in opened(path).stream()) - before
    assert most < 3_000_000
