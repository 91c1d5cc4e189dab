"""Reports as text, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from classifier.records import Report
from classifier.render.json import to_json
from classifier.render.markdown import to_markdown
from classifier.render.page import to_page
from classifier.render.terminal import to_terminal
from classifier.taxonomy import Taxonomy

FORMATS: Mapping[str, Callable[[Report, Taxonomy], str]] = {
    "text": to_terminal,
    "json": to_json,
    "markdown": to_markdown,
    "page": to_page,
}

__all__ = ["FORMATS", "to_json", "to_markdown", "to_page", "to_terminal"]
