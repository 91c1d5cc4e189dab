"""Serves a review on loopback: sockets to requests, answers to sockets, nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from classifier.errors import ConfigurationError
from eval.reviewing.app import App
from eval.reviewing.guard import Asked, Guard
from eval.reviewing.incidents import Incidents
from eval.reviewing.saving import Shelf

if TYPE_CHECKING:
    from io import BufferedIOBase
    from pathlib import Path

    from classifier.batch.texts import Texts
    from classifier.taxonomy import Taxonomy

ADDRESS = "127.0.0.1"
_FEW_DIGITS = 6  # of the length of a body that is read though it is refused
_PATIENCE = 60  # seconds without a byte, after which a connection is dropped
# The policy of a page's own style and script, by their hashes, stands in its head; both hold.
_STRICT = {
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Review:
    """A review that listens; `url` is the address that lets one browser in, once."""

    server: ThreadingHTTPServer
    url: str

    def serve(self) -> None:
        """Answer until `stop`, or an interruption of the main thread."""
        self.server.serve_forever(poll_interval=0.2)

    def stop(self) -> None:
        """End `serve`, from another thread."""
        self.server.shutdown()

    def close(self) -> None:
        """Give the port back."""
        self.server.server_close()


def open_review(
    run: Path,
    taxonomy: Taxonomy,
    texts: Texts,
    *,
    port: int = 0,
    annotator: str = "",
    told: Callable[[str, str], None] = lambda _, __: None,
) -> Review:
    """Listen on loopback, on a free port where `port` is 0; the run folder is read, never locked.

    `told` is called, from any thread, with the annotator and the incident's id of what was saved.
    Raises ConfigurationError where the port is not to be had, InputError for a broken run.
    """
    incidents = Incidents(run)
    incidents.refresh()
    try:
        server = _Server((ADDRESS, port), _Handler)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"The port {port} of {ADDRESS} cannot be used: {why}. Give another --port, or none "
            "for a free one."
        ) from error
    guard = Guard(server.server_port)
    server.app = App(incidents, Shelf(run), texts, taxonomy, guard, annotator, told)
    return Review(server, f"http://{ADDRESS}:{server.server_port}/?token={guard.token}")


class _Body:
    """The body of a request, read at most once."""

    def __init__(self, stream: BufferedIOBase) -> None:
        self._stream = stream
        self._read = False

    def read(self, size: int) -> bytes:
        """So many bytes, or fewer where the sender stops."""
        self._read = True
        return self._stream.read(size)

    def drain(self, size: str) -> None:
        """Read a small body that nobody wanted: else its sender may lose the answer."""
        if not self._read and size.isascii() and size.isdigit() and len(size) <= _FEW_DIGITS:
            self._stream.read(int(size))


class _Server(ThreadingHTTPServer):
    """A thread a request; an end does not wait for those that are idle."""

    daemon_threads = True
    block_on_close = False
    app: App

    def server_bind(self) -> None:
        """Without looking up the host's name, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is no mistake of ours."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Hands each request to the app."""

    server: _Server
    server_version = "classifier"
    sys_version = ""
    timeout = _PATIENCE

    def do_GET(self) -> None:
        """Any method: the app says which are allowed."""
        path, _, query = self.path.partition("?")
        headers: dict[str, list[str]] = {}
        for name, value in self.headers.items():
            headers.setdefault(name.lower(), []).append(value)
        asked = Asked(self.command, unquote(path), dict(parse_qsl(query)), headers)
        body = _Body(self.rfile)
        answered = self.server.app.answer(asked, body.read)
        body.drain(asked.header("content-length") or "")
        self._reply(answered.status, answered.body, answered.kind, answered.headers)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

    def send_error(
        self,
        code: int,
        message: str | None = None,
        explain: str | None = None,  # noqa: ARG002
    ) -> None:
        """What is no request is told so in a word, with the headers of all answers."""
        self._reply(code, (message or "no request").encode("utf-8", "replace"), "text/plain", {})

    def log_message(self, *_: object) -> None:
        """Nothing: an address may hold the token."""

    def _reply(self, status: int, body: bytes, kind: str, more: Any) -> None:
        self.send_response(status)
        head = _STRICT | {"Content-Type": kind, "Content-Length": str(len(body)), **more}
        for name, value in head.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
