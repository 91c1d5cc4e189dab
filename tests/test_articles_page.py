"""HTML pages: what is taken from them, and what is refused. All texts are invented."""

from datetime import date
from pathlib import Path

import pytest

from classifier.articles import Reading, ReadOptions, read_incidents
from classifier.articles.page import words

TODAY = date(2026, 1, 1)
BODY = "".join(
    f"<p>On day {n} the bank's payments stopped, and its engineers found that a timer in a small "
    "program had overflowed after a long weekend without a restart.</p>"
    for n in range(5)
)
PAGE = f"""<!doctype html><html><head><title>Bank down - The Example</title>
<meta property="og:site_name" content="The Example">
<meta property="article:published_time" content="2024-02-03T10:00:00Z">
<link rel="canonical" href="https://example.org/bank"></head>
<body><nav><a href="/">Home</a></nav><article><h1>Bank down</h1>{BODY}</article></body></html>"""


def read_page(folder: Path, content: str | bytes, name: str = "p.html") -> Reading:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_incidents([str(path)], ReadOptions(today=TODAY))


def failure(reading: Reading) -> str:
    assert not reading.incidents
    return str(reading.failures[0][1])


@pytest.mark.parametrize("name", ["p.html", "p.htm", "p.xhtml", "p.page"])
def test_a_page_is_an_article(tmp_path, name):
    ((incident,), failures) = (r := read_page(tmp_path, PAGE, name)).incidents, r.failures
    found = incident.articles[0]
    assert not failures
    assert (found.id, found.title, found.source) == ("p", "Bank down", "The Example")
    assert (found.published, found.url) == (date(2024, 2, 3), "https://example.org/bank")
    assert "On day 4 the bank's payments stopped" in found.text
    assert "Home" not in found.text


@pytest.mark.parametrize("charset", ["utf-16", "utf-8-sig", "latin-1"])
def test_charsets_of_pages(tmp_path, charset):
    page = PAGE.replace("bank's", "Münchner Bank's")
    found = read_page(tmp_path, page.encode(charset)).incidents[0].articles[0]
    assert "the Münchner Bank's payments" in found.text


@pytest.mark.parametrize("charset", ["windows-1251", "KOI8-R", "iso-8859-1", "utf-8"])
def test_declared_charsets_of_pages(tmp_path, charset):
    word = "Größe" if charset == "iso-8859-1" else "Банк"
    page = PAGE.replace("<head>", f'<head><meta charset="{charset}">').replace("bank's", word)
    data = page.encode(charset) + (b"\xff" if charset == "utf-8" else b"")
    assert f"the {word} payments" in read_page(tmp_path, data).incidents[0].articles[0].text


def test_a_near_future_date_is_left_for_the_audit(tmp_path):
    found = read_page(tmp_path, PAGE.replace("2024-02-03", "2026-11-30")).incidents[0].articles[0]
    assert found.published == date(2026, 11, 30)


@pytest.mark.parametrize(
    "page",
    [
        "<html><body><nav><a href='/'>Home</a> <a href='/news'>News</a></nav></body></html>",
        "<html><body><p>Subscribe to read this article.</p></body></html>",
        "<html><body><script>render()</script></body></html>",
        "<html></html>",
    ],
)
def test_pages_without_an_article(tmp_path, page):
    message = failure(read_page(tmp_path, page))
    assert "no article found on this page" in message
    assert ".txt" in message


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("<p>a" * 40_001, "has 40001 HTML elements"),
        ("<html>" + " " * 5_000_000, "larger than 5000000 bytes"),
        (b"<html>\0</html>", "looks binary"),
        (b"", "is empty"),
    ],
)
def test_hostile_pages(tmp_path, page, says):
    assert says in failure(read_page(tmp_path, page))


def test_deep_nesting_ends_in_a_result_or_an_error(tmp_path):
    reading = read_page(tmp_path, "<html><body>" + "<div>" * 39_000 + BODY)
    assert len(reading.incidents) + len(reading.failures) == 1


@pytest.mark.parametrize(("text", "count"), [("", 0), ("one two", 2), ("銀行の決済", 3)])
def test_words(text, count):
    assert words(text) == count
