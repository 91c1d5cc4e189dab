"""What a caller asks of the readers, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from datetime import date

    from classifier.errors import InputError
    from classifier.records import Incident


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How to read; nothing here is taken from the environment.

    `today` is the clock. `one_incident` is the id of the one incident that all articles make.
    `id`, `title`, `published`, `source` and `url` override the file, and are legal only where
    exactly one article results. `timeout` is the total for one URL, in seconds; `max_bytes` bounds
    each URL, each file but JSON Lines, and standard input.
    """

    today: date
    one_incident: str | None = None
    id: str | None = None
    title: str | None = None
    published: date | None = None
    source: str | None = None
    url: str | None = None
    allow_private: bool = False
    timeout: float = 20.0
    max_bytes: int = 10_000_000
    max_redirects: int = 5
    stdin: BinaryIO | None = None

    @property
    def overrides(self) -> dict[str, object]:
        """The fields of the one article that the caller sets, by name."""
        given = {n: getattr(self, n) for n in ("id", "title", "published", "source", "url")}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Reading:
    """What could be read, and what could not: pairs of the source as given and its error."""

    incidents: tuple[Incident, ...] = ()
    failures: tuple[tuple[str, InputError], ...] = ()
