"""The adapter to every OpenAI-compatible endpoint: a request out, a reply or our own error back."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import httpx2
import openai
from pydantic import SecretStr, ValidationError

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
from classifier.models.closing import Closing
from classifier.models.completion import Completion, logprobs_of, unusable, usage_of
from classifier.models.retry import quota_spent, retry_after
from classifier.models.seam import Reply, Request
from classifier.models.structured import Dialect, refused_parameter
from classifier.records import Usage

OPENAI_URL = "https://api.openai.com/v1"
_LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1|\[::1\]")
FOREIGN = (
    openai.OpenAIError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.StreamError,
    OSError,
    ValueError,
)
"""What the client, its transport and pydantic raise: `as_model_error` makes our error of each."""

Post = Callable[[dict[str, Any]], Awaitable[bytes]]
"""Brings the body of a request to the endpoint, and the JSON of its completion back."""

_CHECK_URL = "Check base_url: for most endpoints it ends in /v1"
_SHOWN = 200


@dataclass(frozen=True)
class EndpointSettings:
    """Which model to ask, and where. `timeout` is the most seconds that one call may take."""

    model: str
    base_url: str = OPENAI_URL
    api_key: SecretStr = field(default_factory=lambda: SecretStr(""))
    timeout: float = 600.0

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise ConfigurationError("the model's name is empty: name a model of the endpoint")
        if not 0 < self.timeout < float("inf"):
            raise ConfigurationError(f"timeout is {self.timeout}: give seconds above 0")
        if not re.fullmatch(r"[!-~]*", self.api_key.get_secret_value()):
            raise ConfigurationError(
                "the API key holds a space, a line break or a character that is not ASCII, which "
                "no HTTP header takes: copy it again"
            )

    @property
    def url(self) -> httpx2.URL:
        """The base URL, checked: http or https, with a host."""
        try:
            url = httpx2.URL(self.base_url.strip())
        except (httpx2.InvalidURL, ValueError):
            url = httpx2.URL("")
        if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
            raise ConfigurationError(
                f"base_url is {escaped(re.sub(r'//[^/]*@', '//***@', self.base_url))!r}: give an "
                f"http or https address without a name or password in it, such as {OPENAI_URL}"
            )
        return url

    @property
    def place(self) -> str:
        """The base URL as messages show it: without its query, which may hold a secret."""
        return str(self.url.copy_with(query=None, fragment=None)).rstrip("/")


class Endpoint(Closing):
    """A model behind chat completions. It has `send`; `Structured` makes a `Model` of it.

    Parameters that the endpoint refuses as unsupported are left out (or renamed, for the length)
    from then on: `dialect.refused` tells which. It does not retry. `observe` is handed the status
    and the headers of each answer. `post` is another way there than a call for each request.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        observe: Callable[[int, Mapping[str, str]], None] = lambda _status, _headers: None,
        post: Post | None = None,
    ) -> None:
        url = settings.url
        self._settings = settings
        self._observe = observe
        self.strict = url.host == "api.openai.com" or url.host.endswith(
            (".api.openai.com", ".openai.azure.com")
        )
        self.dialect = _HOSTED if self.strict else Dialect()
        self._client = open_client(settings)
        self._post = post or self._post_alone

    async def send(
        self, request: Request, response_format: Mapping[str, Any] | None = None
    ) -> Reply:
        """Answer the messages, in the given `response_format`; raises a `ModelError`."""
        while True:
            parameters = self.dialect.parameters(request)
            try:
                # no name for the body: a batch that takes a day would keep it in memory
                content = await self._post(self._body(request, response_format, parameters))
            except ModelRequestError as error:
                name = refused_parameter(error, parameters)
                learned = self.dialect.without(name) if name else None
                if learned is None:
                    raise
                self.dialect = learned
            else:
                return self._reply(content, request)

    async def aclose(self) -> None:
        """Close the connections; the endpoint cannot be asked any more."""
        await self._client.close()

    def _body(
        self,
        request: Request,
        response_format: Mapping[str, Any] | None,
        parameters: Mapping[str, Any],
    ) -> dict[str, Any]:
        body = {"model": self._settings.model, "messages": _messages(request), **parameters}
        return body if response_format is None else {**body, "response_format": response_format}

    async def _post_alone(self, body: dict[str, Any]) -> bytes:
        # not `chat.completions.create`: to look through the body costs as much as to send it
        post = self._client.post
        try:
            async with asyncio.timeout(self._settings.timeout):
                response = await post("/chat/completions", body=body, cast_to=httpx2.Response)
                self._observe(response.status_code, response.headers)
                return response.content
        except FOREIGN as error:
            if isinstance(error, openai.APIStatusError):
                self._observe(error.status_code, error.response.headers)
                _refuse_unknown_model(error, self._settings)
            raise as_model_error(error, self._settings) from error

    def _reply(self, content: bytes, request: Request) -> Reply:
        try:
            completion = Completion.model_validate_json(content)
        except ValidationError as error:
            raise ReplyError(
                f"{self._settings.place} sent a reply that is not a chat completion: "
                f"{self._shown(content.decode('utf-8', 'replace'))!r}. {_CHECK_URL}",
                usage=Usage(calls=1),
            ) from error
        usage = usage_of(completion)
        if not completion.choices:
            text = self._shown(content.decode("utf-8", "replace"))
            raise ReplyError(f"the reply holds no choices: {text}", usage=usage)
        choice = completion.choices[0]
        if (reason := unusable(choice, request.max_tokens)) is not None:
            raise ReplyError(f"{self._settings.model}: {self._shown(reason)}", usage=usage)
        text, reason = choice.message.content or "", choice.finish_reason or ""
        return Reply(text, reason, usage, logprobs_of(choice))

    def _shown(self, text: str) -> str:
        return shown(text, self._settings)


