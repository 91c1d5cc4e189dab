"""How fast the index of a run opens and filters in headless Chromium, with made-up incidents.

python benchmarks/report_index.py [INCIDENTS]
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from statistics import median

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1])]

from browser import Browser, opened  # noqa: E402 - the tests are no package

from classifier.records import (  # noqa: E402
    ArticleRef,
    Decision,
    FieldAnswer,
    Finding,
    IncidentRef,
    Item,
    ModelRef,
    Provenance,
    Report,
)
from classifier.render.html.index import Index  # noqa: E402
from classifier.taxonomy import Category, load_taxonomy  # noqa: E402

FAIL = load_taxonomy("fail")
TIMES = 5
WORDS = (
    *("outage", "router", "database", "password", "update", "engineer", "company", "people"),
    *("flight", "bank", "train", "failed", "restored", "released", "customers", "software"),
    *("vendor", "error", "network", "hospital", "morning", "records", "the", "a", "of", "to"),
)

# Times from the beginning of the navigation until the rows are drawn, and of one change of a
# filter with the layout that follows it, in milliseconds.
OPENED = "return performance.getEntriesByType('navigation')[0].loadEventEnd"
CHANGED = """
  const change = arguments[0];
  const from = performance.now();
  const boxes = document.querySelectorAll("input[type=checkbox]");
  if (change.box !== undefined) boxes[change.box].click();
  if (change.query !== undefined) {
    const query = document.getElementById("query");
    query.value = change.query;
    query.dispatchEvent(new Event("input"));
  }
  if (change.order !== undefined) {
    const order = document.getElementById("order");
    order.value = change.order;
    order.dispatchEvent(new Event("change"));
  }
  document.body.offsetHeight;
  return performance.now() - from;
"""
CHANGES: tuple[tuple[str, dict[str, object]], ...] = (
    ("an option is ticked", {"box": 0}),
    ("a second category is ticked", {"box": 4}),
    ("a word is searched", {"query": "password"}),
    ("four letters are searched", {"query": "rout"}),
    ("sorted by title", {"order": "title"}),
    ("all filters are cleared", {"query": ""}),
)


def sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words)).capitalize() + "."


def decision(chance: random.Random, category: Category) -> Decision:
    names = chance.sample(category.names, k=min(len(category.names), chance.randint(1, 2)))
    findings = tuple(
        Finding(option=n, applies=True, rationale=sentence(chance, 35), confidence=chance.random())
        for n in names
    )
    return Decision(options=tuple(names), status="answered", findings=findings)


def incident(chance: random.Random, number: int) -> Report:
    """A report as long as one of a hosted model."""
    day = date(2010, 1, 1) + timedelta(days=chance.randrange(6000))
    ref = ArticleRef(id=str(number), title=sentence(chance, 9), published=day, sha256="0" * 64)
    summary = Item(text=sentence(chance, 120))
    return Report(
        incident=IncidentRef(id=str(number), title=ref.title, published=day, articles=(ref,)),
        categories={n: decision(chance, c) for n, c in FAIL.categories.items()},
        fields={"summary": FieldAnswer(status="answered", items=(summary,))},
        provenance=Provenance(
            versions={},
            taxonomy="fail 1",
            taxonomy_sha256=FAIL.sha256,
            prompts_sha256="0" * 64,
            articles_sha256="0" * 64,
            model=ModelRef(name="none"),
            method="made up",
        ),
    )


def index_of(incidents: int) -> str:
    chance = random.Random(3)
    index = Index(FAIL)
    for number in range(incidents):
        index.add(incident(chance, number), f"reports/{number}.html")
    return index.html(f"{incidents} made-up incidents")


def measured(browser: Browser, address: str) -> Iterator[tuple[str, float]]:
    """One opening of the index, and each change after it, in milliseconds."""
    browser.visit(address)
    yield "opened", float(str(browser.run(OPENED)))
    for name, change in CHANGES:
        yield name, float(str(browser.run(CHANGED, change)))


def main() -> None:
    incidents = int(sys.argv[1]) if len(sys.argv) > 1 else 2500
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as browser:
        page = Path(folder) / "index.html"
        page.write_text(index_of(incidents), "utf-8")
        print(f"{incidents} incidents, {page.stat().st_size / 1e6:.1f} MB, median of {TIMES}")
        figures: dict[str, list[float]] = {}
        for _ in range(TIMES):
            for name, milliseconds in measured(browser, page.as_uri()):
                figures.setdefault(name, []).append(milliseconds)
    for name, times in figures.items():
        print(f"{name:30} {median(times):7.1f} ms, slowest {max(times):7.1f} ms")


if __name__ == "__main__":
    main()
