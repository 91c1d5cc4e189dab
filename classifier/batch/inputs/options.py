"""What a caller asks of the inputs, and what stands in for an input that cannot be read."""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from classifier.articles.naming import quoted
from classifier.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

_MOST_SHOWN = 20
_HOLDS = {
    "id": "the id of an article",
    "title": "its title",
    "text": "its text",
    "published": "its day of publication",
    "source": "who published it",
    "url": "its address",
    "incident": "the incident that it belongs to",
}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which column of a table, or key of a JSON line, holds which field of an article.

    None is the column of the field's own name, which may be missing (but for `text`). A name that
    is given must be there. An empty name means that no column is taken, whatever its name.
    """

    id: str | None = None
    title: str | None = None
    text: str | None = None
    published: str | None = None
    source: str | None = None
    url: str | None = None
    incident: str | None = None

    def names(self) -> dict[str, str]:
        """The column looked for, by field; without the fields for which none is taken."""
        named = {name: given for name, given in self._given().items() if given != ""}
        return {name: name if given is None else given for name, given in named.items()}

    def required(self) -> dict[str, str]:
        """The columns that must be there, by field."""
        given = self._given()
        return {f: c for f, c in self.names().items() if f == "text" or given[f] is not None}

    def found(self, present: Sequence[str], name: str) -> dict[str, str]:
        """The column of each field that the table `name` has.

        Raises ConfigurationError where a required column is missing, or a wanted one stands twice.
        """
        for field, column in self.required().items():
            if column not in present:
                raise missing(field, column, present, name)
        found = {field: column for field, column in self.names().items() if column in present}
        for field, column in found.items():
            if present.count(column) > 1:
                raise ConfigurationError(
                    f"{name}: the column {quoted(column)} stands twice. Rename one of them, or "
                    f"name another column for {_HOLDS[field]}: {flag(field)} NAME."
                )
        return found

    def _given(self) -> dict[str, str | None]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, kw_only=True)
class InputOptions:
    """How to read inputs; nothing here is taken from the environment.

    `today` is the clock: it bounds the dates looked for in HTML pages. `delimiter` parts the fields
    of .csv and .tsv files, and `encoding` is the charset of these and of .jsonl; None finds them.
    `max_characters` bounds the text of one article; None is no bound, and no bound of memory.
    """

    today: date
    columns: Columns = Columns()
    delimiter: str | None = None
    encoding: str | None = None
    max_characters: int | None = 10_000_000

    @property
    def deciding(self) -> Mapping[str, Any]:
        """The options that decide which article is read from a row, for a run's manifest.

        `max_characters` is none of them: raising it lets in what was refused, and changes nothing
        that was read.
        """
        names = self.columns.names()
        columns = {f"{field}_column": names.get(field, "") for field in _HOLDS}
        return columns | {"delimiter": self.delimiter, "encoding": self.encoding}

    def longest(self, factor: int) -> int:
        """How many characters or bytes may be read for one article, `factor` for one of its own."""
        return 1 << 40 if self.max_characters is None else factor * self.max_characters + (1 << 20)

    def check(self) -> None:
        """Raises ConfigurationError for what is wrong whatever the inputs hold."""
        if self.columns.text == "":
            raise ConfigurationError("--text-column is empty. Name the column with the text.")
        if self.max_characters is not None and self.max_characters < 1:
            raise ConfigurationError(
                f"--max-characters is {self.max_characters}. Give a number of 1 or more."
            )
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ConfigurationError(
                f"--delimiter is {quoted(self.delimiter)}. Give the one character that parts the "
                "fields: a comma, a semicolon, a tab."
            )
        if self.encoding is not None and not _is_charset(self.encoding):
            raise ConfigurationError(
                f"--encoding is {quoted(self.encoding)}, which is no charset that Python knows. "
                "Give one such as utf-8, cp1252 or utf-16."
            )


@dataclass(frozen=True, slots=True)
class Unread:
    """An input that is no incident, and why.

    `place` is where it is, fit to be shown, and differs from that of every other one; `reason` is a
    sentence for the user, which names the place. `id` is its own, where it is known and may be that
    of another incident. `rows` is how many rows it stands for, where that is known.
    """

    place: str
    reason: str
    id: str | None = None
    rows: int = 1


def flag(field: str) -> str:
    """The flag that names the column of a field."""
    return f"--{field}-column"


def missing(
    field: str, column: str, present: Sequence[str], name: str, where: str = ""
) -> ConfigurationError:
    """The error for a column that is needed and not there; `where` says where it was looked for."""
    listed = ", ".join(quoted(one) for one in present[:_MOST_SHOWN])
    more = f" and {len(present) - _MOST_SHOWN} more" if len(present) > _MOST_SHOWN else ""
    return ConfigurationError(
        f"{name}: has no column {quoted(column)}{where}. Its columns are {listed or 'none'}{more}. "
        f"Name the one that holds {_HOLDS[field]}: {flag(field)} NAME."
    )


def _is_charset(name: str) -> bool:
    try:
        io.TextIOWrapper(io.BytesIO(), name)  # refuses also codecs that are no charset
    except (LookupError, ValueError):  # ValueError: NUL in the name
        return False
    return True
