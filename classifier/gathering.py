"""Turns the answers of an incident's chunks to an open field into one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from classifier.records import FieldAnswer, Item
from classifier.taxonomy import OpenField

_WORD = re.compile(r"\w+")


def gather(field: OpenField, answers: Sequence[FieldAnswer]) -> FieldAnswer:
    """The items of all chunks, those that say the same once; of a text the first chunk's.

    It has failed where no chunk says anything and one has failed.
    """
    failed = [a.reason or "" for a in answers if a.status == "failed"]
    told = [a for a in answers if a.status == "answered"]
    if field.kind == "text":
        told = told[:1]
    if failed and not told:
        some = f"{len(failed)} of {len(answers)} chunks failed: " if len(answers) > 1 else ""
        return FieldAnswer(status="failed", reason=some + failed[0])
    reasons = [a.reason for a in told if a.reason]
    if failed:
        reasons.insert(0, f"{len(failed)} of {len(answers)} chunks failed: {failed[0]}")
    return FieldAnswer(
        status="answered" if told else "unknown",
        items=_once([item for a in told for item in a.items]),
        reason="; ".join(dict.fromkeys(reasons)) or None,
    )


def _once(items: Sequence[Item]) -> tuple[Item, ...]:
    """The items in their order; those with the same words are one, with the quotes of all."""
    found: dict[str, Item] = {}
    for item in items:
        words = " ".join(_WORD.findall(item.text.casefold())) or item.text
        found[words] = _joined(found[words], item) if words in found else item
    return tuple(found.values())


def _joined(first: Item, second: Item) -> Item:
    """What an article states is not inferred, whatever another chunk made of it."""
    return first.model_copy(
        update={
            "articles": tuple(dict.fromkeys((*first.articles, *second.articles))),
            "evidence": tuple(dict.fromkeys((*first.evidence, *second.evidence))),
            "inferred": first.inferred and second.inferred,
            "when": first.when or second.when,
        }
    )