_HOSTED = Dialect(lengths=("max_completion_tokens", "max_tokens"), most_top=20)


def open_client(settings: EndpointSettings) -> openai.AsyncOpenAI:
    """The client for the endpoint, without retries; close it."""
    url = settings.url
    local = bool(_LOOPBACK.fullmatch(url.host))
    timeout = httpx2.Timeout(settings.timeout, connect=min(10.0, settings.timeout))
    client = openai.AsyncOpenAI(
        # never None: the client would then take the key for OpenAI from the environment
        api_key=settings.api_key.get_secret_value() or "none",
        base_url=url,
        max_retries=0,
        timeout=timeout,
        # its transport is aiohttp's, which costs half a call of the usual one's processor time
        http_client=openai.DefaultAioHttpClient(
            timeout=timeout,
            limits=httpx2.Limits(max_connections=0),  # no limit: the pace is set elsewhere
            follow_redirects=False,
            trust_env=not local,  # no proxy on the way to this machine
            verify=not local or url.scheme == "https",  # certificates take 0.1 s to load
        ),
    )
    if url.host != "api.openai.com":  # these come from the environment, and are for OpenAI alone
        client.organization = client.project = None
    client.admin_api_key = None
    return client


def _messages(request: Request) -> list[dict[str, str]]:
    """The messages as JSON can carry them: a lone surrogate of an article becomes `?`."""
    return [
        {"role": m.role, "content": m.content.encode("utf-8", "replace").decode()}
        for m in request.messages
    ]


def as_model_error(error: Exception, settings: EndpointSettings) -> ModelError:
    """Our error for one of openai, httpx2, pydantic or the system; no secret is in either."""
    error.args = tuple(_scrubbed(a, settings) if isinstance(a, str) else a for a in error.args)
    place, text = settings.place, shown(str(error.__cause__ or error), settings)
    if isinstance(error, openai.APIStatusError):
        return _status_error(error, settings)
    if _is_timeout(error):
        seconds = f"{settings.timeout:g}"
        return ModelUnreachableError(
            f"{place} did not answer within {seconds} s: raise the timeout or ask for less",
            sent=_was_sent(error),
        )
    if isinstance(error, _BAD_REPLIES):
        return ReplyError(f"{place} sent a reply that cannot be read: {text}")
    if isinstance(error, _BROKEN):
        return ModelUnreachableError(
            f"{place} cannot be reached: {text}. Check base_url, and that the server runs",
            sent=_was_sent(error),
        )
    return ModelRequestError(f"the request to {place} cannot be sent: {text}")


