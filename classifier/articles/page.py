"""An HTML page to an article, by trafilatura, which is slow to import and so imported late."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width
from urllib.parse import urlsplit

from classifier.articles.decoding import decode, marked_charset, refuse_binary, transcoded
from classifier.articles.files import too_large
from classifier.articles.items import Parsed
from classifier.articles.shapes import article_shape, one_article
from classifier.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    from classifier.articles.items import Raw

# Extraction takes time in the square of the elements: 60 000 `<br>` took four seconds. A page of
# news has some thousands.
_MOST_TAGS = 40_000
_MOST_BYTES = 5_000_000
_FEWEST_WORDS = 25
_DECLARED = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([A-Za-z0-9_-]{1,40})", re.IGNORECASE)
_TAG = re.compile(rb"<[A-Za-z]")


def parse_page(raw: Raw, today: date) -> Parsed:
    """The one article of an HTML page. Raises InputError where the page has none."""
    _refuse_hostile(raw)
    document = _extracted(raw, today + timedelta(days=366))
    text = getattr(document, "text", None) or ""
    if words(text) < _FEWEST_WORDS:
        raise InputError(
            f"{raw.name}: no article found on this page ({words(text)} words; a menu, a paywall "
            "or a page built by scripts). Save the article's text as a .txt file and give that."
        )
    shape = article_shape(_fields(document, text, raw.url), raw.name)
    return Parsed((one_article(shape, raw.source, raw.name, raw.id),))


def words(text: str) -> int:
    """How many words a text has; two wide characters count as one, where nothing divides words."""
    wide = sum(east_asian_width(char) in "WF" for char in text)
    return len(text.split()) + wide // 2


def _fields(document: Any, text: str, url: str) -> dict[str, object]:
    return {
        "text": text,
        "title": document.title,
        "published": document.date,
        "source": document.sitename or urlsplit(url).hostname,
        "url": url or document.url,
    }


def _extracted(raw: Raw, latest: date) -> Any:
    """The document that trafilatura finds, or None.

    `latest` bounds what it takes for a date. Not the present day: the audit reports a date in the
    future, and would never see it.
    """
    from trafilatura import bare_extraction

    try:
        return bare_extraction(
            _utf8(raw),
            url=raw.url or None,
            include_comments=False,
            with_metadata=True,
            date_extraction_params={
                "original_date": True,
                "extensive_search": False,
                "max_date": latest.isoformat(),
            },
        )
    except Exception as error:
        raise InputError(
            f"{raw.name}: this HTML cannot be taken apart ({type(error).__name__}). "
            "Save the article's text as a .txt file and give that."
        ) from error


def _utf8(raw: Raw) -> bytes:
    """The page in UTF-8: by its mark, as it is, as it declares, or as detected.

    A page that calls itself UTF-8 and has a wrong byte or two keeps the rest.
    """
    declared = _DECLARED.search(raw.data[:4096])
    charset = declared[1].decode("ascii").lower() if declared else None
    if not marked_charset(raw.data):
        data = transcoded(raw.data, charset)
        if _is_utf8(data) or charset in ("utf-8", "utf8"):
            return data.decode("utf-8", "replace").encode()
    return decode(raw.data, raw.name).encode("utf-8", "replace")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _refuse_hostile(raw: Raw) -> None:
    refuse_binary(raw.data, raw.name)
    if len(raw.data) > _MOST_BYTES:
        raise too_large(raw.name, _MOST_BYTES)
    tags = len(_TAG.findall(raw.data))
    if tags > _MOST_TAGS:
        raise InputError(
            f"{raw.name}: has {tags} HTML elements, and {_MOST_TAGS} are allowed. "
            "Save the article's text as a .txt file and give that."
        )
