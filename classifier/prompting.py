"""Puts a taxonomy's wording around articles and questions: the article first, the question last."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from classifier.chunking import Chunk
from classifier.models.seam import Message
from classifier.neutral import neutral as neutral
from classifier.records import Article
from classifier.taxonomy import Category, Method, Taxonomy
from classifier.taxonomy.templates import fill


def render(taxonomy: Taxonomy, template: str, **values: Any) -> str:
    """One template of the taxonomy's wording, filled; raises KeyError for one it lacks."""
    return fill(taxonomy.wording[template], **values)


def fixed(taxonomy: Taxonomy, template: str, **values: Hashable) -> str:
    """As `render`, and remembered: for what stays the same from one article to the next."""
    return _remembered(taxonomy.wording[template], tuple(values.items()))


@lru_cache(1024)
def _remembered(source: str, values: tuple[tuple[str, Hashable], ...]) -> str:
    return fill(source, **dict(values))


def question(taxonomy: Taxonomy, categories: Sequence[Category], ending: str) -> str:
    """The categories with their options, and the instruction that ends the prompt."""
    blocks = [
        fixed(taxonomy, "category", category=category, unknown=taxonomy.unknown)
        for category in categories
    ]
    return "\n\n".join([*blocks, ending])


def passages(taxonomy: Taxonomy, chunk: Chunk, articles: Mapping[str, Article]) -> str:
    """A chunk's passages as they stand in a prompt."""
    return render(taxonomy, "incident", parts=_parts(chunk, articles))


def conversation(
    taxonomy: Taxonomy, method: Method, passages: str, ending: str
) -> tuple[Message, ...]:
    """System message, then a chunk's passages followed by `ending`."""
    return (
        Message("system", system(taxonomy, method)),
        Message("user", f"{passages}\n\n{ending}"),
    )


def system(taxonomy: Taxonomy, method: Method) -> str:
    """The system message of every call by this method."""
    return fixed(taxonomy, "system", title=taxonomy.title, method=method)


def frame(taxonomy: Taxonomy, article: Article) -> str:
    """What stands around a passage of an article: its id, title, date and source, and the place
    of the passage in the longest form that it can have.
    """
    end = len(article.text)
    return render(taxonomy, "incident", parts=[_part(article, end, end)]) + "\n"


def _parts(chunk: Chunk, articles: Mapping[str, Article]) -> list[dict[str, str]]:
    return [_part(articles[p.article_id], p.start, p.end) for p in chunk.parts]


def _part(article: Article, start: int, end: int) -> dict[str, str]:
    whole = (start, end) == (0, len(article.text))
    attributes = {
        "id": article.id,
        "title": article.title,
        "published": str(article.published or ""),
        "source": article.source,
        "continued": "" if whole else f"{start}-{end} of {len(article.text)}",
    }
    shown = {name: _attribute(value) for name, value in attributes.items()}
    return {**shown, "text": neutral(article.text[start:end].strip())}


def _attribute(value: str) -> str:
    return neutral(" ".join(value.split()).replace('"', "'"))[:300]
