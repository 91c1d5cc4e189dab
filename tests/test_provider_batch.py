"""The way through a provider's batches, against its endpoints on loopback."""

import asyncio

import pytest
from batch_asking import Asked, echo, question, texts
from fake_batches import FakeBatches
from fake_endpoint import failure, reply

from classifier.errors import (
    ConfigurationError,
    ModelAccessError,
    ModelBusyError,
    ModelQuotaError,
    ModelRequestError,
    ReplyError,
)
from classifier.models.batch_files import BatchLimits
from classifier.models.batch_parts import BatchLeftError

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


@pytest.fixture
def asked(tmp_path):
    return Asked(tmp_path)


def test_all_that_wait_go_into_one_batch(asked):
    with FakeBatches(echo) as server:
        assert texts(asked.ask(server, "a", "b", "c")) == ["a", "b", "c"]
        assert server.count("POST /v1/batches") == 1
    assert [body["messages"][0]["content"] for body in server.executed] == ["a", "b", "c"]


def test_a_line_is_the_body_of_a_call(asked):
    with FakeBatches(lambda _: reply('{"a": "x"}')) as server:
        asked.ask_all(server, [question("hi", schema=SCHEMA, top_logprobs=5)])
    (body,) = server.executed
    assert (body["model"], body["max_tokens"], body["top_logprobs"]) == ("gpt-fake", 50, 5)
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA


def test_usage_and_log_probabilities_come_back(asked):
    logprobs = [("true", {"true": -0.1, "false": -2.0})]
    with FakeBatches(lambda _: reply("true", logprobs=logprobs)) as server:
        (answer,) = asked.ask_all(server, [question("hi", top_logprobs=2)])
    assert (answer.usage.calls, answer.usage.prompt_tokens) == (1, 7)
    assert answer.logprobs[0].top["false"] == -2.0


def test_the_same_request_is_sent_and_paid_once(asked):
    with FakeBatches(echo) as server:
        first, second = asked.ask(server, "a", "a")
    assert len(server.executed) == 1
    assert [first.usage.prompt_tokens, second.usage.prompt_tokens] == [7, 0]


def test_later_questions_go_into_later_batches(asked):
    async def work(server):
        async with asked.open(server) as model:
            first = await model.ask(question("a"))
            return (await model.ask(question(first.text + "b"))).text

    with FakeBatches(echo) as server:
        assert asyncio.run(work(server)) == "ab"
        assert server.count("POST /v1/batches") == 2


@pytest.mark.parametrize("limits", [BatchLimits(requests=2), BatchLimits(bytes=500)])
def test_what_does_not_fit_one_file_goes_into_several(asked, limits):
    with FakeBatches(echo, limits=(limits.requests, limits.bytes)) as server:
        assert texts(asked.ask(server, *"abcde", limits=limits)) == list("abcde")
        assert server.count("POST /v1/batches") == 3


def test_a_request_beyond_the_limit_fails_alone(asked):
    with FakeBatches(echo) as server:
        good, bad = asked.ask(server, "a", "b" * 900, limits=BatchLimits(bytes=500))
    assert good.text == "a"
    assert isinstance(bad, ModelRequestError)
    assert "500" in str(bad)


def test_no_settling_where_all_askers_wait(asked):
    with FakeBatches(echo) as server:
        assert texts(asked.ask(server, "a", "b", settle=3600, askers=2)) == ["a", "b"]


@pytest.mark.parametrize("status", [429, 500])
def test_failed_lines_are_sent_again_and_no_others(asked, status):
    failed = set()

    def half(body):
        text = body["messages"][-1]["content"]
        if int(text) % 2 and text not in failed:
            failed.add(text)
            return failure(status, "Rate limit reached")
        return echo(body)

    numbers = [str(n) for n in range(10)]
    with FakeBatches(half) as server:
        assert texts(asked.ask(server, *numbers)) == numbers
    assert len(server.executed) == 15


def test_a_line_that_always_fails_fails_alone(asked):
    def answer(body):
        return failure(503, "down") if "bad" in str(body) else echo(body)

    with FakeBatches(answer) as server:
        good, bad = asked.ask(server, "a", "bad", tries=3)
        assert server.count("POST /v1/batches") == 3
    assert good.text == "a"
    assert isinstance(bad, ModelBusyError)
    assert str(bad).endswith("(after 3 batches)")


def test_a_line_that_is_refused_is_not_sent_again(asked):
    with FakeBatches(lambda _: failure(400, "too long", code="context_length")) as server:
        (error,) = asked.ask(server, "a")
        assert server.count("POST /v1/batches") == 1
    assert isinstance(error, ModelRequestError)
    assert "too long" in str(error)


def test_a_refused_format_is_learned_in_one_round(asked):
    def answer(body):
        kind = body["response_format"]["type"]
        if kind == "json_schema":
            return failure(400, "response_format is not supported", param="response_format")
        return reply('{"a": "x"}')

    with FakeBatches(answer) as server:
        replies = asked.ask_all(server, [question(t, schema=SCHEMA) for t in "abc"])
        assert server.count("POST /v1/batches") == 2
    assert texts(replies) == ['{"a": "x"}'] * 3


