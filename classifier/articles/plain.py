"""Plain text to an article."""

from __future__ import annotations

from typing import TYPE_CHECKING

from classifier.articles.cleaning import clean
from classifier.articles.decoding import decode
from classifier.articles.items import Parsed
from classifier.articles.shapes import article_shape, one_article

if TYPE_CHECKING:
    from classifier.articles.items import Raw

_LONGEST_TITLE = 200


def parse_text(raw: Raw) -> Parsed:
    """The one article of a text file."""
    text = clean(decode(raw.data, raw.name))
    fields = {"text": text, "title": headline(text), "url": raw.url}
    shape = article_shape(fields, raw.name)
    return Parsed((one_article(shape, raw.source, raw.name, raw.id),))


def headline(text: str) -> str:
    """The first line, where it is short and a blank line follows; the text keeps it."""
    first, _, rest = text.partition("\n")
    stands_alone = not rest.partition("\n")[0].strip() and rest.strip()
    return first.strip() if stands_alone and len(first) <= _LONGEST_TITLE else ""
