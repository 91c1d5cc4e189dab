import asyncio
import re
import traceback

import pytest
from fake_endpoint import (
    KEY,
    Answer,
    FakeEndpoint,
    completion,
    failure,
    hang,
    html,
    reply,
    reset,
    truncated,
)
from pydantic import SecretStr

from classifier.errors import (
    ConfigurationError,
    ModelAccessError,
    ModelBusyError,
    ModelError,
    ModelQuotaError,
    ModelRequestError,
    ModelUnreachableError,
    ReplyError,
)
from classifier.models.endpoint import Endpoint, EndpointSettings
from classifier.models.seam import Message, Reply, Request
from classifier.records import Usage

REQUEST = Request((Message("system", "Be brief."), Message("user", "Hello")), max_tokens=50)


def settings(server, key=KEY, **more):
    return EndpointSettings("gpt-fake", server.url, SecretStr(key), **more)


def ask(server, request=REQUEST, *, times=1, **more) -> Reply:
    async def run():
        async with Endpoint(settings(server, **more)) as endpoint:
            for _ in range(times):
                answer = await endpoint.send(request)
            return answer

    return asyncio.run(run())


def error_of(*script, **more) -> ModelError:
    with FakeEndpoint(*script) as server, pytest.raises(ModelError) as caught:
        ask(server, **more)
    return caught.value


def test_a_request_becomes_one_call():
    with FakeEndpoint(reply("Hi")) as server:
        assert ask(server).text == "Hi"
    assert server.bodies == [
        {
            "model": "gpt-fake",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hello"},
            ],
            "max_tokens": 50,
            "temperature": 0.0,
            "seed": 0,
        }
    ]


def test_usage_counts_the_call_and_its_tokens():
    spent = {
        "prompt_tokens": 90,
        "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 64},
    }
    with FakeEndpoint(reply("Hi", usage=spent)) as server:
        usage = ask(server).usage
    assert usage == Usage(calls=1, prompt_tokens=90, cached_tokens=64, completion_tokens=4)


def test_missing_usage_still_counts_the_call():
    with FakeEndpoint(reply("Hi", usage={})) as server:
        assert ask(server).usage == Usage(calls=1)


def test_logprobs_are_asked_for_and_read():
    top = {"yes": -0.1, "no": -2.5}
    with FakeEndpoint(reply("yes", logprobs=[("yes", top)])) as server:
        answer = ask(server, Request(REQUEST.messages, 50, top_logprobs=40))
    assert (server.bodies[0]["logprobs"], server.bodies[0]["top_logprobs"]) == (True, 40)
    assert answer.logprobs[0].token == "yes"
    assert answer.logprobs[0].top == top


def test_equal_tokens_keep_the_likeliest():
    broken = Answer(
        b'{"choices":[{"message":{"content":"x"},"finish_reason":"stop","logprobs":{"content":['
        b'{"token":"?","logprob":-1.0,"top_logprobs":[{"token":"?","logprob":-3.0}]}]}}]}'
    )
    with FakeEndpoint(broken) as server:
        assert ask(server).logprobs[0].top == {"?": -1.0}


def test_an_unknown_finish_reason_is_kept():
    with FakeEndpoint(reply("Hi", finish_reason="eos")) as server:
        assert ask(server).finish_reason == "eos"


def test_lone_surrogates_are_sent_as_question_marks():
    with FakeEndpoint(reply()) as server:
        ask(server, Request((Message("user", "a\ud800b"),), 5))
    assert server.bodies[0]["messages"][0]["content"] == "a?b"


@pytest.mark.parametrize("name", ["temperature", "seed"])
def test_an_unsupported_parameter_is_dropped_once_and_for_all(name):
    with FakeEndpoint(default=reply(), refuses=[name]) as server:
        ask(server, times=2)
    assert [name in body for body in server.bodies] == [True, False, False]


