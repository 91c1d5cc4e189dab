"""A real headless Chromium, driven by Selenium: what a page shows, logs and asks for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--force-prefers-reduced-motion",  # scrolling is done when a click is
)
_NEEDED = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "driver": ("chromedriver",),
}


class Browser:
    """One browser, used for many pages; `page` is the folder that they are written to."""

    def __init__(self, driver: webdriver.Chrome, folder: Path) -> None:
        self.driver = driver
        self._file = folder / "page.html"

    def open(self, page: str, width: int = 1200, *, dark: bool = False) -> None:
        """Shows a page, and forgets what the one before logged."""
        self._file.write_text(page, "utf-8")
        self.visit(self._file.as_uri(), width, dark=dark)

    def visit(self, address: str, width: int = 1200, *, dark: bool = False) -> None:
        """Shows what is at an address, and forgets what the page before logged."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.get("about:blank")
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)
        self.driver.get(address)

    def all(self, selector: str) -> list[WebElement]:
        """The elements that a CSS selector finds."""
        return self.driver.find_elements("css selector", selector)

    def one(self, selector: str) -> WebElement:
        """The one element that a CSS selector finds."""
        [found] = self.all(selector)
        return found

    def text(self, selector: str) -> list[str]:
        """The text content of what a CSS selector finds, as it is in the document."""
        # in one go: the page may draw them anew
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
        return list(self.driver.execute_script(script, selector))

    def run(self, script: str, *arguments: object) -> object:
        """What a script returns; the page's policy does not bind it."""
        return self.driver.execute_script(script, *arguments)

    def flaws(self) -> list[str]:
        """What axe-core finds that is serious or worse: the rule, and the elements."""
        self.run((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
        found = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run().then((told) => done(told.violations))"
        )
        serious = (one for one in found if one["impact"] in ("serious", "critical"))
        return [f"{one['id']}: {[n['html'] for n in one['nodes']]}" for one in serious]

    def console(self) -> list[str]:
        """What was logged, errors and breaches of the page's policy among it."""
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]

    def requested(self) -> list[str]:
        """The addresses that the page asked for, its own first."""
        logged = (json.loads(e["message"])["message"] for e in self.driver.get_log("performance"))
        sent = (e["params"] for e in logged if e["method"] == "Network.requestWillBeSent")
        return [str(params["request"]["url"]) for params in sent]


@contextmanager
def opened(folder: Path) -> Iterator[Browser]:
    """A browser that writes its pages to a folder; skips the test where none is installed."""
    found = {name: next(filter(None, map(shutil.which, n)), None) for name, n in _NEEDED.items()}
    if None in found.values():
        pytest.skip("no Chromium: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = found["chromium"]
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in (*_FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    # A service that is told its driver downloads none.
    driver = webdriver.Chrome(options=options, service=Service(found["driver"]))
    driver.set_script_timeout(120)  # axe looks at every element
    try:
        yield Browser(driver, folder)
    finally:
        driver.quit()
