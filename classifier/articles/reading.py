"""From sources to incidents: reads each, keeps failures apart, joins what belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from classifier.articles.files import read_file, read_stream
from classifier.articles.formats import parse, sniffed_kind, suffix_kind
from classifier.articles.items import Failure, Parsed, Raw
from classifier.articles.joining import check_usage, joined, overridden
from classifier.articles.naming import file_id, is_url, shown, url_id
from classifier.articles.options import Reading
from classifier.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.articles.options import ReadOptions


def read_incidents(sources: Sequence[str], options: ReadOptions) -> Reading:
    """The incidents in files, URLs and standard input (`-`), in the order given.

    Each source is an incident, or several, unless `options.one_incident` joins them. What cannot
    be read is in `failures` and loses nothing else. Raises ConfigurationError where the options do
    not fit the sources.
    """
    check_usage(sources, options)
    found = [_read(source, options) for source in sources]
    parsed = Parsed(
        tuple(item for one in found for item in one.items),
        tuple(failure for one in found for failure in one.failures),
    )
    final = overridden(joined(parsed, options), options)
    try:
        incidents = tuple(item.incident() for item in final.items)
    except ValidationError as error:  # the readers check all but what the caller's flags set
        raise ConfigurationError(f"The options do not make an incident: {error}") from error
    return Reading(incidents, tuple((f.source, f.error) for f in final.failures))


def _read(source: str, options: ReadOptions) -> Parsed:
    try:
        return parse(_raw(source, options), options.today)
    except InputError as error:
        return Parsed(failures=(Failure(source, error),))


def _raw(source: str, options: ReadOptions) -> Raw:
    if source == "-":
        return _standard_input(options)
    if is_url(source):
        return _fetched(source, options)
    kind = suffix_kind(source)
    data = read_file(source, None if kind == "jsonl" else options.max_bytes)
    name = shown(source)
    return Raw(data, source, name, file_id(source), kind or sniffed_kind(data, name))


def _standard_input(options: ReadOptions) -> Raw:
    name = "standard input"
    if options.stdin is None:
        raise InputError(f"{name}: there is none. Name a file instead of `-`.")
    data = read_stream(options.stdin, name, options.max_bytes)
    return Raw(data, "-", name, "stdin", sniffed_kind(data, name))


def _fetched(source: str, options: ReadOptions) -> Raw:
    from classifier.articles.web import fetch  # httpx2 is slow to import

    page = fetch(source, options)
    return Raw(page.data, source, shown(source), url_id(source), page.kind, page.url)