def test_a_refused_length_is_renamed():
    with FakeEndpoint(default=reply(), refuses=["max_tokens"]) as server:
        ask(server, times=2)
    assert "max_tokens" in server.bodies[0]
    assert [body.get("max_completion_tokens") for body in server.bodies] == [None, 50, 50]


def test_refused_logprobs_leave_both_parameters_out():
    request = Request(REQUEST.messages, 50, top_logprobs=5)
    with FakeEndpoint(default=reply(), refuses=["logprobs"]) as server:
        assert ask(server, request).logprobs == ()
    assert not {"logprobs", "top_logprobs"} & set(server.bodies[1])


def test_several_refusals_are_learned_one_by_one():
    names = ["max_tokens", "temperature", "seed"]
    with FakeEndpoint(default=reply(), refuses=names) as server:
        ask(server)
    assert len(server.bodies) == 4


def test_both_lengths_refused_is_an_error():
    with (
        FakeEndpoint(refuses=["max_tokens", "max_completion_tokens"]) as server,
        pytest.raises(ModelRequestError, match="max_completion_tokens"),
    ):
        ask(server)
    assert len(server.bodies) == 2


def test_concurrent_calls_learn_the_same_refusal_together():
    async def run(server):
        async with Endpoint(settings(server)) as endpoint:
            return await asyncio.gather(*(endpoint.send(REQUEST) for _ in range(5)))

    with FakeEndpoint(default=reply(), refuses=["max_tokens"]) as server:
        assert len(asyncio.run(run(server))) == 5


def test_a_value_out_of_range_is_not_taken_for_a_missing_parameter():
    error = error_of(failure(400, "max_tokens is too large: 50", param="max_tokens"))
    assert isinstance(error, ModelRequestError)
    assert error.parameter == "max_tokens"


def test_a_refusal_in_fastapis_shape_is_understood():
    body = b'{"detail":[{"loc":["body","seed"],"msg":"Extra inputs are not permitted"}]}'
    with FakeEndpoint(Answer(body, 422), reply()) as server:
        ask(server)
    assert "seed" not in server.bodies[1]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (307, ModelRequestError),
        (400, ModelRequestError),
        (401, ModelAccessError),
        (402, ModelQuotaError),
        (403, ModelAccessError),
        (404, ModelRequestError),
        (408, ModelBusyError),
        (409, ModelBusyError),
        (413, ModelRequestError),
        (422, ModelRequestError),
        (429, ModelBusyError),
        (500, ModelBusyError),
        (501, ModelRequestError),
        (503, ModelBusyError),
        (529, ModelBusyError),
    ],
)
def test_each_status_has_its_error(status, kind):
    error = error_of(failure(status, "no luck"))
    assert type(error) is kind
    assert f"answered {status}: no luck" in str(error)


def test_a_model_that_there_is_not_is_a_mistake_in_the_settings():
    gone = failure(404, "The model `gpt-fake` does not exist", code="model_not_found")
    with FakeEndpoint(gone) as server, pytest.raises(ConfigurationError) as caught:
        ask(server)
    assert "has no model 'gpt-fake'" in str(caught.value)
    assert "--model" in str(caught.value)


def test_an_unknown_model_is_named():
    assert "'gpt-fake'" in str(error_of(failure(404, "no such model")))


def test_a_redirect_is_named_and_not_followed():
    error = error_of(failure(308, "moved", headers={"Location": "https://other.example/v1"}))
    assert "'https://other.example/v1'" in str(error)


def test_the_endpoints_wait_is_kept():
    error = error_of(failure(429, headers={"Retry-After": "2.5"}))
    assert error.retry_after == 2.5


