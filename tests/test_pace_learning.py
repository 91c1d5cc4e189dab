import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paced_calls import Endpoint, ask_all, paced, run
from virtual_time import now, virtually

from classifier.errors import ModelBusyError, ModelQuotaError
from classifier.models.headers import Told, seconds, told


def test_a_429_with_a_wait_pauses_all_calls():
    endpoint = Endpoint(ModelBusyError("busy", retry_after=100))
    run(endpoint, 4, concurrency=1)
    assert endpoint.starts == [0, 101, 102, 103]


def test_the_end_of_a_pause_wakes_no_herd():
    endpoint = Endpoint(ModelBusyError("busy", retry_after=100), seconds=0.01)
    run(endpoint, 60, concurrency=60, requests_per_minute=60)
    after = [s for s in endpoint.starts if s > 50]
    assert len(after) > 50
    assert len([s for s in after if s < after[0] + 1]) <= 2


def test_a_wait_without_end_stops_later_calls():
    endpoint = Endpoint(ModelBusyError("busy", retry_after=1e9))
    first, *later = run(endpoint, 5, concurrency=1)
    assert isinstance(first, ModelBusyError)
    assert {type(e) for e in later} == {ModelQuotaError}
    assert "asks to wait 1000000000 s" in str(later[0])
    assert len(endpoint.starts) == 1


def test_a_spent_quota_stops_at_once_even_those_in_line():
    endpoint = Endpoint(ModelQuotaError("requests per day"))
    results = run(endpoint, 50, concurrency=2, requests_per_minute=1)
    assert len(endpoint.starts) == 1
    assert all(isinstance(e, ModelQuotaError) for e in results)
    assert "No further call was sent" in str(results[-1])


def test_a_quota_does_not_wait_for_the_pace():
    async def work():
        model, _ = paced(Endpoint(ModelQuotaError("gone")), requests_per_minute=1)
        await ask_all(model, 20)
        return now()

    assert virtually(work) == 1.0


def observe_429(pace, times=1, **headers):
    for _ in range(times):
        pace.observe(429, headers)


def test_a_429_halves_the_calls_at_once_and_success_widens_again():
    async def work():
        model, pace = paced(Endpoint(), concurrency=8)
        calls = asyncio.ensure_future(ask_all(model, 8))
        await asyncio.sleep(0.5)
        observe_429(pace, times=5)
        narrowed = pace.limits.concurrency
        await calls
        widths = []
        for _ in range(5):
            await ask_all(model, 8)
            widths.append(pace.limits.concurrency)
        return narrowed, widths

    narrowed, widths = virtually(work)
    assert narrowed == 4
    assert widths == sorted(widths)
    assert widths[-1] == 8


def test_it_never_narrows_to_nothing():
    async def work():
        model, pace = paced(Endpoint(), concurrency=3)
        observe_429(pace, times=9)
        narrowed = pace.limits.concurrency
        return narrowed, [r.text for r in await ask_all(model, 2)]

    assert virtually(work) == (1, ["hi", "hi"])


def headers_of(kind, limit, remaining, reset):
    names = ("limit", "remaining", "reset")
    values = map(str, (limit, remaining, reset))
    return {f"x-ratelimit-{n}-{kind}": v for n, v in zip(names, values, strict=True)}


def learned(headers, count, status=200, tokens=100, **limits):
    endpoint = Endpoint(seconds=0.1)

    async def work():
        model, pace = paced(endpoint, tokens, concurrency=99, **limits)
        pace.observe(status, headers)
        await ask_all(model, count)
        return pace

    return endpoint, virtually(work)


def test_a_limit_is_learned_from_the_headers():
    endpoint, pace = learned(headers_of("requests", 60, 60, "0s"), 20)
    assert pace.limits.requests_per_minute == 60
    assert endpoint.starts[-1] == pytest.approx(19, abs=2)


def test_told_tokens_are_counted_from_then_on():
    endpoint, pace = learned(headers_of("tokens", 6000, 6000, "0s"), 20)
    assert pace.counts_tokens
    assert endpoint.starts[-1] == pytest.approx(19, abs=2)


def test_what_is_told_does_not_raise_what_was_given():
    _, pace = learned(headers_of("requests", 5000, 5000, "0s"), 1, requests_per_minute=60)
    assert pace.limits.requests_per_minute == 60


def test_what_others_used_up_is_waited_for():
    endpoint, _ = learned(headers_of("tokens", 6000, 0, "60s"), 1, tokens=1000)
    assert 10 <= endpoint.starts[0] <= 12


def test_a_429_without_a_wait_holds_until_the_reset_of_what_is_empty():
    async def work():
        endpoint = Endpoint(ModelBusyError("busy"), seconds=0.1)
        model, pace = paced(endpoint, concurrency=1)
        pace.observe(429, headers_of("requests", 6000, 0, "30s"))
        await ask_all(model, 2)
        return endpoint.starts

    assert virtually(work)[1] == pytest.approx(30)


hostile = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["-1", "0", "nan", "inf", "1e400", "9" * 400, "٣", "6m0s; rm", "1s" * 500, "", "-5s", "0x1"]
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.tuples(hostile, hostile, hostile), st.sampled_from(["requests", "tokens"]))
def test_hostile_headers_stop_nothing(values, kind):
    endpoint, pace = learned(headers_of(kind, *values), 3)
    assert len(endpoint.starts) == 3
    assert pace.limits.concurrency >= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6m0s", 360), ("1s", 1), ("120ms", 0.12), ("2m59.56s", 179.56), ("1h2m3s", 3723),
        ("12", 12), ("7.66s", 7.66), ("500µs", 0.0005), (" 1d ", 86400),
        ("", None), ("s", None), ("6m0", None), ("-1s", None), ("1 s", None), ("nan", None),
        ("99d", None), ("1e3", None), ("٣s", None), ("1s\n2", None),
    ],
)  # fmt: skip
def test_durations(text, expected):
    assert seconds(text) == (None if expected is None else pytest.approx(expected))


def test_no_limit_can_be_less_than_one_nor_more_remain_than_it():
    assert told(headers_of("tokens", -1, -1, 0), "tokens") == Told(reset=0)
    assert told(headers_of("tokens", 0, 5, 0), "tokens") == Told()
    assert told(headers_of("tokens", 10, 50, "1s"), "tokens") == Told(10, 10, 1)


def test_a_stop_from_outside_is_heard_in_the_middle_of_a_wait():
    async def work():
        model, pace = paced(Endpoint(), concurrency=1, requests_per_minute=1)
        calls = asyncio.ensure_future(ask_all(model, 3))
        await asyncio.sleep(30)
        pace.stop(ModelQuotaError("enough"))
        results = await calls
        return now(), [type(r).__name__ for r in results]

    assert virtually(work) == (30, ["Reply", "ModelQuotaError", "ModelQuotaError"])
