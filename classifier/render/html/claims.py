"""What a report claims, with the quotes that carry it: an option, or an item of an open field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from classifier.records import Evidence
from classifier.render.html.texts import QuoteView, Texts
from classifier.render.text import one_line

_BRACKETS = re.compile(r"\[([^\[\]]{1,400})\]")


@dataclass(frozen=True)
class Segment:
    """A piece of a text. Where it cites an article, `number` is that one's, `target` the anchor
    to go to, and `quotes` are the ids of the claim's quotes that are marked there.
    """

    text: str
    number: int | None = None
    target: str = ""
    quotes: tuple[str, ...] = ()
    said: str = ""


@dataclass(frozen=True)
class Claim:
    """A claim's text in segments, and its quotes. `id` is unique on the page, `about` are the
    words for what it says, for who cannot see where it stands.
    """

    id: str
    about: str
    segments: tuple[Segment, ...]
    quotes: tuple[QuoteView, ...]

    @property
    def marked(self) -> tuple[QuoteView, ...]:
        """The quotes that are marked in an article."""
        return tuple(q for q in self.quotes if q.marks)

    @property
    def unmarked(self) -> tuple[QuoteView, ...]:
        """The quotes that are not."""
        return tuple(q for q in self.quotes if not q.marks)

    @property
    def target(self) -> str:
        """The id of the first mark; empty where there is none."""
        return self.marked[0].marks[0] if self.marked else ""

    @property
    def keys(self) -> str:
        """The ids of the marked quotes, as an attribute holds them."""
        return " ".join(q.id for q in self.marked)

    @property
    def count(self) -> str:
        """How many quotes there are, in a few words: `2 quotes, 1 not found`."""
        return _count(self.quotes)

    @property
    def said(self) -> str:
        """What is said when its quotes are marked."""
        return f"{self.about}: {told(self.marked, self.unmarked)}"


class Claims:
    """Makes the claims of one report, each with an id of its own."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._made = 0

    def make(
        self, about: str, text: str, evidence: Sequence[Evidence], articles: Sequence[str] = ()
    ) -> Claim:
        """A claim; the `articles` that its text does not cite are cited behind it."""
        self._made += 1
        quotes = tuple(self._texts.quote(e) for e in dict.fromkeys(evidence))
        behind = [*articles, *(q.article for q in quotes if not q.lost)]
        shown = one_line(about)
        segments = self._segments(shown, one_line(text), behind, quotes)
        return Claim(f"c{self._made}", shown, tuple(segments), quotes)

    def _segments(
        self, about: str, text: str, behind: Sequence[str], quotes: Sequence[QuoteView]
    ) -> Iterator[Segment]:
        cited: set[str] = set()
        at = 0
        for found in _BRACKETS.finditer(text):
            ids = self._known(found[1])
            if ids:
                yield Segment(text[at : found.start()])
                yield from self._cited(about, ids, quotes)
                cited.update(ids)
                at = found.end()
        yield Segment(text[at:])
        named = {part.strip() for inside in _BRACKETS.findall(text) for part in inside.split(",")}
        done = cited | (named - self._texts.numbers.keys())
        if missing := [id_ for id_ in dict.fromkeys(behind) if id_ not in done]:
            yield Segment(" " if text else "")
            yield from self._cited(about, missing, quotes)

    def _known(self, inside: str) -> list[str]:
        """The ids that a bracket cites; none where any of it is something else."""
        if inside in self._texts.numbers:
            return [inside]
        parts = [part.strip() for part in inside.split(",")]
        return parts if all(part in self._texts.numbers for part in parts) else []

    def _cited(
        self, about: str, ids: Sequence[str], quotes: Sequence[QuoteView]
    ) -> Iterator[Segment]:
        for n, id_ in enumerate(ids):
            opening = "[" if n == 0 else ", "
            yield Segment(opening)
            yield self._citation(about, id_, quotes)
        yield Segment("]")

    def _citation(self, about: str, id_: str, quotes: Sequence[QuoteView]) -> Segment:
        number = self._texts.numbers.get(id_)
        if number is None:
            return Segment(one_line(id_))
        marked = [q for q in quotes if q.article == id_ and q.marks]
        target = marked[0].marks[0] if marked else f"article-{number}"
        said = f"{about}, article {one_line(id_)}: {told(marked, ())}"
        return Segment(one_line(id_), number, target, tuple(q.id for q in marked), said)


def told(marked: Sequence[QuoteView], unmarked: Sequence[QuoteView]) -> str:
    """In words, how many quotes are marked, and how many are not and why."""
    lost = sum(q.lost for q in unmarked)
    hidden = len(unmarked) - lost
    parts = [f"{_number(len(marked), 'quote')} marked in the text" if marked else "no quote marked"]
    if lost:
        parts.append(f"{_number(lost, 'quote')} not found in the articles")
    if hidden:
        parts.append(f"{_number(hidden, 'quote')} not shown")
    return ", ".join(parts) + "."


def _count(quotes: Sequence[QuoteView]) -> str:
    if not quotes:
        return "no quote"
    lost = sum(q.lost for q in quotes)
    if lost == len(quotes):
        return f"{_number(lost, 'quote')} not found"
    one = "weak quote" if all(q.doubt for q in quotes) else "quote"
    return _number(len(quotes), one) + (f", {lost} not found" if lost else "")


def _number(count: int, one: str) -> str:
    return f"{count} {one}" if count == 1 else f"{count} {one}s"
