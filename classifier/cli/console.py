"""Standard error: sentences for a person, and a progress bar where there is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from classifier.models.opening import Notices


def say(text: str) -> None:
    """Print a message on standard error; nothing in it can steer the terminal."""
    typer.echo(visible(text), err=True)


def visible(text: str) -> str:
    """The text with all that is not printable, save line breaks, as escapes."""
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def counted(count: int, one: str, many: str) -> str:
    """A number with its noun, as in `1 reply` and `2 replies`."""
    return f"{count} {one if count == 1 else many}"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def now_and_then(
    seconds: float = 60, clock: Callable[[], float] = monotonic
) -> Callable[[int, int, str], None]:
    """Says how far it is, at most once in so many seconds: a log is no place for a bar."""
    said = clock()

    def progress(done: int, total: int, text: str) -> None:
        nonlocal said
        if clock() - said >= seconds:
            said = clock()
            say(f"{text} ({done}/{total})")

    return progress


@contextmanager
def shown_notices() -> Iterator[Notices]:
    """Sentences on standard error; there too a progress bar on a terminal, else a line a minute."""
    from classifier.models.opening import Notices

    if not sys.stderr.isatty():
        yield Notices(say=say, progress=now_and_then())
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True, emoji=False, markup=False, highlight=False)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield Notices(
            say=lambda text: bar.console.print(visible(text), soft_wrap=True),
            progress=lambda done, total, text: bar.update(
                task, completed=done, total=total, description=visible(text)[:60]
            ),
        )
