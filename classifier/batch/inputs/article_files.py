"""Files of articles, as `classify` reads them: text, Markdown, HTML, JSON and YAML."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from classifier.articles.files import explained, read_file, too_large
from classifier.articles.formats import parse, sniffed_kind, suffix_kind
from classifier.articles.items import Raw
from classifier.batch.inputs.options import Unread
from classifier.batch.inputs.rows import Spot, bounded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from classifier.batch.inputs.options import InputOptions
    from classifier.batch.inputs.rows import Found
    from classifier.batch.inputs.sources import SourceFile

_WIDEST = 4  # bytes of a character in UTF-8


def rows(file: SourceFile, options: InputOptions) -> Iterator[Found]:
    """What the file holds. Raises InputError where that is nothing, or it is too large."""
    data = _data(file, options.longest(_WIDEST))
    kind = suffix_kind(file.path) or sniffed_kind(data, file.name)
    parsed = parse(Raw(data, file.path, file.name, file.id, kind), options.today)
    for made in parsed.items:
        yield bounded(made, Spot(file), options)
    for failure in parsed.failures:
        yield Unread(_place(file, str(failure.error)), str(failure.error))


def _data(file: SourceFile, most: int) -> bytes:
    try:
        size = Path(file.path).stat().st_size
    except OSError as error:
        raise explained(error, file.path) from error
    if size > most:
        raise too_large(file.name, most)
    return read_file(file.path, None)


def _place(file: SourceFile, message: str) -> str:
    """The element of a list that the message speaks of, or else the file."""
    element = re.match(re.escape(file.name) + r": \[\d+\]", message)
    return element[0] if element else file.name
