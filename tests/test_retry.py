import asyncio

import pytest
from fake_endpoint import KEY, FakeEndpoint, failure, reply
from pydantic import SecretStr

from classifier.errors import (
    ConfigurationError,
    ModelAccessError,
    ModelBusyError,
    ModelUnreachableError,
    ReplyError,
)
from classifier.models.endpoint import Endpoint, EndpointSettings
from classifier.models.retry import Retry, RetryPolicy
from classifier.models.seam import Message, Reply, Request
from classifier.models.structured import Structured
from classifier.records import Usage

REQUEST = Request((Message("user", "Hello"),), max_tokens=50)
HI = Reply("hi", "stop", Usage(calls=1))


class Script:
    """A model that plays replies and errors in order, and counts how many run at once."""

    def __init__(self, *steps):
        self.steps, self.running, self.most = list(steps), 0, 0

    async def ask(self, request):
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        step = self.steps.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self):
        self.now, self.waits = 0.0, []

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds
        self.waits.append(seconds)


def ask(*steps, clock=None, **policy):
    clock = clock or Clock()
    model = Retry(Script(*steps), RetryPolicy(**policy), sleep=clock.sleep, clock=clock)
    return asyncio.run(model.ask(REQUEST))


def test_a_busy_endpoint_is_asked_again():
    assert ask(ModelBusyError("busy"), ModelUnreachableError("gone"), HI).text == "hi"


@pytest.mark.parametrize("error", [ModelAccessError("no key"), ReplyError("empty")])
def test_what_cannot_pass_is_raised_as_it_is(error):
    with pytest.raises(type(error)) as caught:
        ask(error, HI)
    assert caught.value is error


def test_the_endpoints_wait_is_kept():
    clock = Clock()
    ask(ModelBusyError("busy", retry_after=90), HI, clock=clock)
    assert clock.waits == [90]


def test_waits_grow_up_to_the_longest():
    clock = Clock()
    ask(*[ModelBusyError("busy")] * 9, HI, clock=clock, tries=10, longest_wait=4)
    assert all(0 <= wait <= 4 for wait in clock.waits)
    assert clock.waits[0] <= 1


def test_the_last_error_tells_tries_and_seconds():
    steps = [ModelBusyError("first", retry_after=10), ModelUnreachableError("last")]
    with pytest.raises(ModelUnreachableError, match=r"^last \(after 2 tries in 10 s\)$") as caught:
        ask(*steps, tries=2)
    assert caught.value.__cause__ is steps[1]


def test_a_wait_beyond_the_time_left_stops_at_once():
    clock = Clock()
    with pytest.raises(ModelBusyError, match=r"after 1 tries.*asks to wait 3600 s.*total_seconds"):
        ask(ModelBusyError("busy", retry_after=3600), HI, clock=clock)
    assert clock.waits == []


def test_the_time_is_bounded():
    clock = Clock()
    with pytest.raises(ModelBusyError, match="busy"):
        ask(
            *[ModelBusyError("busy", retry_after=40)] * 99, clock=clock, tries=99, total_seconds=100
        )
    assert clock.now == 80


def test_failed_tries_count_in_the_usage():
    spent = Usage(calls=1, prompt_tokens=7)
    assert ask(ModelBusyError("busy", usage=spent), HI).usage == spent + HI.usage


def test_the_last_error_carries_the_usage_of_all():
    steps = [ModelBusyError("busy", usage=Usage(calls=1)), ReplyError("cut", usage=Usage(calls=1))]
    with pytest.raises(ReplyError, match="after 2 tries") as caught:
        ask(*steps)
    assert caught.value.usage == Usage(calls=2)
    assert steps[1].usage == Usage(calls=1)


def test_other_exceptions_pass():
    with pytest.raises(ZeroDivisionError):
        ask(ZeroDivisionError(), HI)
    with pytest.raises(asyncio.CancelledError):
        ask(asyncio.CancelledError(), HI)


@pytest.mark.parametrize("policy", [{"tries": 0}, {"total_seconds": -1}])
def test_an_impossible_policy_is_refused(policy):
    with pytest.raises(ConfigurationError, match=next(iter(policy))):
        RetryPolicy(**policy)


def test_over_the_wire():
    async def run(server, clock):
        settings = EndpointSettings("m", server.url, SecretStr(KEY))
        async with Endpoint(settings) as endpoint:
            model = Retry(Structured(endpoint), sleep=clock.sleep, clock=clock)
            return await model.ask(REQUEST)

    clock = Clock()
    with FakeEndpoint(failure(503, headers={"retry-after-ms": "70000"}), reply("hi")) as server:
        assert asyncio.run(run(server, clock)).text == "hi"
    assert clock.waits == [70]