@pytest.mark.parametrize(
    "answer",
    [
        failure(429, "You exceeded your current quota", code="insufficient_quota"),
        failure(429, "Limit 200 requests per day (RPD)"),
        failure(429, headers={"x-ratelimit-reset-requests": "7h12m"}),
    ],
)
def test_a_spent_quota_is_not_retryable(answer):
    error = error_of(answer)
    assert isinstance(error, ModelQuotaError)
    assert not error.retryable


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (html(), "not a chat completion: '<html>"),
        (truncated(), "not a chat completion"),
        (Answer(b""), "not a chat completion"),
        (Answer(b"[1]"), "not a chat completion"),
        (Answer(b'{"error": {"message": "overloaded"}}'), "no choices.*overloaded"),
        (completion([]), "no choices"),
        (reply(""), "empty"),
        (reply(None), "empty"),
        (reply(None, refusal="I cannot help"), "refused to answer: I cannot help"),
        (reply("Part", finish_reason="length"), "cut at 50 tokens"),
        (reply("", finish_reason="content_filter"), "content filter"),
    ],
)
def test_an_unusable_reply_says_why_and_what_it_cost(answer, reason):
    error = error_of(answer)
    assert isinstance(error, ReplyError)
    assert re.search(reason, str(error))
    assert isinstance(error.usage, Usage)
    assert error.usage.calls == 1


def test_a_broken_connection_is_unreachable():
    assert isinstance(error_of(reset()), ModelUnreachableError)


def test_a_connection_that_ends_without_an_answer_was_sent_and_is_no_timeout():
    async def hang_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async def run():
        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            async with Endpoint(EndpointSettings("gpt-fake", url)) as endpoint:
                await endpoint.send(REQUEST)

    with pytest.raises(ModelUnreachableError, match="cannot be reached: Server disc") as caught:
        asyncio.run(run())
    assert caught.value.sent


def test_a_silent_endpoint_times_out():
    error = error_of(hang(), timeout=0.2)
    assert isinstance(error, ModelUnreachableError)
    assert "within 0.2 s" in str(error)
    assert error.sent


def test_a_refused_connection_names_the_address():
    with FakeEndpoint() as server:
        pass
    with pytest.raises(ModelUnreachableError, match=f"{server.url} cannot be reached") as caught:
        ask(server)
    assert not caught.value.sent


def test_the_key_is_in_no_message_and_no_traceback():
    echo = failure(400, f"bad key {KEY} or sk-te***6789")
    with FakeEndpoint(echo) as server, pytest.raises(ModelError) as caught:
        ask(server)
    text = "".join(traceback.format_exception(caught.value)) + repr(settings(server))
    assert KEY not in text
    assert "sk-te" not in text
    assert "bad key *** or ***" in str(caught.value)


def test_a_wrong_key_is_not_shown():
    error = error_of(key="sk-wrong-key-abcdef")
    assert isinstance(error, ModelAccessError)
    assert "wrong" not in str(error)


def test_foreign_text_is_short_and_escaped():
    text = str(error_of(failure(400, "\x1b[31mred\n" + "x" * 999)))
    assert "\\x1b[31mred\\n" in text
    assert "x" * 200 not in text
    assert text.isprintable()


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://host/", "http://", "https://u:p@h/"])
def test_a_base_url_that_cannot_be_used_is_refused(url):
    with pytest.raises(ConfigurationError, match="base_url is") as caught:
        Endpoint(EndpointSettings("m", url))
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize("key", ["a b", "a\n", "ключ"])
def test_a_key_that_no_header_takes_is_refused_unseen(key):
    with pytest.raises(ConfigurationError) as caught:
        EndpointSettings("m", api_key=SecretStr(key))
    assert key not in str(caught.value)


def test_openai_gets_its_own_dialect():
    hosted = Endpoint(EndpointSettings("o9")).dialect
    sent = hosted.parameters(Request(REQUEST.messages, 50, top_logprobs=40))
    assert sent["max_completion_tokens"] == 50
    assert sent["top_logprobs"] == 20


def test_the_environment_redirects_nothing(monkeypatch):
    for name in ("OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-from-the-environment")
    with FakeEndpoint(reply("Hi"), key=None) as server:
        assert ask(server, key="").text == "Hi"
    assert "from-the-environment" not in str(server.requests[0].headers)
