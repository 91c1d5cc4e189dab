"""Scored asking: the probability of each option decides; the options that hold are then explained.

A small model judges options better than it lists them. It writes one JSON object that says true or
false for each option, and what is read is not the word but the log-probabilities at its place. A
calibration reads the scores that it asks for together, beside the words and the model's state, and
decides the categories that it knows by all of these. Any other category is scored too, and each of
its scores held against the method's threshold by itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date

from classifier.answers import Answer, OptionAnswer, exactly
from classifier.asking.context import AskContext
from classifier.asking.explaining import explain
from classifier.asking.logprobs import read_scores
from classifier.chunking import Chunk
from classifier.errors import ReplyError
from classifier.models.seam import Message, Request
from classifier.prompting import fixed, frame, question, system
from classifier.records import UNKNOWN, Article
from classifier.taxonomy import Category, Method, Taxonomy
from classifier.taxonomy.templates import FOR_STATES

ALTERNATIVES = 10

Scores = Mapping[str, float]


async def ask_scored(
    context: AskContext, chunk: Chunk, categories: Sequence[Category]
) -> list[Answer]:
    """One answer for each category: they are scored, as far as a calibration asks for it, then
    decided, then explained.

    The reply must carry log-probabilities; a category whose reply has none is a failure, and to a
    calibration that reads it, it counts as its mean.
    """
    failures = await score_all(context, chunk, categories)
    decided = _decided(context, chunk, [c for c in categories if c.name not in failures])
    answers = []
    for category in categories:
        answer = decided.get(category.name)
        if answer is None:
            answers.append(Answer(category.name, failure=failures[category.name]))
        elif answer.applied and context.method.explain:
            answers.append(await explain(context, chunk, category, answer))
        else:
            answers.append(answer)
        context.told(category)
    return answers


async def score_all(
    context: AskContext, chunk: Chunk, categories: Sequence[Category]
) -> dict[str, str]:
    """Score the categories that must be scored into `context.scores`; returns category -> why its
    call gave no score.
    """
    scores = context.scores.setdefault(chunk.number, {})
    failures = {}
    await _read_state(context, chunk)
    for category in categories:
        if context.asks_scores(category):
            try:
                scores[category.name] = await score(context, chunk, category)
            except ReplyError as error:
                failures[category.name] = str(error)
        context.told(category)
    return failures


async def _read_state(context: AskContext, chunk: Chunk) -> None:
    """Ask for the model's state, once for each chunk and before all else: what was read for it
    need not be read again.
    """
    if not context.reads_state or chunk.number in context.states:
        return
    question, start = state_question(context.taxonomy)
    begun = Message("assistant", start)
    request = Request((*context.messages(chunk, question), begun), max_tokens=1, state=True)
    try:
        context.states[chunk.number] = (await context.ask(request)).state
    except ReplyError:
        context.states[chunk.number] = ()  # what is missing counts as its mean


def asks_state(taxonomy: Taxonomy) -> bool:
    """Whether the taxonomy says how to ask for the state."""
    return taxonomy.wording.keys() >= FOR_STATES


def state_question(taxonomy: Taxonomy) -> tuple[str, str]:
    """What stands after the articles when the state is asked for, and how the answer begins."""
    question, start = (fixed(taxonomy, n, title=taxonomy.title) for n in ("state", "state_start"))
    return question, start


async def score(context: AskContext, chunk: Chunk, category: Category) -> dict[str, float]:
    """The probability of true against false for everything that the category judges.

    Raises `ReplyError` where the reply carries no log-probabilities.
    """
    return read_scores(await context.ask(_score_request(context, chunk, category)), category)


def _decided(
    context: AskContext, chunk: Chunk, categories: Sequence[Category]
) -> dict[str, Answer]:
    """The answer to each category, by its name, without its reasons.

    A category that the calibration's gold had no labels for is decided as without a calibration.
    """
    scores, calibration = context.scores[chunk.number], context.calibration
    likely: Mapping[str, Scores] = {}
    if calibration is not None:
        state = context.states.get(chunk.number, ())
        embedding = context.embeddings.mean(context.sentences(chunk).all)
        text = _text(context, chunk)
        likely = calibration.weights.probabilities(scores, text, state, embedding)

    def decided(category: Category) -> Answer:
        if calibration is not None and category.name in likely:
            return decide_calibrated(likely[category.name], category, calibration.threshold)
        return decide(scores[category.name], category, context.method)

    return {category.name: decided(category) for category in categories}


def _text(context: AskContext, chunk: Chunk) -> str:
    parts = ((context.articles[p.article_id], p) for p in chunk.parts)
    return " ".join(f"{article.title} {article.text[p.start : p.end]}" for article, p in parts)


def decide(scores: Scores, category: Category, method: Method) -> Answer:
    """The options whose score reaches the method's threshold.

    Where none does, the category is unknown; a true-or-false one is so only where `unknown` is
    the likeliest, or its opposite is unlikely too. An option with an opposite must also hold its
    own against that. Of a category that takes one option, the likeliest holds.
    """
    likely = {n for n in category.names if scores[n] >= method.threshold}
    sure = {name: scores[name] for name in category.names}
    if category.opposite:
        sure = {name: _against(scores, name, category.opposite.name) for name in sure}
        likely = {name for name in likely if sure[name] >= category.opposite.threshold}
    held = _together(likely, sure, category)
    return _answer(held, sure, category, unknown=not held and _doubtful(scores, category))


def decide_calibrated(likely: Scores, category: Category, threshold: float) -> Answer:
    """The options whose probability reaches the threshold.

    Where none does, the likeliest holds if it is likelier than `unknown`; a true-or-false category
    is false.
    """
    options = {name: likely[name] for name in category.names}
    held = _together({n for n, p in options.items() if p >= threshold}, options, category)
    if category.select == "boolean":
        return _answer(held, options, category, unknown=False)
    best = max(options, key=lambda name: options[name])
    if not held and options[best] > likely.get(UNKNOWN, 1.0):
        held = {best}
    return _answer(held, options, category, unknown=not held)


def _answer(held: set[str], sure: Scores, category: Category, *, unknown: bool) -> Answer:
    options = (OptionAnswer(n, n in held, confidence=round(sure[n], 4)) for n in category.names)
    return Answer(category.name, tuple(options), unknown=unknown)


def _together(likely: set[str], sure: Scores, category: Category) -> set[str]:
    """Those that may stand together: the likeliest first, and nothing that it excludes."""
    held: list[str] = []
    for name in sorted(likely, key=lambda n: -sure[n]):
        clash = any(_exclude(category, name, other) for other in held)
        if not clash and not (held and category.select == "one"):
            held.append(name)
    return set(held)


def _exclude(category: Category, first: str, second: str) -> bool:
    return second in category.option(first).excludes or first in category.option(second).excludes


def _against(scores: Scores, option: str, opposite: str) -> float:
    """The probability of an option, were it and its opposite all there is."""
    holds = scores[option] * (1 - scores[opposite])
    fails = scores[opposite] * (1 - scores[option])
    return holds / (holds + fails) if holds + fails else 0.5


def _doubtful(scores: Scores, category: Category) -> bool:
    if category.select != "boolean":
        return True
    if category.opposite:
        return scores[category.opposite.name] < 0.5
    return scores[UNKNOWN] > 1 - scores[category.names[0]]


def score_question(taxonomy: Taxonomy, category: Category) -> str:
    """What stands after the articles when a category is scored."""
    ending = fixed(taxonomy, "score", category=category, names=category.judged)
    return question(taxonomy, [category], ending)


def questions_sha256(taxonomy: Taxonomy, method: Method) -> str:
    """One digest of all that is asked when every category is scored, the articles left out.

    Whatever else of a taxonomy changes, its scores stay what they are.
    """
    shape = Article(id="1", text="text", title="title", source="source", published=date(2000, 1, 1))
    asked = [score_question(taxonomy, c) for c in taxonomy.categories.values()]
    asked += state_question(taxonomy) if asks_state(taxonomy) else ()
    whole = [system(taxonomy, method), frame(taxonomy, shape), *asked]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


def _score_request(context: AskContext, chunk: Chunk, category: Category) -> Request:
    names = category.judged
    return Request(
        context.messages(chunk, score_question(context.taxonomy, category)),
        max_tokens=32 + 24 * len(names),
        schema=exactly({name: {"type": "boolean"} for name in names}),
        top_logprobs=ALTERNATIVES,
    )
