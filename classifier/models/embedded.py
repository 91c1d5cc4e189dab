"""The embedded model: a llama.cpp server in this process, on a loopback port of its own."""

from __future__ import annotations

import asyncio
import secrets
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import httpx2

from classifier.errors import (
    ConfigurationError,
    ModelAccessError,
    ModelRequestError,
    ModelUnreachableError,
    ReplyError,
)
from classifier.models.closing import Closing
from classifier.models.gguf import HEAD, MAGIC
from classifier.models.seam import Reply
from classifier.records import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from classifier.models.seam import Request

_T = TypeVar("_T")

CONTEXT_TOKENS = 8192

_HOST = "127.0.0.1"
_VERSIONS = (2, 3)
_ADVICE = "Name a complete GGUF file as gguf:PATH, or pull one with `classifier models pull`."
# A batch cannot be interrupted: 128 tokens stop within seconds where the default of 2048 needs
# half a minute, and are evaluated as fast (measured on two cores).
_BATCH_TOKENS = 128


def check_gguf(path: Path) -> None:
    """Refuse, as a `ConfigurationError`, a file that llama.cpp could not even begin to load."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD.size)
    except OSError as error:
        reason = f"it cannot be read ({error.strerror})"
        raise ConfigurationError(f"No model in {str(path)!r}: {reason}. {_ADVICE}") from error
    if problem := _header_problem(head):
        raise ConfigurationError(f"No model in {str(path)!r}: {problem}. {_ADVICE}")


def _header_problem(head: bytes) -> str | None:
    if len(head) < HEAD.size:
        return f"it has {len(head)} bytes, and a GGUF header alone has {HEAD.size}"
    magic, version, tensors, _ = HEAD.unpack(head)
    if magic != MAGIC:
        return f"it begins with {magic!r}, and a GGUF file with b'GGUF'"
    if version not in _VERSIONS:
        return f"it is GGUF version {version}, and versions {_VERSIONS} can be read"
    return None if tensors else "it holds no tensors"


class EmbeddedServer:
    """A context in which the model of `path` answers at `base_url`, to those who hold `api_key`.

    `context_tokens` bounds prompt and reply together; `threads` is how many compute, all cores by
    default. So many calls as there are `slots` are answered at a time, in one batch; each slot has
    a context of its own, and takes memory for it. Entering blocks until the weights are loaded, for
    some seconds, and raises a `ConfigurationError` where they cannot be. Leaving ends the server
    and frees the memory.

    `states` says of what the model's state is told: of the last token of a prompt, beside the texts
    that it writes, or of each one, for which a prompt is read at once, and memory taken for what
    would follow each of its tokens.
    """

    def __init__(
        self,
        path: Path,
        *,
        context_tokens: int = CONTEXT_TOKENS,
        threads: int | None = None,
        slots: int = 1,
        states: Literal["last", "each"] = "last",
    ) -> None:
        self.path = path
        self.context_tokens = context_tokens
        self.threads = threads
        self.slots = slots
        self.states = states
        self.api_key = secrets.token_urlsafe(32)
        self._server: Any = None

    @property
    def base_url(self) -> str:
        """The address of the OpenAI-compatible routes; only inside the context."""
        if self._server is None:
            raise RuntimeError("the embedded server is not running: enter its context first")
        return f"{self._server.listening_address}/v1"

    def __enter__(self) -> Self:
        check_gguf(self.path)
        _check_loopback()
        # In a thread of its own, an interrupt cannot strike between the start and the first
        # answer; leaving the pool waits for both.
        with ThreadPoolExecutor(max_workers=1) as pool:
            self._server = pool.submit(self._start).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the server; a call in flight is broken off within a batch. May be repeated."""
        self._server = None  # the server ends with its last reference

    def _start(self) -> Any:
        import xllamacpp  # 20 MB of native code, which most commands do without

        try:
            server = xllamacpp.Server(self._parameters(xllamacpp))
        except RuntimeError as error:
            raise ConfigurationError(
                f"llama.cpp (xllamacpp {xllamacpp.__version__}) cannot load {str(self.path)!r} "
                f"with a context of {self.context_tokens} tokens in each of {self.slots} slot(s): "
                "the file is cut short or of an architecture it does not know, or the memory does "
                f"not suffice (--at-once 1 and a smaller --context need less). {_ADVICE}"
            ) from error
        self._await_answer(server.listening_address)
        return server

    def _await_answer(self, address: str) -> None:
        """Have one token written: ending a server whose loop has not begun blocks for ever."""
        try:
            httpx2.post(
                f"{address}/completion",
                json={"prompt": "a", "n_predict": 1, "cache_prompt": False},
                headers={"Authorization": f"Bearer {self.api_key}"},
                timeout=120,
                trust_env=False,
            ).raise_for_status()
        except httpx2.HTTPError as error:
            raise ConfigurationError(
                f"llama.cpp loaded {str(self.path)!r} and does not answer at {address}: {error}. "
                "Allow connections to the loopback address, or name an endpoint elsewhere."
            ) from error

    def _parameters(self, xllamacpp: Any) -> Any:
        params = xllamacpp.CommonParams()
        params.model.path = str(self.path)
        params.hostnames = [_HOST]
        params.port = 0
        params.api_keys = [self.api_key]
        params.n_ctx = self.context_tokens * self.slots  # the server divides it among them
        params.n_parallel = self.slots
        each = self.states == "each"
        params.n_batch = params.n_ubatch = self.context_tokens if each else _BATCH_TOKENS
        if self.threads is not None:
            params.cpuparams.n_threads = self.threads
            params.cpuparams_batch.n_threads = self.threads
        params.embedding = True  # states are given too; text is answered as without them
        pooling = xllamacpp.llama_pooling_type
        params.pooling_type = (
            pooling.LLAMA_POOLING_TYPE_NONE if each else pooling.LLAMA_POOLING_TYPE_LAST
        )
        params.cache_prompt = True
        params.cache_ram_mib = 0  # the slot keeps its prefix; this would keep those of before
        params.no_extra_bufts = True  # repacked weights: 0.6 GB more, and slower to read prompts
        params.warmup = False
        params.ui = False
        params.endpoint_slots = False
        params.verbosity = -1  # not a word from native code
        return params


