"""A small OpenAI-compatible server on loopback that plays a script and keeps what it was sent."""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

KEY = "sk-test-0123456789"


@dataclass(frozen=True)
class Answer:
    """What the server sends: a status, headers and a body; `cut` sends but a part of the body and
    breaks the connection, `hang` sends nothing until the server is closed.
    """

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    cut: bool = False
    hang: bool = False


@dataclass(frozen=True)
class Seen:
    """One request as it came in; the names of its headers are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


Behaviour = Answer | Callable[[dict[str, Any]], Answer]


def reply(
    text: str | None = "ok",
    *,
    finish_reason: str | None = "stop",
    refusal: str | None = None,
    logprobs: Sequence[tuple[str, Mapping[str, float]]] | None = None,
    usage: Mapping[str, Any] | None = None,
) -> Answer:
    """A completion that says `text`; `logprobs` are (token, alternatives) pairs."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": refusal},
        "finish_reason": finish_reason,
        "logprobs": None if logprobs is None else {"content": [_token(*t) for t in logprobs]},
    }
    return completion([choice], usage)


def completion(choices: list[Any], usage: Mapping[str, Any] | None = None) -> Answer:
    """A completion with the given choices, and 7 + 3 tokens of usage unless told otherwise."""
    default = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "fake",
        "choices": choices,
        "usage": dict(usage) if usage is not None else default,
    }
    return Answer(json.dumps(body).encode())


def _token(token: str, top: Mapping[str, float]) -> dict[str, Any]:
    alternatives = [{"token": t, "logprob": p, "bytes": list(t.encode())} for t, p in top.items()]
    own = {"token": token, "logprob": top.get(token, -9999.0), "bytes": list(token.encode())}
    return {**own, "top_logprobs": alternatives}


def failure(
    status: int,
    message: str = "something failed",
    *,
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """An error in OpenAI's shape."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return Answer(json.dumps({"error": error}).encode(), status, headers or {})


def unsupported(name: str) -> Answer:
    """OpenAI's refusal of a parameter."""
    message = f"Unsupported parameter: '{name}' is not supported with this model."
    return failure(400, message, code="unsupported_parameter", param=name)


def html(text: str = "<html>Please log in</html>", status: int = 200) -> Answer:
    """A page where JSON was expected."""
    return Answer(text.encode(), status, content_type="text/html")


def truncated() -> Answer:
    """A whole answer whose JSON stops in the middle."""
    return Answer(reply("ok").body[:40])


def reset() -> Answer:
    """A connection that breaks in the middle of the body."""
    return Answer(reply("ok").body, cut=True)


def hang() -> Answer:
    """Silence."""
    return Answer(b"", hang=True)


class Served:
    """A server on a thread of its own, for as long as its context."""

    def listen(self, handler: type[BaseHTTPRequestHandler]) -> str:
        """Take a port; returns the base URL."""
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class FakeEndpoint(Served):
    """Plays `script`, one behaviour a request, then `default`; use it as a context manager.

    `refuses` are parameters refused as OpenAI does, `formats` the response formats it takes;
    these refusals use up no behaviour. A request with a wrong key gets a 401.
    """

    def __init__(
        self,
        *script: Behaviour,
        default: Behaviour | None = None,
        key: str | None = KEY,
        refuses: Sequence[str] = (),
        formats: Sequence[str] = ("json_schema", "json_object", "text"),
    ) -> None:
        self.requests: list[Seen] = []
        self._script = list(script)
        self._default = default or failure(400, "the fake endpoint's script is spent")
        self._key, self._refuses, self._formats = key, refuses, formats
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self.url = self.listen(_handler(self))

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        super().__exit__()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The JSON bodies that came in, in order."""
        return [seen.body for seen in self.requests]

    def answer(self, seen: Seen) -> Answer:
        """The answer to a request."""
        with self._lock:
            self.requests.append(seen)
            refusal = self._refusal(seen)
            if refusal is not None:
                return refusal
            behaviour = self._script.pop(0) if self._script else self._default
        return behaviour if isinstance(behaviour, Answer) else behaviour(seen.body)

    def wait_for_closing(self) -> None:
        """Block until the server is closed, 10 s at most."""
        self._closing.wait(10)

    def _refusal(self, seen: Seen) -> Answer | None:
        if self._key and seen.headers.get("authorization") != f"Bearer {self._key}":
            return failure(401, "Incorrect API key provided", code="invalid_api_key")
        if not seen.path.endswith("/v1/chat/completions"):
            return failure(404, f"Invalid URL (POST {seen.path})")
        for name in self._refuses:
            if name in seen.body:
                return unsupported(name)
        kind = seen.body.get("response_format", {"type": "text"})["type"]
        if kind not in self._formats:
            return failure(400, f"Invalid parameter: 'response_format' of type '{kind}' is not "
                           "supported with this model.", param="response_format")  # fmt: skip
        if kind == "json_object" and "json" not in json.dumps(seen.body["messages"]).lower():
            return failure(400, "'messages' must contain the word 'json'", param="messages")
        return None


class _Server(ThreadingHTTPServer):
    """Says nothing of clients that hang up: they may, and its traceback would look like theirs."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _handler(endpoint: FakeEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = endpoint.answer(Seen(self.path, headers, body))
            if answer.hang:
                endpoint.wait_for_closing()
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self._send(answer)

        def _send(self, answer: Answer) -> None:
            if not answer.cut:
                self.wfile.write(answer.body)
                return
            self.wfile.write(answer.body[:20])
            self.wfile.flush()
            linger = struct.pack("ii", 1, 0)  # close with a reset
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    return Handler
