"""Reads a chat completion: what it says, what it cost, and whether it can be used."""

from __future__ import annotations

from pydantic import BaseModel

from classifier.models.seam import TokenLogprobs
from classifier.records import Usage


# What we read of a completion. Servers differ in the rest, so it is not checked.
class _TopLogprob(BaseModel):
    token: str
    logprob: float


class _TokenLogprob(_TopLogprob):
    top_logprobs: list[_TopLogprob] | None = None


class _Logprobs(BaseModel):
    content: list[_TokenLogprob] | None = None


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class Choice(BaseModel):
    """One of the replies in a completion."""

    message: _Message
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _PromptDetails(BaseModel):
    cached_tokens: int | None = None


class _Spent(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None


class Completion(BaseModel):
    """A completion as far as it is read."""

    choices: list[Choice] | None = None
    usage: _Spent | None = None


def usage_of(completion: Completion) -> Usage:
    """What the call cost; counts that the endpoint does not tell are 0."""
    spent = completion.usage or _Spent()
    details = spent.prompt_tokens_details or _PromptDetails()
    return Usage(
        calls=1,
        prompt_tokens=spent.prompt_tokens or 0,
        cached_tokens=details.cached_tokens or 0,
        completion_tokens=spent.completion_tokens or 0,
    )


def unusable(choice: Choice, max_tokens: int) -> str | None:
    """Why the choice cannot be used; None if it can."""
    if choice.message.refusal:
        return f"the model refused to answer: {choice.message.refusal}"
    if choice.finish_reason == "content_filter":
        return "the endpoint's content filter cut the reply"
    if choice.finish_reason == "length":
        return f"the reply was cut at {max_tokens} tokens: raise max_tokens"
    if not (choice.message.content or "").strip():
        return f"the reply is empty (finish reason {choice.finish_reason!r})"
    return None


def logprobs_of(choice: Choice) -> tuple[TokenLogprobs, ...]:
    """The log-probabilities of the choice; none where none were asked for or given."""
    tokens = (choice.logprobs.content if choice.logprobs else None) or []
    return tuple(TokenLogprobs(t.token, _alternatives(t)) for t in tokens)


def _alternatives(token: _TokenLogprob) -> dict[str, float]:
    """Token to log-probability, the written one included; of equal texts, the likeliest counts."""
    ranked = sorted([*(token.top_logprobs or ()), token], key=lambda t: t.logprob)
    return {t.token: t.logprob for t in ranked}
