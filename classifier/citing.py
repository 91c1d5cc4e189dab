"""Citations: the ids of articles that a text names in brackets, and how they get there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

_BRACKETS = re.compile(r"\[([^\[\]]{1,400})\]")
_NUMBER = re.compile(r"\d{1,20}")


def cited_in(text: str, known: Collection[str] = ()) -> list[str]:
    """The ids in brackets, each once, in their order: those that are `known`, and numbers.

    `[7, 8]` cites two, unless that is itself the id of an article.
    """
    parts = dict.fromkeys(_parts(text, known))
    return [p for p in parts if p in known or _NUMBER.fullmatch(p)]


def meant_in(text: str, known: Collection[str] = ()) -> list[str]:
    """What stands in brackets as an id does, `known` or not: in one word, with a digit in it."""
    return [p for p in dict.fromkeys(_parts(text, known)) if p in known or _like_an_id(p)]


def cite(text: str, articles: Iterable[str]) -> str:
    """The text with the articles that it does not name yet, before its last full stop."""
    given = list(dict.fromkeys(articles))
    there = set(cited_in(text, given))
    missing = " ".join(f"[{a}]" for a in given if a not in there and not _stands(a, text))
    if not missing:
        return text
    stop = "." if text.endswith(".") else ""
    return f"{text.removesuffix('.')} {missing}{stop}"


def _stands(article: str, text: str) -> bool:
    """Whether an id that is itself in part bracketed, which no pattern finds, is cited."""
    return ("[" in article or "]" in article) and f"[{article}]" in text


def uncited(text: str) -> str:
    """The text without the citations at its end: what `cite` began with, if it made the text."""
    stop = "." if text.endswith(".") else ""
    end = len(text) - len(stop)
    while text.endswith("]", 0, end) and (start := text.rfind(" [", 0, end)) > 0:
        end = start
    return text[:end] + stop


def _parts(text: str, known: Collection[str]) -> Iterator[str]:
    for found in _BRACKETS.finditer(text):
        if found[1] in known:
            yield found[1]
        else:
            yield from (part.strip() for part in found[1].split(","))


def _like_an_id(part: str) -> bool:
    return len(part) <= 200 and any(c.isdigit() for c in part) and not any(map(str.isspace, part))
