"""The only changes ever made to a text: newlines, its ends, and characters that are none."""

from __future__ import annotations

import re

_NOT_CHARACTERS = re.compile("[\x00\ud800-\udfff]")
_LOST = "\ufffd"


def mended(text: str) -> str:
    """NUL and lone surrogates become U+FFFD, one for one; everything else stays."""
    if text.isascii() and "\0" not in text:  # most texts, in a tenth of the time
        return text
    return _NOT_CHARACTERS.sub(_LOST, text)


def clean(text: str) -> str:
    """The text as an article keeps it: `\\n` newlines, stripped ends, valid characters."""
    return mended(text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def is_blank(text: str) -> bool:
    """Whether nothing in the text can be seen, or nothing but the places of lost characters."""
    return not any(c.isprintable() and not c.isspace() and c != _LOST for c in text)
