"""Explains the options that hold: for each a sentence of the articles that shows it, and why.

A calibration that ranks sentences chooses the sentence, and the model says why it shows the option.
Without one the model chooses: decoding is constrained to the beginnings of the articles' sentences,
so that the evidence always stands in them; an endpoint that ignores the schema has its words
located like any quote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from classifier.answers import Answer, OptionAnswer, UnusableAnswerError, exactly
from classifier.asking.context import AskContext
from classifier.asking.sentences import Sentences
from classifier.chunking import Chunk
from classifier.errors import ReplyError
from classifier.models.seam import Request
from classifier.neutral import neutral
from classifier.prompting import question, render
from classifier.records import Evidence
from classifier.taxonomy import Category, Method, Taxonomy

MOST_SHOWN = 400
"""Characters of a sentence that are shown again in the question about it."""


async def explain(context: AskContext, chunk: Chunk, category: Category, answer: Answer) -> Answer:
    """The answer, each option that holds with a rationale and its evidence.

    An answer that cannot be explained keeps its decision without reasons, and the report's audit
    says so.
    """
    ranked = {name: context.best_sentence(chunk, category, name) for name in answer.applied}
    shown = {name: best for name, best in ranked.items() if best is not None}
    if len(shown) < len(ranked):
        return await _explained(context, chunk, category, answer)
    answer = replace(answer, options=tuple(_with(o, shown.get(o.option)) for o in answer.options))
    return await _justified(context, chunk, category, answer, shown)


async def _explained(
    context: AskContext, chunk: Chunk, category: Category, answer: Answer
) -> Answer:
    """The answer with the sentences that the model chooses."""
    sentences = context.sentences(chunk)

    def locate(chosen: str) -> tuple[Evidence, ...]:
        known = sentences.evidence(chosen)
        return (known,) if known else context.locator.locate(chosen, chunk.parts)

    def read(value: Mapping[str, Any]) -> Answer:
        return _read(value, answer, locate, context.method)

    try:
        request = _request(context, chunk, category, answer, sentences)
        explained, _, _ = await context.ask_json(request, read)
    except (ReplyError, UnusableAnswerError):
        return answer
    return explained


async def _justified(
    context: AskContext,
    chunk: Chunk,
    category: Category,
    answer: Answer,
    shown: Mapping[str, Evidence],
) -> Answer:
    """The answer, whose sentences are chosen, with what the model says about them."""
    names, method = answer.applied, context.method
    told = {name: clipped(shown[name].quote) for name in names}
    asked = explain_question(context.taxonomy, category, names, method, told)
    request = Request(
        context.messages(chunk, asked),
        max_tokens=method.tokens_per_option * len(names),
        schema=exactly(dict.fromkeys(names, exactly({"rationale": _rationale(method)}))),
    )

    def read(value: Mapping[str, Any]) -> Answer:
        options = (_reasoned(value.get(o.option), o, method) for o in answer.options)
        return replace(answer, options=tuple(options))

    try:
        justified, _, _ = await context.ask_json(request, read)
    except (ReplyError, UnusableAnswerError):
        return answer
    return justified


def clipped(sentence: str) -> str:
    """A sentence as it stands in a prompt: on one line, of bounded length, with no mark forged."""
    return neutral(" ".join(sentence.split())[:MOST_SHOWN])


def _with(option: OptionAnswer, sentence: Evidence | None) -> OptionAnswer:
    if sentence is None:
        return option
    return replace(option, quotes=(sentence.quote,), evidence=(sentence,))


def _reasoned(given: Any, option: OptionAnswer, method: Method) -> OptionAnswer:
    if not option.applies:
        return option
    match given:
        case {"rationale": str(said)} if said.strip():
            return replace(option, rationale=whole_words(said, method.rationale_characters))
    raise UnusableAnswerError(f"{option.option!r} does not give a rationale")


def explain_question(
    taxonomy: Taxonomy,
    category: Category,
    names: Sequence[str],
    method: Method,
    shown: Mapping[str, str] | None = None,
) -> str:
    """What stands after the articles: the options that hold, and what to say about each.

    `shown` maps each to the sentence that shows it, where it is chosen already.
    """
    options = tuple(category.option(name) for name in names)
    held = category.model_copy(update={"options": options, "opposite": None})
    told = shown or {}
    ending = render(taxonomy, "explain", category=held, options=options, method=method, shown=told)
    return question(taxonomy, [held], ending)


def _request(
    context: AskContext, chunk: Chunk, category: Category, answer: Answer, sentences: Sentences
) -> Request:
    names, method = answer.applied, context.method
    return Request(
        context.messages(chunk, explain_question(context.taxonomy, category, names, method)),
        max_tokens=method.tokens_per_option * len(names),
        schema=_schema(names, sentences, method),
    )


def _schema(names: Sequence[str], sentences: Sentences, method: Method) -> dict[str, Any]:
    """Option -> the beginning of a sentence, and why the option holds."""
    option = exactly({"quote": {"$ref": "#/$defs/beginning"}, "rationale": _rationale(method)})
    choices = _enum(sentences.beginnings)
    return {
        **exactly(dict.fromkeys(names, option)),
        "$defs": {"beginning": {"type": "string", **choices}},
    }


def _rationale(method: Method) -> dict[str, Any]:
    return {"type": "string", "minLength": 12, "maxLength": method.rationale_characters}


def _enum(choices: Sequence[str]) -> dict[str, Any]:
    """An `enum`, which JSON Schema does not allow to be empty: an article may be all blank."""
    return {"enum": list(choices)} if choices else {}


def _read(
    value: Mapping[str, Any],
    answer: Answer,
    locate: Callable[[str], tuple[Evidence, ...]],
    method: Method,
) -> Answer:
    options = tuple(
        _read_option(value.get(option.option), option, locate, method) if option.applies else option
        for option in answer.options
    )
    return replace(answer, options=options)


def _read_option(
    given: Any,
    option: OptionAnswer,
    locate: Callable[[str], tuple[Evidence, ...]],
    method: Method,
) -> OptionAnswer:
    match given:
        case {"quote": str(chosen), "rationale": str(said)} if chosen.strip() and said.strip():
            evidence = locate(chosen)
            return replace(
                option,
                rationale=whole_words(said, method.rationale_characters),
                quotes=tuple(e.quote for e in evidence),
                evidence=evidence,
            )
    raise UnusableAnswerError(f"{option.option!r} does not give a quote and a rationale")


def whole_words(text: str, limit: int) -> str:
    """A text that the limit cut in the middle of a sentence ends at a word, and shows it."""
    is_cut = len(text) >= limit - 1
    text = " ".join(text.split())
    if not is_cut or (len(text) <= limit and text.endswith((".", "!", "?", '"', "”"))):
        return text
    text = text[:limit]
    return text[: text.rfind(" ") if " " in text else limit].rstrip(" ,;:-") + " …"
