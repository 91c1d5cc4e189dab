"""Has a model read an incident's sentences, in windows that it takes at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from classifier.asking.sentences import Sentences
from classifier.chunking import Chunk
from classifier.embeddings import Embeddings
from classifier.errors import ReplyError
from classifier.models.seam import EMBEDDING_TOKENS, Message, Reply, Request, Spans
from classifier.records import Article, Evidence, Part
from classifier.tokens import TokenCounter

# Two texts that are counted apart may together take a token more.
_ROOM = EMBEDDING_TOKENS - 16
_TITLE_ROOM = EMBEDDING_TOKENS // 4
_LONGEST_TITLE = 120

Ask = Callable[[Request], Awaitable[Reply]]


async def embed_sentences(
    articles: Sequence[Article], layers: int, counter: TokenCounter, ask: Ask
) -> Embeddings:
    """The embeddings of the articles' sentences by the model's first `layers`.

    Each window begins with its article's title, for that says what it is about. A window without a
    usable reply, and what a window has no room for, is left out. Raises the errors of `ask`.
    """
    found: dict[str, tuple[float, ...]] = {}
    for article in articles:
        whole = Chunk(0, (Part(article_id=article.id, start=0, end=len(article.text)),))
        title, room = await _title(article, counter)
        sentences = Sentences(whole, {article.id: article}).all
        for window in await _windows(article.text, sentences, room, counter):
            found |= await _read(_Window.of(article.text, title, window), layers, ask)
    return Embeddings(found)


async def _title(article: Article, counter: TokenCounter) -> tuple[str, int]:
    """What a window begins with, and the tokens that it leaves for sentences."""
    title = f"{' '.join(article.title.split())[:_LONGEST_TITLE]}\n"
    while (count := (await counter.count([title]))[0]) > _TITLE_ROOM:
        title = f"{title[: len(title) // 2]}\n"
    return title, _ROOM - count


@dataclass(frozen=True)
class _Window:
    """A text to read, and the sentences in it with their spans."""

    text: str
    spans: tuple[tuple[int, int], ...]
    sentences: tuple[str, ...]

    @staticmethod
    def of(text: str, title: str, sentences: Sequence[Evidence]) -> _Window:
        places = [_span(s) for s in sentences]
        start, end = places[0][0], places[-1][1]
        shift = len(title) - start
        spans = tuple((begin + shift, stop + shift) for begin, stop in places)
        return _Window(title + text[start:end], spans, tuple(s.quote for s in sentences))


async def _windows(
    text: str, sentences: Sequence[Evidence], room: int, counter: TokenCounter
) -> Iterator[list[Evidence]]:
    """The sentences in runs of at most `room` tokens, with what stands between them."""
    ends = [0, *(_span(s)[1] for s in sentences)]
    alone = await counter.count([s.quote for s in sentences])
    behind = await counter.count([text[start:end] for start, end in pairwise(ends)])
    counts = [max(one + 1, other) for one, other in zip(alone, behind, strict=True)]
    return _packed(sentences, counts, room)


def _packed(
    sentences: Sequence[Evidence], counts: Sequence[int], room: int
) -> Iterator[list[Evidence]]:
    window: list[Evidence] = []
    used = 0
    for sentence, count in zip(sentences, counts, strict=True):
        if window and used + count > room:
            yield window
            window, used = [], 0
        window.append(sentence)
        used += count
    if window:
        yield window


def _span(sentence: Evidence) -> tuple[int, int]:
    return sentence.start or 0, sentence.end or 0


async def _read(window: _Window, layers: int, ask: Ask) -> dict[str, tuple[float, ...]]:
    request = Request(
        (Message("user", window.text),), max_tokens=1, embed=Spans(layers, window.spans)
    )
    try:
        reply = await ask(request)
    except ReplyError:
        return {}  # what is missing counts as the mean, and whoever asked is told
    told = zip(window.sentences, reply.embeddings, strict=False)
    return {sentence: numbers for sentence, numbers in told if numbers}
