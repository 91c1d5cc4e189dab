"""The inputs of a run: which incidents they make, what they are called, and what is none."""

import gzip
import json
import os
from pathlib import Path

import pytest

from classifier.batch.inputs import Columns, InputOptions
from tests.batch_inputs import TODAY, ids, jsonl, opened, parted, refused, write

# Broken files


def test_broken_files_are_unread_and_the_others_are_not(tmp_path):
    write(tmp_path, a__txt="A.", b__json="{", c__txt=" ", d__html="<html><p>menu", e__txt="E.")
    incidents, unread = parted(opened(tmp_path))
    assert [i.id for i in incidents] == ["a", "e"]
    assert [Path(u.place).name for u in unread] == ["b.json", "c.txt", "d.html"]
    assert "b.json:1: column 2: not JSON" in unread[0].reason


def test_a_list_of_articles_is_an_incident_each_and_its_broken_ones_have_their_place(tmp_path):
    write(tmp_path, day__json='[{"text": "A."}, {"text": ""}, 5, {"text": "B."}]')
    incidents, unread = parted(opened(tmp_path))
    assert [i.id for i in incidents] == ["day-1", "day-4"]
    assert [Path(u.place).name for u in unread] == ["day.json: [1]", "day.json: [2]"]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt", "a.json"])
def test_an_empty_file_is_unread(tmp_path, name):
    (tmp_path / name).write_bytes(b"\n")
    incidents, [unread] = parted(opened(tmp_path))
    assert incidents == []
    assert name in unread.reason


def test_a_table_without_rows_is_unread(tmp_path):
    [unread] = parted(opened(write(tmp_path, a__csv="id,text\n")))[1]
    assert "a.csv: holds no article" in unread.reason


@pytest.mark.parametrize(("keep", "rows"), [(0.5, 2000), (0.5, 200), (0.0, 200)])
def test_a_packed_file_that_breaks_off_gives_what_stands_before(tmp_path, keep, rows):
    lines = [json.dumps({"id": n, "text": os.urandom(400).hex()}) for n in range(rows)]
    packed = gzip.compress("\n".join(lines).encode())
    (tmp_path / "a.jsonl.gz").write_bytes(packed[: int(len(packed) * keep)] or b"no gzip")
    incidents, [unread] = parted(opened(tmp_path))
    assert [i.id for i in incidents] == [str(n) for n in range(len(incidents))]
    assert (len(incidents) > rows * 0.4) is (keep > 0)
    assert f"a.jsonl.gz:{len(incidents) + 1}: cannot be read from here on" in unread.reason


# The length of an article


LONG = "It failed again. " * 3_000_000  # 51 MB


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("a.txt", LONG, "a.txt: is larger than 41048576 bytes"),
        ("a.jsonl", f'{{"text": "{LONG}"}}\n{{"id": 2, "text": "B."}}\n', "has 50,999,999 char"),
        ("a.csv", f'id,text\n1,"{LONG}"\n2,B.\n', "the record is longer than 21,048,576 char"),
    ],
    ids=["txt", "jsonl", "csv"],
)
def test_an_article_of_fifty_megabytes_is_refused_and_the_others_are_not(
    tmp_path, name, body, says
):
    (tmp_path / name).write_text(body.replace('. "', '."'))
    incidents, [unread] = parted(opened(tmp_path))
    assert [i.id for i in incidents] == (["2"] if name != "a.txt" else [])
    assert says in unread.reason


def test_an_article_of_fifty_megabytes_is_read_where_that_is_allowed(tmp_path):
    (tmp_path / "a.csv").write_text(f'id,text\n1,"{LONG}"\n2,B.\n')
    [long, short] = parted(opened(tmp_path, max_characters=60_000_000))[0]
    assert long.articles[0].text == LONG.strip()
    assert short.articles[0].text == "B."


def test_the_limit_of_characters_is_exact(tmp_path):
    jsonl(tmp_path / "a.jsonl", {"id": 1, "text": "é" * 9}, {"id": 2, "text": "é" * 10})
    incidents, [unread] = parted(opened(tmp_path, max_characters=9))
    assert [i.id for i in incidents] == ["1"]
    assert "a.jsonl:2: the text has 10 characters, and 9 are allowed" in unread.reason
    assert unread.id == "2"


