"""`classifier cache`: what the response cache holds, and emptying it."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from classifier.cli.console import counted, say

app = typer.Typer(
    help="The cache of replies: asked again, nothing is paid again.", no_args_is_help=True
)


@app.command()
def info() -> None:
    """Say where the cache is and what it holds."""
    from classifier.models.cache import ResponseCache
    from classifier.settings import load_settings

    cache = ResponseCache(load_settings().cache_path, warn=say)
    held = cache.info()
    cache.close()
    typer.echo(f"path     {held.path}")
    typer.echo(f"replies  {held.entries}")
    typer.echo(f"size     {held.bytes / 1e6:.1f} MB")
    if held.oldest is not None:
        typer.echo(f"oldest   {datetime.fromtimestamp(held.oldest, UTC):%Y-%m-%d}")


@app.command()
def clear() -> None:
    """Remove every reply from the cache."""
    from classifier.models.cache import ResponseCache
    from classifier.settings import load_settings

    cache = ResponseCache(load_settings().cache_path, warn=say)
    removed = cache.clear()
    cache.close()
    say(f"Removed {counted(removed, 'reply', 'replies')}.")
