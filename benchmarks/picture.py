"""Draws a report as the README's picture: `python benchmarks/picture.py REPORT.json OUT.svg`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from classifier.records import Report
from classifier.render import to_terminal
from classifier.taxonomy import load_taxonomy

LINES = 34
WIDTH = 100


def main() -> None:
    source, target = map(Path, sys.argv[1:])
    report = Report.model_validate_json(source.read_text("utf-8"))
    printed = to_terminal(report, load_taxonomy(), width=WIDTH, colour=True)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for line in printed.splitlines()[:LINES]:
        console.print(Text.from_ansi(line))
    console.save_svg(str(target), title="classifier classify seeds/ariane-501.yaml --no-fields")


if __name__ == "__main__":
    main()