def test_the_limit_can_be_lifted(tmp_path):
    jsonl(tmp_path / "a.jsonl", {"id": 1, "text": "é" * 11_000_000})
    assert ids(opened(tmp_path, max_characters=None)) == ["1"]


def test_a_line_that_is_far_too_long_is_passed_over(tmp_path):
    jsonl(tmp_path / "a.jsonl", {"text": "a" * 3_000_000}, {"id": 2, "text": "B."})
    incidents, [unread] = parted(opened(tmp_path, max_characters=10))
    assert [i.id for i in incidents] == ["2"]
    assert "a.jsonl:1: the line is longer than 1,048,636" in unread.reason


# Incidents of several rows


def test_adjacent_rows_of_one_incident_are_one(tmp_path):
    rows = [("a", 1), ("b", 1), ("c", None), ("d", 2)]
    jsonl(tmp_path / "a.jsonl", *({"text": text, "incident": of} for text, of in rows))
    incidents, _ = parted(opened(tmp_path))
    texts = [[a.text for a in i.articles] for i in incidents]
    assert texts == [["a", "b"], ["c"], ["d"]]
    assert [a.id for a in incidents[0].articles] == ["1-1", "1-2"]
    assert [a.id for a in incidents[2].articles] == ["2"]


def test_an_incident_may_go_on_in_the_next_file(tmp_path):
    jsonl(tmp_path / "a.jsonl", {"text": "a", "incident": 1})
    jsonl(tmp_path / "b.jsonl", {"text": "b", "incident": 1})
    [incident] = parted(opened(tmp_path))[0]
    assert [a.text for a in incident.articles] == ["a", "b"]


def test_a_broken_row_parts_no_incident(tmp_path):
    rows = [{"text": "a"}, {"text": ""}, {"text": "b"}]
    jsonl(tmp_path / "a.jsonl", *({"incident": 1, **row} for row in rows))
    [incident], [unread] = parted(opened(tmp_path))
    assert len(incident.articles) == 2
    assert unread.place.endswith("a.jsonl:2")


def test_an_incident_that_comes_back_says_how_to_sort(tmp_path):
    rows = [("a", 1), ("b", 2), ("c", 1), ("d", 1)]
    jsonl(tmp_path / "a.jsonl", *({"text": text, "incident": of} for text, of in rows))
    incidents, [unread] = parted(opened(tmp_path))
    assert [i.id for i in incidents] == ["1", "2"]
    assert "a.jsonl:3: duplicate id '1', first seen at" in unread.reason
    assert "sort the table by the column of the incident" in unread.reason
    assert (unread.id, unread.rows) == ("1", 2)


def test_two_articles_of_one_incident_with_one_id_are_told_apart(tmp_path):
    row = {"id": "x", "text": "a", "incident": 1}
    jsonl(tmp_path / "a.jsonl", row, row, {**row, "id": "y"})
    [incident], [unread] = parted(opened(tmp_path))
    assert [a.id for a in incident.articles] == ["x", "y"]
    assert "a.jsonl:2: the article id 'x' is already that of" in unread.reason


def test_a_column_that_is_the_same_in_every_row_makes_no_endless_incident(tmp_path):
    line = '{"text": "a", "incident": "fail"}\n'
    (tmp_path / "a.jsonl").write_text(line * 10_002 + '{"text": "b", "incident": 2}\n')
    incidents, [unread] = parted(opened(tmp_path))
    assert [i.id for i in incidents] == ["2"]
    assert unread.rows == 10_002
    assert "has 10,002 rows, and 10,000 are allowed" in unread.reason


# Ids


def test_a_second_incident_of_one_id_is_unread(tmp_path):
    rows = [{"id": 7, "text": "a"}, {"id": 7, "text": "a"}, {"id": "7", "text": "b"}]
    jsonl(tmp_path / "a.jsonl", *rows)
    incidents, [same, other] = parted(opened(tmp_path))
    assert [i.id for i in incidents] == ["7"]
    first = f"duplicate id '7', first seen at {tmp_path / 'a.jsonl'}:1"
    assert f"a.jsonl:2: {first} with the identical text" in same.reason
    assert f"a.jsonl:3: {first} with another text" in other.reason
    assert (same.id, other.place) == ("7", f"{tmp_path / 'a.jsonl'}:3")


