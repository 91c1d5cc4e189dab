"""Cuts an incident into chunks that fit a model's context, at paragraph and sentence ends.

Offsets are exact: the passages of all chunks, in order, cover every article from its first to its
last character, without overlap.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from classifier.records import Article, Incident, Part
from classifier.tokens import TokenCounter

Span = tuple[int, int]

# A full stop, question or exclamation mark with its closing quotes and brackets, before white
# space; the marks of Chinese, Japanese, Hindi and Arabic texts end a sentence without it.
_SENTENCE_END = re.compile(
    r"""(?:[.!?…]+["'”’»)\]]*(?=\s)|[。！？｡]+[”’」』）]*|[।॥۔؟](?=\s|$))\s*|\s*\n\s*"""
)
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*|\n+\s*")
_WORD_END = re.compile(r"\s+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|Gen|Gov|Sen|Rep|Lt|Col|Capt|Sgt|Inc|Ltd|Corp|Co|No|vs|"
    r"etc|approx|dept|est|fig|al|e\.g|i\.e|a\.m|p\.m|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|"
    r"Dec)|\b[A-Z](?:\.[A-Z])*)\.$"
)
_ALWAYS_INSIDE = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|Gen|Gov|Sen|Rep|Lt|Col|Capt|Sgt|St|vs)\.$")


@dataclass(frozen=True)
class Chunk:
    """Passages of one or more articles that are asked together; `number` counts from 0."""

    number: int
    parts: tuple[Part, ...]


def sentences(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """The sentences of a passage as spans without the white space around them."""
    stop = len(text) if end is None else end
    return [s for s in _trimmed(text, _cuts(text, start, stop, _SENTENCE_END)) if s[0] < s[1]]


async def cut(
    incident: Incident,
    counter: TokenCounter,
    budget: int,
    frame: Callable[[Article], str] = lambda _: "",
) -> list[Chunk]:
    """The chunks of an incident, each of at most `budget` tokens as `counter` counts them;
    `frame` is the text that stands around each passage of an article.

    Whole articles stay together where they fit; a longer one is cut at the last paragraph end,
    sentence end, word end or, in a text without any, character that fits.
    """
    chunks: list[Chunk] = []
    parts: list[Part] = []
    used = 0
    for article in incident.articles:
        [around] = await counter.count([frame(article)])
        for (start, end), inside in await _pack(article.text, counter, max(budget - around, 1)):
            tokens = around + inside
            if parts and used + tokens > budget:
                chunks.append(Chunk(len(chunks), tuple(parts)))
                parts, used = [], 0
            parts.append(Part(article_id=article.id, start=start, end=end))
            used += tokens
    return [*chunks, Chunk(len(chunks), tuple(parts))]


async def _pack(text: str, counter: TokenCounter, budget: int) -> list[tuple[Span, int]]:
    whole = (0, len(text))
    [tokens] = await counter.count([text])
    if tokens <= budget:
        return [(whole, tokens)]
    pieces = await _fitting(text, [whole], counter, budget, _LEVELS)
    packed: list[tuple[Span, int]] = []
    for (start, end), count in pieces:
        if packed and packed[-1][1] + count <= budget:
            (first, _), before = packed.pop()
            packed.append(((first, end), before + count))
        else:
            packed.append(((start, end), count))
    return packed


_LEVELS = (_PARAGRAPH_END, _SENTENCE_END, _WORD_END, None)


async def _fitting(
    text: str,
    spans: Sequence[Span],
    counter: TokenCounter,
    budget: int,
    levels: Sequence[re.Pattern[str] | None],
) -> list[tuple[Span, int]]:
    """Cut each span at the first level; what is still too long, at the levels below."""
    level, *below = levels
    pieces = [p for start, end in spans for p in _cuts(text, start, end, level)]
    counts = await counter.count([text[s:e] for s, e in pieces])
    fitting: list[tuple[Span, int]] = []
    for piece, count in zip(pieces, counts, strict=True):
        if count <= budget or piece[1] - piece[0] <= 1:
            fitting.append((piece, count))
        else:
            fitting += await _fitting(text, [piece], counter, budget, below or levels[-1:])
    return fitting


def _cuts(text: str, start: int, end: int, pattern: re.Pattern[str] | None) -> list[Span]:
    """Adjacent spans that together are `start` to `end`, cut behind each match."""
    if pattern is None:
        middle = (start + end) // 2
        marks = [start, middle, end]
    else:
        ends = (m.end() for m in _matches(text, start, end, pattern))
        marks = [start, *(e for e in ends if start < e < end), end]
    return [(a, b) for a, b in pairwise(marks) if a < b]


def _matches(text: str, start: int, end: int, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    for match in pattern.finditer(text, start, end):
        if pattern is not _SENTENCE_END or not _inside_sentence(text, match):
            yield match


def _inside_sentence(text: str, match: re.Match[str]) -> bool:
    """Whether the full stop belongs to an abbreviation or an initial, not to the sentence."""
    if not match.group().startswith(".") or "\n" in match.group():
        return False
    head = text[max(0, match.start() - 12) : match.start() + 1]
    if _ALWAYS_INSIDE.search(head):
        return True
    following = text[match.end() : match.end() + 1]
    abbreviated = _ABBREVIATION.search(head) is not None
    return following.islower() or (abbreviated and not following.isupper())


def _trimmed(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    for start, end in spans:
        piece = text[start:end]
        lead = len(piece) - len(piece.lstrip())
        yield start + lead, start + len(piece.rstrip())
