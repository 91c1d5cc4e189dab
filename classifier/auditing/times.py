"""Checks of times: nothing can have happened after the articles that report it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from classifier.auditing.checks import found
from classifier.auditing.subject import Subject, item_citations
from classifier.records import AuditFinding, Item, When
from classifier.taxonomy import OpenField

_LONGEST = 2000
_SENTENCE = re.compile(r"[^.!?;]+")
# What is announced may well lie after publication.
_AHEAD = re.compile(
    r"\b(?:will|would|plan\w*|expect\w*|schedul\w*|due|until|by|promis\w*|intend\w*|announc\w*|"
    r"deadline|future|forecast|predict\w*)\b",
    re.IGNORECASE,
)


def time_findings(subject: Subject) -> Iterator[AuditFinding]:
    """Every finding about the times of a report's items."""
    for field, place, item in subject.items():
        if item.when is not None and item.when.end < item.when.start:
            message = f"It begins on {item.when.start} and ends on {item.when.end}."
            yield found("time-runs-backwards", message, place)
        for said, start in _starts(field, item):
            yield from _late(subject, place, item, said, start)


def _late(
    subject: Subject, place: str, item: Item, said: str, start: date
) -> Iterator[AuditFinding]:
    last = _last_publication(subject, item)
    first = subject.incident.published
    if last is not None and start > last:
        message = f"It is said to be {said!r}, and the article was published on {last}."
        yield found("time-after-publication", message, place)
    elif last is None and first is not None and start > first:
        message = (
            f"It is said to be {said!r}, and the first article was published on {first}; when the "
            "others were is not known."
        )
        yield found("time-after-first-publication", message, place)


def _last_publication(subject: Subject, item: Item) -> date | None:
    """The day by which all articles behind an item were published; None where it is not known."""
    articles = subject.incident.articles
    if len(articles or subject.cited) <= 1:
        return subject.incident.published
    cited = set(item_citations(item, subject.ids))
    behind = [a for a in articles if a.id in cited] or articles
    days = [a.published for a in behind]
    return max((d for d in days if d), default=None) if all(days) else None


def _starts(field: OpenField, item: Item) -> Iterator[tuple[str, date]]:
    """The words that say when, and the first day that they may mean.

    An item without a resolved time is read where the field tells times: what its words date
    themselves, and announce for no later day.
    """
    if item.when is not None:
        yield item.when.clue, item.when.start
    elif field.kind == "time":
        for sentence in _SENTENCE.findall(item.text[:_LONGEST]):
            if not _AHEAD.search(sentence):
                yield from ((when.clue, when.start) for when in _dates(sentence))


def _dates(sentence: str) -> Iterator[When]:
    from classifier.dating import UnresolvedClueError, date_clues, resolve

    for clue in date_clues(sentence):
        try:
            yield resolve(clue, None)
        except UnresolvedClueError:  # it counts from another day, or only bounds one
            continue
