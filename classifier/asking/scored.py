"""Scored asking: the probability of each option decides; the options that hold are then explained.

A small model judges options better than it lists them. It writes one JSON object that says true or
false for each option, and what is read is not the word but the log-probabilities at its place.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence

from classifier.answers import Answer, OptionAnswer, exactly
from classifier.asking.context import AskContext
from classifier.asking.explaining import explain
from classifier.chunking import Chunk
from classifier.errors import ReplyError
from classifier.models.seam import Reply, Request, TokenLogprobs
from classifier.prompting import render
from classifier.records import UNKNOWN
from classifier.taxonomy import Category, Method

ALTERNATIVES = 10


async def ask_scored(
    context: AskContext, chunk: Chunk, categories: Sequence[Category]
) -> list[Answer]:
    """One answer for each category, each scored and explained by itself.

    The reply must carry log-probabilities; a category whose reply has none is a failure.
    """
    return [await _ask(context, chunk, category) for category in categories]


async def _ask(context: AskContext, chunk: Chunk, category: Category) -> Answer:
    try:
        answer = decide(await score(context, chunk, category), category, context.method)
    except ReplyError as error:
        return Answer(category.name, failure=str(error))
    if not answer.applied or not context.method.explain:
        return answer
    return await explain(context, chunk, category, answer)


async def score(context: AskContext, chunk: Chunk, category: Category) -> dict[str, float]:
    """The probability of true against false for everything that the category judges.

    Raises `ReplyError` where the reply carries no log-probabilities.
    """
    return read_scores(await context.ask(_score_request(context, chunk, category)), category)


def decide(scores: Mapping[str, float], category: Category, method: Method) -> Answer:
    """The options whose probability reaches the method's threshold.

    Where none does, the category is unknown; a true-or-false one is so only where `unknown` is
    the likeliest, or its opposite is unlikely too. An option with an opposite must also hold its
    own against that. Of a category that takes one option, the likeliest holds.
    """
    likely = {n for n in category.names if scores[n] >= method.threshold}
    if category.select == "one":
        likely &= {max(category.names, key=lambda name: scores[name])}
    sure = {name: scores[name] for name in category.names}
    if category.opposite:
        sure = {name: _against(scores, name, category.opposite.name) for name in sure}
        likely = {name for name in likely if sure[name] >= category.opposite.threshold}
    options = tuple(
        OptionAnswer(name, name in likely, confidence=round(sure[name], 4)) for name in sure
    )
    return Answer(category.name, options, unknown=not likely and _doubtful(scores, category))


def _against(scores: Mapping[str, float], option: str, opposite: str) -> float:
    """The probability of an option, were it and its opposite all there is."""
    holds = scores[option] * (1 - scores[opposite])
    fails = scores[opposite] * (1 - scores[option])
    return holds / (holds + fails) if holds + fails else 0.5


def _doubtful(scores: Mapping[str, float], category: Category) -> bool:
    if category.select != "boolean":
        return True
    if category.opposite:
        return scores[category.opposite.name] < 0.5
    return scores[UNKNOWN] > 1 - scores[category.names[0]]


def read_scores(reply: Reply, category: Category) -> dict[str, float]:
    """The probability of true against false for everything that the category judges.

    Raises `ReplyError` where the reply carries no log-probabilities at an option's place.
    """
    text = "".join(t.token for t in reply.logprobs)
    # what the model wrote before its answer may look like one
    begin = max(text.rfind(reply.text), 0)
    return {name: _score(name, text, begin, reply.logprobs) for name in category.judged}


def _score(name: str, text: str, begin: int, tokens: Sequence[TokenLogprobs]) -> float:
    place = re.compile(rf"{re.escape(json.dumps(name))}\s*:\s*(?=true|false)")
    found = place.search(text, begin)
    if found is None:
        raise ReplyError(f"the reply has no log-probabilities for the option {name!r}")
    written = 0
    for token in tokens:
        before = token.token[: max(found.end() - written, 0)]
        written += len(token.token)
        if written > found.end():
            return _probability(token.top, before, name)
    raise ReplyError(f"the reply ends before the option {name!r}")


def _probability(top: Mapping[str, float], before: str, name: str) -> float:
    true, false = (_mass(top, before, word) for word in ("true", "false"))
    if not true and not false:
        raise ReplyError(f"neither true nor false is likely for the option {name!r}")
    return true / (true + false)


def _mass(top: Mapping[str, float], before: str, word: str) -> float:
    """The probability of all alternatives that begin to write `word`, `before` standing in front
    of it in the same token.
    """
    words = ((t.removeprefix(before).strip().rstrip(",} \n").lower(), p) for t, p in top.items())
    return sum(math.exp(min(p, 0.0)) for t, p in words if t and word.startswith(t))


def _score_request(context: AskContext, chunk: Chunk, category: Category) -> Request:
    names = category.judged
    ending = render(context.taxonomy, "score", category=category, names=names)
    return Request(
        context.messages(chunk, [category], ending),
        max_tokens=32 + 24 * len(names),
        schema=exactly({name: {"type": "boolean"} for name in names}),
        top_logprobs=ALTERNATIVES,
    )
