"""The command `classifier`: its commands, and how an error becomes a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import click
import typer

from classifier.cli.cache import app as cache_app
from classifier.cli.classify import classify
from classifier.cli.models import app as models_app
from classifier.cli.schema import schema
from classifier.cli.taxonomy import app as taxonomy_app
from classifier.errors import ClassifierError, ModelError, WeightsError

DONE, FELL_SHORT, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name="classifier",
    help="Says what kinds of software failures the news reports, with every claim pinned to a "
    "quote. Runs on this machine, unless you name an endpoint.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(classify)
app.add_typer(taxonomy_app, name="taxonomy")
app.add_typer(models_app, name="models")
app.add_typer(cache_app, name="cache")
app.command()(schema)


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
    """Run one command; returns the exit code and never raises for a user's mistake."""
    return guarded(lambda: app(list(arguments), standalone_mode=False))


def guarded(command: Callable[[], object]) -> int:
    """What a command returns as an exit code; its error is printed as one message."""
    try:
        code = command()
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        error.show()
        return WRONG_USAGE
    except (KeyboardInterrupt, click.Abort):
        _complain("Interrupted. What was answered so far is in the cache: run it again to go on.")
        return INTERRUPTED
    except (ModelError, WeightsError) as error:
        _complain(f"Error: {error}")
        return FELL_SHORT
    except ClassifierError as error:
        _complain(f"Error: {error}")
        return WRONG_USAGE
    except BrokenPipeError:
        # The reader of our output went away, as `head` does; there is nobody left to tell.
        sys.stderr.close()
        return FELL_SHORT
    return code if isinstance(code, int) else DONE


def _complain(message: str) -> None:
    typer.echo(message, err=True)


if __name__ == "__main__":
    main()
