"""A model on this machine: who answers what is asked of it, texts, states and embeddings."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from classifier.models.embedded import ServerStates
    from classifier.models.embedder import Embedder
    from classifier.models.seam import Model, Reply, Request


class Stateful:
    """A model that answers a request for its state by the server's own routes, and one for
    embeddings by what reads texts beside it.

    The server never works on states and texts at the same time, and would let a state wait for as
    long as any text is written. Here a state waits for the texts under way, and later ones for it;
    so do embeddings, which would share the cores with them.
    """

    def __init__(self, model: Model, states: ServerStates, embedder: Embedder) -> None:
        self._model = model
        self._states = states
        self._embedder = embedder
        self._turns = _Turns()

    async def ask(self, request: Request) -> Reply:
        """Answer as the model does."""
        async with self._turns.of(first=request.state or request.embed is not None):
            if request.embed:
                return await self._embedder.embed(request)
            if request.state:
                return await self._states.state(request)
            return await self._model.ask(request)


class _Turns:
    """Two kinds of work, never at the same time; nothing begins while the first kind waits."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._running = {True: 0, False: 0}
        self._waiting = 0

    @asynccontextmanager
    async def of(self, *, first: bool) -> AsyncIterator[None]:
        """A turn of the one kind or the other."""
        async with self._changed:
            self._waiting += first
            try:
                await self._changed.wait_for(lambda: self._may(first))
                self._running[first] += 1
            finally:
                self._waiting -= first
                self._changed.notify_all()
        try:
            yield
        finally:
            self._running[first] -= 1
            async with self._changed:
                self._changed.notify_all()

    def _may(self, first: bool) -> bool:
        return not self._running[not first] and (first or not self._waiting)
