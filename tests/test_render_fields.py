"""Open fields as text: items with citations and quotes, what is inferred, and dates."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import pytest
from markdown_it import MarkdownIt
from reports import FAIL, lost, quoted, report

from classifier.records import FieldAnswer, Item, Report, When
from classifier.render import to_json, to_markdown, to_terminal

WHEN = When(
    clue="last November",
    start=date(2018, 11, 1),
    end=date(2018, 11, 30),
    counted_from=date(2019, 2, 13),
    arithmetic="published 2019-02-13 (Wednesday); 'last November' is the November before: "
    "2018-11-01 to 2018-11-30",
)
HOSTILE = "\x1b[31mred\x07\u202e\n# [x](http://e) <b>*y*</b>"


def answered(*items: Item, **more: Any) -> FieldAnswer:
    return FieldAnswer(status="answered", items=items, **more)


def item(text: str = "It was left open.", **more: Any) -> Item:
    return Item(**{"text": text, "articles": ("80997",), "evidence": (quoted(),)} | more)


def made(**fields: FieldAnswer) -> Report:
    return report().model_copy(update={"fields": fields})


def terminal(**fields: FieldAnswer) -> str:
    return to_terminal(made(**fields), FAIL, width=200)


def html(**fields: FieldAnswer) -> str:
    return MarkdownIt().render(to_markdown(made(**fields), FAIL))


def test_items_are_numbered_with_citations_and_quotes() -> None:
    shown = terminal(impacts=answered(item(), item("It was sold.")))
    assert "Impacts:\n    1. It was left open [80997].\n" in shown
    assert "        “left its database exposed online” [80997:40-72]\n" in shown
    assert "    2. It was sold [80997].\n" in shown


def test_the_fields_stand_before_the_categories() -> None:
    shown = terminal(impacts=answered(item()))
    assert shown.index("Postmortem Analysis") < shown.index("Impacts") < shown.index("Recurring")
    text = html(impacts=answered(item()))
    assert text.index("Postmortem Analysis") < text.index("Impacts") < text.index("Recurring")


def test_a_quote_that_was_not_found_is_visibly_so() -> None:
    field = answered(item(evidence=(lost(),), articles=()))
    assert "“words that nobody wrote” not found in the articles" in terminal(impacts=field)
    assert "<strong>not found in the articles</strong>" in html(impacts=field)


def test_what_is_inferred_is_marked() -> None:
    field = answered(item(inferred=True), item("Stated."))
    assert "1. (inferred) It was left open" in terminal(fixes=field)
    assert "(inferred) It was left open" in html(fixes=field)
    assert html(fixes=field).count("(inferred)") == 1


def test_a_date_has_its_interval_and_arithmetic() -> None:
    field = answered(item(when=WHEN))
    assert f"        {WHEN.arithmetic}\n" in terminal(time=field)
    assert "is the November before: 2018-11-01 to 2018-11-30" in html(time=field)


@pytest.mark.parametrize(("end", "shown"), [(30, "2018-11-01 to 2018-11-30"), (1, "2018-11-01")])
def test_a_date_that_others_reckoned_has_its_interval(end: int, shown: str) -> None:
    when = WHEN.model_copy(update={"arithmetic": "", "end": date(2018, 11, end)})
    assert f"'last November': {shown}\n" in terminal(time=answered(item(when=when)))


def test_a_text_has_no_number() -> None:
    shown = terminal(summary=answered(Item(text="All was open.")))
    assert "Summary:\n    All was open.\n" in shown


def test_the_heading_is_the_title_and_no_field() -> None:
    shown = terminal(title=answered(Item(text="A firm left all open")))
    assert "Title:" not in shown
    assert "A firm left all open" not in shown.partition("\n")[2]


def test_unknown_and_failed_are_told_with_the_reason() -> None:
    failed = FieldAnswer(status="failed", reason="it is not valid JSON")
    shown = terminal(system=FieldAnswer(status="unknown"), fixes=failed)
    assert "System: unknown\n" in shown
    assert "Fixes: failed\n    it is not valid JSON\n" in shown
    assert "<h3>Fixes: failed</h3>\n<p>it is not valid JSON</p>" in html(fixes=failed)


def test_what_is_missing_of_an_answer_is_told() -> None:
    field = answered(item(), reason="'then' is not resolved")
    assert "    'then' is not resolved\n" in terminal(time=field)


def test_a_field_that_the_taxonomy_does_not_know_has_its_name() -> None:
    assert "weather:\n    1. Rain [80997].\n" in terminal(weather=answered(item("Rain.")))


def test_fields_of_a_taxonomy_that_has_none() -> None:
    bare = FAIL.without_fields()
    shown = to_terminal(made(weather=answered(item("Rain."))), bare, width=200)
    assert "Open fields" in shown
    assert "weather:" in shown


def test_a_report_without_fields_has_no_such_part() -> None:
    assert "Postmortem" not in terminal()
    assert "Postmortem" not in html()


def test_the_words_before_the_first_item_are_there() -> None:
    field = answered(item(), lead="What failed is:")
    assert "Impacts: What failed is:\n" in terminal(impacts=field)
    assert "<p>What failed is:</p>" in html(impacts=field)


def test_json_has_all_of_it() -> None:
    told = json.loads(to_json(made(time=answered(item(when=WHEN))), FAIL))
    assert told["fields"]["time"]["items"][0]["when"]["clue"] == "last November"
    assert told["fields"]["time"]["status"] == "answered"


def test_nothing_of_a_model_steers_a_terminal_or_is_markup() -> None:
    when = WHEN.model_copy(update={"clue": HOSTILE, "arithmetic": HOSTILE})
    field = answered(item(HOSTILE, when=when, evidence=(lost(HOSTILE),)), lead=HOSTILE,
                     reason=HOSTILE)  # fmt: skip
    shown = terminal(impacts=field, **{HOSTILE: field})
    assert {c for c in shown if not c.isprintable() and c != "\n"} == set()
    text = html(impacts=field, **{HOSTILE: field})
    assert not re.search(r"<b>|<em>y|<h1># |http://e\"", text)
