"""`classifier cache`: what the response cache holds, and emptying it."""

from __future__ import annotations

import typer

app = typer.Typer(help="The cache of replies: asked again, nothing is paid again.", no_args_is_help=True)


@app.command()
def info() -> None:
    """Say where the cache is and what it holds."""
    from classifier.models.cache import ResponseCache
    from classifier.settings import load_settings

    cache = ResponseCache(load_settings().cache_path, warn=_warn)
    held = cache.info()
    cache.close()
    typer.echo(f"path     {held.path}")
    typer.echo(f"replies  {held.entries}")
    typer.echo(f"size     {held.bytes / 1e6:.1f} MB")
    if held.oldest:
        typer.echo(f"oldest   {held.oldest:%Y-%m-%d}")


@app.command()
def clear() -> None:
    """Remove every reply from the cache."""
    from classifier.models.cache import ResponseCache
    from classifier.settings import load_settings

    cache = ResponseCache(load_settings().cache_path, warn=_warn)
    removed = cache.clear()
    cache.close()
    typer.echo(f"Removed {removed} replies.")


def _warn(message: str) -> None:
    typer.echo(message, err=True)
