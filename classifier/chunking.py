"""Cuts an incident into chunks that fit a model's context, at paragraph and sentence ends.

Offsets are exact: the passages of all chunks, in order, cover every article from its first to its
last character, without overlap.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, repeat

from classifier.errors import ConfigurationError
from classifier.neutral import neutral
from classifier.records import Article, Incident, Part
from classifier.tokens import TokenCounter

Span = tuple[int, int]
Piece = tuple[Span, int]

# A full stop, question or exclamation mark with its closing quotes and brackets, before white
# space; the marks of Chinese, Japanese, Hindi and Arabic texts end a sentence without it. Runs of
# marks and of white space are tried at their first character alone: else they cost their square.
_SENTENCE_END = re.compile(
    r"""(?:(?<![.!?…])[.!?…]++["'”’»)\]]*+(?=\s)|[。！？｡]++["'”’」』）]*+"""
    r"""|[।॥۔؟။።]++["'”’»)\]]*+(?=\s|$))\s*+|(?<!\s)\s*\n\s*"""
)
_PARAGRAPH_END = re.compile(r"\n\s*")
# In front of the white space: tokenizers count a word with the space before it.
_WORD_END = re.compile(r"(?<=\S)(?=\s)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|Gen|Gov|Sen|Rep|Lt|Col|Capt|Sgt|Inc|Ltd|Corp|Co|Nos?|vs|"
    r"etc|approx|dept|est|fig|al|e\.g|i\.e|a\.m|p\.m|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|"
    r"Dec)|\b[A-Z](?:\.[A-Z])*|(?:^|\n)[ \t]*\d{1,2})\.$"
)
_ALWAYS_INSIDE = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|Gen|Gov|Sen|Rep|Lt|Col|Capt|Sgt|St|vs)\.$")
# Behind an abbreviation these words begin a sentence; any other capital may be a name: U.S. Army.
_BEGINNING = re.compile(
    r"(?:The|An?|In|On|At|It|Its|He|She|They|We|I|You|This|That|These|Those|There|But|And|So|If|"
    r"When|While|As|After|Before|For|From|His|Her|Their|Our|Some|Many|Most|However|Then|Now|What|"
    r"Why|How|No|Not|One|By|To|With|Since|Although|Despite|Last|Another|Other|Also|Later)\b"
)
_OPENING = "\"'“‘«([¿¡"


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
    sentence end, word end or, in a text without any, character that fits. Raises
    `ConfigurationError` where a frame leaves no room for a longer one.
    """
    chunks: list[Chunk] = []
    parts: list[Part] = []
    used = 0
    for article in incident.articles:
        [around] = await counter.count([frame(article)])
        for (start, end), inside in await _pack(article, counter, budget, around):
            tokens = around + inside
            if parts and used + tokens > budget:
                chunks.append(Chunk(len(chunks), tuple(parts)))
                parts, used = [], 0
            parts.append(Part(article_id=article.id, start=start, end=end))
            used += tokens
    return [*chunks, Chunk(len(chunks), tuple(parts))]


async def _pack(article: Article, counter: TokenCounter, budget: int, around: int) -> list[Piece]:
    """The passages of an article, each as long as `around` lets it be."""
    whole = (0, len(article.text))
    [tokens] = await _counts(article.text, [whole], counter)
    if around + tokens <= budget:
        return [(whole, tokens)]
    if 2 * around > budget:
        raise ConfigurationError(
            f"The title and the other particulars of article {article.id!r} take {around} tokens, "
            f"and a call has room for {budget}. Shorten them, or use a larger --context."
        )
    pieces = await _fitting(article.text, (whole, tokens), counter, budget - around)
    return await _joined(article.text, pieces, counter, budget - around)


async def _counts(text: str, spans: Sequence[Span], counter: TokenCounter) -> list[int]:
    """The tokens of each passage as it stands in the prompt."""
    return await counter.count([neutral(text[start:end]) for start, end in spans])


_LEVELS = (_PARAGRAPH_END, _SENTENCE_END, _WORD_END)


async def _fitting(text: str, whole: Piece, counter: TokenCounter, budget: int) -> list[Piece]:
    """Cut at paragraph ends; what is still too long, at the levels below."""
    pieces = [whole]
    for level in chain(_LEVELS, repeat(None)):
        cut_here = [_cuts(text, *s, level) if n > budget else [s] for s, n in pieces]
        spans = [s for cuts in cut_here for s in cuts]
        known = dict(pieces)
        new = [s for s in spans if s not in known]
        known |= zip(new, await _counts(text, new, counter), strict=True)
        pieces = [(s, known[s]) for s in spans]
        if all(n <= budget or end - start == 1 for (start, end), n in pieces):
            break
    return pieces


async def _joined(
    text: str, pieces: Sequence[Piece], counter: TokenCounter, budget: int
) -> list[Piece]:
    """Neighbours put together while they fit. A joined text can count more than its pieces, so it
    is counted again, and one that does not fit is put together from fewer.
    """
    groups = _groups(pieces, budget)
    spans = [(group[0][0][0], group[-1][0][1]) for group in groups]
    joined: list[Piece] = []
    for group, span, count in zip(groups, spans, await _counts(text, spans, counter), strict=True):
        if count <= budget or len(group) == 1:
            joined.append((span, count))
            continue
        middle = len(group) // 2
        for half in (group[:middle], group[middle:]):
            joined += await _joined(text, half, counter, budget)
    return joined


def _groups(pieces: Sequence[Piece], budget: int) -> list[list[Piece]]:
    groups: list[list[Piece]] = []
    used = 0
    for piece in pieces:
        if groups and used + piece[1] <= budget:
            groups[-1].append(piece)
            used += piece[1]
        else:
            groups.append([piece])
            used = piece[1]
    return groups


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
    """Whether the sentence goes on: behind an abbreviation or an initial, or in small letters."""
    if match.group()[0] not in ".!?…" or "\n" in match.group():
        return False
    head = text[max(0, match.start() - 12) : match.start() + 1]
    if _ALWAYS_INSIDE.search(head):
        return True
    following = text[match.end() : match.end() + 16].lstrip(_OPENING)
    if following[:1].islower():
        return True
    return _ABBREVIATION.search(head) is not None and not _BEGINNING.match(following)


def _trimmed(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    for start, end in spans:
        piece = text[start:end]
        lead = len(piece) - len(piece.lstrip())
        yield start + lead, start + len(piece.rstrip())
