"""JSON Lines, a line at a time: an article or an incident each."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from classifier.articles.loading import load_json
from classifier.batch.inputs import text_files
from classifier.batch.inputs.options import Unread, missing
from classifier.batch.inputs.rows import Spot, nested, row, too_long
from classifier.errors import InputError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from classifier.batch.inputs.options import InputOptions
    from classifier.batch.inputs.rows import Found
    from classifier.batch.inputs.sources import SourceFile

_ESCAPED = 6  # characters of JSON, such as \u00e9, for one of the text
_HEAD = 100


def rows(file: SourceFile, options: InputOptions) -> Iterator[Found]:
    """What each line holds. Raises InputError where the file cannot be read any further."""
    names = options.columns.names()
    for number, line in _lines(file, options):
        if line is None or line.strip():
            yield _found(line, names, Spot(file, number), options)


def check(file: SourceFile, options: InputOptions) -> None:
    """Raises ConfigurationError where none of the first lines has a column that must be there."""
    present = head(file, options)
    if not present or "articles" in present:
        return
    for field, column in options.columns.required().items():
        if column not in present:
            raise missing(field, column, present, file.name, f" in its first {_HEAD} lines")


def head(file: SourceFile, options: InputOptions) -> list[str]:
    """All keys of the objects in the first lines; none where there are no such lines."""
    keys: dict[str, None] = {}
    try:
        for _, line in islice(_lines(file, options), _HEAD):
            keys |= dict.fromkeys(_keys(line))
    except InputError:  # the stream will say so
        pass
    return list(keys)


def _keys(line: str | None) -> list[str]:
    try:
        value = load_json(line or "", "")
    except InputError:
        return []
    return list(value) if isinstance(value, dict) else []


def _lines(file: SourceFile, options: InputOptions) -> Iterator[tuple[int, str | None]]:
    """The lines with their numbers from 1; None is one that is too long, and was passed over."""
    number, longest = 0, options.longest(_ESCAPED)
    try:
        charset = text_files.charset(file, options)
        with text_files.text(file, charset, "\n") as stream:
            while line := stream.readline(longest + 1):
                number += 1
                fits = len(line) <= longest
                if not fits:
                    _pass_over(stream, line)
                yield number, line if fits else None
    except text_files.UNREADABLE as error:
        raise text_files.broken(file, number + 1, error) from error


def _pass_over(stream: io.TextIOWrapper, line: str) -> None:
    while line and not line.endswith("\n"):
        line = stream.readline(text_files.PIECE)


def _found(line: str | None, names: dict[str, str], spot: Spot, options: InputOptions) -> Found:
    place = str(spot)
    if line is None:
        longest = options.longest(_ESCAPED)
        return Unread(
            place, str(too_long(f"{place}: the line is longer than {longest:,}", options))
        )
    if stray := text_files.strays(line, options.encoding or "utf-8"):
        return Unread(place, f"{place}: {stray}")
    try:
        value = load_json(line.rstrip(), spot.file.name, spot.number)
    except InputError as error:
        return Unread(place, str(error))
    if not isinstance(value, dict):
        return nested(value, line, spot, options)
    fields = {field: value[column] for field, column in names.items() if column in value}
    if "articles" in value:
        return nested({**fields, "articles": value["articles"]}, line, spot, options)
    return row(fields, spot, options)
