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
from classifier.asking.sentences import CHOICE, choosing
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
    ranked = {
        o.option: context.best_sentence(chunk, category, o) for o in answer.options if o.applies
    }
    shown = {name: best for name, best in ranked.items() if best is not None}
    if len(shown) < len(ranked):
        shown = {}  # one question has one form: the model chooses them all
    answer = _changed(answer, lambda o: _with(o, (shown[o.option],)) if shown else o)

    def read(value: Mapping[str, Any]) -> Answer:
        return _changed(answer, lambda o: _read(context, chunk, value.get(o.option), o))

    request = _request(context, chunk, category, shown, answer)
    try:
        explained, _, _ = await context.ask_json(request, read)
    except (ReplyError, UnusableAnswerError):
        return answer
    return explained


def _changed(answer: Answer, change: Callable[[OptionAnswer], OptionAnswer]) -> Answer:
    """The answer with its options that hold changed."""
    return replace(answer, options=tuple(change(o) if o.applies else o for o in answer.options))


def _with(option: OptionAnswer, evidence: tuple[Evidence, ...]) -> OptionAnswer:
    return replace(option, quotes=tuple(e.quote for e in evidence), evidence=evidence)


def _read(context: AskContext, chunk: Chunk, given: Any, option: OptionAnswer) -> OptionAnswer:
    """What a reply says of an option; of one that has its evidence, only why it holds."""
    asked = "a rationale" if option.evidence else "a quote and a rationale"
    match given:
        case {"rationale": str(said)} if option.evidence and said.strip():
            evidence = option.evidence
        case {"quote": str(chosen), "rationale": str(said)} if chosen.strip() and said.strip():
            evidence = context.chosen(chunk, chosen)
        case _:
            raise UnusableAnswerError(f"{option.option!r} does not give {asked}")
    rationale = whole_words(said, context.method.rationale_characters)
    return replace(_with(option, evidence), rationale=rationale)


def clipped(sentence: str) -> str:
    """A sentence as it stands in a prompt: on one line, of bounded length, with no mark forged."""
    return neutral(" ".join(sentence.split())[:MOST_SHOWN])


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
    context: AskContext,
    chunk: Chunk,
    category: Category,
    shown: Mapping[str, Evidence],
    answer: Answer,
) -> Request:
    names, method = answer.applied, context.method
    told = {name: clipped(sentence.quote) for name, sentence in shown.items()}
    asked = explain_question(context.taxonomy, category, names, method, told)
    rationale = {"type": "string", "minLength": 12, "maxLength": method.rationale_characters}
    option = exactly(
        {"rationale": rationale} if shown else {"quote": CHOICE, "rationale": rationale}
    )
    schema = exactly(dict.fromkeys(names, option))
    return Request(
        context.messages(chunk, asked),
        max_tokens=method.tokens_per_option * len(names),
        schema=schema if shown else choosing(schema, context.sentences(chunk).beginnings),
    )


def whole_words(text: str, limit: int) -> str:
    """A text that the limit cut in the middle of a sentence ends at a word, and shows it."""
    is_cut = len(text) >= limit - 1
    text = " ".join(text.split())
    if not is_cut or (len(text) <= limit and text.endswith((".", "!", "?", '"', "”"))):
        return text
    text = text[:limit]
    return text[: text.rfind(" ") if " " in text else limit].rstrip(" ,;:-") + " …"
