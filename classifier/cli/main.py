"""The command `classifier`: its commands, and how an error becomes a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Any

import typer
from typer.core import TyperGroup

from classifier.cli.audit import audit
from classifier.cli.batch import app as batch_app
from classifier.cli.cache import app as cache_app
from classifier.cli.classify import classify
from classifier.cli.console import say
from classifier.cli.exit_codes import DONE, FELL_SHORT, INTERRUPTED, WRONG_USAGE
from classifier.cli.export import export, stats
from classifier.cli.models import app as models_app
from classifier.cli.report import report
from classifier.cli.schema import schema
from classifier.cli.taxonomy import app as taxonomy_app
from classifier.errors import ClassifierError, ConfigurationError, InputError


class _PlainGroup(TyperGroup):
    """Its own help is plain text: what frames it in colours takes as long to load as all else."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**given, "rich_markup_mode": None})


app = typer.Typer(
    name="classifier",
    cls=_PlainGroup,
    help="Says what kinds of software failures the news reports, with every claim pinned to a "
    "quote. Runs on this machine, unless you name an endpoint.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(classify)
app.command()(audit)
app.command()(report)
app.add_typer(batch_app, name="batch")
app.add_typer(taxonomy_app, name="taxonomy")
app.add_typer(models_app, name="models")
app.add_typer(cache_app, name="cache")
app.command()(export)
app.command()(stats)
app.command()(schema)


def _add_installed(to: typer.Typer) -> None:
    """Add the commands that installed packages offer: `eval` is one, and nothing here knows it."""
    for point in sorted(entry_points(group="classifier.commands"), key=lambda p: p.name):
        try:
            offered = point.load()
            if isinstance(offered, typer.Typer):
                to.add_typer(offered, name=point.name)
            else:
                to.command(point.name)(offered)
        except Exception as error:  # noqa: BLE001 - one broken package must not take the rest
            say(f"The command {point.name!r} cannot be loaded from {point.value}: {error!r}")


_add_installed(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("fail-classifier"))
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=_version, is_eager=True
    ),
) -> None:
    """Options of the command itself."""


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code, and prints an error of ours as one message."""
    try:
        app(list(arguments))
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else DONE
    except (ConfigurationError, InputError) as error:
        say(f"Error: {error}")
        code = WRONG_USAGE
    except ClassifierError as error:
        say(f"Error: {error}")
        code = FELL_SHORT
    if code == INTERRUPTED:
        say("Interrupted. What was answered is in the cache: run it again to go on.")
    return code


if __name__ == "__main__":
    main()
