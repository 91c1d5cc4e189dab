"""JSON, YAML, JSON Lines and standard input; and random bytes for every reader."""

import io
import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier.articles import Reading, ReadOptions, read_incidents
from classifier.articles.formats import parse
from classifier.articles.items import Parsed, Raw
from classifier.errors import InputError

TODAY = date(2026, 1, 1)
FAIL31 = Path(__file__).parents[2] / "shared" / "fail31"
needs_fail31 = pytest.mark.skipif(not FAIL31.is_dir(), reason="the FAIL articles are not here")


def read(*sources: object, **options: object) -> Reading:
    return read_incidents([str(s) for s in sources], ReadOptions(today=TODAY, **options))


def piped(data: bytes) -> Reading:
    return read("-", stdin=io.BytesIO(data))


def write(folder: Path, name: str, value: object) -> Path:
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def messages(reading: Reading) -> list[str]:
    return [str(error) for _, error in reading.failures]


ARTICLE = {
    "id": 31,
    "title": " A day ",
    "url": "https://example.org",
    "published": "2013-01-31T08:00:00Z",
    "source": "The Example",
    "text": "It failed.\r\n",
    "score": {"ignored": True},
}


def test_json_article(tmp_path):
    (incident,) = read(write(tmp_path, "a.json", ARTICLE)).incidents
    (found,) = incident.articles
    assert (incident.id, incident.title, found.id, found.title) == ("31", "A day", "31", "A day")
    assert (found.text, found.published) == ("It failed.", date(2013, 1, 31))


def test_json_incident(tmp_path):
    parts = [{"text": "a"}, {"text": "b", "id": "x", "title": None, "published": None}]
    value = {"title": "Both", "labels": {}, "articles": parts}
    (incident,) = read(write(tmp_path, "day.json", value)).incidents
    assert (incident.id, incident.title) == ("day", "Both")
    assert [a.id for a in incident.articles] == ["day-1", "x"]


def test_json_list(tmp_path):
    value = [{"text": "a"}, {"text": ""}, 5, {"id": "i", "articles": [{"text": "b"}]}]
    reading = read(write(tmp_path, "day.json", value))
    assert [i.id for i in reading.incidents] == ["day-1", "i"]
    assert "day.json: [1]: text is ''" in messages(reading)[0]
    assert "day.json: [2]: is 5, and must be an article" in messages(reading)[1]


def test_a_date_in_the_future_stays(tmp_path):
    path = write(tmp_path, "a.json", {"text": "a", "published": "2999-12-31"})
    assert read(path).incidents[0].articles[0].published == date(2999, 12, 31)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, "a.json: text is missing. Add it: a string that is not empty"),
        ({"text": 5}, "text is 5. Write a string that is not empty"),
        ({"text": " \u200b"}, "text is ' \\u200b'. Write"),
        ({"text": "a", "id": 1.5}, "id is 1.5. Write a string or an integer"),
        ({"text": "a", "id": True}, "id is True"),
        ({"text": "a", "id": ""}, "id is ''"),
        ({"text": "a", "id": "a\nb"}, "id is 'a\\nb'"),
        ({"text": "a", "id": "x" * 201}, "of 1 to 200 printable"),
        ({"text": "a", "title": []}, "title is a list of 0. Write a string"),
        ({"text": "a", "published": "May 3"}, "published is 'May 3'. Write YYYY-MM-DD"),
        ({"text": "a", "published": 20130131}, "published is 20130131"),
        ({"articles": []}, "articles is a list of 0. Write a list of 1 to 10000"),
        ({"articles": {"text": "a"}}, "articles is a dict of 1"),
        ({"articles": ["a"]}, "articles[0] is 'a'. Write an article"),
        ({"articles": [{"text": "a"}, {"title": "b"}]}, "articles[1].text is missing"),
        ("words", "is 'words', and must be an article"),
        ([], "is an empty list"),
        (None, "is None, and must be"),
    ],
)
def test_wrong_json(tmp_path, value, says):
    reading = read(write(tmp_path, "a.json", json.dumps(value)))
    assert not reading.incidents
    assert says in messages(reading)[0]