_BAD_REPLIES = (
    openai.APIResponseValidationError,
    openai.LengthFinishReasonError,
    openai.ContentFilterFinishReasonError,
    httpx2.DecodingError,
    ValidationError,
    json.JSONDecodeError,
)
_BROKEN = (
    openai.APIConnectionError,
    openai.WebSocketConnectionClosedError,
    httpx2.TransportError,
    httpx2.StreamError,
    OSError,
)


_NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_TIMEOUTS = (openai.APITimeoutError, httpx2.TimeoutException, TimeoutError)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _was_sent(error: BaseException) -> bool:
    """Whether the request may have gone out: none of the causes is a connection that never was."""
    return not any(isinstance(cause, _NEVER_SENT) for cause in _causes(error))


def _is_timeout(error: BaseException) -> bool:
    """Whether time ran out. What became of a connection only aiohttp's own error tells: on its
    way through httpx2 and openai each of them becomes a timeout of connecting.
    """
    for cause in _causes(error):
        if isinstance(cause, aiohttp.ClientConnectionError):
            return isinstance(cause, TimeoutError)
    return isinstance(error, _TIMEOUTS)


def refused(status: int, body: object, settings: EndpointSettings) -> ModelError:
    """Our error for a status (400 to 599) and its body that came on another way than HTTP."""
    told = body.get("error", body) if isinstance(body, Mapping) else body
    response = httpx2.Response(status, request=httpx2.Request("POST", settings.url))
    return _status_error(openai.APIStatusError("", response=response, body=told), settings)


def _refuse_unknown_model(error: openai.APIStatusError, settings: EndpointSettings) -> None:
    """A name that the endpoint does not know is a mistake in the settings: no call will do."""
    if error.status_code == 404 and error.code == "model_not_found":
        told = shown(_told(error.body), settings)
        raise ConfigurationError(
            f"{settings.place} has no model {settings.model!r}: {told}. "
            "Name one that it has with --model, or another endpoint with --base-url."
        ) from error


def _status_error(error: openai.APIStatusError, settings: EndpointSettings) -> ModelError:
    status, headers, model = error.status_code, error.response.headers, settings.model
    now = datetime.now(UTC).timestamp()
    told = _told(error.body)
    said = f"{settings.place} answered {status}: {shown(told, settings)}"
    if status in {401, 403}:
        return ModelAccessError(f"{said}. Check the API key, and that it may use {model!r}")
    if status == 402 or (status == 429 and quota_spent(error.code, told, headers, now)):
        return ModelQuotaError(f"{said}. The quota is spent: raise it, or come back later")
    if status in {408, 409, 425, 429} or (status >= 500 and status != 501):
        wait = retry_after(headers, now)
        return ModelBusyError(f"{said}. It may answer later", retry_after=wait)
    parameter = _parameter(error)
    if status == 404:
        said += f". Check that the model {model!r} exists there. {_CHECK_URL}"
    elif 300 <= status < 400:
        target = shown(headers.get("location", ""), settings)
        said += f". It redirects to {target!r}, which is not followed: change base_url"
    return ModelRequestError(said, parameter=parameter)


def _told(body: object) -> str:
    """The message in an error's body; servers use many shapes for it."""
    if isinstance(body, Mapping):
        body = body.get("message") or body.get("detail") or body
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str)


def _parameter(error: openai.APIStatusError) -> str | None:
    """The refused parameter: OpenAI's `param`, or the end of FastAPI's `loc`."""
    if error.param:
        return str(error.param)
    match error.body:
        case {"detail": [{"loc": [*_, str(name)]}, *_]}:
            return name
    return None


def shown(text: str, settings: EndpointSettings) -> str:
    """Foreign text as a message may hold it: no key, no control characters, 200 characters."""
    text = escaped(_scrubbed(text, settings))
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def escaped(text: str) -> str:
    """The text with its unprintable characters as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _scrubbed(text: str, settings: EndpointSettings) -> str:
    key = settings.api_key.get_secret_value()
    text = text.replace(key, "***") if key else text
    return re.sub(r"\bsk-[\w*-]{4,}", "***", text)  # OpenAI's echo of a part of the key