def _check_loopback() -> None:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((_HOST, 0))
    except OSError as error:
        raise ConfigurationError(
            f"The embedded model cannot listen on {_HOST}: {error.strerror}. It needs one free "
            "port on the loopback address; allow that, or name an endpoint elsewhere."
        ) from error


class ServerRoutes(Closing):
    """The server's own routes, beside those of the OpenAI API.

    `base_url` is the server's, with or without `/v1`; at most `concurrency` requests are made at
    once. Use it in one event loop, and close it there. `name` is what errors call it.
    """

    name = "server"

    def __init__(
        self, base_url: str, api_key: str, *, concurrency: int = 4, timeout: float = 60
    ) -> None:
        self._url = base_url.rstrip("/").removesuffix("/v1")
        self._turns = asyncio.Semaphore(concurrency)
        # Loopback: a proxy of the environment has no part in it.
        headers = {"Authorization": f"Bearer {api_key}"}
        self._client = httpx2.AsyncClient(headers=headers, timeout=timeout, trust_env=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(
        self, route: str, body: dict[str, Any], read: Callable[[Any], _T], expected: str
    ) -> _T:
        """What `read` makes of a route's answer, in which `expected` must be; a `ModelError`."""
        url = f"{self._url}{route}"
        try:
            async with self._turns:
                response = await self._client.post(url, json=body)
        except httpx2.HTTPError as error:
            raise ModelUnreachableError(
                f"The {self.name} at {url} did not answer: {type(error).__name__} {error}. "
                "See whether its server still runs."
            ) from error
        status, text = response.status_code, response.text[:200]
        said = f"The {self.name} at {response.url} answered {status}: {text}"
        if status in (401, 403):
            raise ModelAccessError(f"{said}. Give it the server's own API key.")
        if status != 200:
            raise ModelRequestError(
                f"{said}. It must be a llama.cpp server, with its {route} route."
            )
        try:
            return read(response.json())
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ReplyError(f"{said}. {expected} was expected.") from error


class ServerTokens(ServerRoutes):
    """Counts tokens by the server's own tokenizer; special tokens in a text are plain text."""

    name = "tokenizer"
    exact = True

    async def count(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text, in the order of the texts."""
        return list(await asyncio.gather(*map(self._count, texts)))

    async def _count(self, text: str) -> int:
        body = {"content": text, "add_special": False, "parse_special": False}
        return await self._post(
            "/tokenize", body, lambda given: len(given["tokens"]), "A list of tokens"
        )


class ServerStates(ServerRoutes):
    """Asks a server that was started for it for its hidden state at the end of a prompt.

    What the server has read for it, it needs not read again for a question with that beginning.
    """

    name = "model's states"

    async def state(self, request: Request) -> Reply:
        """A reply with the `state`, and no text; raises a `ModelError`."""
        *asked, begun = request.messages
        told = {"messages": [{"role": m.role, "content": m.content} for m in asked]}
        prompt = await self._post(
            "/apply-template", told, lambda given: str(given["prompt"]), "A prompt"
        )
        body = {"input": prompt + begun.content, "embd_normalize": -1}
        return await self._post("/v1/embeddings", body, _state, "A state")


def _state(given: Any) -> Reply:
    state = tuple(round(float(number), 4) for number in given["data"][0]["embedding"])
    usage = Usage(calls=1, prompt_tokens=int(given["usage"]["prompt_tokens"]))
    return Reply("", "stop", usage, state=state)
