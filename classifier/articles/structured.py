"""JSON and YAML files to incidents: an object, or a list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from classifier.articles.decoding import decode
from classifier.articles.files import too_large
from classifier.articles.items import Failure, Item, Parsed
from classifier.articles.loading import load_json, load_yaml
from classifier.articles.shapes import derived_id, item
from classifier.errors import InputError

if TYPE_CHECKING:
    from classifier.articles.items import Raw

_MOST_YAML = 2_000_000  # bytes; the pure Python parser takes about a second for 100 000


def parse_json(raw: Raw) -> Parsed:
    """The incidents of a JSON file."""
    return _parsed(load_json(decode(raw.data, raw.name), raw.name), raw)


def parse_yaml(raw: Raw) -> Parsed:
    """The incidents of a YAML file."""
    if len(raw.data) > _MOST_YAML:
        raise too_large(raw.name, _MOST_YAML)
    return _parsed(load_yaml(decode(raw.data, raw.name), raw.name), raw)


def _parsed(value: object, raw: Raw) -> Parsed:
    if isinstance(value, list):
        return _list(value, raw)
    fields = {"url": raw.url} | value if raw.url and isinstance(value, dict) else value
    return Parsed((item(fields, raw.source, raw.name, raw.id),))


def _list(values: list[object], raw: Raw) -> Parsed:
    if not values:
        raise InputError(f"{raw.name}: is an empty list. Put articles or incidents into it.")
    items: list[Item] = []
    failures: list[Failure] = []
    for number, value in enumerate(values):
        place = f"{raw.name}: [{number}]"
        try:
            items.append(item(value, raw.source, place, derived_id(raw.id, number + 1)))
        except InputError as error:
            failures.append(Failure(raw.source, error))
    return Parsed(tuple(items), tuple(failures))
