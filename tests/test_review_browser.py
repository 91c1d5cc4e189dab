"""Correcting a report in a real browser: with a server, and from a page that is only a file."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, opened
from reviewing import QUOTE, RECIPES, TEXT, UNKNOWN, article, cake, gold, reviewed, run_folder
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.remote.webelement import WebElement

from classifier.cli.main import run as command
from classifier.render.html import report_html
from eval.gold import GoldIncident, load_gold
from eval.reviewing.names import incident_key

KEY = incident_key("cake")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with opened(tmp_path_factory.mktemp("browser")) as found:
        found.driver.set_script_timeout(120)  # axe takes its time on a busy machine
        yield found


@pytest.fixture(autouse=True)
def fresh(browser: Browser) -> Iterator[None]:
    """What one test keeps in its window is not there in the next."""
    yield
    browser.driver.switch_to.new_window("tab")
    new = browser.driver.current_window_handle
    for handle in browser.driver.window_handles:
        if handle != new:
            browser.driver.switch_to.window(handle)
            browser.driver.close()
    browser.driver.switch_to.window(new)


def visit(browser: Browser, url: str) -> None:
    """Opens an address, and forgets what was logged before."""
    for kind in ("browser", "performance"):
        browser.driver.get_log(kind)
    browser.driver.get(url)


def enter(browser: Browser, url: str, key: str = KEY) -> None:
    """The printed address, then the page of an incident."""
    visit(browser, url)
    until(lambda: "Reviewed by" in browser.text("main")[0])
    visit(browser, f"{url.partition('/?')[0]}/incident/{key}")
    until(lambda: "All incidents" in browser.text("nav")[0])


def until(holds: Callable[[], Any]) -> Any:
    """What this gives once it holds; where the page was drawn anew meanwhile, it is tried again."""
    end = time.monotonic() + 20
    while not (found := steadily(holds)):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def steadily(holds: Callable[[], Any]) -> Any:
    try:
        return holds()
    except StaleElementReferenceException:
        return None


def press(browser: Browser, text: str, within: str = "#correcting") -> None:
    """Clicks on the button that begins with this text."""

    def pressed() -> bool:
        found = [b for b in browser.all(f"{within} button") if b.is_displayed()]
        [wanted] = [b for b in found if str(b.get_property("textContent")).startswith(text)][:1]
        return click(browser, wanted)

    until(pressed)


def click(browser: Browser, wanted: WebElement) -> bool:
    browser.run("arguments[0].scrollIntoView({block: 'center'})", wanted)
    wanted.click()
    return True


def part(category: str) -> str:
    return f'[data-correcting="{category}"]'


def tick(browser: Browser, category: str, value: str) -> None:
    if not browser.one(f"#correct-{category}").is_displayed():
        press(browser, "Change", part(category))
    until(lambda: click(browser, browser.one(f'#correct-{category} input[value="{value}"]')))


def confirm(browser: Browser, category: str) -> None:
    press(browser, "Confirm", part(category))


def select(browser: Browser, words: str, at: int = 0) -> None:
    """Selects words in an article, as dragging over them does."""
    browser.run(
        """const text = document.querySelectorAll('.texts .text')[arguments[1]];
        const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
        const ends = [];
        let before = 0;
        const from = text.textContent.indexOf(arguments[0]), to = from + arguments[0].length;
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
          for (const place of [from, to]) {
            const inside = place - before;
            if (inside >= 0 && inside <= node.length && ends.length < (place === to ? 2 : 1)) {
              ends.push([node, inside]);
            }
          }
          before += node.length;
        }
        getSelection().setBaseAndExtent(...ends[0], ...ends[1]);""",
        words,
        at,
    )


def named(browser: Browser, name: str) -> None:
    box = browser.one("#correct-annotator")
    box.clear()
    box.send_keys(name, "\t")


def said(browser: Browser) -> str:
    return " ".join(browser.text("#correcting [role=status]"))


def trouble(browser: Browser) -> str:
    return " ".join(e.text for e in browser.all("#correcting [role=alert]"))


def counted(browser: Browser) -> str:
    return browser.text("#correcting .c-count")[0]


def saved(run: Path, folder: str = "ann") -> GoldIncident:
    [incident] = load_gold(run / "gold" / folder).incidents
    return incident


def save(browser: Browser) -> None:
    press(browser, "Save as gold")
    until(lambda: "Saved" in said(browser) or trouble(browser))


def test_from_the_printed_address_to_a_file_of_gold(browser, tmp_path):
    run = run_folder(tmp_path)
    with reviewed(run) as client:
        enter(browser, client.url)
        assert "0 of 5 categories confirmed" in counted(browser)
        tick(browser, "diet", "vegan")
        browser.one('#correct-diet input[value="vegan"] ~ span').click()  # and back
        tick(browser, "diet", "meat")
        select(browser, "with plums & <b>cream</b>")
        press(browser, "Use selection as quote", "#correct-diet")
        browser.all("#correct-diet textarea")[0].send_keys("Because.")
        confirm(browser, "diet")
        confirm(browser, "course")
        named(browser, "ann")
        save(browser)
    assert saved(run).labels == {"course": ("dessert",), "diet": ("meat",)}
    reason = saved(run).reasons["diet"]["meat"]
    assert (reason.rationale, reason.quotes) == ("Because.", ("with plums & <b>cream</b>",))
    assert saved(run).reasons["course"]["dessert"].quotes == (QUOTE,)
    assert saved(run).articles == (article(),)
    taxonomy = "tests/data/taxonomies/recipes"
    root = Path(__file__).parents[1] / taxonomy
    assert command(["gold", "check", str(run / "gold" / "ann"), "--taxonomy", str(root)]) == 0


def test_nothing_is_gold_before_somebody_says_so(browser, tmp_path):
    run = run_folder(tmp_path)
    with reviewed(run) as client:
        enter(browser, client.url)
        press(browser, "Save as gold")
        assert "Give your name" in said(browser)
        named(browser, "ann")
        press(browser, "Save as gold")
        assert "Nothing is confirmed yet" in said(browser)
        tick(browser, "course", "main")
        assert "Changed, but not confirmed and so left out: Course" in counted(browser)
        press(browser, "Confirm all")
        assert "4 of 5 categories confirmed" in counted(browser)
        save(browser)
    assert "heat" not in saved(run).labels  # the model had no answer
    assert saved(run).labels["garnish"] is None  # no dessert any more


def test_what_excludes_itself_and_gates_are_heeded_at_once(browser, tmp_path):
    with reviewed(run_folder(tmp_path)) as client:
        enter(browser, client.url)
        for value in ("meat", "vegan_with_changes", "vegan"):
            tick(browser, "diet", value)
        ticked = browser.text("[data-correcting=diet] .c-answer")
        assert ticked == ["vegan, vegan_with_changes"]
        assert "meat taken away" in said(browser)
        tick(browser, "diet", "unknown")
        assert browser.text("[data-correcting=diet] .c-answer") == ["unknown"]
        tick(browser, "baked", "")
        assert browser.text("[data-correcting=baked] .c-answer") == ["not baked"]
        assert "does not apply" in browser.text("[data-correcting=heat] .c-answer")[0]
        assert not browser.all("#correct-heat input")[0].is_enabled()
        confirm(browser, "baked")
        assert "2 of 5" in counted(browser)  # what follows from a gate needs no click
        tick(browser, "baked", "baked")
        assert browser.text("[data-correcting=heat] .c-answer") == ["no answer yet"]
        assert "0 of 5" in counted(browser)


def test_quotes_are_the_articles_own_words(browser, tmp_path):
    with reviewed(run_folder(tmp_path)) as client:
        enter(browser, client.url)
        tick(browser, "diet", "meat")
        box = "#correct-diet .c-paste"
        for typed in (
            "Käse   🧀\tcake\n",
            "Serve it after the main dish, with",
            "cake (never)",
            ".",
        ):
            browser.all(box)[0].clear()
            browser.run("arguments[0].value = arguments[1]", browser.all(box)[0], typed)
            press(browser, "Add", "#correct-diet")
        assert browser.text("#correct-diet q") == ["Käse 🧀 cake", f"{QUOTE},\nwith", "."]
        assert all(quote in TEXT for quote in browser.text("#correct-diet q"))
        press(browser, "Remove", "#correct-diet")
        assert len(browser.text("#correct-diet q")) == 2


def test_a_selection_across_marks_of_two_articles(browser, tmp_path):
    two = article(), article("a2", f"Zwei.\r\nÜber {QUOTE}\x07 هذا 🛰️ النص.")
    run = run_folder(tmp_path, cake("cake", *two))
    with reviewed(run, *two) as client:
        enter(browser, client.url)
        press(browser, "Change", part("course"))
        select(browser, "oven.\nServe it")
        press(browser, "Use selection as quote", "#correct-course")
        select(browser, "dish\ufffd هذا 🛰️ ال", 1)
        press(browser, "Use selection as quote", "#correct-course")
        confirm(browser, "course")
        named(browser, "ann")
        save(browser)
    quotes = saved(run).reasons["course"]["dessert"].quotes
    assert quotes == (QUOTE, "oven.\nServe it", "dish\x07 هذا 🛰️ ال")


def test_two_people_one_after_the_other(browser, tmp_path):
    run = run_folder(tmp_path)
    with reviewed(run) as client:
        enter(browser, client.url)
        named(browser, "ann")
        confirm(browser, "course")
        save(browser)
        named(browser, "Bob")
        until(lambda: "0 of 5" in counted(browser))
        tick(browser, "course", "starter")
        confirm(browser, "course")
        save(browser)
        named(browser, "ann")
        until(lambda: "what ann saved" in said(browser))
        assert browser.text("[data-correcting=course] .c-answer") == ["dessert"]
    labels = {next(iter(i.annotators)): i.labels["course"] for i in all_saved(run)}
    assert labels == {"ann": ("dessert",), "Bob": ("starter",)}


def all_saved(run: Path) -> list[GoldIncident]:
    return [one for folder in (run / "gold").iterdir() for one in load_gold(folder).incidents]


def test_the_same_person_in_two_windows_loses_nothing(browser, tmp_path):
    run = run_folder(tmp_path)
    with reviewed(run, annotator="ann") as client:
        enter(browser, client.url)
        first = browser.driver.current_window_handle
        browser.driver.switch_to.new_window("tab")
        visit(browser, f"{client.url.partition('/?')[0]}/incident/{KEY}")
        until(lambda: "All incidents" in browser.text("nav")[0])
        confirm(browser, "course")
        save(browser)
        browser.driver.switch_to.window(first)
        tick(browser, "course", "main")
        confirm(browser, "course")
        save(browser)
        assert "saved in another window" in trouble(browser)
        assert browser.text("[data-correcting=course] .c-answer") == ["main"]
        assert saved(run).labels["course"] == ("dessert",)
        press(browser, "Save mine over it")
        until(lambda: "Saved" in said(browser))
    assert saved(run).labels["course"] == ("main",)


LEAVING = """const leaving = new Event('beforeunload', {cancelable: true});
dispatchEvent(leaving);
return leaving.defaultPrevented"""


def test_what_is_not_saved_is_asked_about_and_is_there_after_a_reload(browser, tmp_path):
    with reviewed(run_folder(tmp_path)) as client:
        enter(browser, client.url)
        tick(browser, "course", "main")
        assert browser.run(LEAVING)
        browser.driver.execute_cdp_cmd("Page.enable", {})
        browser.run("addEventListener('beforeunload', (e) => e.stopImmediatePropagation(), true)")
        browser.driver.refresh()
        until(lambda: browser.all("nav a"))
        assert browser.text("[data-correcting=course] .c-answer") == ["main"]
        assert "here again" in said(browser)
        press(browser, "Begin anew")
        until(lambda: browser.text("[data-correcting=course] .c-answer") == ["dessert"])
        assert not browser.run(LEAVING)


HOSTILE = "</script><img src=x onerror='window.ran=1'>\"' __proto__"


def test_hostile_names_and_texts_run_nothing(browser, tmp_path):
    text = f"{HOSTILE} {QUOTE} {{{{ 7 * 191 }}}} <!--<script>"
    told = UNKNOWN.model_copy(update={"rationale": HOSTILE})
    mine = article(text=text, source=HOSTILE, url="javascript:window.ran=1")
    run = run_folder(tmp_path, cake(HOSTILE, mine, diet=told))
    with reviewed(run, mine) as client:
        enter(browser, client.url, incident_key(HOSTILE))
        named(browser, HOSTILE)
        press(browser, "Confirm all")
        save(browser)
        assert browser.run("return window.ran") is None
        visit(browser, client.url.partition("?")[0])
        assert HOSTILE in browser.text("td")[-1]
        assert browser.run("return window.ran") is None
    [incident] = all_saved(run)
    assert list(incident.annotators) == [HOSTILE]
    assert incident.reasons["diet"]["unknown"].rationale == HOSTILE


def test_a_page_that_is_a_file_downloads_the_same_gold(browser, tmp_path):
    told = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", told)
    browser.open(report_html(cake(), RECIPES, {"a1": article()}))
    browser.one("#correcting > summary").click()
    tick(browser, "course", "main")
    confirm(browser, "course")
    named(browser, "__proto__")
    press(browser, "Save as gold")
    path = tmp_path / "cake.json"
    until(path.exists)
    wanted = gold(name="__proto__")
    labels = {"course": ["main"], "garnish": None}
    got = json.loads(path.read_text())
    assert (got["labels"], got["annotators"]) == (labels, {"__proto__": labels})
    assert got["articles"] == wanted["articles"]
    assert [i.id for i in load_gold(path).incidents] == ["cake"]
    assert browser.console() == []


def test_a_page_without_the_text_says_why_it_cannot_be_corrected(browser):
    browser.open(report_html(cake(), RECIPES, {}))
    browser.one("#correcting > summary").click()
    assert "not all texts of this incident are at hand" in browser.text("#correcting")[0]
    assert browser.all("#correcting button") == []


def test_all_is_done_by_keyboard_and_nothing_is_wider_than_a_phone(browser):
    browser.open(report_html(cake(), RECIPES, {"a1": article()}), 390)
    browser.one("#correcting > summary").send_keys("\n")
    for category in ("course", "diet", "baked"):
        change = browser.all(f"{part(category)} button")[0]
        change.send_keys("\n")
        assert change.get_attribute("aria-expanded") == "true"
    browser.one('#correct-diet input[value="meat"]').send_keys(" ")
    browser.all("#correct-diet .c-paste")[0].send_keys("a hot oven\n")
    assert browser.text("#correct-diet q") == ["a hot oven"]
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    controls = browser.all("#correcting :is(input, textarea, button)")
    shown = [control for control in controls if control.is_displayed()]
    assert len(shown) > 20
    assert [control.tag_name for control in shown if not control.accessible_name] == []


def test_axe_finds_nothing_serious_in_what_is_unfolded(browser, tmp_path):
    with reviewed(run_folder(tmp_path)) as client:
        enter(browser, client.url)
        for category in ("course", "heat"):
            press(browser, "Change", part(category))
        press(browser, "Correct", "tr[data-category=diet]")
        assert browser.run("return document.activeElement.textContent") == "Change Diet"
        tick(browser, "diet", "meat")
        confirm(browser, "diet")
        press(browser, "Save as gold")
        assert browser.flaws() == []
        named(browser, "ann")
        save(browser)
        dark = {"name": "prefers-color-scheme", "value": "dark"}
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [dark]})
        visit(browser, client.url.partition("?")[0])
        assert browser.text("td")[-1].startswith("ann")
        assert browser.flaws() == []
        assert browser.console() == []
