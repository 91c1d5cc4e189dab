"""What to call things: how a hostile name is shown, and the id that follows from a name."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePath
from urllib.parse import urlsplit

LONGEST_ID = 200
_LONG_SLUG = 80
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def shown(name: str, longest: int = 300) -> str:
    """`name` on one line: what is not printable is escaped, and what is too long is cut."""
    cut = name if len(name) <= longest else name[: longest - 1] + "…"
    return "".join(map(_escaped, cut))


def quoted(value: object, longest: int = 60) -> str:
    """A value from a file, short enough for an error message."""
    if isinstance(value, str):
        return f"'{shown(value, longest)}'"
    if isinstance(value, dict | list | tuple | set | bytes):
        return f"a {type(value).__name__} of {len(value)}"
    try:
        return shown(repr(value), longest)
    except ValueError:  # an integer of more than 4300 digits has no repr
        return f"a very long {type(value).__name__}"


def is_url(source: str) -> bool:
    """Whether a source is `scheme://...`; which schemes are legal is for the fetcher to say."""
    return _SCHEME.match(source) is not None


def file_id(source: str) -> str:
    """The id that a file gives: its stem, printable and at most 200 characters long."""
    stem = PurePath(source).stem
    plain = "".join(c if c.isprintable() else "_" for c in stem).strip()
    return _shortened(plain or "article", LONGEST_ID)


def url_id(url: str) -> str:
    """The id that a URL gives: host and path as a slug, with a hash where that is ambiguous."""
    try:
        parts = urlsplit(url)
        host, path, query = parts.netloc, parts.path, parts.query
    except ValueError:  # "http://[" and the like: the fetcher will refuse it
        host, path, query = url, "", ""
    slug = re.sub(r"[\W_]+", "-", f"{host}{path}".lower()).strip("-") or "url"
    return f"{slug[:_LONG_SLUG]}-{_hash(url)}" if query or len(slug) > _LONG_SLUG else slug


def _escaped(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")


def _shortened(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 9]}-{_hash(name)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
