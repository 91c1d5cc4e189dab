"""From an incident to its report: cut, ask, decide, audit."""

from __future__ import annotations

import asyncio
import hashlib
import platform
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache
from importlib.metadata import version
from time import monotonic
from typing import Any, TypeVar

from classifier.answers import Answer
from classifier.asking import AskContext, ask_fields, ask_scored, ask_typed
from classifier.asking.context import Meter
from classifier.asking.embedding import embed_sentences
from classifier.asking.fields import field_groups
from classifier.asking.scored import score_all
from classifier.asking.sizes import answer_tokens, groups, questions
from classifier.auditing import audit_articles, audit_report
from classifier.calibration import mean_scores, mean_state
from classifier.chunking import Chunk, cut
from classifier.deciding import gated, merge, reviewed
from classifier.embeddings import Embeddings
from classifier.errors import ConfigurationError, InputError
from classifier.gathering import gather
from classifier.grounding import Locator
from classifier.language import language_of
from classifier.methods import (
    audit_calibration,
    audit_inputs,
    calibration_of,
    gives_state,
    method_of,
    model_ref,
)
from classifier.models.seam import ModelInfo, OpenModel
from classifier.prompting import frame
from classifier.records import (
    ArticleRef,
    ConfidenceOrigin,
    Decision,
    FieldAnswer,
    Incident,
    IncidentRef,
    Provenance,
    Report,
    Usage,
)
from classifier.taxonomy import Category, Method, OpenField, Taxonomy

J = TypeVar("J")
T = TypeVar("T")

# The least room for an article that is worth a call; a smaller context is a configuration error.
LEAST_ROOM = 128

_WAYS = {"scored": ask_scored, "typed": ask_typed}
# What each way tells of a category: scored and then explained, or answered at once.
STEPS = {"scored": 2, "typed": 1}


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True)
class Progress:
    """How far an incident is: `done` of `total` questions, the last one about `category`, which
    may be the name of an open field.
    """

    done: int
    total: int
    category: str


