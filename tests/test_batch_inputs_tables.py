"""Tables as inputs of a run: CSV, TSV and JSON Lines, their columns and broken rows."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import tempfile
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from classifier.articles.cleaning import clean, is_blank
from classifier.batch.inputs import Unread
from classifier.errors import ConfigurationError
from classifier.records import Article
from tests.batch_inputs import articles, opened, parted, refused, table

# Columns


def test_columns_may_have_any_name_and_others_are_let_be(tmp_path):
    text = "key,headline,body,day,who,link,score,text\n7,T,It failed.,2020-01-02,S,u,9,other\n"
    names = {"id": "key", "title": "headline", "text": "body", "published": "day"}
    names |= {"source": "who", "url": "link"}
    [article] = articles(table(tmp_path / "a.csv", text), columns=names)
    assert article == Article(
        id="7", title="T", text="It failed.", published=date(2020, 1, 2), source="S", url="u"
    )


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize("field", ["id", "title", "text", "published", "source", "url", "incident"])
def test_a_missing_column_names_the_file_those_there_are_and_the_flag(tmp_path, name, field):
    path = tmp_path / name
    if name == "a.parquet":
        pq.write_table(pa.table({"key": ["1"], "text": ["A."]}), path)
    else:
        table(path, "key,text\n1,A.\n" if name == "a.csv" else '{"key": 1, "text": "A."}\n')
    says = refused(path, columns={field: "nowhere"})
    assert f"{path}: has no column 'nowhere'" in says
    assert "Its columns are 'key', 'text'." in says
    assert f"--{field}-column NAME" in says


@pytest.mark.parametrize("text", ["id,body\n1,A.\n", "\n\n", "1,A.\n2,B.\n"])
def test_a_table_needs_a_column_with_the_text(tmp_path, text):
    path = table(tmp_path / "a.csv", text)
    if text.strip():
        assert "has no column 'text'" in refused(path)
    else:
        assert "is empty" in parted(path)[1][0].reason


def test_json_lines_need_a_key_with_the_text(tmp_path):
    path = table(tmp_path / "a.jsonl", '{"id": 1, "body": "A."}\n')
    assert "has no column 'text' in its first 100 lines. Its columns are 'id', 'body'" in refused(
        path
    )
    assert articles(path, columns={"text": "body"})[0].text == "A."


def test_a_column_that_stands_twice_is_refused(tmp_path):
    path = table(tmp_path / "a.csv", "id,text,text\n1,A.,B.\n")
    assert "the column 'text' stands twice" in refused(path)


def test_an_empty_name_takes_no_column(tmp_path):
    path = table(tmp_path / "a.csv", "id,text,published\n1,A.,May 3\n")
    assert "published is 'May 3'" in parted(path)[1][0].reason
    assert articles(path, columns={"published": ""})[0].published is None


def test_many_columns_are_not_all_told(tmp_path):
    path = table(tmp_path / "a.csv", ",".join(f"c{n}" for n in range(50)) + "\n")
    assert "'c19' and 30 more" in refused(path)


# CSV


def test_csv_with_quotes_line_breaks_and_a_byte_order_mark(tmp_path):
    text = '\ufeffid, text ,title\r\n1,"He said ""no"",\r\nand left.",T\r\n\r\n 2 ,B.,\r\n'
    [one, two] = articles(table(tmp_path / "a.csv", text))
    assert (one.id, one.text, one.title) == ("1", 'He said "no",\nand left.', "T")
    assert (two.id, two.title) == ("2", "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "id;text\n1;A, B.\n"),
        ("a.csv", 'id\ttext\n1\t"A, B."\n'),
        ("a.tsv", "id\ttext\n1\tA, B.\n"),
        ("a.TSV", "id\ttext\n1\tA, B.\n"),
        ("a.csv", '"id";"text"\n1;A, B.\n'),
        ("a.csv", "id|text\n1|A, B.\n"),
    ],
)
def test_the_delimiter_is_found_in_the_header(tmp_path, name, text):
    assert [a.text for a in articles(table(tmp_path / name, text))] == ["A, B."]


def test_the_delimiter_can_be_given(tmp_path):
    path = table(tmp_path / "a.csv", "id:text\n1:A, B.\n")
    assert [a.text for a in articles(path, delimiter=":")] == ["A, B."]


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_csv_in_utf_8_or_with_a_byte_order_mark(tmp_path, charset):
    path = table(tmp_path / "a.csv", "id,text\n1,Déjà très gêné\n".encode(charset))
    assert articles(path)[0].text == "Déjà très gêné"


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_another_charset_is_asked_for_and_not_guessed(tmp_path, name):
    text = "id,text\n1,Déjà très gêné\n" if name == "a.csv" else '{"text": "Déjà très gêné"}'
    path = table(tmp_path / name, text.encode("cp1252"))
    assert f"{path}: is not UTF-8. Name its charset, such as --encoding cp1252" in refused(path)
    assert articles(path, encoding="cp1252")[0].text == "Déjà très gêné"


def test_a_row_with_broken_bytes_is_unread_and_the_file_stays_utf_8(tmp_path):
    text = "id,text\n1,café\n".encode() + b"2,caf\xe9\n" + "3,éé\n".encode()
    incidents, [unread] = parted(table(tmp_path / "a.csv", text))
    assert [i.articles[0].text for i in incidents] == ["café", "éé"]
    assert "a.csv:3: has bytes that are not utf-8" in unread.reason
    assert "--encoding" in unread.reason


def test_a_row_with_other_or_fewer_fields_names_its_line(tmp_path):
    text = 'id,text,title\n1,"A\nA",T\n2\n3,C.,T\n4,D.,T,more\n'
    incidents, [short, long] = parted(table(tmp_path / "a.csv", text))
    assert [i.id for i in incidents] == ["1", "3"]
    assert f"{tmp_path / 'a.csv'}:4: the number of fields is 1, and that of the" in short.reason
    assert (short.id, long.id, long.place) == ("2", "4", f"{tmp_path / 'a.csv'}:6")


def test_a_broken_quotation_loses_its_own_lines_alone(tmp_path):
    text = 'id,text\n1,A.\n2,"B. "said" he"\n3,C.\n4,"open\n5,"E."\n6,F.\n'
    incidents, [inner, unclosed] = parted(table(tmp_path / "a.csv", text))
    assert [i.id for i in incidents] == ["1", "3", "6"]
    assert "a.csv:3: is not CSV" in inner.reason
    assert "a.csv:5 (up to line 6): is not CSV" in unclosed.reason


def test_a_quotation_that_is_never_closed_is_told(tmp_path):
    incidents, [unread] = parted(table(tmp_path / "a.csv", 'id,text\n1,A.\n2,"open\n3,C.\n'))
    assert [i.id for i in incidents] == ["1"]
    assert "a.csv:3 (up to line 4): is not CSV (unexpected end of data)" in unread.reason


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_record_that_is_too_long_is_passed_over_to_its_end(tmp_path, ends):
    line = f'He said ""no"".{ends}'
    text = f'id,text{ends}1,"{line * 90_000}"{ends}2,B.{ends}'
    incidents, [unread] = parted(table(tmp_path / "a.csv", text), max_characters=100)
    assert [i.id for i in incidents] == ["2"]
    assert "a.csv:2 (up to line 90002): the record is longer than 1,048,776" in unread.reason


def test_a_quotation_that_is_not_closed_takes_no_more_memory_than_a_record(tmp_path):
    text = 'id,text\n1,"open\n' + "2,B. B. B. B.\n" * 100_000
    incidents, [unread] = parted(table(tmp_path / "a.csv", text), max_characters=100)
    assert incidents == []
    assert "(up to line 100002)" in unread.reason
    assert "is a quotation mark not closed?" in unread.reason


def test_nul_bytes_in_a_field_are_marked(tmp_path):
    assert articles(table(tmp_path / "a.csv", "id,text\n1,A\0B\n"))[0].text == "A\ufffdB"


def test_a_field_may_be_longer_than_the_csv_module_allows_at_first(tmp_path):
    text = "x" * 200_000
    assert articles(table(tmp_path / "a.csv", f"id,text\n1,{text}\n"))[0].text == text


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("1,,", "text is ''"),
        (f"{'9' * 201},A.,", "id is '999"),
        ("1,A.,1359590400", "published is '1359590400'. Write YYYY-MM-DD"),
        ("1,A.,2020-13-01", "published is '2020-13-01'"),
        ('"a\nb",A.,', "id is 'a\\nb'"),
    ],
)
def test_a_value_that_cannot_be_is_told_with_what_may_be(tmp_path, row, says):
    [unread] = parted(table(tmp_path / "a.csv", f"id,text,published\n{row}\n"))[1]
    assert says in unread.reason
    assert unread.reason.startswith(f"{tmp_path / 'a.csv'}:2: ")


def test_an_id_that_looks_like_a_formula_stays_as_it_is(tmp_path):
    assert articles(table(tmp_path / "a.csv", "id,text\n=1+1,A.\n"))[0].id == "=1+1"


def test_a_binary_table_is_unread(tmp_path):
    [unread] = parted(table(tmp_path / "a.csv", b"id,text\n" + b"\0\1\2\3" * 99))[1]
    assert "looks binary" in unread.reason


FIELDS = st.text(max_size=40)
ROWS = st.lists(st.fixed_dictionaries({"title": FIELDS, "text": FIELDS, "extra": FIELDS}))


def expected(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Title and text of each row that has a text, as the reader of articles cleans them."""
    told = [(clean(row["title"]), row["text"]) for row in rows]
    return [(title, clean(text)) for title, text in told if not is_blank(text)]


