"""Reports as text: the seed's page, Markdown without foreign markup, the terminal at any width."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from reports import FAIL, FALSE, answered, found, full, lost, quoted, report
from rich.cells import cell_len

from classifier.records import ConfidenceOrigin, Decision, Report
from classifier.render import FORMATS, to_json, to_markdown, to_page, to_terminal
from classifier.render.text import one_line

SNAPSHOTS = Path(__file__).parent / "snapshots"
SEED = Path(__file__).parents[2] / "shared" / "seed" / "000_a18f95dd12cf0c26.txt"
HOSTILE = "\x1b[31mred\x07\x9b1m\u202etxt\u2066\n\r\x00end"
MARKUP = (
    "# x",
    "## x ##",
    "![](http://e)",
    "[a](http://e)",
    "<script>alert(1)</script>",
    "<!-- x",
    "| a | b |",
    "`x`",
    "```x",
    "~~~",
    "- x",
    "+ x",
    "* x",
    "---",
    "===",
    "1. x",
    "12) x",
    "> x",
    "*x* __y__ ~~z~~",
    "&lt;b&gt;&#42;",
    "[1]: http://e",
    "a\\",
    "    x",
)


@pytest.mark.parametrize("form", [to_markdown, to_terminal])
def test_weak_evidence_is_called_so(form: Callable[..., str]) -> None:
    weak = quoted("Some").model_copy(update={"support": 0.1, "weak": True})
    one = report(phase=answered(found("design", "So.", evidence=(weak, quoted("words")))))
    assert form(one, FAIL).count("weak: the nearest sentence found") == 1


def hostile(text: str) -> Report:
    """A report with a text in every place that an article or a model fills."""
    finding = found("design", text, evidence=(quoted(text), lost(text)))
    failed = Decision(status="failed", reason=text)
    article = {"title": text, "source": text, "url": text}
    return report(title=text, article=article, phase=answered(finding), boundary=failed)


@pytest.mark.parametrize(("form", "suffix"), [("page", "txt"), ("markdown", "md")])
def test_the_forms_are_as_kept(form: str, suffix: str) -> None:
    kept = (SNAPSHOTS / f"{form}.{suffix}").read_text("utf-8")
    assert FORMATS[form](full(), FAIL) == kept


@pytest.mark.parametrize("width", [40, 100])
def test_the_terminal_is_as_kept(width: int) -> None:
    kept = (SNAPSHOTS / f"terminal-{width}.txt").read_text("utf-8")
    assert to_terminal(full(), FAIL, width=width) == kept


def skeleton(page: str) -> list[str]:
    """The page without its content: headings, heads of columns, blank lines, labels of rows."""
    labels = sorted((c.label for c in FAIL.categories.values()), key=len, reverse=True)
    fixed = {"Postmortem Analysis", "Sources", "Back to List", ""}
    fixed |= {s.title for s in FAIL.sections} | {" ".join(s.columns) for s in FAIL.sections}
    kept = []
    for line in page.splitlines():
        label = next((x for x in labels if line.startswith(f"{x} ")), None)
        head = re.match(r"Incident: |Published Date: \d{4}-\d\d-\d\d$", line)
        kept += [line] if line in fixed else [head[0]] if head else [label] if label else []
    return kept


def test_the_page_has_the_skeleton_of_the_seed() -> None:
    if not SEED.is_file():
        pytest.skip("../shared holds the seed page, and is not there")
    seed, sources = skeleton(SEED.read_text("utf-8")), ["[80997] Exposed Database of SenseNets"]
    page = to_page(report(article={"url": ""}), FAIL)
    assert [x for x in page.splitlines() if x.startswith("[")] == sources
    assert skeleton(page) == seed


def test_rows_of_the_seed_come_out_letter_by_letter() -> None:
    if not SEED.is_file():
        pytest.skip("../shared holds the seed page, and is not there")
    rows = SEED.read_text("utf-8").splitlines()
    [row] = [x for x in rows if x.startswith("Objective")]
    rationale = row.partition("(a) ")[2]
    page = to_page(report(objective=answered(found("malicious", rationale))), FAIL).splitlines()
    assert row in page
    assert [x for x in page if x.endswith(" None None")] == [
        x for x in rows if x.endswith(" None None")
    ]


def page_row(decision: Decision) -> str:
    page = to_page(report(phase=decision), FAIL).splitlines()
    [row] = [x for x in page if x.startswith("Phase (Design/Operation) ")]
    return row.removeprefix("Phase (Design/Operation) ")


def test_a_row_has_a_paragraph_for_each_option_it_speaks_of() -> None:
    both = answered(found("design", "Why."), found("operation", "Why not.", applies=False))
    assert page_row(both) == "design (a) Why. (b) Why not."


def test_a_row_of_two_options() -> None:
    both = answered(found("design", "Why."), found("operation", "Too."))
    assert page_row(both) == "design, operation (a) Why. (b) Too."


def test_a_failed_row_says_why() -> None:
    assert page_row(Decision(status="failed", reason="it is\nno JSON")) == "failed it is no JSON"


def test_an_unknown_row() -> None:
    unknown = Decision(options=("unknown",), status="unknown", rationale="Nobody says.")
    assert page_row(unknown) == "unknown Nobody says."


def test_false_is_the_opposite_and_not_the_none_of_a_closed_gate() -> None:
    assert "Kind of system: digital\n" in to_terminal(report(cps=FALSE), FAIL)
    assert "Perception: None\n" in to_terminal(report(), FAIL)


def test_an_option_that_the_taxonomy_has_no_more() -> None:
    assert page_row(answered(found("gone", "Why."))) == "gone (?) Why."


def test_a_paragraph_without_words_has_its_citation() -> None:
    assert page_row(answered(found("design", "", evidence=(quoted(),)))) == "design (a) [80997]"


@pytest.mark.parametrize("form", list(FORMATS))
def test_nothing_foreign_reaches_a_terminal_raw(form: str) -> None:
    text = FORMATS[form](hostile(HOSTILE), FAIL)
    assert {c for c in text if not c.isprintable() and c != "\n"} == set()
    assert "end" in text


@pytest.mark.parametrize("text", [HOSTILE, "\u2028\x85\ufeff\u200e", 'a"\\\u009b'])
def test_json_is_the_same_after_escaping(text: str) -> None:
    made = hostile(text)
    assert Report.model_validate_json(to_json(made, FAIL)) == made


@pytest.mark.parametrize(
    ("text", "line"),
    [("a \u200b b", "a b"), ("a\n\tb ", "a b"), ("\u202eabc", "abc"), ("👩\u200d🚀", "👩\u200d🚀")],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


def parsed(text: str) -> list[Any]:
    """The tokens of a Markdown text, those within lines included."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    return [t for token in tokens for t in (token, *(token.children or ()))]