def test_a_second_incident_of_one_id_is_found_in_another_file(tmp_path):
    write(tmp_path, a__csv="id,text\n1,A.\n2,B.\n", b__json='{"id": 2, "text": "C."}')
    [unread] = parted(opened(tmp_path))[1]
    assert "b.json: duplicate id '2', first seen at" in unread.reason
    assert "a.csv:3 with another text" in unread.reason


def test_rows_without_an_id_are_called_by_what_they_say(tmp_path):
    one, two = {"text": "a"}, {"text": "a", "title": "T"}
    before = ids(opened(jsonl(tmp_path / "a.jsonl", one, two)))
    after = ids(opened(jsonl(tmp_path / "b.jsonl", {"text": "new"}, two, one)))
    assert after[1:] == before[::-1]
    assert all(name.startswith("id-") and len(name) == 19 for name in after)


def test_the_same_row_has_the_same_id_in_every_format(tmp_path):
    write(tmp_path, a__csv="text,published\nIt failed.,2020-01-02\n")
    value = {"text": "It failed.", "published": "2020-01-02"}
    assert ids(opened(tmp_path / "a.csv")) == ids(opened(jsonl(tmp_path / "b.jsonl", value)))


def test_the_same_article_twice_without_ids_is_said_to_be_the_same(tmp_path):
    incidents, [unread] = parted(opened(jsonl(tmp_path / "a.jsonl", *[{"text": "a"}] * 2)))
    assert len(incidents) == 1
    assert "with the identical text" in unread.reason


def test_files_of_one_name_in_several_sources_are_told_apart_or_said(tmp_path):
    write(tmp_path, one___a__txt="A.", two___a__txt="B.")
    assert ids(opened(tmp_path)) == ["one-a", "two-a"]
    incidents, [unread] = parted(opened(tmp_path / "one" / "a.txt", tmp_path / "two"))
    assert len(incidents) == 1
    assert "the folder above them is named instead" in unread.reason


def test_every_place_of_what_is_unread_is_its_own(tmp_path):
    jsonl(tmp_path / "a.jsonl", {"id": 1, "text": "a"}, {}, {}, 5, {"id": 1, "text": "a"})
    write(tmp_path, b__json="[{}, {}, 5]", c__txt="", d__csv="id,text\n1\n1,x\n,\n")
    incidents, unread = parted(opened(tmp_path))
    assert len(incidents) == 1
    assert len({one.place for one in unread}) == len(unread) == 11
    assert all(one.reason.startswith(one.place) for one in unread)


# Options


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_characters": 0}, "--max-characters is 0"),
        ({"delimiter": ";;"}, "--delimiter is ';;'"),
        ({"delimiter": '"'}, "--delimiter is '\"'"),
        ({"encoding": "klingon"}, "--encoding is 'klingon'"),
        ({"encoding": "rot13"}, "--encoding is 'rot13'"),
        ({"encoding": "utf\0"}, "--encoding is 'utf\\x00'"),
        ({"columns": {"text": ""}}, "--text-column is empty"),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path, options, says):
    assert says in refused(write(tmp_path, a__txt="A."), **options)


def test_the_options_that_decide_what_is_read_are_for_the_manifest():
    plain = InputOptions(today=TODAY)
    given = InputOptions(today=TODAY, columns=Columns(id="id"), max_characters=5)
    other = InputOptions(today=TODAY, columns=Columns(id="key", url=""))
    assert plain.deciding == given.deciding
    assert plain.deciding | {"id_column": "key", "url_column": ""} == other.deciding
    assert json.loads(json.dumps(plain.deciding)) == plain.deciding


def test_the_stream_can_be_taken_again_and_is_the_same(tmp_path):
    write(tmp_path, a__csv="id,text\n1,A.\n1,B.\n2\n", b__txt="B.")
    inputs = opened(tmp_path)
    assert list(inputs.stream()) == list(inputs.stream())


def test_the_stream_reads_no_further_than_is_asked(tmp_path):
    jsonl(tmp_path / "a.jsonl", *({"text": str(n)} for n in range(3)))
    inputs = opened(write(tmp_path, b__txt="B."))
    stream = inputs.stream()
    next(stream)
    (tmp_path / "b.txt").write_text("Changed.")
    assert [one.articles[0].text for one in stream] == ["1", "2", "Changed."]
