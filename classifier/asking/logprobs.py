"""Reads the probability of true against false at each option's place in a scored reply."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence

from classifier.errors import ReplyError
from classifier.models.seam import Reply, TokenLogprobs
from classifier.taxonomy import Category


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
