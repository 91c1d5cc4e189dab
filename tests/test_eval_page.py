"""The pages of scores and comparisons as HTML; test_eval_page_browser.py opens them."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pages import FLIPS, QUOTE, comparison, evidence, flip, gold, hostile_pages, plain_pages

from classifier.errors import InputError
from classifier.records import Evidence
from eval.figures import Figure
from eval.gold import Gold
from eval.render.drawing import bar, reach, whisker
from eval.render.flip_views import flip_views
from eval.render.marking import Kind, Mark, cut
from eval.render.page import comparison_page

PAGES = pytest.mark.parametrize("at", [0, 1], ids=["score", "comparison"])


class Page(HTMLParser):
    """The elements of a page with their attributes, and the text of style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:
            self.blocks[self.cdata_elem] = self.blocks.get(self.cdata_elem, "") + data

    def names(self) -> set[str]:
        """The names of all elements and attributes."""
        return {name for tag, attributes in self.elements for name in (tag, *attributes)}

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def values(self, attribute: str) -> list[str]:
        return [a[attribute] or "" for _, a in self.elements if attribute in a]


@PAGES
def test_the_policy_allows_the_pages_own_blocks_and_nothing_else(at: int) -> None:
    page = Page(plain_pages()[at])
    [policy] = [m["content"] for m in page.all("meta") if "http-equiv" in m and "content" in m][:1]
    allowed = dict(part.strip().split(" ", 1) for part in (policy or "").split(";"))
    for kind in ("style", "script"):
        digest = hashlib.sha256(page.blocks[kind].encode()).digest()
        assert allowed.pop(f"{kind}-src") == f"'sha256-{base64.b64encode(digest).decode()}'"
    rest = {"base-uri": "'none'", "form-action": "'none'", "img-src": "data:"}
    assert allowed == {"default-src": "'none'", **rest}


@PAGES
def test_a_page_loads_nothing_and_has_no_code_in_attributes(at: int) -> None:
    page = Page(plain_pages()[at])
    attributes = {name for _, of in page.elements for name in of}
    assert not [name for name in attributes if name.startswith("on")]
    assert not attributes & {"style", "src", "srcset"}
    assert [link["href"] for link in page.all("link")] == ["data:,"]


@PAGES
def test_links_within_a_page_lead_somewhere(at: int) -> None:
    page = Page(plain_pages()[at])
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    assert {h[1:] for h in page.values("href") if h.startswith("#")} <= set(ids)


@PAGES
def test_headings_are_in_order_and_tables_have_captions(at: int) -> None:
    page = Page(plain_pages()[at])
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table")) > 0


@PAGES
def test_hostile_text_stays_text(at: int) -> None:
    written, plain = hostile_pages()[at], plain_pages()[at]
    page = Page(written)
    assert page.names() <= Page(plain).names()
    assert len(page.all("script")) == 1
    assert "{{ 7 * 191 }}{% raw %}" in written
    assert not re.search("[\x00\x1b]", written)
    assert not [h for h in page.values("href") if h.startswith("javascript")]


def test_what_no_page_can_hold_is_replaced_in_its_place() -> None:
    text = "a\x00b\ud800c"
    [one] = gold().incidents
    # Records refuse a lone surrogate where they are made, and let it be where they are copied.
    article = one.articles[0].model_copy(update={"text": text})
    labelled = Gold((one.model_copy(update={"articles": (article,)}),), "x")
    page = comparison_page(comparison(flip(evidence_after=(evidence("b", text),))), labelled)
    assert re.search('a\ufffd<mark class="after"[^>]*>b</mark>\ufffdc', page)
    assert page.encode("utf-8")


def test_figures_that_are_not_defined_are_dashes_and_minus_is_a_minus() -> None:
    page = comparison_page(comparison(), gold())
    assert '<span class="value">–</span>' in page
    assert "−0.250" in page
    assert "&lt; 0.001" in page
    assert "too few to tell (about 12 more)" in page


def test_another_gold_is_refused() -> None:
    labelled = gold()
    told = comparison(*FLIPS, gold_fingerprint=labelled.fingerprint)
    assert comparison_page(told, labelled)
    with pytest.raises(InputError, match="is not the one that was scored"):
        comparison_page(told, gold("another text"))


MARKS = st.lists(
    st.tuples(
        st.integers(0, 11), st.integers(1, 12), st.sampled_from(["people", "before", "after"])
    )
)


@given(st.text(min_size=12, max_size=12), MARKS)
def test_pieces_make_up_the_text_and_know_what_covers_them(
    text: str, drawn: list[tuple[int, int, Kind]]
) -> None:
    marks = [Mark(start, min(12, start + length), kind) for start, length, kind in drawn]
    pieces = cut(text, marks)
    assert "".join(p.text for p in pieces) == text
    for piece in pieces:
        for place in range(piece.start, piece.end):
            assert set(piece.kinds) == {m.kind for m in marks if m.start <= place < m.end}
        assert set(piece.begins) == {m.kind for m in marks if m.start == piece.start}


def test_overlapping_quotes_share_a_mark() -> None:
    [view, *_] = flip_views(FLIPS, {"side": 0, "other": 1}, gold())
    pieces = [(p.piece.text, p.piece.kinds) for p in view.articles[0].pieces if p.id]
    assert pieces == [
        ("Ein Café", ("after",)),
        (QUOTE, ("people",)),
        ("Beginning, ", ("before",)),
        ("middle", ("before", "after")),
        (" and end", ("after",)),
    ]
    ids = [p.id for p in view.articles[0].pieces]
    [quote] = [q for q in view.quotes if q.text == "Beginning, middle"]
    assert ids.index(quote.last) == ids.index(quote.first) + 1


def test_an_offset_beyond_the_article_marks_nothing() -> None:
    beyond = Evidence(article_id="a1", quote="x", start=5, end=10_000, match="exact")
    [view] = flip_views([flip(evidence_after=(beyond,))], {"side": 0}, gold(quotes=()))
    assert [q.first for q in view.quotes] == [None]
    assert not view.articles[0].marked


def test_a_flip_of_an_incident_that_the_gold_lacks() -> None:
    page = comparison_page(comparison(flip("elsewhere")), gold())
    assert "The gold lacks this incident." in page


def test_articles_are_left_out_where_they_would_be_too_many() -> None:
    one = sum(len(a.text) for a in gold().incidents[0].articles)
    views = list(flip_views(FLIPS, {"side": 0, "other": 1}, gold(), budget=one))
    assert [len(v.articles) for v in views] == [2, 0, 0]
    assert "too large" in views[1].missing
    assert len(views[1].quotes) == 1


def places(drawing: str) -> list[float]:
    return [float(x) for x in re.findall(r'\b(?:c?x|x1|x2)="([\d.-]+)"', drawing)]


def test_a_bar_stays_within_its_drawing() -> None:
    wild = Figure(value=1.5, low=-3, high=9)
    assert {4.0, 80.0} == set(places(bar(wild)))
    assert bar(Figure()) == whisker(Figure(), 1.0) == ""


def test_a_whisker_stands_around_zero() -> None:
    drawn = places(whisker(Figure(value=0.1, low=-0.1, high=0.2), 0.2))
    assert drawn == [4, 80, 42, 42, 23, 80, 61]  # track, zero, interval, dot
    assert reach([Figure(value=0.1, low=-0.13, high=0.2), Figure()]) == 0.2
