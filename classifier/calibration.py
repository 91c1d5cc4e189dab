"""A calibration: how the raw scores of an incident become probabilities, as gold has taught it.

A score is the logarithm of the odds that the model gave to an option. Standardised, the scores of
all options, or of those of a few categories, are the inputs of one logistic function for each
option, and beside them the words of the articles, the model's hidden state after them, and their
embedding, the mean of its states in them: a model that says
yes too easily to one option is corrected, and options inform each other. `eval.fitting` fits the
weights.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from classifier.errors import ConfigurationError
from classifier.ranking import Ranking
from classifier.record_files import load_record
from classifier.records import ModelRef, Record
from classifier.vocabulary import Vocabulary

# A model may be as good as certain; its log-odds must stay a number.
LEAST = 1e-4
QUESTIONS_CHANGED = "the questions have changed since it was fitted"

Scores = Mapping[str, Mapping[str, float]]


class Input(Record):
    """A score that is read: its mean and standard deviation over the gold."""

    mean: float = Field(allow_inf_nan=False)
    deviation: float = Field(gt=0, allow_inf_nan=False)


class State(Record):
    """How a hidden state, or an embedding, is read: its numbers less their means in the gold,
    times their `scale`.
    """

    mean: tuple[float, ...] = Field(min_length=1)
    scale: tuple[float, ...]

    @model_validator(mode="after")
    def _of_one_length(self) -> State:
        if len(self.scale) != len(self.mean):
            raise ValueError(f"{len(self.scale)} scales for {len(self.mean)} means")
        return self

    def read(self, state: Sequence[float]) -> list[float]:
        """The numbers that are weighed; none of a state that is missing or of another model."""
        if len(state) != len(self.mean):
            return []
        return [(x - m) * k for x, m, k in zip(state, self.mean, self.scale, strict=True)]


class Fit(Record):
    """The log-odds of an option: `bias`, a weight for each input of its category, for each word of
    the vocabulary and for each number of the state and of the embedding, in their orders.
    """

    bias: float = Field(allow_inf_nan=False)
    weights: tuple[float, ...]
    words: tuple[float, ...] = ()
    state: tuple[float, ...] = ()
    embedding: tuple[float, ...] = ()


class CategoryFit(Record):
    """What the options of a category are read from (`category/option`), and how."""

    inputs: tuple[str, ...]
    options: dict[str, Fit]

    @model_validator(mode="after")
    def _a_weight_for_each_input(self) -> CategoryFit:
        for name, fit in self.options.items():
            if len(fit.weights) != len(self.inputs):
                raise ValueError(
                    f"{name} has {len(fit.weights)} weights for {len(self.inputs)} inputs"
                )
        return self


class Weights(Record):
    """What is read, and how each category is decided from it."""

    inputs: dict[str, Input]
    categories: dict[str, CategoryFit]
    vocabulary: Vocabulary = Vocabulary()
    state: State | None = None
    embedding: State | None = None

    @model_validator(mode="after")
    def _known_inputs(self) -> Weights:
        for category in self.categories.values():
            if unknown := [name for name in category.inputs if name not in self.inputs]:
                raise ValueError(f"{unknown[0]!r} is not among the inputs")
            for name, fit in category.options.items():
                if len(fit.words) != len(self.vocabulary.idf):
                    words = f"{len(fit.words)} weights for {len(self.vocabulary.idf)} words"
                    raise ValueError(f"{name} has {words}")
                for what in ("state", "embedding"):
                    weights, read = getattr(fit, what), getattr(self, what)
                    if len(weights) != (len(read.mean) if read else 0):
                        raise ValueError(f"{name} has {len(weights)} weights for another {what}")
        return self

    def probabilities(
        self,
        scores: Scores,
        text: str = "",
        state: Sequence[float] = (),
        embedding: Sequence[float] = (),
    ) -> dict[str, dict[str, float]]:
        """Category -> option -> probability, for every category that it knows.

        `scores` are the model's own probabilities of what was judged about an incident, or a chunk
        of it, `text` is its text, `state` the model's hidden state after it, and `embedding` the
        mean of its states in it. A score that is missing, because its call failed or its category
        is not asked, counts as its mean, and so does a state or an embedding.
        """
        placed = self.state.read(state) if self.state else []
        meant = self.embedding.read(embedding) if self.embedding else []
        words = {self._place[word]: weight for word, weight in self.vocabulary.weigh(text).items()}
        read = {
            key: (value - self.inputs[key].mean) / self.inputs[key].deviation
            for key, value in log_odds(scores).items()
            if key in self.inputs
        }
        return {
            name: {
                o: _logistic(
                    _odds(fit, of.inputs, read)
                    + _said(fit, words)
                    + _placed(fit.state, placed)
                    + _placed(fit.embedding, meant)
                )
                for o, fit in of.options.items()
            }
            for name, of in self.categories.items()
        }

    def asks(self, category: str) -> bool:
        """Whether the model must score a category: what it says of it is read, or is all there is
        to decide it by.
        """
        return category not in self.categories or category in self.read

    @cached_property
    def read(self) -> frozenset[str]:
        """The categories whose scores are read."""
        return frozenset(key.partition("/")[0] for key in self.inputs)

    @cached_property
    def _place(self) -> dict[str, int]:
        """Word -> its place among the words of each fit."""
        return {word: n for n, word in enumerate(self.vocabulary.idf)}


class GoldRef(Record):
    """The gold that a calibration was fitted on, with the ids of its incidents."""

    source: str
    incidents: tuple[str, ...] = Field(min_length=1)
    sha256: str


class Point(Record):
    """The share of exact decisions among those that were at least so sure."""

    confidence: float = Field(ge=0, le=1)
    exact: float = Field(ge=0, le=1)


class Calibration(Record):
    """What was fitted, on what, and how well it did on gold that it had not seen.

    `threshold` is the least probability of an option that holds. `measured` holds the figures of
    the cross-validation by their names, `curve` how its decisions fell out by confidence. `ranking`
    chooses the sentence that shows an option, where the gold had quotes to learn it from. `layers`
    is how many of the model's layers make the embeddings that are read; 0 where none are.
    """

    schema_version: Literal[2] = 2
    taxonomy: str
    questions_sha256: str
    model: ModelRef
    method: str
    gold: GoldRef
    threshold: float = Field(gt=0, lt=1)
    measured: dict[str, float]
    curve: tuple[Point, ...]
    weights: Weights
    ranking: Ranking | None = None
    layers: int = Field(default=0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, told: Any) -> Any:
        """Version 1 ranked sentences by what is no longer read; all else stays as it was."""
        if isinstance(told, dict) and told.get("schema_version") == 1:
            return {**told, "schema_version": 2, "ranking": None}
        return told

    @model_validator(mode="after")
    def _read_by_some_layers(self) -> Calibration:
        if self.weights.embedding and not self.layers:
            raise ValueError("it reads embeddings, and names no layers that make them")
        return self

    def mismatch(self, model: ModelRef, method: str, questions_sha256: str) -> str | None:
        """Why it does not fit a model and questions, as a clause; None where it does."""
        return next(self._differences(model, method, questions_sha256), None)

    def _differences(self, model: ModelRef, method: str, questions_sha256: str) -> Iterator[str]:
        if _identity(self.model) != _identity(model):
            yield f"it was fitted for {_named(self.model)}, not for {_named(model)}"
        if self.method != method:
            yield f"it was fitted for the method {self.method!r}, not {method!r}"
        if self.questions_sha256 != questions_sha256:
            yield QUESTIONS_CHANGED

    def confidence_for(self, precision: float) -> float | None:
        """The least confidence from which on the decisions of the cross-validation were exact in
        at least this share; None where no confidence reaches it.
        """
        reached = (point.confidence for point in self.curve if point.exact >= precision)
        return min(reached, default=None)

    @property
    def best_precision(self) -> float:
        """The largest share of exact decisions from some confidence on."""
        return max((point.exact for point in self.curve), default=0.0)

    @cached_property
    def sha256(self) -> str:
        """One digest of all that was fitted, as 64 hexadecimal digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """The calibration as JSON, with a newline at its end."""
        return json.dumps(self.model_dump(mode="json"), separators=(",", ":")) + "\n"


