"""Text and Markdown files, decoding, and what is wrong with files."""

import codecs
from datetime import date
from pathlib import Path

import pytest

from classifier.articles import Reading, ReadOptions, read_incidents
from classifier.articles.dates import as_day
from classifier.articles.decoding import decode
from classifier.articles.files import explained
from classifier.articles.naming import file_id, shown, url_id
from classifier.articles.plain import headline
from classifier.errors import ConfigurationError, InputError

TODAY = date(2026, 1, 1)


def read(*sources: object, **options: object) -> Reading:
    return read_incidents([str(s) for s in sources], ReadOptions(today=TODAY, **options))


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def article(reading: Reading):
    assert not reading.failures
    return reading.incidents[0].articles[0]


def failure(reading: Reading) -> str:
    assert not reading.incidents
    return str(reading.failures[0][1])


def test_a_text_file_is_an_incident_of_its_own(tmp_path):
    reading = read(write(tmp_path, "bank.txt", "A bank stops\n\nThe clock overflowed.\n"))
    found = article(reading)
    assert (found.id, found.title) == ("bank", "A bank stops")
    assert found.text == "A bank stops\n\nThe clock overflowed."
    assert (reading.incidents[0].id, reading.incidents[0].title) == ("bank", "A bank stops")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("One line", ""),
        ("One\nTwo", ""),
        ("One\n\nTwo", "One"),
        ("One\n \t\nTwo", "One"),
        ("x" * 200 + "\n\nTwo", "x" * 200),
        ("x" * 201 + "\n\nTwo", ""),
    ],
)
def test_headline(text, title):
    assert headline(text) == title


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("coûté", "cp1252"),
        ("La mise à jour a coûté cher : les caisses étaient bloquées dès le matin.", "cp1252"),
        ("L’opérateur a dû s’excuser. Où était la sauvegarde ? Le coût : 3 M€.", "cp1252"),
        ("El sistema de pagos falló el martes por la mañana, según la compañía.", "cp1252"),
        ("Die Behörde prüft, ob die Störung größere Schäden verursachte.", "cp1252"),
        ("A atualização não havia sido testada, disse a empresa às lojas.", "cp1252"),
        ("System płatności przestał działać we wtorek. Świadkowie mówią o kolejkach.", "cp1250"),
        ("System płatności przestał działać we wtorek. Świadkowie mówią o kolejkach.", "latin2"),
        ("Platební systém v úterý ráno selhal po chybné aktualizaci, uvedla firma.", "cp1250"),
        ("A fizetési rendszer leállt; a vevők idegesen tűrték a hibás frissítést.", "cp1250"),
        ("Ödeme sistemi salı sabahı hatalı bir güncellemeden sonra durdu, dedi şirket.", "cp1254"),
        ("Mokėjimų sistema antradienio rytą sustojo po klaidingo atnaujinimo.", "cp1257"),
        ("Платёжная система вышла из строя после обновления, сообщили инженеры.", "cp1251"),
        ("Το σύστημα πληρωμών σταμάτησε την Τρίτη μετά από λανθασμένη ενημέρωση.", "cp1253"),
    ],
)
def test_a_charset_is_told_by_the_language(text, charset):
    assert decode(text.encode(charset), "x") == text


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_decoded(charset):
    assert decode("Größe — 停止".encode(charset), "x") == "Größe — 停止"


def test_big_endian_mark():
    assert decode(codecs.BOM_UTF16_BE + "ä".encode("utf-16-be"), "x") == "ä"


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        ("The café’s clock overflowed — “never again”, said André Müller of the bank.", "cp1252"),
        ("Café closed", "latin-1"),
        ("Платёжная система вышла из строя после обновления, сообщили инженеры.", "cp1251"),
        ("銀行の決済システムは、火曜日の朝に誤った更新の後で停止した。", "shift_jis"),
    ],
)
def test_other_charsets_are_detected(text, charset):
    assert decode(text.encode(charset), "x") == text


