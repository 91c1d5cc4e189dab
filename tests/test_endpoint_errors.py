"""Every foreign error has a place in our tree."""

import inspect
import json
import ssl
from email.utils import formatdate

import httpx2
import openai
import pytest
from openai import _exceptions as openai_exceptions
from pydantic import BaseModel, SecretStr, ValidationError

from classifier.errors import (
    ModelAccessError,
    ModelBusyError,
    ModelError,
    ModelQuotaError,
    ModelRequestError,
    ModelUnreachableError,
    ReplyError,
)
from classifier.models.endpoint import EndpointSettings, as_model_error, shown
from classifier.models.retry import quota_spent, retry_after

SETTINGS = EndpointSettings("m", "http://127.0.0.1:1/v1?key=secret", SecretStr("secret-key"))
CALL = httpx2.Request("POST", "http://127.0.0.1:1/v1")
NOW = 1_800_000_000.0


def subclasses(kind):
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


OPENAI_ERRORS = sorted({openai.OpenAIError, *subclasses(openai.OpenAIError)}, key=str)
HTTPX_ERRORS = sorted(
    {httpx2.InvalidURL, *subclasses(httpx2.HTTPError), *subclasses(httpx2.StreamError)}, key=str
)
EXPECTED = {
    "APIConnectionError": ModelUnreachableError,
    "APIResponseValidationError": ReplyError,
    "APITimeoutError": ModelUnreachableError,
    "AuthenticationError": ModelAccessError,
    "BadRequestError": ModelRequestError,
    "ConflictError": ModelBusyError,
    "ContentFilterFinishReasonError": ReplyError,
    "InternalServerError": ModelBusyError,
    "LengthFinishReasonError": ReplyError,
    "NotFoundError": ModelRequestError,
    "OAuthError": ModelAccessError,
    "PermissionDeniedError": ModelAccessError,
    "RateLimitError": ModelBusyError,
    "UnprocessableEntityError": ModelRequestError,
    "WebSocketConnectionClosedError": ModelUnreachableError,
}


def built(kind):
    """An instance of an error class, whatever its constructor wants."""
    status = inspect.getattr_static(kind, "status_code", 418)
    known = {"AuthenticationError": 401, "OAuthError": 401, "InternalServerError": 500}
    status = known.get(kind.__name__, status if isinstance(status, int) else 418)
    completion = openai.types.chat.ChatCompletion.model_construct(usage=None)
    values = {
        "message": "told",
        "request": CALL,
        "response": httpx2.Response(status, request=CALL),
        "body": {"message": "told"},
        "completion": completion,
        "unsent_messages": [],
    }
    try:
        wanted = list(inspect.signature(kind).parameters)
    except ValueError:  # it has no constructor of its own
        return kind("told")
    if wanted == ["args", "kwargs"]:
        return kind("told")
    return kind(**{n: values.get(n, "told") for n in wanted})


@pytest.mark.parametrize("kind", OPENAI_ERRORS, ids=lambda k: k.__name__)
def test_every_error_of_openai_is_mapped(kind):
    mapped = as_model_error(built(kind), SETTINGS)
    assert type(mapped) is EXPECTED.get(kind.__name__, ModelRequestError)


@pytest.mark.parametrize("kind", HTTPX_ERRORS, ids=lambda k: k.__name__)
def test_every_error_of_httpx2_is_mapped(kind):
    try:
        error = kind("told")
    except TypeError:
        error = kind.__new__(kind)
    assert isinstance(as_model_error(error, SETTINGS), ModelError)


def test_nothing_in_openais_list_is_left_out():
    assert set(openai_exceptions.__all__) - {"InvalidWebhookSignatureError"} <= {
        kind.__name__ for kind in OPENAI_ERRORS
    }


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx2.ReadTimeout("slow"), ModelUnreachableError),
        (httpx2.DecodingError("bad gzip"), ReplyError),
        (TimeoutError(), ModelUnreachableError),
        (ConnectionResetError(104, "reset"), ModelUnreachableError),
        (ssl.SSLError("bad certificate"), ModelUnreachableError),
        (json.JSONDecodeError("bad", "{", 0), ReplyError),
        (ValueError("cannot be encoded"), ModelRequestError),
    ],
)
def test_other_errors_are_mapped(error, kind):
    mapped = as_model_error(error, SETTINGS)
    assert type(mapped) is kind
    assert "http://127.0.0.1:1/v1" in str(mapped)
    assert "secret" not in str(mapped)


def test_a_validation_error_is_a_bad_reply():
    class Point(BaseModel):
        x: int

    with pytest.raises(ValidationError) as caught:
        Point.model_validate({})
    assert isinstance(as_model_error(caught.value, SETTINGS), ReplyError)


def test_a_cause_is_told_without_the_key():
    error = openai.APIConnectionError(request=CALL)
    error.__cause__ = OSError("no route for secret-key")
    assert "no route for ***" in str(as_model_error(error, SETTINGS))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": formatdate(NOW + 30, usegmt=True)}, 30),
        ({"retry-after": formatdate(NOW - 30, usegmt=True)}, 0),
        ({"retry-after": formatdate(NOW + 30)}, 30),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-1"}, None),
    ],
)
def test_retry_after(headers, seconds):
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("code", "text", "headers", "spent"),
    [
        (None, "too fast", {}, False),
        ("rate_limit_exceeded", "20 requests per min", {"x-ratelimit-reset": "20s"}, False),
        ("insufficient_quota", "", {}, True),
        (None, "Daily limit reached", {}, True),
        (None, "tokens per day (TPD)", {}, True),
        (None, "", {"x-ratelimit-reset-tokens": "2h0m1s"}, True),
        (None, "", {"x-ratelimit-reset-tokens": "120ms"}, False),
        (None, "", {"x-ratelimit-reset": str((NOW + 7200) * 1000)}, True),
        (None, "", {"x-ratelimit-reset": str(NOW + 60)}, False),
        (None, "", {"x-ratelimit-reset": "86400"}, True),
        (None, "", {"x-ratelimit-reset": "86400", "retry-after": "3"}, False),
        (None, "", {"x-ratelimit-reset-requests": "8h", "x-ratelimit-remaining-requests": "5"}, 0),
    ],
)
def test_quota_or_speed(code, text, headers, spent):
    assert quota_spent(code, text, headers, NOW) == spent


def test_the_key_is_scrubbed_before_the_text_is_cut():
    assert "secret" not in shown("x" * 195 + "secret-key", SETTINGS)


def test_rate_limits_per_day_are_a_quota():
    response = httpx2.Response(429, request=CALL)
    error = openai.RateLimitError("m", response=response, body={"message": "limit per day"})
    assert isinstance(as_model_error(error, SETTINGS), ModelQuotaError)