def streamed(name: str, body: bytes) -> list[tuple[str, str] | None]:
    """Title and text of what the stream gives in order, None for each that is unread."""
    with tempfile.TemporaryDirectory() as folder:
        found = opened(table(Path(folder) / name, body)).stream()
        return [
            None if isinstance(one, Unread) else (one.title, one.articles[0].text) for one in found
        ]


def test_a_row_whose_text_is_one_nul_is_unread(tmp_path):
    rows = "".join(f"{n},Words.\n" for n in range(9))
    [unread] = parted(table(tmp_path / "a.csv", f"id,text\nlost,\0\n{rows}"))[1]
    assert unread.id == "lost"
    assert "text" in unread.reason


@given(ROWS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.booleans())
@example(
    [{"title": "", "text": "", "extra": ""}] * 6 + [{"title": "", "text": "\0", "extra": ""}],
    "utf-8",
    False,
)
def test_csv_comes_back_as_it_was_written(rows, charset, packed):
    written = io.StringIO(newline="")
    out = csv.writer(written, quoting=csv.QUOTE_ALL)
    out.writerow(["id", "title", "text", "extra"])
    out.writerows([n, row["title"], row["text"], row["extra"]] for n, row in enumerate(rows))
    body = written.getvalue().encode(charset)
    found = streamed(*(("a.csv.gz", gzip.compress(body)) if packed else ("a.csv", body)))
    told = [one for one in found if one is not None]
    assert [(clean(title), text) for title, text in told] == expected(rows)
    assert len(found) == max(len(rows), 1)