def test_a_charset_is_detected_far_into_a_file():
    text = "plain words here\n" * 20_000 + "Le système est tombé en panne, c’était prévu.\n"
    assert decode(text.encode("cp1252"), "x") == text


@pytest.mark.parametrize("data", [b"", b" \n\t", b"\xef\xbb\xbf", codecs.BOM_UTF16_LE])
def test_empty(tmp_path, data):
    assert "is empty" in failure(read(write(tmp_path, "a.txt", data)))


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04\0\0", b"%PDF-1.7 text", b"\x01\x02\x03\x04ab", b"word \0 word"]
)
def test_binary(tmp_path, data):
    assert "looks binary" in failure(read(write(tmp_path, "a.txt", data)))


def test_undecodable(tmp_path):
    data = bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D, 0xFF]) * 3 + bytes(range(0x80, 0x100))
    assert "Save it as UTF-8" in failure(read(write(tmp_path, "a.txt", data)))


def test_only_newlines_are_normalised(tmp_path):
    found = article(read(write(tmp_path, "a.txt", "  a\r\nb\rc\n\u2028d\u00a0 ‘e’\x0cf  ")))
    assert found.text == "a\nb\nc\n\u2028d\u00a0 ‘e’\x0cf"


def test_missing_file_and_folder(tmp_path):
    assert "no such file" in failure(read(tmp_path / "none.txt"))
    assert "is a folder" in failure(read(tmp_path))
    assert "cannot be read" in failure(read("a\0b.txt"))
    assert "cannot be read" in failure(read("x" * 5000))


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (PermissionError(), "permissions"),
        (FileNotFoundError(), "no such file"),
        (IsADirectoryError(), "classifier batch"),
        (OSError(5, "I/O"), "cannot be read"),
    ],
)
def test_errors_of_the_operating_system(error, says):
    assert says in str(explained(error, "a.txt"))


def test_hostile_names_are_shown_escaped(tmp_path):
    message = failure(read("no\x1b[31m\n\u202esuch\udcff.txt"))
    assert message.isprintable()
    assert r"\x1b[31m\n\u202esuch\udcff.txt" in message


def test_ids_from_names():
    assert file_id("/news/The day.final.txt") == "The day.final"
    assert file_id("a\x1bb\udcff.txt") == "a_b_"
    assert len(file_id("x" * 250 + ".txt")) == 200
    assert url_id("https://example.org/a/b.html") == "example-org-a-b-html"
    assert url_id("https://example.org/?id=1") != url_id("https://example.org/?id=2")
    assert len(url_id("https://example.org/" + "x" * 300)) < 100
    assert url_id("http://[")
    assert len(shown("x" * 1000)) == 300


def test_one_bad_file_loses_no_other(tmp_path):
    good = write(tmp_path, "good.txt", "words")
    reading = read(tmp_path / "none.txt", good)
    assert [i.id for i in reading.incidents] == ["good"]
    assert reading.failures[0][0] == str(tmp_path / "none.txt")


def test_too_large(tmp_path):
    path = write(tmp_path, "a.txt", "word " * 10)
    assert "larger than 49 bytes" in failure(read(path, max_bytes=49))
    assert article(read(path, max_bytes=50)).text


def test_markdown_without_front_matter(tmp_path):
    found = article(read(write(tmp_path, "a.md", "# The *day* #\n\nText with **stars**.\n")))
    assert found.title == "The *day*"
    assert found.text == "# The *day* #\n\nText with **stars**."


