"""The embedded server: what it refuses, and, with real weights, how it starts and ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from classifier.errors import (
    ConfigurationError,
    ModelAccessError,
    ModelRequestError,
    ModelUnreachableError,
    ReplyError,
)
from classifier.models.embedded import (
    EmbeddedServer,
    ServerStates,
    ServerTokens,
    check_gguf,
)
from classifier.models.seam import Message, Reply, Request
from classifier.models.stateful import Stateful
from classifier.records import Usage
from tests.scripted import Scripted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_httpserver import HTTPServer

HEADER = struct.Struct("<4sIQQ")


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        (b"", "it has 0 bytes"),
        (b"GGUF\x03", "it has 5 bytes"),
        (HEADER.pack(b"PK\x03\x04", 3, 1, 1), r"begins with b'PK"),
        (HEADER.pack(b"GGUF", 1, 1, 1), "GGUF version 1"),
        (HEADER.pack(b"GGUF", 3 << 24, 1, 1), "GGUF version 50331648"),
        (HEADER.pack(b"GGUF", 3, 0, 1), "no tensors"),
    ],
)
def test_what_is_no_gguf_is_refused_before_the_start(
    tmp_path: Path, head: bytes, problem: str
) -> None:
    (tmp_path / "w.gguf").write_bytes(head)
    with pytest.raises(ConfigurationError, match=rf"w\.gguf.*{problem}.*models pull"):
        EmbeddedServer(tmp_path / "w.gguf").__enter__()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        check_gguf(tmp_path / "none.gguf")


def test_a_gguf_that_cannot_be_loaded_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "w.gguf").write_bytes(HEADER.pack(b"GGUF", 3, 5, 5) + bytes(100))
    with pytest.raises(ConfigurationError, match="cannot load"):
        EmbeddedServer(tmp_path / "w.gguf").__enter__()


def test_there_is_no_address_outside_the_context(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="enter its context"):
        _ = EmbeddedServer(tmp_path / "w.gguf").base_url


def count(url: str, *texts: str, key: str = "k") -> list[int]:
    async def counted() -> list[int]:
        async with ServerTokens(url, key) as tokens:
            return await tokens.count(texts)

    return asyncio.run(counted())


def test_tokens_are_counted_in_order(httpserver: HTTPServer) -> None:
    for text, tokens in (("a", [1]), ("b c", [2, 3])):
        body = {"content": text, "add_special": False, "parse_special": False}
        httpserver.expect_request(
            "/tokenize", json=body, headers={"Authorization": "Bearer k"}
        ).respond_with_json({"tokens": tokens})
    assert count(httpserver.url_for("/v1"), "b c", "a", "b c") == [2, 1, 2]
    assert count(httpserver.url_for("/v1")) == []


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, "{}", ModelAccessError),
        (404, "gone", ModelRequestError),
        (200, "no json", ReplyError),
        (200, '{"token": 1}', ReplyError),
        (200, "[]", ReplyError),
    ],
)
def test_a_tokenizer_that_does_not_answer_well(
    httpserver: HTTPServer, status: int, body: str, error: type[Exception]
) -> None:
    httpserver.expect_request("/tokenize").respond_with_data(body, status)
    with pytest.raises(error, match=f"answered {status}"):
        count(httpserver.url_for("/"), "a")


def test_a_tokenizer_that_is_gone() -> None:
    with pytest.raises(ModelUnreachableError, match="did not answer: ConnectError"):
        count("http://127.0.0.1:1/v1", "a")


def test_no_proxy_comes_between(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    httpserver.expect_request("/tokenize").respond_with_json({"tokens": [1]})
    assert count(httpserver.url_for("/v1"), "a") == [1]


ASKED = Request(
    (Message("user", "Which?"), Message("assistant", "It is")), max_tokens=1, state=True
)


def state(url: str, key: str = "k", request: Request = ASKED) -> Reply:
    async def asked() -> Reply:
        async with ServerStates(url, key) as states:
            return await Stateful(None, states, None).ask(request)  # type: ignore[arg-type]

    return asyncio.run(asked())


def test_a_state_is_asked_for_at_the_end_of_the_begun_answer(httpserver: HTTPServer) -> None:
    messages = [{"role": "user", "content": "Which?"}]
    httpserver.expect_request("/apply-template", json={"messages": messages}).respond_with_json(
        {"prompt": "<u>Which?<a>"}
    )
    body = {"input": "<u>Which?<a>It is", "embd_normalize": -1}
    given = {"data": [{"embedding": [1.00004, -2]}], "usage": {"prompt_tokens": 9}}
    httpserver.expect_request("/v1/embeddings", json=body).respond_with_json(given)
    reply = state(httpserver.url_for("/v1"))
    assert reply.state == (1.0, -2.0)
    assert reply.usage == Usage(calls=1, prompt_tokens=9)


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("/apply-template", "no json"),
        ("/apply-template", "[]"),
        ("/v1/embeddings", '{"data": []}'),
        ("/v1/embeddings", '{"data": [{"embedding": [null]}]}'),
        ("/v1/embeddings", '{"data": [{"embedding": [1]}]}'),
    ],
)
def test_a_server_that_gives_no_state(httpserver: HTTPServer, route: str, body: str) -> None:
    if route != "/apply-template":
        httpserver.expect_request("/apply-template").respond_with_json({"prompt": "a"})
    httpserver.expect_request(route).respond_with_data(body)
    with pytest.raises(ReplyError, match=f"{route} answered 200: .*was expected"):
        state(httpserver.url_for("/"))


def test_a_server_that_was_not_started_for_states(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/apply-template").respond_with_data("no", 501)
    with pytest.raises(ModelRequestError, match="with its /apply-template route"):
        state(httpserver.url_for("/"))


def test_any_other_request_is_the_models() -> None:
    model = Scripted(["yes"])
    plain = Request((Message("user", "Which?"),), max_tokens=1)
    assert asyncio.run(Stateful(model, None, None).ask(plain)).text == "yes"  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def server(small_weights: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(small_weights, context_tokens=1024, threads=2) as running:
        yield running


def chat(server: EmbeddedServer, text: str) -> httpx2.Response:
    return httpx2.post(
        f"{server.base_url}/chat/completions",
        json={"messages": [{"role": "user", "content": text}], "max_tokens": 1},
        headers={"Authorization": f"Bearer {server.api_key}"},
        timeout=120,
    )


@pytest.mark.weights
def test_the_server_counts_special_tokens_as_text(server: EmbeddedServer) -> None:
    counted = count(server.base_url, "Hello", "<|im_start|>", "", key=server.api_key)
    assert counted == [1, 6, 0]  # as the special token it would be 1


@pytest.mark.weights
def test_the_server_keeps_its_context(server: EmbeddedServer) -> None:
    url = server.base_url.removesuffix("/v1") + "/props"
    props = httpx2.get(url, headers={"Authorization": f"Bearer {server.api_key}"}).json()
    assert props["default_generation_settings"]["n_ctx"] == 1024


@pytest.mark.weights
def test_a_shared_prefix_stays_warm(server: EmbeddedServer) -> None:
    article = "The booking system failed on Monday. " * 10
    chat(server, article + "When?")
    usage = chat(server, article + "What failed?").json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] > 70


@pytest.mark.weights
def test_a_state_leaves_its_prompt_warm_and_tells_texts_apart(server: EmbeddedServer) -> None:
    def asked(text: str) -> Reply:
        messages = (Message("user", text + "Say what."), Message("assistant", "In one word:"))
        request = Request(messages, max_tokens=1, state=True)
        return state(server.base_url, server.api_key, request)

    article = "The signals of the railway failed in the fog. " * 10
    first, again = asked(article), asked(article)
    usage = chat(server, article + "Who?").json()["usage"]
    assert len(first.state) == 896
    assert first.usage.prompt_tokens > 100
    assert first.state == again.state != asked("The bread is good. " * 10).state
    assert usage["prompt_tokens_details"]["cached_tokens"] > 90


@pytest.mark.weights
def test_a_stranger_is_refused(server: EmbeddedServer) -> None:
    with pytest.raises(ModelAccessError):
        count(server.base_url, "a", key="guessed")


@pytest.mark.weights
def test_a_server_may_end_at_once(small_weights: Path) -> None:
    code = "import sys, pathlib, classifier.models.embedded as e; "
    code += "[e.EmbeddedServer(pathlib.Path(sys.argv[1])).__enter__().close() for _ in 'ab']"
    root = Path(__file__).parents[1]
    subprocess.run(
        [sys.executable, "-c", code, str(small_weights)], cwd=root, timeout=60, check=True
    )


SERVING = """
import sys, time
from pathlib import Path
from classifier.models.embedded import EmbeddedServer
import httpx2
with EmbeddedServer(Path(sys.argv[1]), context_tokens=2048) as server:
    sys.stderr.write(server.base_url + "\\n")
    sys.stderr.flush()
    body = {"messages": [{"role": "user", "content": "Go on. " * 500}], "max_tokens": 900}
    headers = {"Authorization": f"Bearer {server.api_key}"}
    httpx2.post(server.base_url + "/chat/completions", json=body, headers=headers, timeout=300)
"""


@pytest.mark.weights
def test_an_interrupt_ends_a_busy_server(small_weights: Path) -> None:
    busy = subprocess.Popen(
        [sys.executable, "-c", SERVING, str(small_weights)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert busy.stderr is not None
    url = httpx2.URL(busy.stderr.readline().strip())
    time.sleep(1)
    os.kill(busy.pid, signal.SIGINT)
    begun = time.monotonic()
    out, err = busy.communicate(timeout=30)
    assert time.monotonic() - begun < 15
    assert (out, err.splitlines()[-1]) == ("", "KeyboardInterrupt")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", url.port or 0)) != 0
