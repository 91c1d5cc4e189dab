"""Finds the words that an annotator marked in the articles of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from classifier.articles.cleaning import clean
from classifier.articles.naming import quoted
from classifier.errors import InputError
from classifier.grounding import Normalised, normalise
from classifier.records import Article


class Passages:
    """The articles of one task, and the text that was shown, which its offsets count in."""

    def __init__(self, displayed: object, articles: Sequence[Article]) -> None:
        self._displayed = displayed if isinstance(displayed, str) else ""
        self._articles = articles

    def quote(self, value: Mapping[str, Any], place: str) -> str:
        """The passage behind a region, as it stands in an article.

        `start` and `end` count UTF-16 units of the text shown, as JavaScript does; `text`, where
        it is given, must be the same but for white space, which Label Studio runs together and
        whose newlines it may write as a backslash and an n. Where it is not the same, as with
        offsets into HTML, `text` itself is looked for.

        Raises InputError where neither stands in an article.
        """
        cut, said = self._cut(value.get("start"), value.get("end")), value.get("text")
        said = said.replace("\\n", "\n") if isinstance(said, str) else ""
        agree = not said.strip() or cut.split() == said.split()
        for wanted in (cut if agree else "", said):
            if found := self._standing(clean(wanted)):
                return found
        raise InputError(
            f"{place}: the marked passage {quoted(said or cut)} stands in no article of the task. "
            "Mark it again, or correct the text."
        )

    def _cut(self, start: object, end: object) -> str:
        if not (isinstance(start, int) and isinstance(end, int)) or not 0 <= start < end:
            return ""
        return self._units[2 * start : 2 * end].decode("utf-16-le", "replace")

    @cached_property
    def _units(self) -> bytes:
        return self._displayed.encode("utf-16-le", "surrogatepass")

    def _standing(self, wanted: str) -> str:
        """The words as an article has them: exactly, or with its own typography."""
        if not wanted or any(wanted in article.text for article in self._articles):
            return wanted
        alike = normalise(wanted).text
        for article, text in zip(self._articles, self._normalised, strict=True):
            at = text.text.find(alike) if alike else -1
            if at >= 0:
                start, end = text.span(at, at + len(alike))
                return article.text[start:end]
        return ""

    @cached_property
    def _normalised(self) -> list[Normalised]:
        return [normalise(article.text) for article in self._articles]
