"""Markdown, with or without YAML front matter, to an article."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from classifier.articles.cleaning import clean
from classifier.articles.decoding import decode
from classifier.articles.items import Parsed
from classifier.articles.loading import load_yaml
from classifier.articles.naming import quoted
from classifier.articles.shapes import article_shape, one_article
from classifier.errors import InputError

if TYPE_CHECKING:
    from classifier.articles.items import Raw

_KEYS = ("id", "title", "published", "source", "url")
_LONGEST = 100_000
_OPENING = re.compile(r"---[ \t]*\n")
_CLOSING = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"#[ \t]+(.+)")


def parse_markdown(raw: Raw) -> Parsed:
    """The one article of a Markdown file; its text is the body as it stands."""
    text = decode(raw.data, raw.name).replace("\r\n", "\n").replace("\r", "\n")
    front, body = _split(text, raw.name)
    fields = _front_fields(front, raw.name)
    fields["text"] = body
    fields["title"] = fields.get("title") or heading(clean(body))
    shape = article_shape(fields, raw.name)
    return Parsed((one_article(shape, raw.source, raw.name, raw.id),))


def heading(text: str) -> str:
    """The title in a first line that is a `# heading`."""
    match = _HEADING.match(text.partition("\n")[0])
    return match[1].strip().rstrip("#").strip() if match else ""


def _split(text: str, name: str) -> tuple[str, str]:
    opening = _OPENING.match(text)
    if not opening:
        return "", text
    closing = _CLOSING.search(text, opening.end())
    if not closing or closing.start() > _LONGEST:
        raise InputError(
            f"{name}:1: the front matter that `---` opens is not closed. Close it with a line "
            f"`---` within {_LONGEST} characters, or begin the file with its text."
        )
    return text[opening.end() : closing.start()], text[closing.end() :]


def _front_fields(front: str, name: str) -> dict[str, object]:
    value = load_yaml(front, name, line=2)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InputError(
            f"{name}:2: the front matter is {quoted(value)}, and must be a mapping: lines such as "
            "`title: ...` and `published: YYYY-MM-DD`."
        )
    known: dict[str, object] = {key: value[key] for key in _KEYS if key in value}
    return {"published": value.get("date")} | known
