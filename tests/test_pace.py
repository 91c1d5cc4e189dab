import asyncio
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paced_calls import REQUEST, Endpoint, Tokens, ask_all, paced, run
from virtual_time import now, virtually

from classifier.errors import (
    ConfigurationError,
    ModelBusyError,
    ModelRequestError,
    ModelUnreachableError,
    ReplyError,
)
from classifier.models.pace import Pace, Paced, PaceLimits
from classifier.models.retry import Retry, RetryPolicy
from classifier.records import Usage


def most_in_a_minute(starts, weights=None):
    weights = weights or [1] * len(starts)
    ends = [bisect_left(starts, s + 60) for s in starts]
    return max(sum(weights[i:end]) for i, end in enumerate(ends))


def test_so_many_run_at_once():
    endpoint = Endpoint()
    run(endpoint, 7, concurrency=3)
    assert endpoint.most == 3
    assert endpoint.starts == [0, 0, 0, 1, 1, 1, 2]


def test_without_rates_nothing_is_counted_or_waited_for():
    async def work():
        model, _ = paced(Endpoint())
        await ask_all(model, 8)
        return now(), model._estimate.asked

    assert virtually(work) == (1.0, 0)


def test_requests_are_spread_over_the_minute():
    endpoint = Endpoint()
    run(endpoint, 100, concurrency=100, requests_per_minute=30)
    gaps = {round(b - a, 6) for a, b in zip(endpoint.starts, endpoint.starts[1:], strict=False)}
    assert gaps == {round(61 / 30, 6)}
    assert most_in_a_minute(endpoint.starts) <= 30


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 400),
    st.lists(st.floats(0, 50), min_size=1, max_size=120),
)
def test_no_minute_has_more_requests_than_the_limit(limit, delays):
    endpoint = Endpoint(seconds=0.1)

    async def work():
        model, _ = paced(endpoint, concurrency=999, requests_per_minute=limit)

        async def late(delay):
            await asyncio.sleep(delay)
            await model.ask(REQUEST)

        await asyncio.gather(*map(late, delays))

    virtually(work)
    assert len(endpoint.starts) == len(delays)
    assert most_in_a_minute(endpoint.starts) <= limit


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=60))
def test_a_minute_has_the_tokens_of_the_limit_and_one_request_at_most(sizes):
    endpoint = Endpoint(seconds=0.01)

    async def work():
        _, pace = paced(endpoint, concurrency=999, tokens_per_minute=1000)
        for size in sizes:
            await pace.enter(size)
            endpoint.starts.append(now())
            pace.leave(size, size, well=True)

    virtually(work)
    assert most_in_a_minute(endpoint.starts, sizes) <= 1000 + max(sizes)


def test_the_rate_is_used_up_and_not_only_kept():
    endpoint = Endpoint(seconds=30)
    run(endpoint, 120, concurrency=999, requests_per_minute=60)
    assert endpoint.starts[-1] < 122


def test_both_rates_hold_together():
    endpoint = Endpoint(seconds=0.1)
    run(endpoint, 20, tokens=100, requests_per_minute=600, tokens_per_minute=600)
    assert endpoint.starts[-1] == pytest.approx(19 * 61 / 6, rel=0.1)


def test_what_a_call_did_not_use_is_free_again():
    cheap = Endpoint(seconds=0.1, usage=Usage(calls=1, prompt_tokens=10))
    run(cheap, 20, tokens=1000, tokens_per_minute=6000)
    dear = Endpoint(seconds=0.1, usage=Usage(calls=1, prompt_tokens=1000))
    run(dear, 20, tokens=1000, tokens_per_minute=6000)
    assert cheap.starts[-1] < 10 < 180 < dear.starts[-1]


def test_a_call_that_used_more_slows_the_next():
    endpoint = Endpoint(seconds=0.1, usage=Usage(calls=1, prompt_tokens=1000))
    run(endpoint, 3, tokens=1, concurrency=1, tokens_per_minute=6000)
    assert endpoint.starts[-1] > 18


