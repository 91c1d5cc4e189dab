"""Reads texts with the first layers of a model: what a passage is about, as numbers.

A llama.cpp server of these layers alone, in this process, tells the state of each token; an
embedding is the mean of a passage's. It starts with the first text, and ends with the context.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.errors import ConfigurationError, ReplyError
from classifier.models.closing import Closing
from classifier.models.embedded import EmbeddedServer, ServerRoutes
from classifier.models.gguf import shorten, shortened
from classifier.models.seam import EMBEDDING_TOKENS, Reply
from classifier.records import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from classifier.models.seam import Request, Spans

    Floats = NDArray[np.float64]

_DIGITS = 3


class Embedder(Closing):
    """Embeds texts by the first layers of the model in `path`.

    A copy of these is kept in `folder` under the model's `digest`; without a folder, or where it
    cannot be written, in a temporary one until the end.
    """

    def __init__(
        self,
        path: Path,
        digest: str,
        folder: Path | None,
        *,
        threads: int | None = None,
        timeout: float = 60,
    ) -> None:
        self._path = path
        self._digest = digest
        self._folder = folder
        self._threads = threads
        self._timeout = timeout
        self._turn = asyncio.Lock()
        self._temporary: str | None = None
        self._starting: dict[int, asyncio.Task[EmbeddedServer]] = {}
        self._open: dict[int, ServerEmbeddings] = {}

    async def embed(self, request: Request) -> Reply:
        """A reply with the `embeddings` of the last message's passages; raises a `ModelError`, and
        `ConfigurationError` where the layers cannot be had.
        """
        if request.embed is None:
            raise ValueError("the request names no passages")
        async with self._turn:  # one text at a time: two would share the time that each has
            routes = await self._routes(request.embed.layers)
            return await routes.embed(request.messages[-1].content, request.embed)

    async def aclose(self) -> None:
        """End the servers, and remove what was temporary."""
        for routes in self._open.values():
            await routes.aclose()
        started = await asyncio.gather(*self._starting.values(), return_exceptions=True)
        for server in started:
            if isinstance(server, EmbeddedServer):
                server.close()
        self._open.clear()
        self._starting.clear()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)

    async def _routes(self, layers: int) -> ServerEmbeddings:
        if layers not in self._open:
            server = await self._server(layers)
            self._open[layers] = ServerEmbeddings(
                server.base_url, server.api_key, timeout=self._timeout
            )
        return self._open[layers]

    async def _server(self, layers: int) -> EmbeddedServer:
        """The server of these layers; who asks while it starts, or after a cancelled start, waits
        for the same one.
        """
        if layers not in self._starting:
            work = asyncio.to_thread(self._started, layers)
            self._starting[layers] = asyncio.create_task(work)
        try:
            return await asyncio.shield(self._starting[layers])
        except ConfigurationError:
            self._starting.pop(layers, None)
            raise

    def _started(self, layers: int) -> EmbeddedServer:
        path, known = self._copy(layers)
        try:
            return self._entered(path)
        except ConfigurationError:
            if not known:
                raise
            path.unlink(missing_ok=True)  # a copy of before may be damaged
            return self._entered(self._copy(layers)[0])

    def _copy(self, layers: int) -> tuple[Path, bool]:
        """Where the layers are, and whether they were there before."""
        if self._folder:
            path = shortened(self._folder, self._digest, layers)
            if path.is_file():
                return path, True
            try:
                shorten(self._path, path, layers)
            except OSError:
                pass  # a folder that is full, or read-only: a temporary one may do
            else:
                return path, False
        self._temporary = self._temporary or tempfile.mkdtemp(prefix="classifier-")
        path = shortened(Path(self._temporary), self._digest, layers)
        try:
            shorten(self._path, path, layers)
        except OSError as error:
            raise ConfigurationError(
                f"The first {layers} layers of {self._path.name}, which take up to "
                f"{self._path.stat().st_size / 1e6:.0f} MB, cannot be written to "
                f"{self._temporary!r}: {error.strerror}. Make room there, set TMPDIR to another "
                "folder, or use --calibration none."
            ) from error
        return path, False

    def _entered(self, path: Path) -> EmbeddedServer:
        server = EmbeddedServer(
            path, context_tokens=EMBEDDING_TOKENS, threads=self._threads, states="each"
        )
        return server.__enter__()


class ServerEmbeddings(ServerRoutes):
    """Asks a server for the state of each token of a text."""

    name = "model's embeddings"

    async def embed(self, text: str, asked: Spans) -> Reply:
        """The embedding of each span of the text, as far as it is read; raises a `ModelError`."""
        body = {"content": text, "add_special": False, "parse_special": False, "with_pieces": True}
        tokens = await self._post("/tokenize", body, _tokens, "Tokens with their pieces")
        tokens = tokens[:EMBEDDING_TOKENS]
        if not tokens:
            return Reply("", "stop", Usage(calls=1), embeddings=((),) * len(asked.spans))
        states = await self._post(
            "/embeddings",
            {"input": [number for number, _ in tokens], "embd_normalize": -1},
            lambda given: _rows(given[0]["embedding"], len(tokens)),
            "A state for each token",
        )
        try:
            ends = _ends(text, [piece for _, piece in tokens])
        except ValueError as error:
            raise ReplyError(
                f"The {self.name} cannot be told apart: {error}. The tokenizer in this GGUF file "
                "gives no pieces of the text, so its model cannot embed."
            ) from error
        embeddings = tuple(_mean(states, _within(text, ends, span)) for span in asked.spans)
        usage = Usage(calls=1, prompt_tokens=len(tokens))
        return Reply("", "stop", usage, embeddings=embeddings)


def _tokens(given: Any) -> list[tuple[int, bytes]]:
    """The number of each token, and its piece of the text."""
    told = [(int(t["id"]), t["piece"]) for t in given["tokens"]]
    return [(n, p.encode() if isinstance(p, str) else bytes(p)) for n, p in told]


def _rows(given: Any, count: int) -> Floats:
    rows = np.array(given, dtype=float).reshape(count, -1)
    if not np.isfinite(rows).all():
        raise ValueError("a number is missing")
    return rows


def _ends(text: str, pieces: Sequence[bytes]) -> NDArray[np.intp]:
    """(tokens,): where each token ends in the text, in bytes."""
    ends = np.cumsum([len(piece) for piece in pieces])
    whole, told = text.encode(), b"".join(pieces)
    # SentencePiece puts a space before the text, which is not in it
    before = 1 if told[:1] == b" " and whole[:1] != b" " else 0
    if not whole.startswith(told[before:]):
        raise ValueError(f"the pieces {told[:40]!r} are not the text {whole[:40]!r}")
    return ends - before


def _within(text: str, ends: NDArray[np.intp], span: tuple[int, int]) -> NDArray[np.bool_]:
    """(tokens,): which of them have a part in the span of characters."""
    start, end = (len(text[:place].encode()) for place in span)
    begins = np.concatenate([[0], ends[:-1]])
    found: NDArray[np.bool_] = (begins < end) & (ends > start)
    return found


def _mean(states: Floats, chosen: NDArray[np.bool_]) -> tuple[float, ...]:
    if not chosen.any():
        return ()
    return tuple(states[chosen].mean(axis=0).round(_DIGITS).tolist())
