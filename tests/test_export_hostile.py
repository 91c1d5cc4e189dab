"""Texts that break tables: whatever stands in a report, every format reads it back the same."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reports import answered, found, quoted
from run_folders import MANIFEST, one, run_of

from classifier.batch.export.exporting import ExportOptions, export_run
from classifier.batch.export.formats import Format
from classifier.batch.export.rows import LONG
from classifier.batch.export.sqlite import write_sqlite
from classifier.batch.export.table import Column, Table, readable
from classifier.batch.export.text import write_csv, write_jsonl

PIECES = st.sampled_from(
    [
        "\n",
        "\r\n",
        "\r",
        '"',
        '""',
        ",",
        ";",
        "|",
        "\t",
        "=1+1",
        "'",
        "\0",
        "\ud800",
        "\udfff",
        "😀",
        "👩‍🚒",
        "\u202eabc",
        "مرحبا",
        "שלום",
        "\ufeff",
        "\u2028",
        "\x85",
        "\x1a",
        "\\",
        "\\N",
    ]
)
ANY = st.text(st.characters(exclude_categories=()), max_size=12)
HOSTILE = st.lists(PIECES | ANY, max_size=5).map("".join)
ROWS = st.lists(st.tuples(HOSTILE, HOSTILE), min_size=1, max_size=4)


def table_of(rows) -> Table:
    cleaned = [tuple(map(readable, row)) for row in rows]
    return Table((Column("a", "text"), Column("b", "text")), iter(cleaned), {})


def csv_of(rows) -> bytes:
    file = io.BytesIO()
    write_csv(file, table_of(rows))
    return file.getvalue()


def told(text: str) -> str:
    """The text as CSV has it."""
    kept = readable(text)
    return "'" + kept if kept[:1] and kept[0] in "=+-@\t\r\n＝＋－＠" else kept


@given(ROWS)
def test_csv_by_python(rows) -> None:
    read = list(csv.reader(io.StringIO(csv_of(rows).decode(), newline="")))
    assert read[1:] == [[told(cell) for cell in row] for row in rows]


@settings(deadline=None)
@given(ROWS)
def test_csv_by_polars(rows) -> None:
    pl = pytest.importorskip("polars")
    frame = pl.read_csv(csv_of(rows), infer_schema=False, empty_string_is_null=False)
    assert frame.rows() == [tuple(map(told, row)) for row in rows]


@settings(deadline=None, max_examples=30)
@given(ROWS)
def test_csv_by_duckdb(rows) -> None:
    duckdb = pytest.importorskip("duckdb")
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        Path(file.name).write_bytes(csv_of(rows))
        dialect = "delim=',', quote='\"', escape='\"', header=true, all_varchar=true"
        read = duckdb.sql(
            f"SELECT * FROM read_csv('{file.name}', {dialect}, new_line='\\r\\n', "
            "auto_detect=false, columns={'a': 'VARCHAR', 'b': 'VARCHAR'})"
        ).fetchall()
    assert [tuple(cell or "" for cell in row) for row in read] == [
        tuple(map(told, row)) for row in rows
    ]


@given(ROWS)
@example([("\u2028", "\x85")])
def test_json_lines(rows) -> None:
    file = io.BytesIO()
    write_jsonl(file, table_of(rows))
    lines = file.getvalue().decode().split("\n")[:-1]
    assert [tuple(json.loads(line).values()) for line in lines] == [
        tuple(map(readable, row)) for row in rows
    ]


@settings(deadline=None, max_examples=30)
@given(HOSTILE.filter(bool), HOSTILE, HOSTILE)
def test_parquet_and_sqlite_from_a_run_folder(id_, title, quote) -> None:
    """Through the run folder, as it is in life: it keeps even a lone surrogate."""
    pq = pytest.importorskip("pyarrow.parquet")
    finding = found("design", quote, evidence=(quoted(quote),))
    hostile = one(id_, phase=answered(finding))
    incident = hostile.incident.model_copy(update={"title": title})
    hostile = hostile.model_copy(update={"incident": incident})
    with tempfile.TemporaryDirectory() as folder:
        run = run_of(Path(folder, "run"), [hostile])
        for form in (Format.parquet, Format.sqlite):
            export_run(run, Path(folder, form), ExportOptions(form))
        (row,) = pq.read_table(Path(folder, "parquet")).to_pylist()
        with closing(sqlite3.connect(Path(folder, "sqlite"))) as database:
            (found_row,) = database.execute("SELECT * FROM long").fetchall()
    expected = tuple(map(readable, (id_, title, quote, quote)))
    assert tuple(row[n] for n in ("incident", "title", "rationale", "quote")) == expected
    named = dict(zip((c.name for c in LONG), found_row, strict=True))
    assert tuple(named[n] for n in ("incident", "title", "rationale", "quote")) == expected


def test_names_of_a_hostile_report_break_no_statement(tmp_path: Path) -> None:
    name = "x'); DROP TABLE reports; --\"\0"
    report = one("1", **{name: answered(found(name))})
    write_sqlite(tmp_path / "o", [report], [], None, {"classifier.model": "m"})
    with closing(sqlite3.connect(tmp_path / "o")) as database:
        found_names = database.execute("SELECT category, option FROM options").fetchall()
        assert database.execute("SELECT COUNT(*) FROM reports").fetchone() == (1,)
    assert found_names == [(readable(name), readable(name))]


def test_the_run_s_own_texts_are_readable_too(tmp_path: Path) -> None:
    model = MANIFEST.model.model_copy(update={"name": "m\0\ud800"})
    run = run_of(
        tmp_path / "run", [one("1")], manifest=MANIFEST.model_copy(update={"model": model})
    )
    export_run(run, tmp_path / "o", ExportOptions(Format.sqlite))
    with closing(sqlite3.connect(tmp_path / "o")) as database:
        query = "SELECT value FROM run WHERE name = 'classifier.model'"
        assert database.execute(query).fetchone() == ("m\ufffd\ufffd",)