def test_unreported_usage_counts_as_estimated():
    endpoint = Endpoint(seconds=0.1, usage=Usage(calls=1))
    run(endpoint, 3, tokens=1000, tokens_per_minute=6000)
    assert endpoint.starts[-1] > 18


def test_a_request_larger_than_the_limit_is_sent_all_the_same():
    endpoint = Endpoint()
    assert len(run(endpoint, 2, tokens=10_000, tokens_per_minute=1000)) == 2


def test_a_hanging_call_does_not_stop_the_others():
    endpoint = Endpoint(10_000)
    run(endpoint, 20, concurrency=2)
    assert endpoint.starts[-1] == 18


def test_first_come_first_served():
    order = []

    async def work():
        model, _ = paced(Endpoint(), concurrency=2, requests_per_minute=60)

        async def one(number):
            await model.ask(REQUEST)
            order.append(number)

        await asyncio.gather(*map(one, range(9)))

    virtually(work)
    assert order == sorted(order)


@pytest.mark.parametrize("rate", [{"tokens_per_minute": 600}, {"requests_per_minute": 2}])
def test_cancelled_calls_return_what_they_took(rate):
    async def work():
        model, _ = paced(Endpoint(), concurrency=2, tokens=600, **rate)
        calls = [asyncio.ensure_future(model.ask(REQUEST)) for _ in range(5)]
        await asyncio.sleep(0.5)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        begun = now()
        await model.ask(REQUEST)
        return now() - begun

    assert virtually(work) == 1.0


def test_a_cancelled_head_of_the_line_lets_the_next_one_go():
    async def work():
        model, _ = paced(Endpoint(), concurrency=1)
        calls = [asyncio.ensure_future(model.ask(REQUEST)) for _ in range(3)]
        await asyncio.sleep(0.5)
        calls[1].cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        return now()

    assert virtually(work) == 2.0


@pytest.mark.parametrize(
    ("error", "last"),
    [
        (ModelRequestError("bad"), 5),
        (ModelUnreachableError("silence"), 15),
        (ReplyError("unreadable", usage=Usage(calls=1)), 15),
        (ReplyError("cut", usage=Usage(calls=1, prompt_tokens=500)), 10),
    ],
)
def test_failures_count_what_they_used(error, last):
    endpoint = Endpoint(error, seconds=0.01, usage=Usage(calls=1, prompt_tokens=500))
    run(endpoint, 3, tokens=1000, concurrency=1, tokens_per_minute=6000)
    assert endpoint.starts[-1] == pytest.approx(last, rel=0.1)


def test_time_in_line_is_not_a_retrys_time():
    async def work():
        endpoint = Endpoint(5000, ModelBusyError("busy", retry_after=1))
        model, pace = paced(endpoint, concurrency=1)
        policy = RetryPolicy(tries=2, total_seconds=60)
        retry = Retry(model, policy, sleep=asyncio.sleep, clock=pace.own_time)
        return await asyncio.gather(model.ask(REQUEST), retry.ask(REQUEST))

    assert [reply.text for reply in virtually(work)] == ["hi", "hi"]


@pytest.mark.parametrize(
    "limits",
    [
        {"concurrency": 0}, {"requests_per_minute": 0}, {"tokens_per_minute": -1},
        {"requests_per_minute": float("nan")}, {"tokens_per_minute": float("inf")},
        {"longest_pause": float("nan")},
    ],
)  # fmt: skip
def test_impossible_limits_are_refused(limits):
    with pytest.raises(ConfigurationError, match=next(iter(limits))):
        PaceLimits(**limits)


def test_with_the_real_clock_too():
    async def work():
        pace = Pace(PaceLimits(requests_per_minute=6000))
        model = Paced(Endpoint(seconds=0), pace, Tokens())
        begun = pace.own_time()
        replies = await ask_all(model, 120)
        return [r.text for r in replies], pace._clock() - begun

    texts, took = asyncio.run(work())
    assert texts == ["hi"] * 120
    assert took > 0.1
