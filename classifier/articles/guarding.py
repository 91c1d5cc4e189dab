"""The network as a guarded place: only checked addresses, and one deadline for everything.

The address that was checked is the address that is connected to, since both happen here, below
the HTTP client; TLS above it still checks the certificate against the host's name.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import httpcore2
import httpx2

from classifier.articles.addresses import is_public
from classifier.articles.naming import shown
from classifier.errors import InputError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Sequence

    Resolver = Callable[[str, int], Sequence[str]]


class Deadline:
    """The end of all patience with one source, `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds left. Raises a timeout where there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the deadline has passed")
        return left


def system_resolver(host: str, port: int) -> Sequence[str]:
    """All addresses of a host, as the operating system gives them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedStream(httpcore2.NetworkStream):
    """A connection on which every wait ends at the deadline, however slowly bytes drip in.

    The timeouts of httpcore2 bound one wait each, so they are ignored for the deadline.
    """

    def __init__(self, inner: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Bytes, as soon as there are any."""
        return self._inner.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Sends all bytes."""
        self._inner.write(buffer, self._deadline.left())

    def close(self) -> None:
        """Closes the connection."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> GuardedStream:
        """The same connection with TLS; `server_hostname` is the name in the URL."""
        inner = self._inner.start_tls(ssl_context, server_hostname, self._deadline.left())
        return GuardedStream(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """What the connection knows about itself."""
        return self._inner.get_extra_info(info)


class GuardedBackend(httpcore2.NetworkBackend):
    """Resolves a host, refuses it unless all its addresses are public, connects to one of them."""

    def __init__(self, deadline: Deadline, resolve: Resolver, *, allow_private: bool) -> None:
        self._deadline = deadline
        self._resolve = resolve
        self._allow_private = allow_private
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> GuardedStream:
        """A connection to the first address that takes one."""
        failure: Exception = httpcore2.ConnectError("the host has no address")
        for address in self._checked(host, port):
            try:
                inner = self._inner.connect_tcp(address, port, self._deadline.left())
                return GuardedStream(inner, self._deadline)
            except httpcore2.ConnectError as error:
                failure = error
        raise failure

    def _checked(self, host: str, port: int) -> Sequence[str]:
        addresses = resolve_within(self._deadline.left(), self._resolve, host, port)
        refused = [a for a in addresses if not (self._allow_private or is_public(a))]
        if refused:
            raise InputError(
                f"{shown(host)} is at the address {shown(refused[0])}, which is not public. Only "
                "public addresses are read; --allow-private lifts that for a server you trust."
            )
        return addresses


class GuardedTransport(httpx2.BaseTransport):
    """httpx2's seam to the network, over the guarded backend; no proxy, no retries."""

    def __init__(self, backend: GuardedBackend, tls: ssl.SSLContext | None) -> None:
        # Without a context the pool makes a verifying one, and only for https.
        self._pool = httpcore2.ConnectionPool(ssl_context=tls, network_backend=backend)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends a request; the body of the response is not read yet."""
        url = request.url
        response = self._pool.handle_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                extensions=request.extensions,
            )
        )
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Closes all connections."""
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    def __iter__(self) -> Any:
        yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


def resolve_within(seconds: float, resolve: Resolver, host: str, port: int) -> Sequence[str]:
    """The addresses of a host, or a timeout: the operating system's resolver knows none."""
    found: list[Sequence[str]] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            found.append(resolve(host, port))
        except (OSError, UnicodeError) as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise InputError(
            f"{shown(host)}: no such host ({shown(str(errors[0]))}). Check the URL."
        ) from errors[0]
    if not found:
        raise httpcore2.ConnectTimeout("the name was not resolved in time")
    return found[0]
