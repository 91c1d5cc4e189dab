"""Report pages and their index in a real browser: clicks, keys, marks, filters, and attacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import pytest
from browser import Browser, opened
from html_reports import ACCENT, ARABIC, TEXT, by_id, hostile, report, telling_page
from reports import FAIL, answered, found
from selenium.webdriver.common.keys import Keys

from classifier.records import Article, AuditFinding, Report
from classifier.render.html import report_html
from classifier.render.html.index import Index


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with opened(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(scope="module")
def page() -> str:
    return telling_page()


def on(browser: Browser) -> list[str]:
    """The marked passages that are lit."""
    return browser.text("mark.on")


def said(browser: Browser) -> str:
    return browser.text("#said")[0]


def in_view(browser: Browser, selector: str) -> bool:
    script = (
        "const box = document.querySelector(arguments[0]).getBoundingClientRect();"
        "return box.top >= 0 && box.bottom <= innerHeight && box.height > 0"
    )
    return bool(browser.run(script, selector))


def test_an_option_lights_its_quotes_and_goes_there(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.one("[data-category=phase] .chip:first-child a.option").click()
    assert on(browser) == [ACCENT, ARABIC, "says that engineers left the database open to"]
    assert browser.text("mark.at") == [ARABIC]
    assert in_view(browser, "mark.at")
    assert said(browser).endswith("design: 3 quotes marked in the text.")


def test_a_quote_that_was_not_found_is_said_in_words(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.one("[data-category=phase] .chip:last-child a.option").click()
    assert "1 quote marked in the text, 1 quote not found in the articles." in said(browser)
    assert on(browser) == ["left the database open"]
    assert in_view(browser, "mark.at")


def test_a_citation_lights_the_quotes_of_its_article_alone(browser: Browser, page: str) -> None:
    browser.open(page)
    first, second = browser.all("[data-category=phase] [data-option=design] a.cite")
    first.click()
    assert on(browser) == [ACCENT, ARABIC]
    second.click()
    assert on(browser) == ["says that engineers left the database open to"]
    assert in_view(browser, "#article-2 mark.at")


def test_an_item_is_followed_by_a_click_anywhere_on_it(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.one("[data-field=impacts] .item:first-child > span").click()
    assert on(browser) == [ARABIC]
    assert browser.run("return getComputedStyle(document.querySelector('mark.on')).direction")
    assert "Impacts: 1 quote marked" in said(browser)


def test_the_marked_text_is_the_article_letter_by_letter(browser: Browser, page: str) -> None:
    browser.open(page)
    assert browser.text("#article-1 .text") == [TEXT]


def test_keys_do_what_clicks_do_and_escape_goes_back(browser: Browser, page: str) -> None:
    browser.open(page)
    link = browser.one("[data-category=phase] .chip:first-child a.option")
    link.send_keys(Keys.ENTER)
    assert browser.driver.switch_to.active_element.text == ARABIC
    assert len(on(browser)) == 3
    browser.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert browser.driver.switch_to.active_element == link


def test_quotes_are_stepped_through(browser: Browser, page: str) -> None:
    browser.open(page)
    browser.one("[data-category=phase] .chip:first-child a.option").click()
    browser.one("[data-step='1']").click()
    assert browser.text("mark.at") == [ACCENT]
    browser.one("[data-step='-1']").click()
    browser.one("[data-step='-1']").click()
    assert browser.text("mark.at") == ["says that engineers left the database open to"]


def test_a_mark_leads_back_to_the_claims_that_rest_on_it(browser: Browser, page: str) -> None:
    browser.open(page)
    [mark] = [m for m in browser.all("mark") if m.text == "left the database open"]
    mark.click()
    assert said(browser) == "3 claims rest on this passage."
    assert [e.get_attribute("data-option") for e in browser.all(".paragraph.on")] == ["operation"]


def test_on_a_phone_a_claim_jumps_to_the_text_and_back(browser: Browser, page: str) -> None:
    browser.open(page, 390)
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    link = browser.one("[data-field=impacts] a.count")
    link.click()
    assert in_view(browser, "mark.at")
    browser.one("a.back").click()
    assert browser.run("const b = arguments[0].getBoundingClientRect(); return b.top > 0", link)
    assert browser.driver.switch_to.active_element == link


def test_without_scripts_a_claim_is_a_link_to_its_mark(browser: Browser, page: str) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.open(page)
        browser.one("[data-field=impacts] a.count").click()
        target = browser.driver.current_url.rpartition("#")[2]
        assert browser.one(f"#{target}").text == ARABIC
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_in_a_report(
    browser: Browser, page: str, width: int, dark: bool
) -> None:
    browser.open(page, width, dark=dark)
    browser.run("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    browser.one("[data-category=phase] .chip:last-child a.option").click()
    assert browser.flaws() == []


def test_a_report_that_lists_no_articles_is_one_column_to_read(browser: Browser) -> None:
    made = report(phase=answered(found("design", "It was built so.")))
    alone = made.model_copy(update={"incident": made.incident.model_copy(update={"articles": ()})})
    browser.open(report_html(alone, FAIL, {}))
    assert not browser.one(".texts").is_displayed()
    wide = "return document.querySelector('main').offsetWidth / document.body.offsetWidth"
    assert float(str(browser.run(wide))) > 0.85
    browser.one("#correcting > summary").click()
    assert "this report lists none: it cannot be corrected" in browser.text("#correcting > p")[0]
    assert browser.all("#correcting button") == []
    assert (browser.flaws(), browser.console()) == ([], [])


@pytest.mark.parametrize("width", [390, 1000, 1280, 1400])
def test_the_buttons_of_a_category_stand_side_by_side(
    browser: Browser, page: str, width: int
) -> None:
    browser.open(page, width)
    browser.run("document.querySelector('#correcting').open = true")
    pairs = browser.run(
        "return [...document.querySelectorAll('.c-acts')].map((acts) =>"
        "[...acts.querySelectorAll('button:not([hidden])')].map((b) => b.offsetTop))"
    )
    assert isinstance(pairs, list)
    assert len(pairs) == len(FAIL.categories)
    assert all(len(set(tops)) == 1 for tops in pairs)
    assert any(len(tops) == 2 for tops in pairs)
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("width", "paper"), [(794, True), (1000, False), (1280, False)])
def test_no_column_runs_into_the_next(browser: Browser, page: str, width: int, paper: bool) -> None:
    browser.open(page, width)
    if paper:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    within = (
        "return [...document.querySelectorAll('tbody th, td.chosen')]"
        ".filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent)"
    )
    assert browser.run(within) == []
    lines = (
        "return [...document.querySelectorAll('tbody th bdi')]"
        ".find((b) => b.textContent === arguments[0]).getClientRects().length"
    )
    assert [browser.run(lines, word) for word in ("Consequence", "Communication")] == [1, 1]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_axe_finds_what_is_wrong(browser: Browser) -> None:
    browser.open("<p style='color:#bbb;background:#ccc'>Pale</p><input>")
    assert {flaw.partition(":")[0] for flaw in browser.flaws()} >= {"color-contrast", "label"}


def test_a_hostile_report_runs_nothing(browser: Browser) -> None:
    made, given = hostile()
    browser.open(report_html(made, FAIL, by_id(given)))
    browser.run("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    for link in browser.all("a.claim")[:6]:
        browser.run("arguments[0].click()", link)
    assert browser.console() == []
    assert browser.run("return window.ran ?? null") is None
    assert {url.split(":")[0] for url in browser.requested()} <= {"file", "data"}
    assert len(browser.all("mark.on")) > 0


def incident(number: int, title: str, options: Sequence[str], **more: object) -> Report:
    given = (Article(id="1", text="x", published=date(2020, 1, number)),)
    reasons = [found(o, f"Because of {o}.", confidence=1 - number / 10) for o in options]
    return report(given, id_=f"i{number}", title=title, phase=answered(*reasons), **more)


def index_page(*more: Report) -> str:
    error = AuditFinding(check="late", severity="error", message="Too late.")
    index = Index(FAIL)
    for one in (
        incident(1, "Bravo", ["design"]),
        incident(2, "alpha ärgert", ["design", "operation"], audit=[error]),
        incident(3, "Charlie", ["operation"], recurring=answered(found("one_organization"))),
        *more,
    ):
        index.add(one, f"reports/{one.incident.id[:2]}.html")
    return index.html("A run")


@pytest.fixture(scope="module")
def index() -> str:
    return index_page()


def titles(browser: Browser) -> list[str]:
    return browser.text(".hit a")


def box(browser: Browser, category: str, value: str) -> None:
    """Ticks a value of a category."""
    [label] = [
        label
        for fieldset in browser.all("fieldset")
        if fieldset.find_element("css selector", "legend").text.startswith(category)
        for label in fieldset.find_elements("css selector", "label")
        if label.find_element("css selector", ".name").text == value
    ]
    label.click()


def number(browser: Browser, category: str, value: str) -> str:
    script = """
      const set = [...document.querySelectorAll("fieldset")]
        .find((f) => f.textContent.trim().startsWith(arguments[0]));
      return [...set.querySelectorAll("label")]
        .find((l) => l.querySelector(".name").textContent === arguments[1])
        .querySelector(".number").textContent"""
    return str(browser.run(script, category, value))


def test_an_incident_with_two_options_is_found_under_each(browser: Browser, index: str) -> None:
    browser.open(index)
    box(browser, "Phase", "operation")
    assert titles(browser) == ["Charlie", "alpha ärgert"]
    box(browser, "Phase", "operation")
    box(browser, "Phase", "design")
    assert titles(browser) == ["alpha ärgert", "Bravo"]
    assert browser.text("#told") == ["2 of 3 incidents with Phase (Design/Operation): design"]


def test_filters_of_several_categories_combine(browser: Browser, index: str) -> None:
    browser.open(index)
    box(browser, "Phase", "operation")
    box(browser, "Recurring", "one organization")
    assert titles(browser) == ["Charlie"]
    assert number(browser, "Phase", "design") == "0"
    browser.one("#reset").click()
    assert len(titles(browser)) == 3


def test_distributions_follow_the_filter(browser: Browser, index: str) -> None:
    browser.open(index)
    assert (number(browser, "Phase", "design"), number(browser, "Phase", "operation")) == ("2", "2")
    box(browser, "Phase", "design")
    assert (number(browser, "Phase", "design"), number(browser, "Phase", "operation")) == ("2", "1")
    browser.one("label:has(:checked) .level[width='100.0']")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("BRAVO", ["Bravo"]),
        ("ÄRGERT", ["alpha ärgert"]),
        ("because of operation", ["Charlie", "alpha ärgert"]),
        ("operation charlie", ["Charlie"]),
        ("nobody said this", []),
    ],
)
def test_search_reads_titles_and_rationales(
    browser: Browser, index: str, query: str, expected: list[str]
) -> None:
    browser.open(index)
    browser.one("#query").send_keys(query)
    assert titles(browser) == expected


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("new", "Charlie"),
        ("old", "Bravo"),
        ("title", "alpha ärgert"),
        ("unsure", "Charlie"),
        ("sure", "Bravo"),
        ("findings", "alpha ärgert"),
    ],
)
def test_incidents_are_sorted(browser: Browser, index: str, order: str, first: str) -> None:
    browser.open(index)
    browser.one(f"#order option[value={order}]").click()
    assert titles(browser)[0] == first


def test_an_address_keeps_the_filters(browser: Browser, index: str) -> None:
    browser.open(index)
    box(browser, "Phase", "design")
    browser.one("#query").send_keys("bravo")
    kept = browser.driver.current_url
    browser.open(index)
    browser.visit(kept)
    assert titles(browser) == ["Bravo"]


def test_many_incidents_come_by_pages(browser: Browser) -> None:
    browser.open(index_page(*(incident(4, f"More {n}", ["design"]) for n in range(60))))
    assert len(titles(browser)) == 40
    browser.one("#after").click()
    assert (len(titles(browser)), browser.text("#place")) == (23, ["Page 2 of 2"])
    assert not browser.one("#after").is_enabled()


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_in_an_index(
    browser: Browser, index: str, width: int, dark: bool
) -> None:
    browser.open(index, width, dark=dark)
    browser.run("document.querySelector('#facets').open = true")
    box(browser, "Phase", "design")
    browser.one("#query").send_keys("because")
    assert browser.flaws() == []
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def test_a_hostile_incident_runs_nothing_in_an_index(browser: Browser) -> None:
    made, _ = hostile()
    browser.open(index_page(made))
    browser.one("#query").send_keys("window.ran")
    assert len(titles(browser)) == 1
    assert browser.console() == []
    assert browser.run("return window.ran ?? null") is None


def test_pages_ask_for_nothing_but_themselves(browser: Browser, page: str, index: str) -> None:
    for one in (page, index):
        browser.open(one)
        assert browser.console() == []
        assert {url.split(":")[0] for url in browser.requested()} <= {"file", "data"}
