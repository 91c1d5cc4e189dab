"""Options that several commands share: a command takes one object, its user many flags."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from classifier.articles import ReadOptions
    from classifier.batch.inputs import InputOptions
    from classifier.settings import Settings

Command = Callable[..., Any]


@dataclass(frozen=True)
class Flag:
    """One option: the name of the value it sets, its type, its help and how it is written."""

    name: str
    kind: type
    help: str
    spelling: tuple[str, ...]

    def parameter(self, panel: str) -> inspect.Parameter:
        """The flag as typer wants it: None where it is not given."""
        option = typer.Option(
            *self.spelling, help=self.help, rich_help_panel=panel, show_default=False
        )
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[self.kind | None, option],
        )


def expanded(
    name: str, panel: str, flags: Sequence[Flag], build: Callable[..., object]
) -> Callable[[Command], Command]:
    """A decorator: the command's parameter `name` is built from the flags that were given."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(**given: Any) -> Any:
            values = {flag.name: given.pop(flag.name) for flag in flags}
            return command(**given, **{name: build(**values)})

        signature = inspect.signature(command, eval_str=False)
        kept = [p for p in signature.parameters.values() if p.name != name]
        added = [flag.parameter(panel) for flag in flags]
        shown = signature.replace(parameters=[*_keyword_only(kept), *added])
        hints = {k: v for k, v in command.__annotations__.items() if k != name}
        run.__signature__ = shown  # type: ignore[attr-defined]
        run.__annotations__ = hints | {p.name: p.annotation for p in added}
        return run

    return decorate


def _keyword_only(parameters: Sequence[inspect.Parameter]) -> list[inspect.Parameter]:
    return [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]


def _settings(**flags: Any) -> Settings:
    from classifier.settings import load_settings

    return load_settings(**flags)


def _reading(**flags: Any) -> ReadOptions:
    import sys

    from classifier.articles import ReadOptions
    from classifier.articles.dates import as_day
    from classifier.errors import ConfigurationError

    try:
        published = as_day(flags["published"])
    except ValueError as error:
        raise ConfigurationError(
            f"--published {flags['published']!r} is not a date. Write YYYY-MM-DD."
        ) from error
    given: dict[str, Any] = {name: _valid(value) for name, value in flags.items()}
    given["published"] = published
    stdin = sys.stdin.buffer if sys.stdin else None  # None where it is closed
    return ReadOptions(today=datetime.now(UTC).date(), stdin=stdin, **given)


def _valid(value: str | None) -> str | None:
    """The text of a flag; bytes that are no UTF-8 become `?`, for no record takes them."""
    return None if value is None else value.encode("utf-8", "replace").decode()


_SETTINGS = (
    Flag(
        "model",
        str,
        "embedded (the default), embedded:NAME, gguf:PATH, or a model at an endpoint.",
        ("--model", "-m"),
    ),
    Flag("base_url", str, "An OpenAI-compatible endpoint.", ("--base-url",)),
    Flag("taxonomy", str, "A taxonomy that ships, or a folder.", ("--taxonomy",)),
    Flag("method", str, "Which of the taxonomy's methods to ask by.", ("--method",)),
    Flag("context", int, "The model's context, in tokens.", ("--context",)),
    Flag("concurrency", int, "Calls at a time, to an endpoint.", ("--concurrency",)),
    Flag("threads", int, "Processor threads of the embedded model.", ("--threads",)),
    Flag("tries", int, "Tries of one call.", ("--tries",)),
    Flag("total_seconds", float, "Seconds for all tries of one call.", ("--total-seconds",)),
    Flag("timeout", float, "Seconds for one try.", ("--timeout",)),
    Flag("cache", bool, "Use the cache of replies (default).", ("--cache/--no-cache",)),
    Flag(
        "calibration",
        str,
        "auto (the default: the taxonomy's own, where it fits), none, or a file.",
        ("--calibration",),
    ),
    Flag(
        "min_confidence",
        float,
        "A decision that is less sure needs review instead of an answer.",
        ("--min-confidence",),
    ),
    Flag(
        "target_precision",
        float,
        "The same, as the share of the answers that should be right.",
        ("--target-precision",),
    ),
    Flag("fields", bool, "Ask the open fields too (default).", ("--fields/--no-fields",)),
    Flag(
        "allow_private",
        bool,
        "Read articles from addresses of private networks too.",
        ("--allow-private/--no-allow-private",),
    ),
)

_PACE = (
    Flag(
        "requests_per_minute",
        float,
        "Requests a minute at most, all together.",
        ("--requests-per-minute",),
    ),
    Flag(
        "tokens_per_minute",
        float,
        "Prompt and reply tokens a minute at most.",
        ("--tokens-per-minute",),
    ),
    Flag("prices", str, "A TOML or JSON file of your own prices.", ("--prices",)),
    Flag(
        "via", str, "direct (the default), or openai-batch: half the price, in a day.", ("--via",)
    ),
)

_TABLES = (
    *(
        Flag(f"{name}_column", str, f"The column {holds}; '' for none.", (f"--{name}-column",))
        for name, holds in (
            ("id", "with the id of an article"),
            ("title", "with its title"),
            ("text", "with its text"),
            ("published", "with its day of publication"),
            ("source", "with who published it"),
            ("url", "with its address"),
            ("incident", "with the incident that it belongs to"),
        )
    ),
    Flag("delimiter", str, "What parts the fields of CSV.", ("--delimiter",)),
    Flag("encoding", str, "The charset of CSV and JSON Lines.", ("--encoding",)),
    Flag("max_characters", int, "The longest article that is read.", ("--max-characters",)),
)

_READING = (
    Flag("one_incident", str, "All sources report one incident, of this id.", ("--incident",)),
    Flag("id", str, "The article's id.", ("--id",)),
    Flag("title", str, "Its title.", ("--title",)),
    Flag("published", str, "Its day of publication, YYYY-MM-DD.", ("--published",)),
    Flag("source", str, "Who published it.", ("--source",)),
    Flag("url", str, "Its address.", ("--url",)),
)


def _input_options(**flags: Any) -> InputOptions:
    from classifier.batch.inputs import Columns, InputOptions

    columns = {f.removesuffix("_column"): flags.pop(f) for f in list(flags) if "_column" in f}
    given = {name: value for name, value in flags.items() if value is not None}
    return InputOptions(today=datetime.now(UTC).date(), columns=Columns(**columns), **given)


with_settings = expanded("settings", "Model and settings", _SETTINGS, _settings)
with_flags = expanded("flags", "Model and settings", (*_SETTINGS, *_PACE), dict)
with_input_options = expanded("options", "How tables are read", _TABLES, _input_options)
with_reading = expanded("reading", "What a file does not say", _READING, _reading)
