"""What commands about reports that exist share: where their articles and their taxonomy are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifier.cli.console import say

if TYPE_CHECKING:
    from classifier.batch.texts import Texts

_SHOWN = 5

ArticlePaths = Annotated[
    list[str] | None,
    typer.Option(
        "--articles",
        metavar="PATH",
        help="A file or folder with the articles, where a run's own inputs are not found; "
        "repeat it.",
        show_default=False,
    ),
]
TaxonomyPlace = Annotated[
    str | None,
    typer.Option(
        help="The taxonomy of the reports, a folder or one that ships, where it is not the "
        "settings' or the run's own.",
        show_default=False,
    ),
]


@contextmanager
def opened_texts(run: Path, given: Sequence[str]) -> Iterator[Texts]:
    """The texts of a run's inputs, or of those given; what cannot be read is told."""
    from classifier.batch.texts import texts_of

    with closing(texts_of(run, given)) as texts:
        for remark in texts.remarks[:_SHOWN]:
            say(remark)
        if len(texts.remarks) > _SHOWN:
            say(f"{len(texts.remarks) - _SHOWN} more inputs cannot be read.")
        yield texts
