"""`classifier models`: which pinned models there are, and their weights on this machine."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from classifier.models.weights import Listed, Progress

app = typer.Typer(
    name="models", help="The embedded models and their weights.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="A model of `classifier models list`.")]
_DEFAULT = "embedded"


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the pinned models and say which are installed."""
    from classifier.models import weights

    found = weights.listing(weights.models_folder())
    if as_json:
        typer.echo(json.dumps([_as_record(item) for item in found], indent=2))
        return
    for item in found:
        typer.echo(_as_line(item))


@app.command()
def pull(name: Name = _DEFAULT) -> None:
    """Download a model's weights, going on where an interrupted pull stopped."""
    from classifier.models import catalogue, weights

    entry, folder = catalogue.find(name), weights.models_folder()
    there = weights.installed(entry, folder)
    with _shown_progress() as progress:
        path = weights.pull(entry, folder, progress)
    state = "was already there" if there else "is installed"
    typer.echo(f"{entry.name} {state}, its digest is right: {path}", err=True)


@app.command()
def path(name: Name = _DEFAULT) -> None:
    """Print where a model's weights are."""
    from classifier.models import catalogue, weights

    entry, folder = catalogue.find(name), weights.models_folder()
    found = weights.installed(entry, folder)
    if found is None:
        message = f"{entry.name} is not installed in {folder}"
        typer.echo(f"{message}. Run `classifier models pull {entry.name}`.", err=True)
        raise typer.Exit(1)
    typer.echo(str(found))


@app.command()
def rm(
    name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Delete a model's weights, the copy of its first layers, and what interrupted pulls left."""
    from classifier.errors import ConfigurationError
    from classifier.models import catalogue, weights

    entry, folder = catalogue.find(name), weights.models_folder()
    if not yes and not sys.stdin.isatty():
        raise ConfigurationError(
            f"Whether to delete {entry.name} cannot be asked: standard input is not a terminal. "
            "Add --yes to delete it without a question."
        )
    if not yes and not typer.confirm(f"Delete {entry.name} from {folder}?", err=True):
        raise typer.Exit(1)
    removed = weights.remove(entry, folder)
    for gone in removed:
        typer.echo(f"deleted {gone}", err=True)
    if not removed:
        typer.echo(f"Nothing of {entry.name} is in {folder}.", err=True)


def _as_record(item: Listed) -> dict[str, object]:
    entry = item.entry
    return {
        "name": entry.name,
        "aliases": list(entry.aliases),
        "default": entry.default,
        "bytes": entry.size,
        "sha256": entry.sha256,
        "licence": entry.licence,
        "page": entry.page,
        "installed": item.path is not None,
        "path": str(item.path) if item.path else None,
        "resumable_bytes": item.resumable,
    }


def _as_line(item: Listed) -> str:
    entry = item.entry
    state = "installed" if item.path else "not installed"
    if item.resumable and not item.path:
        state = f"{item.resumable * 100 // entry.size} % pulled"
    mark = "  (default)" if entry.default else ""
    size = f"{entry.size / 1e6:,.0f} MB"
    return f"{entry.name:<20} {size:>8}  {state:<13}  {entry.licence}{mark}"


@contextmanager
def _shown_progress() -> Iterator[Progress]:
    """A bar on a terminal; elsewhere a line on standard error for every tenth."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Bar(*columns, TransferSpeedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("pulling", total=None)
        yield lambda done, total, text: bar.update(
            task, completed=done, total=total, description=text
        )


def _lines() -> Progress:
    last: tuple[str, int] | None = None

    def tell(done: int, total: int, text: str) -> None:
        nonlocal last
        tenth = done * 10 // total
        now = (text if text.startswith("checking") else "", tenth)
        if now != last:
            typer.echo(f"{tenth * 10:3d} % of {total:,} bytes: {text}", err=True)
        last = now

    return tell