def load_calibration(path: Path) -> Calibration:
    """The calibration in a file; `ConfigurationError` where there is none."""
    mend = "Give a file that `classifier calibrate` wrote."
    return load_record(path, Calibration, "calibration", mend, ConfigurationError)


def log_odds(scores: Scores) -> dict[str, float]:
    """`category/option` -> the natural logarithm of its odds."""
    return {
        f"{category}/{option}": _logit(probability)
        for category, options in scores.items()
        for option, probability in options.items()
    }


def _logit(probability: float) -> float:
    p = min(max(probability, LEAST), 1 - LEAST)
    return math.log(p / (1 - p))


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _odds(fit: Fit, inputs: Sequence[str], read: Mapping[str, float]) -> float:
    weighed = (w * read.get(name, 0.0) for name, w in zip(inputs, fit.weights, strict=True))
    return fit.bias + math.fsum(weighed)


def _said(fit: Fit, words: Mapping[int, float]) -> float:
    return math.fsum(fit.words[n] * weight for n, weight in words.items())


def _placed(weights: Sequence[float], placed: Sequence[float]) -> float:
    return sum(w * x for w, x in zip(weights, placed, strict=False))


def _identity(model: ModelRef) -> str | tuple[str, str]:
    """The weights where they are known; an endpoint's model by its name and place."""
    return model.digest or (model.name, model.endpoint)


def _named(model: ModelRef) -> str:
    return f"{model.name} ({model.digest[:12] if model.digest else model.endpoint})"


def mean_scores(chunks: Sequence[Scores]) -> dict[str, dict[str, float]]:
    """The scores of an incident in several chunks: the mean of their log-odds."""
    raw = [log_odds(chunk) for chunk in chunks]
    told = {category: tuple(options) for chunk in chunks for category, options in chunk.items()}

    def mean(key: str) -> float:
        values = [chunk[key] for chunk in raw if key in chunk]
        return _logistic(math.fsum(values) / len(values))

    return {c: {o: mean(f"{c}/{o}") for o in options} for c, options in told.items()}


def mean_state(chunks: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The state of an incident in several chunks: the mean of those that there are."""
    given = [state for state in chunks if state]
    return tuple(math.fsum(numbers) / len(given) for numbers in zip(*given, strict=True))
