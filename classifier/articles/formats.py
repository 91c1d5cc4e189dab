"""Which reader a source needs: by suffix, by content type, or by a look at its first bytes."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from classifier.articles.decoding import decode, marked_charset
from classifier.articles.lines import parse_lines
from classifier.articles.markdown import parse_markdown
from classifier.articles.page import parse_page
from classifier.articles.plain import parse_text
from classifier.articles.structured import parse_json, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from classifier.articles.items import Parsed, Raw

_PARSERS: dict[str, Callable[[Raw], Parsed]] = {
    "text": parse_text,
    "markdown": parse_markdown,
    "json": parse_json,
    "yaml": parse_yaml,
    "jsonl": parse_lines,
}
_SUFFIXES = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".json": "json",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".jsonl": "jsonl",
}
CONTENT_TYPES = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/plain": "text",
    "application/json": "json",
}


def suffix_kind(source: str) -> str | None:
    """The format that a file's suffix names."""
    return _SUFFIXES.get(PurePath(source).suffix.lower())


def sniffed_kind(data: bytes, name: str) -> str:
    """The format that the first bytes suggest: JSON, HTML, or else text."""
    head = decode(data, name).encode("utf-8", "replace") if marked_charset(data) else data
    start = head.lstrip()[:1000].lower()
    if start.startswith((b"{", b"[")):
        return "json"
    is_page = start.startswith((b"<!doctype html", b"<html")) or (
        start.startswith((b"<?xml", b"<!--")) and b"<html" in start
    )
    return "html" if is_page else "text"


def parse(raw: Raw, today: date) -> Parsed:
    """What the bytes hold. Raises InputError where that is nothing at all."""
    return parse_page(raw, today) if raw.kind == "html" else _PARSERS[raw.kind](raw)
