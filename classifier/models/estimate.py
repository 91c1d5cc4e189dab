"""Says how many tokens a request may take, before it is sent."""

from __future__ import annotations

import json
from math import ceil
from typing import TYPE_CHECKING

from classifier.tokens import Remembering

if TYPE_CHECKING:
    from classifier.models.seam import Request
    from classifier.tokens import TokenCounter


class Estimate:
    """Counts the tokens of requests: messages, schema and what a chat template adds to them.

    Endpoints put the schema into the prompt in ways of their own, so it is counted as it is
    written. Where the counter does not know the model's tokenizer, a share of `margin` is added.
    A text is counted once, however often it is asked for (pace, budget, retries).
    """

    def __init__(
        self, counter: TokenCounter, overhead_tokens: int = 32, margin: float = 0.25
    ) -> None:
        self._counter = Remembering(counter)
        self._overhead = overhead_tokens
        self._margin = margin

    async def prompt(self, request: Request) -> int:
        """The tokens of all that is sent."""
        texts = [m.content for m in request.messages]
        if request.schema is not None:
            texts.append(json.dumps(request.schema, ensure_ascii=False))
        counted = sum(await self._counter.count(texts))
        if not self._counter.exact:
            counted = ceil(counted * (1 + self._margin))
        return counted + self._overhead

    async def most(self, request: Request) -> int:
        """The tokens of all that is sent, and of the longest reply to it."""
        return await self.prompt(request) + request.max_tokens
