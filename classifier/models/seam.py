"""The seam: one method that takes a request and returns a reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from classifier.records import Usage

if TYPE_CHECKING:
    from classifier.tokens import TokenCounter

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


EMBEDDING_TOKENS = 256
"""So much of a text is read for embeddings at once: memory is taken for each token, 1.4 MB with a
vocabulary of 152,000."""


@dataclass(frozen=True)
class Spans:
    """The passages of a text whose embeddings are asked for, as characters (start, end), and how
    many of the model's layers are to read them.
    """

    layers: int
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Request:
    """All that shapes an answer. `schema` is a JSON Schema that the reply must follow, if any;
    `top_logprobs` is how many alternatives to report for each token, 0 for none. With `state` the
    model's hidden state is asked for, where the answer stands that the last message begins, and no
    text. With `embed` the last message is read, and no text is asked for either.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    schema: Mapping[str, Any] | None = field(default=None, hash=False)
    temperature: float = 0.0
    seed: int = 0
    top_logprobs: int = 0
    state: bool = False
    embed: Spans | None = None


@dataclass(frozen=True)
class TokenLogprobs:
    """One written token, and the natural log-probability of each alternative at its place."""

    token: str
    top: Mapping[str, float] = field(hash=False)


@dataclass(frozen=True)
class Reply:
    """What the model wrote; `logprobs`, `state` and `embeddings` are empty where none were asked
    for or given. An embedding is the mean of the states of a passage's tokens; it is empty for a
    passage that was not read.
    """

    text: str
    finish_reason: str
    usage: Usage = Usage()
    logprobs: tuple[TokenLogprobs, ...] = ()
    state: tuple[float, ...] = ()
    embeddings: tuple[tuple[float, ...], ...] = ()


class Model(Protocol):
    """Anything that answers: an endpoint, a wrapper around one, a script in a test."""

    async def ask(self, request: Request) -> Reply:
        """Answer the request, or raise a `ModelError`."""
        ...


@dataclass(frozen=True)
class ModelInfo:
    """What the rest needs to know of a model: its identity, limits and place.

    `context_tokens` bounds prompt and reply together. `concurrency` is how many calls it takes
    at once. `method` names the taxonomy's method to ask it by. `digest` is the weights' SHA-256,
    `software` what runs them. `overhead_tokens` is what a chat template adds to the messages.
    `states` says whether it answers a request for its state; `layers` is how many it has, of which
    a request for embeddings names the first, and 0 where it gives none. It is `sequential` where
    calls about one incident are best made one after the other, because what was read for one is
    kept for the next.
    """

    name: str
    method: str
    context_tokens: int
    concurrency: int = 1
    digest: str | None = None
    endpoint: str = ""
    software: str = ""
    overhead_tokens: int = 32
    states: bool = False
    layers: int = 0
    sequential: bool = False

    @property
    def calls_each(self) -> int:
        """How many calls about one incident to make at a time."""
        return 1 if self.sequential else self.concurrency


@dataclass(frozen=True)
class OpenModel:
    """A model that is ready to answer, with its identity and its tokenizer."""

    model: Model
    info: ModelInfo
    counter: TokenCounter
