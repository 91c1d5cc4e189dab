"""Calls at a pace, in virtual time: an endpoint that notes when it was asked."""

import asyncio

from virtual_time import now, virtually

from classifier.models.pace import Pace, Paced, PaceLimits
from classifier.models.seam import Message, Reply, Request
from classifier.records import Usage

REQUEST = Request((Message("user", "Hello"),), max_tokens=50)


class Endpoint:
    """A model that takes `seconds` for each call, or the next of `steps`, and notes their starts.

    A step is an error to raise, a usage, or seconds; `headers` are told to the pace after a call.
    """

    def __init__(self, *steps, seconds=1.0, usage=None):
        self.steps, self.seconds, self.starts, self.running, self.most = (
            list(steps),
            seconds,
            [],
            0,
            0,
        )
        self.usage = usage or Usage(calls=1, prompt_tokens=60, completion_tokens=40)

    async def ask(self, request):
        self.starts.append(now())
        self.running += 1
        self.most = max(self.most, self.running)
        step = self.steps.pop(0) if self.steps else self.seconds
        try:
            await asyncio.sleep(step if isinstance(step, (int, float)) else self.seconds)
        finally:
            self.running -= 1
        if isinstance(step, Exception):
            raise step
        return Reply("hi", "stop", step if isinstance(step, Usage) else self.usage)


class Tokens:
    """An estimate that is always the same."""

    def __init__(self, tokens=100):
        self.tokens, self.asked = tokens, 0

    async def most(self, request):
        self.asked += 1
        return self.tokens


def paced(endpoint, tokens=100, **limits):
    pace = Pace(PaceLimits(**limits), clock=now, sleep=asyncio.sleep)
    return Paced(endpoint, pace, Tokens(tokens)), pace


async def ask_all(model, count):
    return await asyncio.gather(*(model.ask(REQUEST) for _ in range(count)), return_exceptions=True)


def run(endpoint, count, tokens=100, **limits):
    async def work():
        return await ask_all(paced(endpoint, tokens, **limits)[0], count)

    return virtually(work)
