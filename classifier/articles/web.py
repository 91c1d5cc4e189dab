"""One article from a URL, under limits of time, bytes, redirects, types and addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpcore2
import httpx2

from classifier.articles.decoding import transcoded
from classifier.articles.files import too_large
from classifier.articles.formats import CONTENT_TYPES
from classifier.articles.guarding import (
    Deadline,
    GuardedBackend,
    GuardedTransport,
    system_resolver,
)
from classifier.articles.naming import shown
from classifier.errors import InputError

if TYPE_CHECKING:
    import ssl

    from classifier.articles.guarding import Resolver
    from classifier.articles.options import ReadOptions

_HEADERS = {
    "User-Agent": "fail-classifier",
    "Accept": ", ".join(CONTENT_TYPES),
    "Accept-Encoding": "gzip, deflate",
}
_INSTEAD = "Or save the article's text as a .txt file and give that."
_HOST = re.compile(rb"[A-Za-z0-9._:-]+")


@dataclass(frozen=True)
class Page:
    """What a URL gave: its bytes, their format, and the URL after all redirects."""

    data: bytes
    kind: str
    url: str


def fetch(
    url: str,
    options: ReadOptions,
    resolve: Resolver = system_resolver,
    tls: ssl.SSLContext | None = None,
) -> Page:
    """The page at a URL. Raises InputError, which says what stood in the way."""
    backend = GuardedBackend(
        Deadline(options.timeout), resolve, allow_private=options.allow_private
    )
    transport = GuardedTransport(backend, tls)
    with httpx2.Client(transport=transport, trust_env=False, headers=_HEADERS) as client:
        try:
            return _followed(client, url, options)
        except InputError as error:
            raise InputError(f"{_named(url)}: {error}") from error
        except _ERRORS as error:
            raise _explained(error, url, options) from error


def _followed(client: httpx2.Client, url: str, options: ReadOptions) -> Page:
    here = _checked(httpx2.URL(url))
    for _ in range(options.max_redirects + 1):
        with client.stream("GET", here) as response:
            if not response.has_redirect_location:
                return _page(response, options)
            here = _checked(here.join(response.headers["location"]))
    raise InputError(
        f"more than {options.max_redirects} redirects, the last to {shown(str(here))}. "
        f"Give the URL of the article itself. {_INSTEAD}"
    )


def _checked(url: httpx2.URL) -> httpx2.URL:
    if url.scheme not in ("http", "https") or not _HOST.fullmatch(url.raw_host):
        raise InputError(
            f"{_named(str(url))} is not a web address. Give http:// or https:// and a host."
        )
    if url.port is not None and not 0 < url.port < 65536:
        raise InputError(f"the port is {url.port}, and is at most 65535. Correct the URL.")
    if url.userinfo:
        raise InputError("the URL carries a user name or a password. Give it without them.")
    return url


def _page(response: httpx2.Response, options: ReadOptions) -> Page:
    if not response.is_success:
        raise InputError(
            f"the server answered with status {response.status_code}. "
            f"Check the URL in a browser. {_INSTEAD}"
        )
    kind = _kind(response)
    data = _body(response, options.max_bytes)
    return Page(transcoded(data, response.charset_encoding), kind, str(response.url))


def _kind(response: httpx2.Response) -> str:
    given = response.headers.get("content-type", "")
    kind = CONTENT_TYPES.get(given.partition(";")[0].strip().lower())
    if kind is None:
        raise InputError(
            f"the content type is '{shown(given, 80)}', and an article is one of "
            f"{', '.join(CONTENT_TYPES)}. {_INSTEAD}"
        )
    return kind


def _body(response: httpx2.Response, limit: int) -> bytes:
    data = bytearray()
    for chunk in response.iter_bytes():
        data += chunk
        if len(data) > limit:
            raise too_large("the page", limit)
    return bytes(data)


_ERRORS = (
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.CookieConflict,
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
    OSError,
    ValueError,
)


def _named(url: str) -> str:
    """The URL as messages show it: whatever may be a password is not shown."""
    return shown(re.sub(r"//[^/?#]*@", "//…@", url))


def _explained(error: Exception, url: str, options: ReadOptions) -> InputError:
    name, reason = _named(url), shown(str(error), 150)
    if isinstance(error, httpx2.InvalidURL | UnicodeError):
        return InputError(f"{name}: is not a web address ({reason}). Check the URL.")
    if isinstance(error, httpx2.TimeoutException | httpcore2.TimeoutException):
        return InputError(
            f"{name}: not read within {options.timeout:g} seconds. Try again later. {_INSTEAD}"
        )
    if isinstance(error, httpx2.ConnectError | httpcore2.ConnectError):
        return InputError(f"{name}: no connection ({reason}). Check the URL. {_INSTEAD}")
    return InputError(f"{name}: the transfer failed ({reason}). Try again later. {_INSTEAD}")
