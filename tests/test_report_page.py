"""The page of a report as HTML; test_report_pages_browser.py opens it."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from html_reports import (
    ACCENT,
    ARABIC,
    HOSTILE,
    SECOND,
    TEXT,
    articles,
    by_id,
    hostile,
    items,
    located,
    report,
    telling,
    telling_page,
)
from hypothesis import given as given_values
from hypothesis import strategies as st
from reports import FAIL, answered, found
from scripted import RECIPES
from test_eval_page import Page

from classifier.records import Article, ConfidenceOrigin, Evidence, Finding, Item
from classifier.render.html import Correcting, report_html
from classifier.render.html.kit import data_block, link, origin
from classifier.render.html.marking import Mark, cut, whole_signs
from classifier.render.html.texts import NOTES
from classifier.taxonomy import load_taxonomy


def data_of(page: str) -> dict[str, object]:
    block = re.search('<script type="application/json" id="report-data">(.*?)</script>', page, re.S)
    assert block
    return dict(json.loads(block[1]))


def test_a_page_is_in_the_order_of_the_seed() -> None:
    page = telling_page()
    heads = re.findall("<h[12][^>]*>(?:<bdi>)?([^<]+)", page)
    told = [
        "The shuttle that fell silent",
        "Postmortem Analysis",
        *(s.title for s in FAIL.sections),
    ]
    assert [h for h in heads if h in told] == told
    assert heads[len(told) :][:2] == ["Further categories", "Sources"]


def test_the_policy_allows_the_pages_own_blocks_and_nothing_else() -> None:
    text = telling_page()
    page = Page(text)
    [policy] = [
        m["content"] for m in page.all("meta") if m.get("http-equiv", "").startswith("Content")
    ]
    script = text.rpartition("<script>")[2].partition("</script>")[0]
    for kind, block in (("style", page.blocks["style"]), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in (policy or "")
    assert "default-src 'none'" in (policy or "")
    assert "connect-src" not in (policy or "")


def test_a_page_that_saves_may_reach_one_address_alone() -> None:
    saving = Correcting("http://127.0.0.1:8123/gold?x=;script-src *", "token", "Ada")
    page = report_html(telling(), FAIL, by_id(articles()), correcting=saving)
    assert "connect-src http://127.0.0.1:8123; base-uri" in page
    assert data_of(page)["correcting"] == {
        "save_url": saving.save_url, "token": "token", "annotator": "Ada",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("/gold", "'self'"),
        ("http://[::1]:80/gold", "http://[::1]:80"),
        ("https://a.example;script-src *", "'self'"),
    ],
)
def test_what_a_policy_says_of_an_address(url: str, allowed: str) -> None:
    assert origin(url) == allowed


def test_the_data_for_scripts_is_whole() -> None:
    data = data_of(telling_page())
    assert data["report"] == telling().model_dump(mode="json")
    assert [a["text"] for a in data["articles"]] == [TEXT, SECOND]  # type: ignore[attr-defined]
    categories = data["taxonomy"]["categories"]  # type: ignore[index]
    assert [c["name"] for c in categories] == list(FAIL.categories)
    assert {"label", "options", "select", "gate"} <= set(categories[0])


@given_values(
    st.text() | st.sampled_from(["</script>", "<!--<script>", "\u2028", "\ud800", "&lt;"])
)
def test_data_comes_back_and_ends_no_block(text: str) -> None:
    block = data_block({"text": text})
    assert json.loads(block) == {"text": text}
    assert not re.search("[<>&\u2028\u2029\ud800-\udfff]", block)


def marked(page: str) -> list[str]:
    """The texts of the marks, without their tags."""
    return re.findall("<mark [^>]*>([^<]*)</mark>", page)


def test_marks_stand_where_the_quotes_do_in_any_script() -> None:
    page = telling_page()
    assert ARABIC in marked(page)
    assert ACCENT in marked(page)
    text = re.search('<div class="text"[^>]*>(.*?)</div>', page, re.S)
    assert text
    assert re.sub("<[^>]+>", "", text[1]) == TEXT


@pytest.mark.parametrize("sign", ["e\u0301", "👩‍🚀", "🇩🇪", "நி"])
def test_a_mark_never_parts_a_sign(sign: str) -> None:
    text = f"a{sign}b{sign}c"
    first, second = 1, 2 + len(sign)
    marks = whole_signs(text, [Mark(first + 1, second + 1, "q")])
    assert [p.text for p in cut(text, marks) if p.kinds] == [f"{sign}b{sign}"]


def test_overlapping_quotes_share_the_passage_between_them() -> None:
    article = Article(id="1", text="one two three four")
    spans = ((0, 13), (4, 18))
    both = [
        Evidence(article_id="1", quote=article.text[a:b], start=a, end=b, match="exact")
        for a, b in spans
    ]
    made = report((article,), phase=answered(found("design", evidence=tuple(both))))
    page = report_html(made, FAIL, {"1": article})
    assert re.findall('<mark id="[^"]+" data-quotes="([^"]+)"[^>]*>([^<]*)', page) == [
        ("q1", "one "), ("q1 q2", "two three"), ("q2", " four"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "note"),
    [
        ({}, NOTES["missing"]),
        ({"101": Article(id="101", text=f"{TEXT} changed")}, NOTES["changed"]),
    ],
)
def test_another_text_is_said_and_never_marked(given: dict[str, Article], note: str) -> None:
    page = report_html(telling(), FAIL, given)
    assert note in page
    assert marked(page) == []
    assert "cannot be shown: the article&#39;s text is not at hand" in page
    assert data_of(page)["articles"] == []


@pytest.mark.parametrize(("start", "end"), [(0, 10**9), (5, 5), (9, 3), (0, 12)])
def test_a_quote_at_a_wrong_place_is_not_marked(start: int, end: int) -> None:
    wrong = Evidence(article_id="101", quote="not that", start=start, end=end, match="exact")
    made = report(phase=answered(found("design", evidence=(wrong,))))
    page = report_html(made, FAIL, by_id(articles()))
    assert marked(page) == []
    assert "does not stand at the place that the report gives" in page


def test_a_quote_that_was_not_found_is_visible_without_a_click() -> None:
    page = telling_page()
    lost = re.findall(r'<li class="lost"><q[^>]*>([^<]+)</q> <strong>([^<]+)', page)
    assert lost == [
        ("words nobody ever wrote", "not found in the articles"),
        ("a sentence that is in no article", "not found in the articles"),
    ]
    assert "2 quotes, 1 not found" in page


def test_weak_evidence_is_marked_and_called_so() -> None:
    article = Article(id="1", text="one two three four")
    both = [
        Evidence(article_id="1", quote=q, start=s, end=s + 3, match="exact", support=0.1, weak=weak)
        for q, s, weak in (("one", 0, True), ("two", 4, False))
    ]
    told = {"phase": answered(found("design", evidence=(both[0],)))}
    page = report_html(report((article,), **told), FAIL, {"1": article})
    assert "1 weak quote<" in page
    assert '<small class="doubt">weak: the nearest sentence found</small>' in page
    told = {"phase": answered(found("design", evidence=tuple(both)))}
    page = report_html(report((article,), **told), FAIL, {"1": article})
    assert ("2 quotes<" in page, page.count('class="doubt"')) == (True, 1)


@pytest.mark.parametrize(("calibrated", "word"), [(True, "probability"), (False, "raw score")])
def test_only_a_calibrated_confidence_is_a_probability(calibrated: bool, word: str) -> None:
    origin = ConfidenceOrigin(source="logprobs", calibrated=calibrated)
    made = telling().model_copy(
        update={"provenance": telling().provenance.model_copy(update={"confidence": origin})}
    )
    page = report_html(made, FAIL, {})
    assert set(re.findall(r"<span>(.*) 0\.\d\d</span>", page)) == {word}


def test_what_no_article_says_is_marked_as_inferred() -> None:
    [item] = re.findall('<li class="item inferred".*?</li>', telling_page(), re.S)
    assert "inferred by the model; no article says so" in item


def test_what_was_inferred_from_a_passage_leads_to_it() -> None:
    given = articles()
    item = Item(text="Close it", inferred=True, evidence=located(given, "left the database open"))
    page = report_html(report(given, {"preventions": items(item)}), FAIL, by_id(given))
    assert re.search(r'inferred by the model, from</em>\s+<a class="claim count" href="#a1m', page)
    assert "no article says so" not in page


def test_a_report_that_lists_no_articles_says_what_it_cites() -> None:
    cited = items(Item(text="It happened in July.", articles=("80997",)))
    made = report(
        fields={"time": cited, "impacts": items(Item(text="Much [80997].", articles=("80997",)))}
    )
    made = made.model_copy(update={"incident": made.incident.model_copy(update={"articles": ()})})
    page = Page(text := report_html(made, FAIL, {}))
    assert [a.get("class") for a in page.all("aside") if "hidden" in a] == ["texts"]
    assert "It happened in July. [80997]" in text
    assert text.partition("Much [80997].")[2].count("[80997]", 0, 60) == 0
    assert "This report lists no articles." in text
    assert "Click a claim" not in text


def test_an_article_named_beside_a_strange_one_keeps_its_link() -> None:
    told = items(Item(text="Much [101, 999].", articles=("101", "999")))
    page = report_html(report(fields={"impacts": told}), FAIL, by_id(articles()))
    shown = re.findall(r"Much \[101, 999\]\. \[<a [^>]*>.*?</a>\]", page)
    assert len(shown) == 1


@pytest.mark.parametrize("quote", ["left the database open", "words that nobody wrote"])
def test_only_a_claim_among_others_with_quotes_is_said_to_have_none(quote: str) -> None:
    given, none = articles(), Item(text="It fell")
    bare = report_html(report(given, {"impacts": items(none)}), FAIL, by_id(given))
    assert "No claim of this report has a quote" in bare
    assert "no quote" not in re.sub(
        "<[^>]+>", "", bare.partition("<main")[2].partition("</main>")[0]
    )
    more = items(none, Item(text="It was open", evidence=located(given, quote)))
    page = report_html(report(given, {"impacts": more}), FAIL, by_id(given))
    assert "of this report has a quote" not in page
    assert page.count('<span class="count none">no quote</span>') == 1


def test_that_nothing_is_said_about_any_option_is_said_once() -> None:
    silent = answered(Finding(option="design", applies=True, confidence=0.9))
    bare = report_html(report(phase=silent), FAIL, by_id(articles()))
    assert bare.count("No option has a rationale") == 1
    assert "has a quote" not in report_html(report(), FAIL, by_id(articles()))  # nothing holds
    assert "Nothing is said about" not in bare
    spoken = answered(Finding(option="design", applies=True), found("operation", "It was run."))
    page = report_html(report(phase=spoken), FAIL, by_id(articles()))
    assert "No option has a rationale" not in page
    assert page.count("Nothing is said about design.") == 1


def test_each_of_several_paragraphs_names_its_option() -> None:
    assert re.findall('<bdi class="letter">([^<]+)', telling_page()) == [
        "(a) design:",
        "(b) operation:",
    ]


def test_why_something_was_left_open_stands_behind_what_was_said() -> None:
    told = items(Item(text="On a Tuesday")).model_copy(update={"reason": "no day is named"})
    page = report_html(report(fields={"time": told}), FAIL, by_id(articles()))
    assert re.search("On a Tuesday.*Left open: no day is named", page, re.S)
    assert page.count("no day is named") == 2  # once as data


def test_the_audit_leads_to_its_places() -> None:
    page = telling_page()
    places = re.findall('<code>[a-z]+</code> <a href="#([^"]+)">', page)
    assert [p.rpartition("-")[0] for p in places] == ["field", "category", "article"]
    assert 'data-category="phase"' in page.partition(f'id="{places[1]}"')[2][:60]
    assert re.findall("</code> <a [^>]+><bdi>([^<]+)", page) == [
        "Impacts, item 1",
        "Phase (Design/Operation)",
        "Article 101, text",
    ]


def test_links_within_the_page_lead_somewhere() -> None:
    page = Page(telling_page())
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    assert {h[1:] for h in page.values("href") if h.startswith("#")} <= set(ids)


def test_hostile_text_stays_text() -> None:
    made, given = hostile()
    written = report_html(made, FAIL, by_id(given))
    page = Page(written)
    known = Page(telling_page()).names() | {"open"}
    assert page.names() <= known
    assert len(page.all("script")) == 2
    assert "{{ 7 * 191 }}{% raw %}" in written
    shown = re.sub("<[^>]*>", "", written.partition("</main>")[0])
    assert not re.search("[\x00\x1b\u202e]", shown)
    assert not [h for h in page.values("href") if not h.startswith(("#", "data:,"))]
    assert data_of(written)["report"] == made.model_dump(mode="json")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://a b", 'https://a"onx', "file:///etc"]
)
def test_what_is_no_web_address_is_no_link(url: str) -> None:
    assert link(url) is None


def test_another_taxonomy_has_a_page_of_its_own() -> None:
    recipes = load_taxonomy(RECIPES)
    first = next(iter(recipes.categories.values()))
    made = report(fields={"own": items(Item(text="A field that nobody knows"))}).model_copy(
        update={"categories": {first.name: answered(found(first.names[0]))}}
    )
    page = report_html(made, recipes, by_id(articles()))
    assert first.label in page
    assert "A field that nobody knows" in page


def test_a_category_that_the_taxonomy_lacks_is_shown_all_the_same() -> None:
    made = telling()
    categories = {**made.categories, "gone": answered(found("left_over", "It was asked once."))}
    page = report_html(made.model_copy(update={"categories": categories}), FAIL, {})
    assert 'data-category="gone"' in page
    assert "It was asked once." in page


def test_control_characters_of_an_article_are_replaced_in_their_place() -> None:
    article = Article(id="1", text="a\x00b \x1b c")
    evidence = Evidence(article_id="1", quote="b", start=2, end=3, match="exact")
    page = report_html(
        report((article,), phase=answered(found("design", evidence=(evidence,)))),
        FAIL,
        {"1": article},
    )
    assert re.search("a\ufffd<mark [^>]*>b</mark> \ufffd c", page)
    assert HOSTILE not in page