@given(ROWS, st.booleans(), st.booleans())
def test_json_lines_come_back_as_they_were_written(rows, ascii_, packed):
    lines = [json.dumps({"id": n, **row}, ensure_ascii=ascii_) for n, row in enumerate(rows)]
    body = "\n".join(lines).encode("utf-8")
    found = streamed(*(("a.jsonl.gz", gzip.compress(body)) if packed else ("a.jsonl", body)))
    told = [one for one in found if one is not None]
    assert [(clean(title), text) for title, text in told] == expected(rows)
    assert len(found) == max(len(rows), 1)


@given(st.binary(max_size=300), st.sampled_from(["csv", "tsv", "jsonl", "csv.gz", "parquet"]))
def test_whatever_the_bytes_are_something_is_said(body, suffix):
    start = b"" if suffix in ("csv.gz", "parquet") else b"id,text\n" * (suffix == "csv")
    try:
        assert streamed(f"a.{suffix}", start + body)
    except ConfigurationError as error:
        told = re.search("has no column|stands twice|is not UTF-8", str(error))
        assert told


# JSON Lines


def test_a_broken_line_loses_no_other(tmp_path):
    lines = ['{"id": 1, "text": "A."}', "{", "5", '{"id": 2}', "", "[" * 5000]
    incidents, unread = parted(table(tmp_path / "a.jsonl", "\n".join(lines)))
    assert [i.id for i in incidents] == ["1"]
    said = [u.reason.split(f"{tmp_path / 'a.jsonl'}:")[1][:24] for u in unread]
    assert said == [
        "2: column 2: not JSON (E",
        "3: is 5, and must be an ",
        "4: text is missing. Add ",
        "6: cannot be read (neste",
    ]
    assert [u.id for u in unread] == [None, None, "2", None]


def test_a_line_may_hold_an_incident(tmp_path):
    value = {"key": "i", "name": "Both", "articles": [{"text": "a"}, {"id": "x", "text": "b"}]}
    path = table(tmp_path / "a.jsonl", json.dumps(value))
    [incident], _ = parted(path, columns={"id": "key", "title": "name"})
    assert (incident.id, incident.title) == ("i", "Both")
    assert [a.id for a in incident.articles] == ["i-1", "x"]


def test_an_incident_in_a_line_without_an_id_is_called_by_the_line(tmp_path):
    line = json.dumps({"articles": [{"text": "a"}, {"text": "b"}]})
    incidents, [twin] = parted(table(tmp_path / "a.jsonl", f"{line}\n {line}\n"))
    assert incidents[0].id.startswith("id-")
    assert "with the identical text" in twin.reason


def test_a_line_with_broken_bytes_is_unread(tmp_path):
    lines = '{"text": "café"}\n'.encode() + b'{"text": "caf\xe9"}\n' + '{"text": "éé"}'.encode()
    incidents, [unread] = parted(table(tmp_path / "a.jsonl", lines))
    assert len(incidents) == 2
    assert "a.jsonl:2: has bytes that are not utf-8" in unread.reason


def test_json_lines_in_utf_16(tmp_path):
    path = table(tmp_path / "a.jsonl", '{"text": "café"}\n'.encode("utf-16"))
    assert articles(path)[0].text == "café"


def test_text_that_breaks_off_within_a_character_is_told(tmp_path):
    body = '{"text": "A."}\n'.encode("utf-16") + b"\n"
    incidents, [unread] = parted(table(tmp_path / "a.jsonl", body))
    assert len(incidents) == 1
    assert "a.jsonl:2: cannot be read from here on" in unread.reason
