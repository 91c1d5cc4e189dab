"""Typed asking: options, rationales and quotes of several categories in one JSON answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from classifier.answers import (
    Answer,
    UnusableAnswerError,
    read_typed,
    typed_schema,
)
from classifier.asking.context import AskContext
from classifier.asking.requoting import Found, mended, requoted
from classifier.chunking import Chunk
from classifier.errors import ReplyError
from classifier.models.seam import Reply, Request
from classifier.prompting import fixed, question
from classifier.records import Part
from classifier.taxonomy import Category, Method


async def ask_typed(
    context: AskContext, chunk: Chunk, categories: Sequence[Category]
) -> list[Answer]:
    """One answer for each category. A call that gives no usable reply is split in two, so that
    one category that cannot be answered does not take the others with it. For n categories there
    are at most 6 n - 2 calls: 4 for one by itself, and 2 for a group before it is split.
    """
    answers = await _ask_or_split(context, chunk, categories)
    for category in categories:
        context.told(category)
    return answers


async def _ask_or_split(
    context: AskContext, chunk: Chunk, categories: Sequence[Category]
) -> list[Answer]:
    try:
        return await _ask(context, chunk, categories)
    except ReplyError as error:
        if len(categories) == 1:
            return [Answer(categories[0].name, failure=str(error))]
    middle = len(categories) // 2
    first = await _ask_or_split(context, chunk, categories[:middle])
    return first + await _ask_or_split(context, chunk, categories[middle:])


@dataclass
class _Reader:
    """Keeps each category's first fitting answer, over the first reply and the second."""

    categories: Sequence[Category]
    method: Method
    fitting: dict[str, Answer] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def read(self, value: Mapping[str, Any]) -> None:
        self.errors = {}
        for category in self.categories:
            if category.name in self.fitting:
                continue
            try:
                self.fitting[category.name] = read_typed(value, category, self.method)
            except UnusableAnswerError as error:
                self.errors[category.name] = str(error)
        if self.errors:
            raise UnusableAnswerError("; ".join(self.errors.values()))

    def answers(self, otherwise: str) -> list[Answer]:
        """An answer for each category; `otherwise` is why one is missing, unless it is known."""
        return [
            self.fitting.get(c.name) or Answer(c.name, failure=self.errors.get(c.name, otherwise))
            for c in self.categories
        ]


async def _ask(context: AskContext, chunk: Chunk, categories: Sequence[Category]) -> list[Answer]:
    reader = _Reader(categories, context.method)
    try:
        _, request, reply = await context.ask_json(
            _request(context, chunk, categories), reader.read
        )
    except ReplyError:
        if not reader.fitting:
            raise
        fitting = [_ground(context, answer, chunk.parts) for answer in reader.fitting.values()]
        rest = [c for c in categories if c.name not in reader.fitting]
        return fitting + await _ask_or_split(context, chunk, rest)
    except UnusableAnswerError as error:
        answers = reader.answers(f"the second answer could not be used either: {error}")
        return [_ground(context, answer, chunk.parts) for answer in answers]
    grounded = [_ground(context, answer, chunk.parts) for answer in reader.answers("")]
    return await _requote(context, chunk, request, reply, grounded)


def _request(context: AskContext, chunk: Chunk, categories: Sequence[Category]) -> Request:
    taxonomy, method = context.taxonomy, context.method
    ending = fixed(taxonomy, "typed", categories=tuple(categories), method=method)
    return Request(
        context.messages(chunk, question(taxonomy, categories, ending)),
        max_tokens=method.tokens_per_option * sum(len(c.options) for c in categories),
        schema=typed_schema(categories, method),
    )


def _ground(context: AskContext, answer: Answer, parts: Sequence[Part]) -> Answer:
    options = tuple(
        replace(o, evidence=tuple(e for q in o.quotes for e in context.locator.locate(q, parts)))
        for o in answer.options
    )
    return replace(answer, options=options)


async def _requote(
    context: AskContext, chunk: Chunk, request: Request, reply: Reply, answers: list[Answer]
) -> list[Answer]:
    """Ask once again for the quotes that stand nowhere; what is found now takes their place."""
    evidence = [e for a in answers for o in a.options for e in o.evidence]
    found = await requoted(context, chunk, request, reply, evidence)
    return [_mended(answer, found) for answer in answers] if found else answers


def _mended(answer: Answer, found: Found) -> Answer:
    options = (replace(o, evidence=mended(o.evidence, found)) for o in answer.options)
    return replace(answer, options=tuple(options))
