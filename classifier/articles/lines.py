"""JSON Lines to incidents: a line at a time, so that a broken one loses no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from classifier.articles.decoding import decode, empty, marked_charset
from classifier.articles.items import Failure, Item, Parsed, Placed, without_twins
from classifier.articles.loading import load_json
from classifier.articles.shapes import article_shape, derived_id, item
from classifier.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from classifier.articles.items import Raw

_Found = Item | tuple[str, Placed]  # an incident, or an article and the id of its incident


def parse_lines(raw: Raw) -> Parsed:
    """The incidents of a JSON Lines file, in the order of their first lines."""
    found: list[_Found] = []
    failures: list[Failure] = []
    for number, line in _lines(raw):
        try:
            found.append(_found(line, number, raw))
        except InputError as error:
            failures.append(Failure(raw.source, error))
    if not found and not failures:
        raise empty(raw.name)
    items, twins = _grouped(found)
    return Parsed(items, (*failures, *twins))


def _lines(raw: Raw) -> Iterator[tuple[int, bytes]]:
    marked = marked_charset(raw.data)
    data = decode(raw.data, raw.name).encode("utf-8", "replace") if marked else raw.data
    lines = enumerate(data.split(b"\n"), start=1)
    return ((number, line) for number, line in lines if line.strip())


def _found(line: bytes, number: int, raw: Raw) -> _Found:
    place = f"{raw.name}:{number}"
    value = load_json(_text(line, place), raw.name, number)
    spare = derived_id(raw.id, number)
    if not isinstance(value, dict) or "articles" in value or value.get("incident") is None:
        return item(value, raw.source, place, spare)
    shape = article_shape(value, place)
    return shape.incident or spare, Placed(shape.article(spare), raw.source, place)


def _text(line: bytes, place: str) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: is not UTF-8. Save the line as UTF-8.") from error


def _grouped(found: Sequence[_Found]) -> tuple[tuple[Item, ...], tuple[Failure, ...]]:
    groups: dict[str, list[Placed]] = {}
    order: list[Item | str] = []
    for one in found:
        if isinstance(one, Item):
            order.append(one)
            continue
        incident, member = one
        if incident not in groups:
            order.append(incident)
        groups.setdefault(incident, []).append(member)
    united = {name: without_twins(members) for name, members in groups.items()}
    items = tuple(Item(o, "", united[o][0]) if isinstance(o, str) else o for o in order)
    return items, tuple(failure for _, twins in united.values() for failure in twins)
