"""Tells an endpoint that is away from a request that fails by itself, and waits for the first.

A call that fails while others are answered is the request's own fault. Where nothing is answered
any more, and that for several incidents, the endpoint is away: then one call at a time tries, until
it answers again or the patience is over.
"""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING

from classifier.errors import (
    ModelAccessError,
    ModelBusyError,
    ModelError,
    ModelRequestError,
    ModelUnreachableError,
    ReplyError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from classifier.models.seam import Model, Reply, Request

asked_about: ContextVar[str] = ContextVar("the incident that is asked about", default="")

SILENT = 3
"""So many incidents must fail, and no call be answered, before the endpoint is to blame."""

_LONGEST_WAIT = 60.0
PASSING = (ModelUnreachableError, ModelBusyError, ModelAccessError)
_REFUSED = (ModelRequestError, ReplyError)


class EndpointGoneError(ModelError):
    """The endpoint answers nothing any more: the run stops, and no incident is to blame."""


class Patient:
    """Asks the model, and waits `seconds` for an endpoint that answered before and is away.

    `trusted` says that the endpoint has answered in an earlier start of the run. Raises the
    model's errors where the request is to blame, and `EndpointGoneError` where the endpoint is:
    at once if it never answered. `sleep` and `clock` are for tests.
    """

    def __init__(
        self,
        model: Model,
        *,
        seconds: float = 900.0,
        trusted: bool = False,
        say: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._seconds = seconds
        self._trusted = trusted
        self._say = say
        self._sleep = sleep
        self._clock = clock
        self._turn = asyncio.Lock()
        self._replies = 0
        self._last_reply = 0.0
        self._silent: set[str] = set()
        self._failing = False
        self._away: float | None = None
        self._wait = 1.0
        self._gone: EndpointGoneError | None = None
        self.absences = 0
        """How often the endpoint was away so far."""

    @property
    def doubtful(self) -> bool:
        """Whether calls failed and none was answered since: whose fault it was is not known."""
        return bool(self._silent) or self._failing

    async def ask(self, request: Request) -> Reply:
        """Answer as the model does, once the endpoint is there."""
        while True:
            if self._gone is not None:
                raise EndpointGoneError(*self._gone.args) from self._gone
            if self._away is not None:
                reply = await self._probe(request)
                if reply is not None:
                    return reply
                continue
            begun = self._clock()
            try:
                return self._answered(await self._model.ask(request))
            except PASSING as error:
                if not self._blamed(error, begun):
                    raise

    def _answered(self, reply: Reply) -> Reply:
        if reply.usage.calls:  # what comes from the cache says nothing about the endpoint
            self._replies += 1
            self._last_reply = self._clock()
            self._silent.clear()
            self._failing = False
            if self._away is not None:
                self._away = None
                self._say("The endpoint answers again: going on.")
        return reply

    def _blamed(self, error: ModelError, begun: float) -> bool:
        """Whether the endpoint is to blame and was found to be away; raises where it is gone."""
        now = self._clock()
        self._failing = True
        # not since `begun`: the call may have begun, and tried again, while all was well
        if self._replies and self._last_reply > (begun + now) / 2:
            return False
        self._silent.add(asked_about.get())
        unreached = isinstance(error, ModelUnreachableError) and not error.sent
        refused = isinstance(error, ModelAccessError)
        known = self._replies > 0 or self._trusted
        at_once = unreached or (refused and not self._replies)
        if not at_once and len(self._silent) < SILENT:
            return False
        if refused or not known:
            raise self._given_up(error)
        if self._away is None:
            self._away, self._wait = now, 1.0
            self.absences += 1
            self._say(f"{error}. Waiting for it, {self._seconds:.0f} s at most.")
        return True

    def answerless(self, reason: str) -> None:
        """Note that the incident that is asked about ended without an answer to any question.

        Raises `EndpointGoneError` where so did the first incidents of all, and no call was ever
        answered: a wrong address or model, or a page to log in.
        """
        if self._replies or self._trusted:
            return
        self._silent.add(asked_about.get())
        if len(self._silent) >= SILENT:
            raise self._given_up(reason)

    async def _probe(self, request: Request) -> Reply | None:
        """Ask when it is this call's turn; None where the endpoint is still away, or was not."""
        async with self._turn:
            if self._away is None or self._gone is not None:
                return None
            await self._sleep(min(self._wait, _LONGEST_WAIT))
            self._wait *= 2
            try:
                return self._answered(await self._model.ask(request))
            except PASSING as error:
                if self._clock() - self._away >= self._seconds:
                    raise self._given_up(error) from error
                return None
            except _REFUSED:  # it is an answer
                self._away = None
                raise

    def _given_up(self, error: ModelError | str) -> EndpointGoneError:
        since = "" if self._away is None else f", and that for {self._clock() - self._away:.0f} s"
        self._gone = EndpointGoneError(f"No incident gets an answer{since}: {error}")
        return self._gone
