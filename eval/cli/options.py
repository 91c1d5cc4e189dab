"""Options that several commands of `eval` and `gold` share, and where their output goes."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifier.cli.console import say
from eval.writing import write_whole

if TYPE_CHECKING:
    from eval.gold import Gold


class Format(StrEnum):
    """How a score or a comparison is printed."""

    text = "text"
    json = "json"
    html = "html"


GoldFolder = Annotated[
    Path | None,
    typer.Option("--gold", help="A folder or file of gold; without it the seeds that ship."),
]
TaxonomyName = Annotated[str, typer.Option(help="A taxonomy that ships, or a folder.")]
Form = Annotated[Format, typer.Option("--format", "-f", help="How to print.")]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="A file, instead of standard output.")
]
Draws = Annotated[int, typer.Option(help="Draws of the bootstrap.", min=1, max=100_000)]
Seed = Annotated[int, typer.Option(help="Seed of the draws and samples.", min=0)]
Categories = Annotated[
    list[str] | None,
    typer.Option("--category", help="Only this category, and what gates it; may be repeated."),
]
Limit = Annotated[int | None, typer.Option(help="A stratified sample of so many incidents.", min=1)]
DecideOnly = Annotated[
    bool,
    typer.Option(
        "--decide-only", help="Ask no rationale and quotes where options are scored: much faster."
    ),
]


def gold_in(folder: Path | None) -> Gold:
    """The gold in a folder, by default the seeds that ship with the package."""
    from classifier.resources import data_folder
    from eval.gold import load_gold

    return load_gold(folder or data_folder("seeds"))


def deliver(text: str, out: Path | None, option: str = "--out") -> None:
    """Print a text, or write it whole to a file; `ConfigurationError` where that cannot be."""
    if out is None:
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
        return
    write_whole(out, text, option)
    say(f"Written: {out}")
