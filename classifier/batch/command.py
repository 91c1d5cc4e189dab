"""How a run was started, kept in its folder, so that `retry` needs no more than the folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from classifier.batch.inputs import Columns, InputOptions
from classifier.batch.lines import decoded, encoded
from classifier.errors import ClassifierError, ConfigurationError
from classifier.records import Record
from classifier.replacing import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from classifier.settings import Settings

NAME = "command.json"
_NOT_KEPT = {"cache", "cache_path", "allow_private"}


class Start(Record):
    """The sources as they were given in the folder `here`, how to read them, and the settings.

    There is no secret in it: settings hold none, and a base URL is kept without its query.
    """

    schema_version: int = 1
    here: str
    sources: tuple[str, ...]
    columns: dict[str, str | None] = Field(default_factory=dict)
    reading: dict[str, str | int | None] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)

    def options(self, today: date) -> InputOptions:
        """How the inputs are read."""
        given: dict[str, Any] = dict(self.reading)
        return InputOptions(today=today, columns=Columns(**self.columns), **given)

    def placed(self, here: Path) -> Start:
        """The same, seen from another folder: what was relative to `here` becomes absolute."""
        if str(here) == self.here:
            return self
        settings = dict(self.settings)
        for name in ("taxonomy", "calibration", "prices"):
            path = Path(self.here) / str(settings.get(name) or "")
            if settings.get(name) and path.exists():
                settings[name] = str(path)
        sources = tuple(str(Path(self.here) / source) for source in self.sources)
        return self.model_copy(update={"sources": sources, "settings": settings})


def start_of(sources: tuple[str, ...], options: InputOptions, settings: Settings) -> Start:
    """What to keep of a command."""
    kept = settings.model_dump(mode="json", exclude=_NOT_KEPT, exclude_none=True)
    if "base_url" in kept:
        kept["base_url"] = kept["base_url"].partition("?")[0]
    columns = {name: getattr(options.columns, name) for name in Columns.__dataclass_fields__}
    reading = {
        "delimiter": options.delimiter,
        "encoding": options.encoding,
        "max_characters": options.max_characters,
    }
    here = str(Path.cwd())
    return Start(here=here, sources=sources, columns=columns, reading=reading, settings=kept)


def save_start(run: Path, start: Start) -> None:
    """Write it to the run folder, whole or not at all; raises `ClassifierError`."""
    try:
        replace_file(run / NAME, encoded(start, indent=2).decode())
    except OSError as error:
        raise ClassifierError(
            f"{run / NAME} cannot be written: {error.strerror or error}. Free space or mend the "
            "disk, and run the same command again to go on."
        ) from error


def load_start(run: Path) -> Start:
    """How the run in the folder was started; `ConfigurationError` where that is not known."""
    try:
        return decoded(Start, (run / NAME).read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{run / NAME} cannot be read, so it is not known what the run reads and asks. Start "
            "it once more with `classifier batch INPUT... --out RUN`, which writes it anew."
        ) from error


def settings_of(start: Start, flags: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the run, and over them the flags that were given (None: not given)."""
    return start.settings | {name: value for name, value in flags.items() if value is not None}