def shape(text: str) -> list[str]:
    """What is markup in a Markdown text."""
    plain = {"text", "text_special"}
    return [token.type for token in parsed(text) if token.type not in plain]


@pytest.mark.parametrize("text", MARKUP)
def test_nothing_foreign_is_markup(text: str) -> None:
    assert shape(to_markdown(hostile(text), FAIL)) == shape(to_markdown(hostile("x"), FAIL))


@pytest.mark.parametrize("text", MARKUP)
def test_markdown_shows_the_text_as_it_is(text: str) -> None:
    title = parsed(to_markdown(hostile(text), FAIL))[1]
    assert "".join(t.content for t in title.children) == one_line(text)


def test_bare_addresses_are_no_links_on_github() -> None:
    text = to_markdown(hostile("see https://evil.example and www.evil.example"), FAIL)
    assert "https://" not in text
    assert "www." not in text


def test_the_address_of_an_article_is_a_link() -> None:
    links = [t for t in parsed(to_markdown(report(), FAIL)) if t.type == "link_open"]
    assert [link.attrs["href"] for link in links] == ["https://news.example/a_b"]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://e/ <b>", "https://e/>x"])
def test_another_address_is_text(url: str) -> None:
    assert "link_open" not in shape(to_markdown(report(article={"url": url}), FAIL))


def test_a_long_quote_stays_one_quote() -> None:
    text = to_markdown(report(phase=answered(found("design", evidence=(lost("w " * 5000),)))), FAIL)
    assert text.count("\n> ") == 2
    assert "**not found in the articles**" in text


def test_markdown_says_which_options_do_not_apply() -> None:
    text = to_markdown(full(), FAIL)
    assert "**(b) multiple\\_organization**, does not apply: No other firm" in text


WIDE = "日本の鉄道会社は信号のソフトウェアが故障したと発表した🚆👩‍💻。" * 5


@pytest.mark.parametrize("width", [40, 41, 80, 110])
@pytest.mark.parametrize("text", [WIDE, "x" * 300, "word " * 100])
def test_no_line_is_wider_than_the_terminal(width: int, text: str) -> None:
    lines = to_terminal(hostile(text), FAIL, width=width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert [line for line in lines if line != line.rstrip()] == []


def test_no_colour_unless_it_is_wanted() -> None:
    assert "\x1b" not in to_terminal(full(), FAIL)
    assert "\x1b[" in to_terminal(full(), FAIL, colour=True)


def test_the_environment_does_not_change_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    before = to_terminal(full(), FAIL, width=60)
    for name, value in (("COLUMNS", "20"), ("FORCE_COLOR", "1"), ("TTY_COMPATIBLE", "1")):
        monkeypatch.setenv(name, value)
    assert to_terminal(full(), FAIL, width=60) == before


def test_rich_markup_of_an_article_is_text() -> None:
    text = to_terminal(hostile("[bold red]x[/] :smile:"), FAIL, width=100)
    assert "Incident: [bold red]x[/] :smile:\n" in text


def test_a_quote_that_was_not_found_is_marked() -> None:
    text = to_terminal(report(phase=answered(found("design", evidence=(lost(),)))), FAIL)
    assert "“words that nobody wrote” not found in the articles\n" in text


def test_only_uncalibrated_confidences_are_called_so() -> None:
    wild = ConfidenceOrigin(source="logprobs")
    tame = ConfidenceOrigin(source="logprobs", calibrated=True)
    texts = [to_terminal(report(confidence=c), FAIL) for c in (wild, tame, ConfidenceOrigin())]
    assert [text.count("uncalibrated") for text in texts] == [1, 0, 0]


def test_the_schema_holds_for_what_is_printed() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(__file__).parents[1] / "docs/report.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(to_json(full(), FAIL)), schema)