def test_at_most_five_problems_are_told(tmp_path):
    reading = read(write(tmp_path, "a.json", {"articles": [{}] * 9}))
    lines = messages(reading)[0].splitlines()
    assert len(lines) == 6
    assert "and 4 more" in lines[-1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"text":\n "a",}', "a.json:2: column 6: not JSON"),
        ("[" * 200_000, "nested too deeply"),
        ('{"id": ' + "9" * 5000 + "}", "cannot be read"),
        ("{", "not JSON"),
    ],
)
def test_broken_json(tmp_path, text, says):
    assert says in messages(read(write(tmp_path, "a.json", text)))[0]


def test_twins_within_an_incident(tmp_path):
    twins = {"articles": [{"id": 1, "text": "a"}, {"id": "1", "text": "a"}]}
    (message,) = messages(read(write(tmp_path, "a.json", twins)))
    assert "articles[1]" in message
    assert "articles[0]" in message
    assert "'1'" in message
    assert "identical" in message


def test_nul_and_lone_surrogates_are_replaced(tmp_path):
    path = write(
        tmp_path, "a.json", r'{"id": "\ud800x", "text": "a\u0000b\udfffc", "title": "\ud800"}'
    )
    found = read(path).incidents[0].articles[0]
    assert (found.id, found.text, found.title) == ("\ufffdx", "a\ufffdb\ufffdc", "\ufffd")


@pytest.mark.parametrize("suffix", ["yaml", "yml"])
def test_yaml(tmp_path, suffix):
    text = "id: 3\narticles:\n- text: |\n    One.\n  published: 2013-01-31\n  id: 7\nnotes: x\n"
    (incident,) = read(write(tmp_path, f"a.{suffix}", text)).incidents
    (found,) = incident.articles
    assert (incident.id, found.id, found.published) == ("3", "7", date(2013, 1, 31))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("text: [\n", "a.yaml:2: not YAML"),
        ("text: a\npublished: 2013-13-41", "published is '2013-13-41'"),
        ("? {a: b}\n: c", "a.yaml:1: not YAML"),
        ("!!python/object/apply:os.system [x]", "not YAML"),
        ("[" * 20_000, "nested too deeply"),
        ("text: !!binary YQ==", "text is a bytes of 1"),
        ("text: !!float x", "cannot be read"),
        ("text: !!bool x", "cannot be read"),
        ("text: \x01\x02", "looks binary"),
        ("text: some long words\x01", "not YAML"),
        ("a: &a [*a]\ntext: 1", "text is 1"),
        ("--- 1\n--- 2", "not YAML"),
        ("id: " + "9" * 5000, "cannot be read"),
        ("# only a comment", "is None, and must be"),
        ("x" * 2_000_001, "larger than 2000000 bytes"),
    ],
)
def test_broken_yaml(tmp_path, text, says):
    assert says in messages(read(write(tmp_path, "a.yaml", text)))[0]


def test_json_lines_are_grouped_by_incident(tmp_path):
    rows = [
        {"id": 1, "text": "a", "incident": 9},
        {"id": 2, "text": "b", "incident": None},
        {"id": 3, "text": "c", "incident": "9"},
        {"text": "d"},
        {"id": "whole", "articles": [{"text": "e"}]},
    ]
    path = write(tmp_path, "all.jsonl", "\n\n".join(map(json.dumps, rows)))
    reading = read(path)
    ids = [(i.id, [a.id for a in i.articles]) for i in reading.incidents]
    assert ids == [("9", ["1", "3"]), ("2", ["2"]), ("all-7", ["all-7"]), ("whole", ["whole"])]


