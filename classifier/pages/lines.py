"""The bytes of a report page to its lines, and these to the parts that its titles head."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from classifier.articles.cleaning import mended
from classifier.articles.decoding import decode
from classifier.errors import InputError
from classifier.render.text import one_line

MOST_BYTES = 2_000_000
SOURCES, END = "Sources", "Back to List"
_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True)
class Line:
    """A line of a page that is not blank: its number from 1, and its text on one line."""

    number: int
    text: str


Parts = Mapping[str, list[Line]]


def page_lines(data: bytes, name: str) -> list[Line]:
    """The lines of a page; `name` is for messages. Raises InputError for what is no text."""
    if len(data) > MOST_BYTES:
        raise InputError(f"{name}: is larger than {MOST_BYTES} bytes. Give one report page.")
    texts = map(one_line, _LINE_END.split(mended(decode(data, name))))
    return [Line(number, text) for number, text in enumerate(texts, start=1) if text]


def parts(lines: Collection[Line], titles: Collection[str]) -> Parts:
    """The lines behind each title that is there; what stands before the first is under ''."""
    found: dict[str, list[Line]] = {"": []}
    part = found[""]
    for line in lines:
        if line.text in titles:
            part = found.setdefault(line.text, [])
        else:
            part.append(line)
    return found


def opens(text: str, word: str) -> bool:
    """Whether the text begins with the word, and the word ends there."""
    return text == word or (text.startswith(word) and text[len(word)].isspace())