def test_a_reply_that_cannot_be_used_says_so(asked):
    with FakeBatches(lambda _: reply("x", finish_reason="length")) as server:
        (error,) = asked.ask(server, "a")
    assert isinstance(error, ReplyError)
    assert error.usage.prompt_tokens == 7


def test_an_expired_batch_gives_what_it_has_and_the_rest_is_sent_again(asked):
    with FakeBatches(echo, expire_after=2) as server:
        assert texts(asked.ask(server, *"abcde")) == list("abcde")
        assert server.count("POST /v1/batches") == 3
    assert len(server.executed) == 5


def test_outcomes_that_nobody_asked_for_are_left_out(asked):
    with FakeBatches(echo, strange=2) as server:
        assert texts(asked.ask(server, "a")) == ["a"]
    assert any("2 outcomes of requests that are not in it" in said for said in asked.said)


def test_a_torn_download_is_fetched_again(asked):
    with FakeBatches(echo, torn=1) as server:
        assert texts(asked.ask(server, *"abcd")) == list("abcd")
    assert len(server.executed) == 4


def test_a_broken_download_is_fetched_again(asked):
    with FakeBatches(echo, lost={"GET /v1/files/file-1/content": 2}) as server:
        assert texts(asked.ask(server, *"abcd")) == list("abcd")
    assert len(server.executed) == 4


def test_a_wrong_key_stops_all(asked):
    with FakeBatches(echo) as server:
        errors = asked.ask(server, "a", "b", key="sk-wrong")
    assert [type(e) for e in errors] == [ModelAccessError] * 2
    assert "sk-wrong" not in str(errors[0])


def test_an_endpoint_without_batches_is_named(asked):
    with FakeBatches(echo, script={"POST /v1/files": [failure(404, "Not Found")]}) as server:
        (error,) = asked.ask(server, "a")
    assert isinstance(error, ConfigurationError)
    assert "has no batch API" in str(error)
    assert "--via openai-batch" in str(error)


def test_a_full_queue_makes_batches_smaller(asked):
    full = [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}]
    with FakeBatches(echo, refusals=[full]) as server:
        assert texts(asked.ask(server, *"abcd")) == list("abcd")
        assert server.count("POST /v1/batches") == 3
    assert len(server.executed) == 4


def test_a_queue_that_stays_full_stops_with_a_message(asked):
    full = [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}]
    with FakeBatches(echo, refusals=[full] * 9) as server:
        (error,) = asked.ask(server, "a", tries=2)
    assert isinstance(error, ModelQuotaError)
    assert "Enqueued token limit" in str(error)


def test_a_spent_quota_stops_all(asked):
    spent = [{"code": "insufficient_quota", "message": "You exceeded your current quota"}]
    with FakeBatches(echo, refusals=[spent]) as server:
        errors = asked.ask(server, "a", "b")
    assert [type(e) for e in errors] == [ModelQuotaError] * 2


def test_the_line_that_is_at_fault_fails_alone(asked):
    fault = [{"code": "invalid_body", "message": "bad line", "line": 2}]
    with FakeBatches(echo, refusals=[fault]) as server:
        good, bad, other = asked.ask(server, *"abc")
    assert [good.text, other.text] == ["a", "c"]
    assert isinstance(bad, ModelRequestError)


def test_a_model_that_takes_no_batches_is_a_mistake_of_the_settings(asked):
    fault = [{"code": "model_not_found", "message": "no batches for it", "line": None}]
    with FakeBatches(echo, refusals=[fault]) as server:
        errors = asked.ask(server, "a", "b")
    assert [type(e) for e in errors] == [ConfigurationError] * 2
    assert "no batches for it" in str(errors[0])


def test_passing_failures_of_the_api_are_tried_again(asked):
    script = {
        "POST /v1/files": [failure(500, "oops")],
        "POST /v1/batches": [failure(429, "slow down")],
        "GET /v1/batches/": [failure(503, "away"), failure(404, "No batch found")],
    }
    with FakeBatches(echo, script=script) as server:
        assert texts(asked.ask(server, "a")) == ["a"]
    assert len(server.executed) == 1


def test_an_endpoint_that_stays_away_stops_all_and_blames_no_request(asked):
    script = {"POST /v1/files": [failure(500, "oops")] * 9}
    with FakeBatches(echo, script=script) as server:
        errors = asked.ask(server, "a", "b", tries=2)
        assert server.seen == ["POST /v1/files"] * 2
    assert [type(e) for e in errors] == [BatchLeftError] * 2
    assert "run the same command again" in str(errors[0])


def test_a_batch_whose_making_was_not_confirmed_is_found_and_not_made_again(asked):
    with FakeBatches(echo, lost={"POST /v1/batches": 1}) as server:
        assert texts(asked.ask(server, "a", "b")) == ["a", "b"]
        assert len(server.batches) == 1


def test_a_cancelled_batch_stops_with_what_it_has(asked):
    def cancel(body):
        server.batches[0].end = "cancelled"
        return echo(body) if "a" in str(body["messages"]) else failure(500, "x")

    with FakeBatches(cancel) as server:
        good, left = asked.ask(server, "a", "b")
        assert server.count("POST /v1/batches") == 1
    assert good.text == "a"
    assert isinstance(left, BatchLeftError)
    assert "same command again" in str(left)
