"""Checks of the open fields: items without a reason, and fields that say the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rapidfuzz.fuzz import token_sort_ratio
from rapidfuzz.utils import default_process

from classifier.auditing.checks import found
from classifier.auditing.subject import Subject, item_citations
from classifier.citing import uncited
from classifier.records import AuditFinding, FieldAnswer, Item
from classifier.taxonomy import OpenField

NEARLY = 90.0
"""From how alike on two statements are near twins: rapidfuzz's ratio of their sorted words."""
# The comparison takes time in the product of the items, and of their lengths.
_MOST_ITEMS = 60
_MOST_CHARACTERS = 1000

_Said = Sequence[tuple[str, str]]


def field_findings(subject: Subject) -> Iterator[AuditFinding]:
    """Every finding about the open fields of a report."""
    yield from _strangers(subject)
    for field, answer in subject.fields():
        yield from _unanswered(field, answer)
        yield from _repeated(field, answer)
    for field, place, item in subject.items():
        yield from _not_found(place, item)
        if field.kind != "text":
            yield from _unsupported(subject, field, place, item)
    yield from _twins(subject)


def _strangers(subject: Subject) -> Iterator[AuditFinding]:
    postmortem = subject.taxonomy.postmortem
    names = {f.name for f in postmortem.fields} if postmortem else set()
    for name in subject.answers:
        if name not in names:
            message = f"The taxonomy {subject.taxonomy.name!r} has no open field {name!r}."
            yield found("not-in-taxonomy", message, f"fields.{name}")


def _unanswered(field: OpenField, answer: FieldAnswer) -> Iterator[AuditFinding]:
    place = f"fields.{field.name}"
    if answer.status == "failed":
        why = answer.reason or "the report does not say why"
        yield found("failed", f"There is no answer: {why}.", place)
    elif answer.status == "answered" and not answer.items and not answer.lead:
        yield found("field-empty", "It is answered, and says nothing.", place)


def _repeated(field: OpenField, answer: FieldAnswer) -> Iterator[AuditFinding]:
    first: dict[str, int] = {}
    for number, item in enumerate(answer.items, start=1):
        words = _words(item)
        other = first.setdefault(words, number)
        if words and other != number:
            message = f"Items {other} and {number} say the same."
            yield found("repeated-item", message, f"fields.{field.name}.{number}")


def _not_found(place: str, item: Item) -> Iterator[AuditFinding]:
    for evidence in item.evidence:
        if not evidence.located:
            message = f"A quote for it stands in no article: {evidence.quote!r}."
            yield found("quote-not-found", message, place)


def _unsupported(
    subject: Subject, field: OpenField, place: str, item: Item
) -> Iterator[AuditFinding]:
    if item.inferred:
        if not field.infer:
            message = f"{field.label} takes what the articles say alone, and this is inferred."
            yield found("inference-not-allowed", message, place)
    elif subject.has_texts and not any(e.located for e in item.evidence):
        if field.infer:
            message = "No quote carries it, and it is not marked as inferred."
            yield found("inference-not-marked", message, place)
        else:
            yield found("item-without-quote", "No quote that stands carries it.", place)
    elif not item_citations(item, subject.ids):
        yield found("item-without-citation", "It cites no article.", place)


def _twins(subject: Subject) -> Iterator[AuditFinding]:
    answers = {f.name: a for f, a in subject.fields()}
    told: set[frozenset[str]] = set()
    for field, answer in subject.fields():
        for name in field.apart_from:
            pair = frozenset((field.name, name))
            if name in answers and name != field.name and pair not in told:
                told.add(pair)
                yield from _between(_said(field.name, answer), _said(name, answers[name]))


def _said(name: str, answer: FieldAnswer) -> _Said:
    """The place and the words of each item; of the words, what tells two items apart."""
    items = enumerate(answer.items[:_MOST_ITEMS], start=1)
    said = ((f"{name}.{number}", _words(item)) for number, item in items)
    return [(place, words) for place, words in said if words]


def _between(ours: _Said, theirs: _Said) -> Iterator[AuditFinding]:
    for place, words in ours:
        for other, again in theirs:
            if words == again:
                message = f"It says the same as {other}, and the two fields stand apart."
                yield found("twin-statements", message, f"fields.{place}")
            elif token_sort_ratio(words, again, score_cutoff=NEARLY):
                message = f"It says nearly the same as {other}, and the two fields stand apart."
                yield found("near-twin-statements", message, f"fields.{place}")


def _words(item: Item) -> str:
    """The words of an item in small letters, without its citations and punctuation."""
    return " ".join(default_process(uncited(item.text)[:_MOST_CHARACTERS]).split())