def test_broken_lines_lose_no_other(tmp_path):
    path = tmp_path / "all.jsonl"
    lines = [b'{"id": 1, "text": "a"}', b"{", b"\xff", b"5", b'{"incident": [], "text": "x"}', b""]
    path.write_bytes(b"\r\n".join([*lines, b'{"id": 2, "text": "b"}']))
    reading = read(path)
    assert [i.id for i in reading.incidents] == ["1", "2"]
    starts = [message[len(str(path)) :].split()[0] for message in messages(reading)]
    assert starts == [":2:", ":3:", ":4:", ":5:"]


def test_twins_in_json_lines(tmp_path):
    row = json.dumps({"id": 1, "text": "a", "incident": "x"})
    reading = read(write(tmp_path, "all.jsonl", f"{row}\n{row}\n"))
    assert len(reading.incidents[0].articles) == 1
    assert "all.jsonl:2: the article id '1' is already that of" in messages(reading)[0]


def test_json_lines_empty_and_marked(tmp_path):
    assert "is empty" in messages(read(write(tmp_path, "a.jsonl", "\n\n")))[0]
    (tmp_path / "b.jsonl").write_bytes('{"text": "ä"}'.encode("utf-16"))
    assert read(tmp_path / "b.jsonl").incidents[0].articles[0].text == "ä"


@pytest.mark.parametrize(
    ("data", "title"),
    [
        (b"Head\n\nBody", "Head"),
        (b' {"text": "a", "title": "T"}', "T"),
        (b'[{"text": "a", "title": "U"}]', "U"),
        ('{"text": "a", "title": "V"}'.encode("utf-16"), "V"),
    ],
)
def test_standard_input_is_sniffed(data, title):
    assert piped(data).incidents[0].articles[0].title == title


def test_standard_input_is_named():
    assert piped(b"words").incidents[0].id == "stdin"
    assert "standard input: is empty" in messages(piped(b""))[0]
    assert "there is none" in messages(read("-"))[0]
    assert "no article found" in messages(piped(b"<!DOCTYPE html><html><p>x</p></html>"))[0]


def test_files_without_a_known_suffix_are_sniffed(tmp_path):
    assert read(write(tmp_path, "a", '{"text": "a", "id": 5}')).incidents[0].id == "5"
    assert read(write(tmp_path, "b.log", "words")).incidents[0].articles[0].text == "words"


@needs_fail31
def test_the_fail_incidents_are_read_as_they_stand():
    paths = sorted((FAIL31 / "taxonomy").glob("*.json"))
    reading = read(*paths)
    assert not reading.failures
    assert [i.id for i in reading.incidents] == [p.stem for p in paths]
    assert all(i.published for i in reading.incidents)


@needs_fail31
def test_the_fail_articles_are_read_as_they_stand():
    reading = read(FAIL31 / "articles.jsonl")
    assert not reading.failures
    assert len(reading.incidents) > 10


def outcome(raw: Raw) -> Parsed | InputError:
    try:
        return parse(raw, TODAY)
    except InputError as error:
        return error


KINDS = ["text", "markdown", "html", "json", "yaml", "jsonl"]
PIECES = [
    b"---\n", b"\n---\n", b"id: ", b"{", b"}", b"[", b"]", b'"', b":", b",", b'"text"', b'"a"',
    b"\xff\xfe", b"\xef\xbb\xbf", b"<html><body>", b"<p>", b"word " * 30, b"</p>", b"\0", b"\xe9",
    b"!!int ", b"!!timestamp ", b"0b", b"&a ", b"*a", b"- ", b"? ", b"2013-01-31", b'"articles"',
    b"\\ud800", b"\n", b"<!--", b"&#0;", b"1e999", b"NaN", b"<<: ", b"!!omap ", b"!!set ", b".inf",
]  # fmt: skip
BYTES = st.binary(max_size=300) | st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=BYTES)
def test_any_bytes_give_a_result_or_an_input_error(kind, data):
    found = outcome(Raw(data, "x", "x", "x", kind))
    if isinstance(found, Parsed):
        assert [item.incident() for item in found.items] or found.failures
    else:
        assert str(found).startswith("x")
