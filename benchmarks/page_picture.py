"""Draws a report's page, with a claim clicked, as the README's picture.

python benchmarks/page_picture.py REPORT.json ARTICLE OUT.png CLAIM, which is a CSS selector
"""

from __future__ import annotations

import base64
import io
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1])]

from browser import opened  # noqa: E402 - the tests are no package
from PIL import Image  # noqa: E402 - comes with matplotlib

from classifier.articles import ReadOptions, read_incidents  # noqa: E402
from classifier.records import Report  # noqa: E402
from classifier.render.html import report_html  # noqa: E402
from classifier.taxonomy import load_taxonomy  # noqa: E402

WIDTH = 1280
COLOURS = 64


def main() -> None:
    source, article, target, claim = sys.argv[1:]
    report = Report.model_validate_json(Path(source).read_text("utf-8"))
    [incident] = read_incidents([article], ReadOptions(today=datetime.now(UTC).date())).incidents
    page = report_html(report, load_taxonomy(), {a.id: a for a in incident.articles})
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as browser:
        browser.open(page, WIDTH)
        browser.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        look = "arguments[0].scrollIntoView({block: 'center'}); arguments[0].click()"
        browser.run(look, browser.one(claim))
        taken = browser.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    picture = Image.open(io.BytesIO(base64.b64decode(taken["data"]))).convert("RGB")
    picture.quantize(COLOURS).save(target, optimize=True)


if __name__ == "__main__":
    main()
