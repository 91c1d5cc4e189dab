"""At most so many calls at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from classifier.errors import ConfigurationError

if TYPE_CHECKING:
    from classifier.models.seam import Model, Reply, Request


class Limited:
    """Lets at most `concurrency` calls of the model run at the same time; the others wait."""

    def __init__(self, model: Model, concurrency: int) -> None:
        if concurrency < 1:
            raise ConfigurationError(f"concurrency is {concurrency}: give 1 or more")
        self._model = model
        self._slots = asyncio.Semaphore(concurrency)

    async def ask(self, request: Request) -> Reply:
        """Answer as the model does, once a slot is free."""
        async with self._slots:
            return await self._model.ask(request)
