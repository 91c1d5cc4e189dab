"""Scored asking: the probability of each option decides; the options that hold are then explained.

A small model judges options better than it lists them. It writes one JSON object that says true or
false for each option, and what is read is not the word but the log-probabilities at its place.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from classifier.answers import Answer, OptionAnswer, UnusableAnswerError
from classifier.asking.context import AskContext
from classifier.asking.sentences import Sentences
from classifier.chunking import Chunk
from classifier.errors import ReplyError
from classifier.models.seam import Reply, Request, TokenLogprobs
from classifier.prompting import conversation, question, render
from classifier.records import UNKNOWN, Evidence
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
        reply = await context.ask(_score_request(context, chunk, category))
        answer = decide(read_scores(reply, category), category, context.method)
        if not answer.applied:
            return answer
        return await _explain(context, chunk, category, answer)
    except (ReplyError, UnusableAnswerError) as error:
        return Answer(category.name, failure=str(error))


def decide(scores: Mapping[str, float], category: Category, method: Method) -> Answer:
    """The options whose probability reaches the method's threshold.

    Where none does, the category is unknown; a true-or-false one is unknown only where `unknown`
    is the likeliest. Of a category that takes one option, the likeliest holds.
    """
    best = max(category.names, key=lambda name: scores[name])
    likely = {n for n in category.names if scores[n] >= method.threshold}
    if category.select == "one":
        likely &= {best}
    options = tuple(
        OptionAnswer(name, name in likely, confidence=round(scores[name], 4))
        for name in category.names
    )
    doubtful = category.select != "boolean" or scores[UNKNOWN] > 1 - scores[best]
    return Answer(category.name, options, unknown=not likely and doubtful)


def read_scores(reply: Reply, category: Category) -> dict[str, float]:
    """The probability of true against false for each option and for `unknown`.

    Raises `ReplyError` where the reply carries no log-probabilities at an option's place.
    """
    text = "".join(t.token for t in reply.logprobs)
    # what the model wrote before its answer may look like one
    begin = max(text.rfind(reply.text), 0)
    return {name: _score(name, text, begin, reply.logprobs) for name in (*category.names, UNKNOWN)}


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
    names = [*category.names, UNKNOWN]
    ending = render(context.taxonomy, "score", category=category)
    return Request(
        _messages(context, chunk, category, ending),
        max_tokens=32 + 24 * len(names),
        schema=_object({name: {"type": "boolean"} for name in names}),
        top_logprobs=ALTERNATIVES,
    )


async def _explain(context: AskContext, chunk: Chunk, category: Category, answer: Answer) -> Answer:
    method, sentences = context.method, Sentences(chunk, context.articles)
    options = [category.option(name) for name in answer.applied]
    ending = render(context.taxonomy, "explain", category=category, options=options, method=method)
    request = Request(
        _messages(context, chunk, category, ending),
        max_tokens=method.tokens_per_option * len(options),
        schema=_explain_schema(answer.applied, sentences, method),
    )

    def read(value: Mapping[str, Any]) -> dict[str, tuple[str, tuple[Evidence, ...]]]:
        def locate(chosen: str) -> tuple[Evidence, ...]:
            known = sentences.evidence(chosen)
            return (known,) if known else context.locator.locate(chosen, chunk.parts)

        return {name: _read_option(value, name, locate, method) for name in answer.applied}

    explained, _, _ = await context.ask_json(request, read)
    return Answer(
        answer.category,
        tuple(_explained(option, explained) for option in answer.options),
    )


def _explained(
    option: OptionAnswer, explained: Mapping[str, tuple[str, tuple[Evidence, ...]]]
) -> OptionAnswer:
    if option.option not in explained:
        return option
    rationale, evidence = explained[option.option]
    quotes = tuple(e.quote for e in evidence)
    return OptionAnswer(
        option.option, option.applies, rationale, quotes, evidence, option.confidence
    )


def _messages(context: AskContext, chunk: Chunk, category: Category, ending: str) -> Any:
    asked = question(context.taxonomy, [category], ending)
    return conversation(context.taxonomy, chunk, context.articles, asked)


def _explain_schema(names: Sequence[str], sentences: Sentences, method: Method) -> dict[str, Any]:
    chosen = {
        "type": "array",
        "items": {"$ref": "#/$defs/beginning"},
        "minItems": 1,
        "maxItems": method.quotes_per_option,
    }
    rationale = {"type": "string", "minLength": 12, "maxLength": method.rationale_characters}
    option = _object({"sentences": chosen, "rationale": rationale})
    return {
        **_object(dict.fromkeys(names, option)),
        "$defs": {"beginning": {"type": "string", **_enum(sentences.beginnings)}},
    }


def _enum(choices: Sequence[str]) -> dict[str, Any]:
    """An `enum`, which JSON Schema does not allow to be empty: an article may be all blank."""
    return {"enum": list(choices)} if choices else {}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _read_option(
    value: Mapping[str, Any],
    name: str,
    locate: Callable[[str], tuple[Evidence, ...]],
    method: Method,
) -> tuple[str, tuple[Evidence, ...]]:
    most = method.quotes_per_option
    match value.get(name):
        case {"sentences": list(chosen), "rationale": str(rationale)} if (
            all(isinstance(c, str) and c.strip() for c in chosen)
            and 1 <= len(chosen) <= most
            and rationale.strip()
        ):
            evidence = tuple(dict.fromkeys(e for c in chosen for e in locate(c)))
            return _whole_words(rationale, method.rationale_characters), evidence
    raise UnusableAnswerError(f"{name!r} does not give 1 to {most} sentences and a rationale")


def _whole_words(text: str, limit: int) -> str:
    """A text that the limit cut in the middle of a sentence ends at a word, and shows it."""
    is_cut = len(text) >= limit - 1
    text = " ".join(text.split())
    if not is_cut or (len(text) <= limit and text.endswith((".", "!", "?", '"', "”"))):
        return text
    text = text[:limit]
    return text[: text.rfind(" ") if " " in text else limit].rstrip(" ,;:-") + " …"