FRONT = """---
id: 7
date: 2013-01-31 10:00:00 +0100
source: The Example
url: https://example.org/a
tags: [ignored]
---

# Heading

Body --- with dashes
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_front_matter(tmp_path, newline):
    found = article(read(write(tmp_path, "a.markdown", FRONT.replace("\n", newline))))
    assert (found.id, found.published) == ("7", date(2013, 1, 31))
    assert (found.source, found.url) == ("The Example", "https://example.org/a")
    assert (found.title, found.text) == ("Heading", "# Heading\n\nBody --- with dashes")


@pytest.mark.parametrize(
    ("front", "says"),
    [
        ("title: [", "a.md:3: not YAML"),
        ("just words", "a.md:2: the front matter is 'just words'"),
        ("- a", "must be a mapping"),
        ("title: {a: b}", "title is a dict of 1. Write a string"),
        ("id: !!int x", "a.md:2: cannot be read"),
        ("published: yesterday", "published is 'yesterday'. Write YYYY-MM-DD"),
        ("a: " + "[" * 5000, "nested too deeply"),
    ],
)
def test_malformed_front_matter(tmp_path, front, says):
    assert says in failure(read(write(tmp_path, "a.md", f"---\n{front}\n---\nBody\n")))


def test_front_matter_is_closed_and_followed_by_text(tmp_path):
    assert "a.md:1: the front matter" in failure(read(write(tmp_path, "a.md", "---\ntitle: x\n")))
    only = write(tmp_path, "b.md", "---\ntitle: x\n---\n\n")
    assert "b.md: text is '" in failure(read(only))


@pytest.mark.parametrize(
    "value",
    ["2013-01-31", " 2013-01-31 ", "2013-01-31T23:59:59Z", "2013-01-31T01:00:00.25+02:00"],
)
def test_dates(value):
    assert as_day(value) == date(2013, 1, 31)
    assert as_day("") is as_day(None) is None


@pytest.mark.parametrize("value", ["31.1.2013", "20130131", "2013-02-30", "2013", 2013, True, []])
def test_not_dates(value):
    with pytest.raises(ValueError, match=r".+"):
        as_day(value)


def test_flags_override_the_file(tmp_path):
    path = write(tmp_path, "a.txt", "words")
    flags = {"id": "x", "title": "T", "published": TODAY, "source": "S", "url": "https://e.org"}
    reading = read(path, **flags)
    assert article(reading).model_dump(exclude={"text"}) == flags
    assert (reading.incidents[0].id, reading.incidents[0].title) == ("x", "T")


def test_flags_need_exactly_one_article(tmp_path):
    one, two = write(tmp_path, "a.txt", "a"), write(tmp_path, "b.jsonl", '{"text":"a"}\n' * 2)
    with pytest.raises(ConfigurationError, match="--title: these describe one article, and 2"):
        read(one, one, title="T")
    with pytest.raises(ConfigurationError, match="the source holds 2"):
        read(two, title="T")
    assert "no such file" in failure(read(tmp_path / "none", title="T"))


@pytest.mark.parametrize("bad", ["", " ", "x" * 201, "a\nb"])
def test_ids_in_flags_are_checked(bad):
    with pytest.raises(ConfigurationError, match="--incident is"):
        read("a.txt", one_incident=bad)
    with pytest.raises(ConfigurationError, match="--id is"):
        read("a.txt", id=bad)
    with pytest.raises(ConfigurationError, match="No article"):
        read()


def test_one_incident_joins_all_articles(tmp_path):
    paths = [write(tmp_path, f"{n}.txt", f"{n}") for n in "ab"]
    reading = read(*paths, tmp_path / "none", one_incident="week")
    assert [i.id for i in reading.incidents] == ["week"]
    assert [a.id for a in reading.incidents[0].articles] == ["a", "b"]
    assert len(reading.failures) == 1
    assert read(paths[0], one_incident="w", id="z").incidents[0].id == "w"
    assert not read(tmp_path / "none", one_incident="w").incidents


@pytest.mark.parametrize("one_incident", [None, "week"])
def test_twins_are_refused_with_both_names(tmp_path, one_incident):
    (tmp_path / "b").mkdir()
    paths = [write(tmp_path, n, "words") for n in ("a.txt", "b/a.txt")]
    reading = read(*paths, one_incident=one_incident)
    ((source, error),) = reading.failures
    assert source == str(paths[1])
    assert len(reading.incidents) == 1
    assert isinstance(error, InputError)
    assert "'a'" in str(error)
    assert all(str(path) in str(error) for path in paths)
    assert ("texts are identical" in str(error)) is bool(one_incident)
