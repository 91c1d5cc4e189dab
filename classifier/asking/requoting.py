"""The one re-ask for quotes that stand nowhere in the articles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from classifier.answers import UnusableAnswerError, exactly
from classifier.asking.context import AskContext, follow_up
from classifier.chunking import Chunk
from classifier.errors import ModelRequestError, ReplyError
from classifier.models.seam import Reply, Request
from classifier.prompting import render
from classifier.records import Evidence

Found = Mapping[str, tuple[Evidence, ...]]


async def requoted(
    context: AskContext, chunk: Chunk, request: Request, reply: Reply, evidence: Sequence[Evidence]
) -> Found:
    """Quotes that were not found -> where those stand that the model gives in their place."""
    lost = list(dict.fromkeys(e.quote for e in evidence if not e.located))
    if not lost:
        return {}
    ending = render(context.taxonomy, "requote", quotes=lost)
    again = replace(follow_up(request, reply, ending), schema=_schema(len(lost)))
    try:
        given, _, _ = await context.ask_json(again, lambda value: _read(value, len(lost)))
    except (ReplyError, UnusableAnswerError, ModelRequestError):
        return {}
    pinned = (context.locator.locate(new, chunk.parts) if new.strip() else () for new in given)
    return {
        old: found
        for old, found in zip(lost, pinned, strict=True)
        if found and all(e.located for e in found)
    }


def mended(evidence: Sequence[Evidence], found: Found) -> tuple[Evidence, ...]:
    """The evidence, each that was not found with what takes its place, where there is any."""
    return tuple(new for e in evidence for new in ((e,) if e.located else found.get(e.quote, (e,))))


def _schema(count: int) -> dict[str, Any]:
    quotes = {"type": "array", "items": {"type": "string"}, "minItems": count, "maxItems": count}
    return exactly({"quotes": quotes})


def _read(value: Mapping[str, Any], count: int) -> list[str]:
    quotes = value.get("quotes")
    if not isinstance(quotes, list) or not all(isinstance(q, str) for q in quotes):
        raise UnusableAnswerError("quotes is not a list of texts")
    if len(quotes) != count:
        raise UnusableAnswerError(f"quotes has {len(quotes)} items, not {count}")
    return quotes