async def classify_incident(
    incident: Incident,
    taxonomy: Taxonomy,
    model: OpenModel,
    *,
    least_confidence: float | None = None,
    today: Callable[[], date] = _today,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Report:
    """Answer every category of the taxonomy, and its open fields, about the incident.

    What has no usable answer is `failed` in the report, with the reason; a category that is less
    sure than `least_confidence` (0 to 1) is `needs_review`, with what was found. Raises
    `ModelError` where the endpoint itself cannot be used, `ConfigurationError` where the model's
    context has no room for an article, and `InputError` where two articles have the same id.
    """
    begun = monotonic()
    method = method_of(taxonomy, model.info.method)
    context = _context(incident, taxonomy, method, model)
    room = await _room(taxonomy, method, model)
    chunks = await cut(incident, model.counter, room, lambda a: frame(taxonomy, a))
    asked = field_groups(taxonomy, method)
    steps = len(taxonomy.categories) * STEPS[method.decide] + sum(map(len, asked))
    counter = _Counter(len(chunks) * steps, progress)
    layers = context.calibration.layers if context.calibration else 0
    embeddings = await _embeddings(context, model, layers)
    context = replace(context, told=counter.step, embeddings=embeddings)
    decisions = await _decisions(context, chunks, counter, model.info.calls_each)
    # after the categories, while the model still has the articles at hand
    fields = await _fields(context, chunks, model.info.calls_each)
    if least_confidence is not None:
        decisions = reviewed(taxonomy, decisions, least_confidence)
    reference = incident_ref(incident, _heading(taxonomy, fields))
    return Report(
        incident=reference,
        categories=decisions,
        fields=fields,
        audit=(
            *audit_articles(incident, today(), language_of),
            *audit_report(taxonomy, reference, decisions, fields),
            *audit_calibration(taxonomy, model.info),
            *audit_inputs(
                taxonomy,
                context.calibration,
                context.scores,
                context.states,
                not_embedded=embeddings.missing(context.every_sentence) if layers else 0,
            ),
        ),
        provenance=_provenance(context, model, incident, len(chunks), monotonic() - begun),
    )


async def _decisions(
    context: AskContext, chunks: Sequence[Chunk], counter: _Counter, concurrency: int
) -> dict[str, Decision]:
    """The decision of every category, in the order of the taxonomy."""
    taxonomy, method = context.taxonomy, context.method
    decisions: dict[str, Decision] = {}
    for wave in taxonomy.waves():
        closed = {c.name: d for c in wave if (d := gated(c, decisions)) is not None}
        for name in closed:
            counter.done(len(chunks) * STEPS[method.decide], name)
        # the groups are those that the room was measured for, less what is closed
        grouped = [[c for c in g if c.name not in closed] for g in groups(wave, method)]
        answers = await _ask_all(context, chunks, grouped, concurrency)
        decisions |= closed
        decisions |= {
            c.name: merge(taxonomy, c, chunks, answers[c.name])
            for c in wave
            if c.name not in closed
        }
    return {name: decisions[name] for name in taxonomy.categories}


async def _fields(
    context: AskContext, chunks: Sequence[Chunk], concurrency: int
) -> dict[str, FieldAnswer]:
    """The answer to every open field that is asked, in the order of the taxonomy."""
    taxonomy, grouped = context.taxonomy, field_groups(context.taxonomy, context.method)
    if taxonomy.postmortem is None or not grouped:
        return {}
    jobs = [(chunk, group) for chunk in chunks for group in grouped]
    given = await _each(jobs, lambda job: ask_fields(context, *job), concurrency)
    return {
        f.name: gather(f, [answers[f.name] for answers in given if f.name in answers])
        for f in taxonomy.postmortem.fields
    }


def _heading(taxonomy: Taxonomy, fields: Mapping[str, FieldAnswer]) -> str:
    """What the field says that the taxonomy takes the title of a report from."""
    heading = taxonomy.postmortem.heading if taxonomy.postmortem else None
    answer = fields.get(heading or "")
    return answer.items[0].text if answer and answer.items else ""


@dataclass(frozen=True)
class Scored:
    """What a model makes of an incident: category -> option -> probability of true against false,
    its hidden state, the embeddings of its sentences and their mean, and what all of it cost.

    An incident in several chunks has the mean of their log-odds and of their states; a category
    without a usable reply is missing, and so are a state and an embedding (empty).
    """

    scores: dict[str, dict[str, float]]
    state: tuple[float, ...]
    embeddings: Embeddings
    embedding: tuple[float, ...]
    usage: Usage


async def score_incident(
    incident: Incident,
    taxonomy: Taxonomy,
    model: OpenModel,
    categories: Sequence[Category],
    layers: int = 0,
) -> Scored:
    """What the model makes of everything that the categories judge, gates and calibrations left
    aside. Its first `layers` embed the sentences; with 0 they are not.

    Raises the errors of `classify_incident`.
    """
    method = method_of(taxonomy, model.info.method)
    context = _context(incident, taxonomy, method, model)
    context = replace(context, calibration=None, reads_state=gives_state(taxonomy, model.info))
    room = await _room(taxonomy, method, model)
    embeddings = await _embeddings(context, model, layers)
    for chunk in await cut(incident, model.counter, room, lambda a: frame(taxonomy, a)):
        await score_all(context, chunk, categories)
    scores, states = list(context.scores.values()), list(context.states.values())
    return Scored(
        mean_scores(scores),
        mean_state(states),
        embeddings,
        embeddings.mean(context.every_sentence),
        context.meter.usage,
    )


async def _embeddings(context: AskContext, model: OpenModel, layers: int) -> Embeddings:
    """Those of the incident's sentences, where the model gives any."""
    if not layers or not model.info.layers:
        return Embeddings()
    return await embed_sentences(
        tuple(context.articles.values()), layers, model.counter, context.ask
    )


def incident_ref(incident: Incident, heading: str = "") -> IncidentRef:
    """The incident as its report names it.

    A title of its own stays, because that is the name by which those know it who gave it; without
    one it has the `heading` that was answered, which is about the incident, and else that of its
    first article, which is only about an article.
    """
    first = next((a.title for a in incident.articles if a.title), "")
    return IncidentRef(
        id=incident.id,
        title=incident.title or heading or first,
        published=incident.published,
        articles=tuple(
            ArticleRef(**a.model_dump(exclude={"text"}), sha256=a.sha256) for a in incident.articles
        ),
    )


def versions(info: ModelInfo) -> dict[str, str]:
    """The versions of the software that answers, by its name."""
    return {
        "classifier": _own_version(),
        "python": platform.python_version(),
        "software": info.software,
    }


@cache
def _own_version() -> str:
    return version("fail-classifier")  # read from the disk


def parameters(taxonomy: Taxonomy, info: ModelInfo) -> dict[str, Any]:
    """All that shapes the answers beside the prompts and the model."""
    calibration = calibration_of(taxonomy, info)
    return {
        **method_of(taxonomy, info.method).model_dump(),
        "context_tokens": info.context_tokens,
        "calibration": calibration.sha256 if calibration else None,
        # null as in runs from before there were any
        "fields": bool(field_groups(taxonomy, method_of(taxonomy, info.method))) or None,
    }


def _context(
    incident: Incident, taxonomy: Taxonomy, method: Method, model: OpenModel
) -> AskContext:
    articles = {a.id: a for a in incident.articles}
    if len(articles) < len(incident.articles):
        ids = [a.id for a in incident.articles]
        twice = next(i for i in ids if ids.count(i) > 1)
        raise InputError(
            f"Two articles of the incident {incident.id!r} have the id {twice!r}. Give each its "
            "own id: quotes and citations are told apart by it."
        )
    locator = Locator(incident.articles)
    calibration = calibration_of(taxonomy, model.info)
    return AskContext(
        model.model,
        taxonomy,
        method,
        articles,
        locator,
        Meter(),
        calibration,
        reads_state=bool(
            calibration and calibration.weights.state and gives_state(taxonomy, model.info)
        ),
    )


async def _room(taxonomy: Taxonomy, method: Method, model: OpenModel) -> int:
    """How many tokens of articles fit beside the longest question and its answer."""
    asked = max(await model.counter.count(questions(taxonomy, method)))
    # The second try carries the first reply and the error, hence twice the answer.
    needed = asked + 2 * answer_tokens(taxonomy, method) + model.info.overhead_tokens
    room = model.info.context_tokens - needed
    if room < LEAST_ROOM:
        raise ConfigurationError(
            f"The context of {model.info.name} is {model.info.context_tokens} tokens; the "
            f"questions of {taxonomy.name!r} need {needed} and an article at least {LEAST_ROOM}. "
            "Use a larger --context, or fewer categories_per_call in the taxonomy's method."
        )
    return room


class _Counter:
    def __init__(self, total: int, progress: Callable[[Progress], None]) -> None:
        self._total = total
        self._done = 0
        self._progress = progress

    def step(self, asked: Category | OpenField) -> None:
        self.done(1, asked.name)

    def done(self, count: int, category: str) -> None:
        self._done += count
        self._progress(Progress(self._done, self._total, category))


async def _ask_all(
    context: AskContext,
    chunks: Sequence[Chunk],
    grouped: Sequence[Sequence[Category]],
    concurrency: int,
) -> Mapping[str, list[Answer]]:
    """The answers of every chunk to every category, in the order of the chunks."""
    ask = _WAYS[context.method.decide]
    jobs = [(chunk, group) for chunk in chunks for group in grouped if group]
    given = await _each(jobs, lambda job: ask(context, *job), concurrency)
    answers = {
        (chunk.number, answer.category): answer
        for (chunk, _), answered in zip(jobs, given, strict=True)
        for answer in answered
    }
    names = [c.name for group in grouped for c in group]
    return {name: [answers[chunk.number, name] for chunk in chunks] for name in names}


async def _each(
    jobs: Sequence[J], ask: Callable[[J], Awaitable[T]], concurrency: int
) -> Sequence[T]:
    """What `ask` says of each job, in their order, asking so many at a time."""
    waiting = iter(enumerate(jobs))
    given: dict[int, T] = {}

    async def work() -> None:
        for number, job in waiting:
            given[number] = await ask(job)

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(concurrency, len(jobs))):
                workers.create_task(work())
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    return [given[number] for number in range(len(jobs))]


def _provenance(
    context: AskContext, model: OpenModel, incident: Incident, chunks: int, seconds: float
) -> Provenance:
    scored = context.method.decide == "scored"
    return Provenance(
        versions=versions(model.info),
        taxonomy=f"{context.taxonomy.name} {context.taxonomy.version}",
        taxonomy_sha256=context.taxonomy.sha256,
        prompts_sha256=context.taxonomy.wording_sha256,
        articles_sha256=articles_sha256(incident),
        model=model_ref(model.info),
        method=model.info.method,
        parameters=parameters(context.taxonomy, model.info),
        confidence=ConfidenceOrigin(
            source="logprobs" if scored else "none", calibrated=context.calibration is not None
        ),
        chunks=chunks,
        usage=context.meter.usage,
        seconds=round(seconds, 3),
    )


def articles_sha256(incident: Incident) -> str:
    """One digest of the texts of all its articles, as 64 hexadecimal digits."""
    return hashlib.sha256("\n".join(a.sha256 for a in incident.articles).encode()).hexdigest()
