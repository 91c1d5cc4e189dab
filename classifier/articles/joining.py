"""Which articles make which incident, and what the caller's flags change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from classifier.articles.cleaning import is_blank
from classifier.articles.items import Failure, Item, Parsed, twin_incidents, without_twins
from classifier.articles.naming import LONGEST_ID, quoted
from classifier.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.articles.options import ReadOptions


def check_usage(sources: Sequence[str], options: ReadOptions) -> None:
    """Raises ConfigurationError for what is wrong whatever the sources hold."""
    if not sources:
        raise ConfigurationError("No article given. Name a file, a URL, or `-`.")
    for flag, value in (("--incident", options.one_incident), ("--id", options.id)):
        if value is not None and not _is_id(value):
            raise ConfigurationError(
                f"{flag} is {quoted(value)}. Give 1 to {LONGEST_ID} printable characters."
            )
    if options.overrides and len(sources) > 1:
        raise _overrides_too_much(options, f"{len(sources)} sources are given")


def joined(parsed: Parsed, options: ReadOptions) -> Parsed:
    """All articles as one incident, if that was asked for; otherwise each incident once."""
    name = options.one_incident
    return _distinct(parsed) if name is None else _one_incident(parsed, name)


def overridden(parsed: Parsed, options: ReadOptions) -> Parsed:
    """The one article as the flags say. Raises ConfigurationError where there are several."""
    count = sum(len(item.members) for item in parsed.items)
    if not options.overrides or not count:
        return parsed
    if count + len(parsed.failures) > 1:
        raise _overrides_too_much(options, f"the source holds {count + len(parsed.failures)}")
    return replace(parsed, items=(_changed(parsed.items[0], options),))


def _changed(item: Item, options: ReadOptions) -> Item:
    member = item.members[0]
    article = member.article.model_copy(update=options.overrides)
    return Item(
        id=options.one_incident or options.id or item.id,
        title=item.title if options.title is None else options.title,
        members=(replace(member, article=article),),
    )


def _one_incident(parsed: Parsed, name: str) -> Parsed:
    members = [member for item in parsed.items for member in item.members]
    kept, twins = without_twins(members)
    title = parsed.items[0].title if len(parsed.items) == 1 else ""
    items = (Item(name, title, kept),) if kept else ()
    return Parsed(items, (*parsed.failures, *twins))


def _distinct(parsed: Parsed) -> Parsed:
    first: dict[str, Item] = {}
    failures = list(parsed.failures)
    for item in parsed.items:
        if (known := first.setdefault(item.id, item)) is not item:
            failures.append(Failure(item.source, twin_incidents(known, item)))
    return Parsed(tuple(first.values()), tuple(failures))


def _is_id(value: str) -> bool:
    return len(value) <= LONGEST_ID and value.isprintable() and not is_blank(value)


def _overrides_too_much(options: ReadOptions, found: str) -> ConfigurationError:
    flags = ", ".join(f"--{name}" for name in options.overrides)
    return ConfigurationError(
        f"{flags}: these describe one article, and {found}. Give one article, or write the "
        "details into the files (YAML front matter, or JSON)."
    )
