"""What every way of asking needs, and the one re-ask after a reply that does not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from classifier.answers import OptionAnswer, UnusableAnswerError, read_object
from classifier.asking.sentences import Sentences
from classifier.calibration import Calibration
from classifier.chunking import Chunk
from classifier.embeddings import Embeddings
from classifier.errors import ModelError, ModelRequestError
from classifier.grounding import Locator
from classifier.models.seam import Message, Model, Reply, Request
from classifier.prompting import conversation, passages, render
from classifier.records import Article, Evidence, Part, Usage
from classifier.taxonomy import Category, Method, OpenField, Taxonomy

T = TypeVar("T")


@dataclass
class Meter:
    """Adds up what was spent."""

    usage: Usage = field(default_factory=Usage)

    def add(self, usage: Usage) -> None:
        """Count one reply's usage."""
        self.usage = self.usage + usage


@dataclass(frozen=True)
class AskContext:
    """A model, a taxonomy with the method to ask it by, and the articles of one incident.

    `calibration` is what turns scores into probabilities, where there is one; `scores` and `states`
    keep what each chunk, by its number, was scored so far, and the model's hidden state after it,
    which is asked for where it `reads_state`; `told` hears of each step about a category or a
    field. `embeddings` are those of the articles' sentences, where the calibration reads them.
    """

    model: Model
    taxonomy: Taxonomy
    method: Method
    articles: Mapping[str, Article]
    locator: Locator
    meter: Meter
    calibration: Calibration | None = None
    scores: dict[int, dict[str, Mapping[str, float]]] = field(default_factory=dict)
    told: Callable[[Category | OpenField], None] = lambda _: None
    embeddings: Embeddings = field(default_factory=Embeddings)
    reads_state: bool = False
    states: dict[int, tuple[float, ...]] = field(default_factory=dict)
    _read: dict[tuple[Evidence, ...], Any] = field(default_factory=dict)
    _sentences: dict[int, Sentences] = field(default_factory=dict)
    _passages: dict[int, str] = field(default_factory=dict)

    def asks_scores(self, category: Category) -> bool:
        """Whether the model must score a category: a calibration may read a few of them alone."""
        return self.calibration is None or self.calibration.weights.asks(category.name)

    def sentences(self, chunk: Chunk) -> Sentences:
        """The sentences of a chunk, cut once however many categories are explained from them."""
        if chunk.number not in self._sentences:
            self._sentences[chunk.number] = Sentences(chunk, self.articles)
        return self._sentences[chunk.number]

    def best_sentence(
        self, chunk: Chunk, category: Category, answer: OptionAnswer
    ) -> Evidence | None:
        """The sentence of a chunk that shows an option best, by the calibration's ranking; None
        where there is none to choose by, or from.
        """
        ranking = self.calibration.ranking if self.calibration else None
        if ranking is None or not self.embeddings.of:
            return None
        sentences = self.sentences(chunk).all
        for some in (sentences, self.every_sentence):  # the same, where there is one chunk
            if some not in self._read:
                self._read[some] = ranking.read(some, self.embeddings)
        key = f"{category.name}/{answer.option}"
        best = ranking.best(key, self._read[sentences], self._read[self.every_sentence])
        if best is None:
            return None
        place, share = best
        support = share * (1.0 if answer.confidence is None else answer.confidence)
        told = {"support": round(support, 3), "weak": support < ranking.least}
        return sentences[place].model_copy(update=told)

    @cached_property
    def every_sentence(self) -> tuple[Evidence, ...]:
        """The sentences of all articles, in their order."""
        whole = (Part(article_id=a.id, start=0, end=len(a.text)) for a in self.articles.values())
        return Sentences(Chunk(0, tuple(whole)), self.articles).all

    def chosen(self, chunk: Chunk, beginning: str) -> tuple[Evidence, ...]:
        """The sentence that a model chose by its beginning; for other words, where they stand."""
        known = self.sentences(chunk).evidence(beginning)
        return (known,) if known else self.locator.locate(beginning, chunk.parts)

    def messages(self, chunk: Chunk, asked: str) -> tuple[Message, ...]:
        """The conversation that asks a question about the articles."""
        if chunk.number not in self._passages:
            self._passages[chunk.number] = passages(self.taxonomy, chunk, self.articles)
        return conversation(self.taxonomy, self.method, self._passages[chunk.number], asked)

    async def ask(self, request: Request) -> Reply:
        """One call; its usage is counted, that of a failed one too."""
        try:
            reply = await self.model.ask(request)
        except ModelError as error:
            if isinstance(error.usage, Usage):
                self.meter.add(error.usage)
            raise
        self.meter.add(reply.usage)
        return reply

    async def ask_json(
        self, request: Request, read: Callable[[Mapping[str, Any]], T]
    ) -> tuple[T, Request, Reply]:
        """Ask, read the JSON object; where it does not fit, ask once more with the error.

        Returns what was read, with the request and the reply it came from. Raises
        `UnusableAnswerError` where the second reply does not fit either.
        """
        reply = await self.ask(request)
        try:
            return read(read_object(reply.text)), request, reply
        except UnusableAnswerError as error:
            ending = render(self.taxonomy, "reask", error=str(error))
            again = follow_up(request, reply, ending)
            reason = error
        try:
            reply = await self.ask(again)
        except ModelRequestError as error:  # the endpoint took the first: this one is too long
            raise UnusableAnswerError(f"{reason}; the second try was refused: {error}") from error
        return read(read_object(reply.text)), again, reply


def follow_up(request: Request, reply: Reply, ending: str) -> Request:
    """The request that goes on with the conversation after a reply."""
    turns = (Message("assistant", reply.text), Message("user", ending))
    return replace(request, messages=request.messages + turns)
