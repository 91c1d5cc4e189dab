"""Asks the open fields: one JSON answer for a group of them, with quotes for every item.

A small model chooses each quote from the beginnings of the articles' sentences; any other copies
its quotes, and those that stand nowhere are asked for once again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from classifier.answers import UnusableAnswerError
from classifier.asking.context import AskContext
from classifier.asking.explaining import whole_words
from classifier.asking.field_replies import full_schema, is_short, read_field, short_schema
from classifier.asking.items import Said, item_of, when_of
from classifier.asking.requoting import Found, mended, requoted
from classifier.chunking import Chunk
from classifier.errors import ModelRequestError, ReplyError
from classifier.models.seam import Request
from classifier.prompting import fixed
from classifier.records import Evidence, FieldAnswer, Item
from classifier.taxonomy import Method, OpenField, Postmortem, Taxonomy

Group = tuple[OpenField, ...]
Pinned = tuple[Said, tuple[Evidence, ...]]


def field_groups(taxonomy: Taxonomy, method: Method) -> list[Group]:
    """The fields that each call asks, bounded by the method; none where it explains nothing."""
    if taxonomy.postmortem is None or not method.explain:
        return []
    return list(_bounded(taxonomy.postmortem, method))


@lru_cache(64)
def _bounded(postmortem: Postmortem, method: Method) -> tuple[Group, ...]:
    return tuple(tuple(map(method.bounded, group)) for group in postmortem.groups())


def field_question(taxonomy: Taxonomy, group: Group, method: Method) -> str:
    """What stands after the articles."""
    template = "fields_short" if is_short(method) else "fields"
    return fixed(taxonomy, template, fields=group, method=method, unknown=taxonomy.unknown)


def longest_question(taxonomy: Taxonomy, group: Group, method: Method) -> str:
    """All that a call may hold beside the articles: the schema is part of the prompt where JSON
    mode is all there is.
    """
    asked = field_question(taxonomy, group, method)
    return asked if is_short(method) else asked + json.dumps(full_schema(group, method))


def field_tokens(group: Group, method: Method) -> int:
    """How many tokens the answer to a group may have."""
    return sum(
        method.tokens_per_item + f.most_characters // 2
        if f.kind == "text"
        else method.tokens_per_item * f.most_items
        for f in group
    )


async def ask_fields(context: AskContext, chunk: Chunk, group: Group) -> dict[str, FieldAnswer]:
    """An answer for each field of a group, by its name.

    A call that gives no usable reply is split in two, so that one field that cannot be answered
    does not take the others with it. A group that the endpoint refuses has failed; what is known
    of the categories stays.
    """
    try:
        answers = await _ask_or_split(context, chunk, group)
    except ModelRequestError as error:
        answers = {f.name: FieldAnswer(status="failed", reason=str(error)) for f in group}
    for asked in group:
        context.told(asked)
    return answers


async def _ask_or_split(context: AskContext, chunk: Chunk, group: Group) -> dict[str, FieldAnswer]:
    try:
        return await _ask(context, chunk, group)
    except ReplyError as error:
        if len(group) == 1:
            return {group[0].name: FieldAnswer(status="failed", reason=str(error))}
    middle = len(group) // 2
    first = await _ask_or_split(context, chunk, group[:middle])
    return first | await _ask_or_split(context, chunk, group[middle:])


@dataclass
class _Reader:
    """Keeps each field's first fitting answer, over the first reply and the second."""

    group: Group
    method: Method
    fitting: dict[str, tuple[Said, ...]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def read(self, value: Mapping[str, Any]) -> None:
        self.errors = {}
        for asked in self.group:
            if asked.name in self.fitting:
                continue
            try:
                self.fitting[asked.name] = read_field(value, asked, self.method)
            except UnusableAnswerError as error:
                self.errors[asked.name] = str(error)
        if self.errors:
            raise UnusableAnswerError("; ".join(self.errors.values()))

    def failed(self, otherwise: str) -> dict[str, FieldAnswer]:
        """The fields without an answer; `otherwise` is why, unless that is known."""
        return {
            f.name: FieldAnswer(status="failed", reason=self.errors.get(f.name, otherwise))
            for f in self.group
            if f.name not in self.fitting
        }


async def _ask(context: AskContext, chunk: Chunk, group: Group) -> dict[str, FieldAnswer]:
    reader = _Reader(group, context.method)
    request = _request(context, chunk, group)
    try:
        _, sent, reply = await context.ask_json(request, reader.read)
    except ReplyError:
        if not reader.fitting:
            raise
        rest = tuple(f for f in group if f.name not in reader.fitting)
        return _answers(context, chunk, reader, {}) | await _ask_or_split(context, chunk, rest)
    except UnusableAnswerError as error:
        failed = reader.failed(f"the second answer could not be used either: {error}")
        return _answers(context, chunk, reader, {}) | failed
    if is_short(context.method):
        return _answers(context, chunk, reader, {})
    pinned = (p for said in reader.fitting.values() for p in _pinned(context, chunk, said))
    evidence = [e for _, found in pinned for e in found]
    again = await requoted(context, chunk, sent, reply, evidence)
    return _answers(context, chunk, reader, again)


def _request(context: AskContext, chunk: Chunk, group: Group) -> Request:
    method = context.method
    if is_short(method):
        schema = short_schema(group, context.sentences(chunk).beginnings)
    else:
        schema = full_schema(group, method)
    return Request(
        context.messages(chunk, field_question(context.taxonomy, group, method)),
        max_tokens=field_tokens(group, method),
        schema=schema,
    )


def _pinned(context: AskContext, chunk: Chunk, said: Sequence[Said]) -> list[Pinned]:
    """Each statement with its quotes located."""
    if is_short(context.method):
        return [(one, _shown(context, chunk, one)) for one in said]
    locate = context.locator.locate
    return [(one, tuple(e for q in one.quotes for e in locate(q, chunk.parts))) for one in said]


def _shown(context: AskContext, chunk: Chunk, said: Said) -> tuple[Evidence, ...]:
    """The sentence that is most like the statement, else the one that a small model chose, which
    is its article's first one too often.
    """
    like = context.sentences(chunk).like(said.text) if said.quotes else None
    if like is not None:
        return (like,)
    return tuple(e for quote in said.quotes for e in context.chosen(chunk, quote))


def _answers(
    context: AskContext, chunk: Chunk, reader: _Reader, again: Found
) -> dict[str, FieldAnswer]:
    """The answers to the fields that have one, quotes that were found `again` in place."""
    answers = {}
    for asked in reader.group:
        if asked.name in reader.fitting:
            pinned = _pinned(context, chunk, reader.fitting[asked.name])
            mending = [(said, mended(evidence, again)) for said, evidence in pinned]
            answers[asked.name] = _answer(context, chunk, asked, mending)
    return answers


def _answer(
    context: AskContext, chunk: Chunk, asked: OpenField, pinned: Sequence[Pinned]
) -> FieldAnswer:
    items: list[Item] = []
    reasons: dict[str, None] = {}
    for said, evidence in pinned:
        one, when = said, None
        if is_short(context.method):
            one = replace(said, text=whole_words(said.text, asked.most_characters))
        if asked.kind == "time":
            when, why = when_of(context, chunk, said, evidence)
            reasons |= {why: None} if why else {}
        items.append(item_of(one, evidence, when))
    return FieldAnswer(
        status="answered" if items else "unknown",
        items=tuple(items),
        reason="; ".join(reasons) or None,
    )
