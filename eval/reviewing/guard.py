"""Who may ask: the one browser that the printed address was opened in, and its own pages.

The address carries a token, once; the first request that brings it gets a cookie. All else is
refused: other sites' pages (cookie, Host, Origin), other programs, the address a second time.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BYTES = 32
_PLAIN = 80  # the port that browsers do not name


@dataclass(frozen=True)
class Asked:
    """A request without its body: `path` is decoded, `headers` have small names."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def header(self, name: str) -> str | None:
        """The value of a header that is there once; None where it is missing or ambiguous."""
        values = self.headers.get(name, ())
        return values[0] if len(values) == 1 else None


class Guard:
    """Lets in one browser at `port`. Any thread may ask."""

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(_BYTES)
        self.page_token = secrets.token_urlsafe(_BYTES)
        # browsers send a cookie to every port of a host: the name keeps two reviews apart
        self.cookie_name = f"classifier_review_{port}"
        self._cookie = secrets.token_urlsafe(_BYTES)
        at = "" if port == _PLAIN else f":{port}"
        self._hosts = (f"127.0.0.1{at}", f"localhost{at}")
        self._spent = False
        self._thread = threading.Lock()

    def cookie_for(self, asked: Asked) -> str | None:
        """The header that sets the cookie, for the first request that brings the token."""
        given = asked.query.get("token", "")
        if asked.method != "GET" or asked.path != "/" or not _same(given, self.token):
            return None
        with self._thread:
            if self._spent:
                return None
            self._spent = True
        return f"{self.cookie_name}={self._cookie}; HttpOnly; SameSite=Strict; Path=/"

    def refusal_of_host(self, asked: Asked) -> str | None:
        """Why the request is not for us: a name of another site may lead to this address."""
        if asked.header("host") in self._hosts:
            return None
        return f"This server answers to {' and '.join(self._hosts)} alone."

    def refusal(self, asked: Asked) -> str | None:
        """Why the request is refused, or None."""
        if not self._has_cookie(asked):
            return (
                "Only the browser that opened the printed address first may see this, and that "
                "address works once. Start `classifier review` again for a new one."
            )
        if asked.method in ("GET", "HEAD"):
            return None
        if asked.header("origin") != f"http://{asked.header('host')}":
            return "Only a page of this server may send something."
        if not _same(asked.header("x-review-token") or "", self.page_token):
            return "The page is from an earlier start of the server. Load it again."
        return None

    def _has_cookie(self, asked: Asked) -> bool:
        parts = ";".join(asked.headers.get("cookie", ())).split(";")
        pairs = (part.strip().partition("=") for part in parts)
        return any(name == self.cookie_name and _same(v, self._cookie) for name, _, v in pairs)


def _same(given: str, wanted: str) -> bool:
    """Whether they are equal; how long it takes does not tell where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
