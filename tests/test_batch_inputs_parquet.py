"""Parquet files as inputs of a run: types, nulls, and what is broken in them."""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.batch_inputs import articles, parted, refused, table

# ruff: noqa: DTZ001 - tables may hold times without a zone


def parquet(path: Path, group: int | None = None, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=group)
    return path


def test_parquet_rows_of_several_row_groups(tmp_path):
    path = parquet(tmp_path / "a.parquet", 70, id=range(150), text=[f"A{n}" for n in range(150)])
    assert [(a.id, a.text) for a in articles(path)] == [(str(n), f"A{n}") for n in range(150)]


@pytest.mark.parametrize(
    "type_", [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), "dictionary"]
)
def test_text_in_parquet_has_many_types(tmp_path, type_):
    plain = pa.array(["A.", "café"])
    column = plain.dictionary_encode() if type_ == "dictionary" else plain.cast(type_)
    assert [a.text for a in articles(parquet(tmp_path / "a.parquet", text=column))] == [
        "A.",
        "café",
    ]


@pytest.mark.parametrize(
    ("ids", "read"),
    [
        (pa.array([7], pa.uint8()), "7"),
        (pa.array([7.0]), "7"),
        (pa.array([Decimal("7.00")]), "7"),
        (pa.array(["7.00"]), "7.00"),
        (pa.array([uuid.UUID(int=7).bytes], pa.uuid()), str(uuid.UUID(int=7))),
    ],
)
def test_ids_in_parquet_may_be_numbers(tmp_path, ids, read):
    assert articles(parquet(tmp_path / "a.parquet", id=ids, text=["A."]))[0].id == read


@pytest.mark.parametrize(
    "value",
    [
        pa.array([date(2020, 1, 2)]),
        pa.array([datetime(2020, 1, 2, 23, 59)]),
        pa.array([datetime(2020, 1, 2, 23, 59)], pa.timestamp("s")),
        pa.array([1_578_009_540_123_456_789], pa.timestamp("ns")),
        pa.array([datetime(2020, 1, 3, 4, 59, tzinfo=UTC)], pa.timestamp("us", "America/New_York")),
        pa.array([date(2020, 1, 2)], pa.date64()),
        pa.array(["2020-01-02T03:04:05Z"]),
        pa.array(["2020-01-02"]).dictionary_encode(),
    ],
    ids=str,
)
def test_days_in_parquet_have_many_types(tmp_path, value):
    path = parquet(tmp_path / "a.parquet", published=value, text=["A."])
    assert articles(path)[0].published == date(2020, 1, 2)


@pytest.mark.parametrize(
    ("field", "values", "says"),
    [
        ("published", [1_577_923_200], "holds int64, and --published-column needs dates, timest"),
        ("published", [1.5e9], "seconds since 1970"),
        ("text", [5], "the column 'text' holds int64, and --text-column needs text"),
        ("text", [["A."]], "holds list<"),
        ("id", [True], "the column 'id' holds bool, and --id-column needs text or numbers"),
        ("title", [{"a": 1}], "holds struct<"),
    ],
)
def test_a_column_of_a_type_that_cannot_be_is_refused_first(tmp_path, field, values, says):
    path = parquet(tmp_path / "a.parquet", **{"text": ["A."], field: values})
    assert says in refused(path)


def test_nulls_in_parquet_are_nothing(tmp_path):
    nothing = pa.array([None, None], pa.string())
    columns = {"id": [1.0, float("nan")], "text": ["A.", "B."], "title": pa.nulls(2)}
    path = parquet(tmp_path / "a.parquet", **columns, published=nothing, url=nothing)
    one, two = articles(path)
    assert (one.id, one.title, one.published, one.url) == ("1", "", None, "")
    assert two.id.startswith("id-")


def test_a_null_text_is_unread(tmp_path):
    path = parquet(tmp_path / "a.parquet", id=[1, 2], text=["A.", None])
    [unread] = parted(path)[1]
    assert f"{path}: row 2: text is None" in unread.reason
    assert unread.id == "2"


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"published": pa.array([2**45], pa.timestamp("s"))}, "the value of 'published' cannot"),
        ({"published": pa.array([0], pa.timestamp("s", "Mars/Base"))}, "'published' cannot be"),
        ({"text": pa.array([b"caf\xe9"])}, "the value of 'text' cannot be used ('utf-8' codec"),
        ({"id": pa.array([float("inf")])}, "the value of 'id' cannot be used"),
        ({"id": pa.array([1.5])}, "id is 1.5. Write a string or an integer"),
    ],
)
def test_a_value_that_python_does_not_have_is_unread(tmp_path, columns, says):
    [unread] = parted(parquet(tmp_path / "a.parquet", **{"text": ["A."], **columns}))[1]
    assert says in unread.reason


def test_a_broken_row_group_loses_no_other(tmp_path):
    texts = [bytes([65 + n // 100]).decode() * 50 + str(n) for n in range(300)]
    path = tmp_path / "a.parquet"
    written = pa.table({"id": range(300), "text": texts})
    pq.write_table(written, path, row_group_size=100, compression="gzip", use_dictionary=False)
    group = pq.read_metadata(path).row_group(1).column(1)
    data = bytearray(path.read_bytes())
    start, size = group.data_page_offset, group.total_compressed_size
    data[start + size // 2 : start + size] = b"\0" * (size - size // 2)
    path.write_bytes(data)
    incidents, [unread] = parted(path)
    assert [i.id for i in incidents] == [str(n) for n in [*range(100), *range(200, 300)]]
    assert (unread.rows, unread.place) == (100, f"{path}: row 101")
    assert "row 101 to row 200: cannot be read" in unread.reason


def test_a_file_that_is_no_parquet_is_unread(tmp_path):
    assert "is not Parquet" in parted(table(tmp_path / "a.parquet", b"PAR1 no"))[1][0].reason


def test_parquet_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    path = parquet(tmp_path / "a.parquet", text=["A."])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install 'fail-classifier[parquet]'" in refused(path)
