"""The pages of scores and comparisons in a real browser: what they show, and do when clicked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import Browser, opened
from pages import FLIPS, QUOTE, TEXT, comparison, flip, gold, hostile_pages, plain_pages, score

from eval.render.page import comparison_page, score_page

PAGES = pytest.mark.parametrize("at", [0, 1], ids=["score", "comparison"])


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with opened(tmp_path_factory.mktemp("browser")) as found:
        yield found


def order(browser: Browser) -> list[str]:
    return browser.text("table.wide tbody th")


def head(browser: Browser, name: str) -> str:
    """Clicks on the head of a column of the first table; how it then says it is sorted."""
    [found] = [h for h in browser.all("table.wide thead th") if h.text.startswith(name)]
    found.find_element("tag name", "button").click()
    return str(found.get_attribute("aria-sort"))


def test_the_browser_tells_of_errors_and_requests(browser: Browser) -> None:
    browser.open("<script>missing()</script><img src='http://127.0.0.1:9/x'>")
    assert any("missing is not defined" in said for said in browser.console())
    assert "http://127.0.0.1:9/x" in browser.requested()


@pytest.mark.parametrize("width", [390, 1200])
@PAGES
def test_a_page_opens_without_errors_and_without_the_network(
    browser: Browser, at: int, width: int
) -> None:
    browser.open(plain_pages()[at], width)
    assert browser.console() == []
    assert {url.split(":")[0] for url in browser.requested()} <= {"file", "data"}
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def test_a_table_sorts_by_a_click_on_a_head(browser: Browser) -> None:
    browser.open(score_page(score()))
    taxonomy = ["b", "run", "none", "a"]
    assert order(browser) == taxonomy
    assert head(browser, "exact") == "descending"
    assert order(browser) == ["a", "b", "run", "none"]
    assert head(browser, "exact") == "ascending"
    assert order(browser) == ["run", "b", "a", "none"]
    assert head(browser, "category") == "ascending"
    assert order(browser) == ["a", "b", "none", "run"]
    assert [head(browser, "exact") for _ in range(3)][-1] == "None"
    assert order(browser) == taxonomy


def test_a_comparison_sorts_by_verdict(browser: Browser) -> None:
    browser.open(comparison_page(comparison(*FLIPS), gold()))
    head(browser, "verdict")
    assert order(browser) == ["other", "side", "few"]


def test_a_category_unfolds_from_the_table(browser: Browser) -> None:
    browser.open(score_page(score()))
    assert not browser.one("#c1 .confusion").is_displayed()
    browser.one("table.wide a[href='#c1']").click()
    assert browser.one("#c1 .confusion").is_displayed()
    assert browser.text("#c1 .confusion td.same") == ["3", "2", "1"]


def test_a_flip_unfolds_and_marks_what_people_quoted(browser: Browser) -> None:
    browser.open(comparison_page(comparison(*FLIPS), gold()))
    mark = browser.one("#f0 mark.people")
    assert not mark.is_displayed()
    browser.one("#f0 > summary").click()
    assert mark.is_displayed()
    assert browser.text("#f0 mark.people") == [QUOTE]
    assert browser.text("#f0 mark.after") == ["Ein Café", "middle", " and end"]
    assert browser.text("#f0 article .text")[0] == TEXT


def test_a_quote_leads_to_its_mark(browser: Browser) -> None:
    long = "x\n" * 500 + QUOTE
    browser.open(comparison_page(comparison(flip()), gold(long)), 390)
    browser.one("#f0 > summary").click()
    inside = "const b = arguments[0].getBoundingClientRect(); return b.top > 0 && b.bottom < 800"
    assert not browser.run(inside, browser.one("#f0 mark"))
    browser.one("#f0 a.quote").click()
    assert browser.run(inside, browser.one("#f0 mark.flash"))


def shown(browser: Browser) -> list[str | None]:
    return [f.get_attribute("id") for f in browser.all(".flip") if f.is_displayed()]


def test_filters_hide_flips(browser: Browser) -> None:
    browser.open(comparison_page(comparison(*FLIPS), gold()))
    assert shown(browser) == ["f0", "f1", "f2"]
    browser.one("[data-value=harmful]").click()
    assert shown(browser) == ["f0", "f2"]
    browser.one("[data-filter=category][data-value='1']").click()
    assert shown(browser) == ["f2"]
    assert browser.text("[role=status]") == ["1 of 3 flips shown"]
    assert browser.text("[aria-pressed=true]") == ["harmful 2", "other 1"]


def test_a_category_of_the_table_leads_to_its_flips(browser: Browser) -> None:
    browser.open(comparison_page(comparison(*FLIPS), gold()))
    browser.one("table.wide a[data-show='0']").click()
    assert shown(browser) == ["f0", "f1"]


@PAGES
def test_hostile_text_runs_nothing(browser: Browser, at: int) -> None:
    browser.open(hostile_pages()[at])
    browser.run("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert browser.console() == []
    assert browser.run("return window.ran ?? null") is None
