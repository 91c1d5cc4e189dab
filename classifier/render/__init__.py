"""Reports as text, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from classifier.records import Article, ArticleRef, Report
from classifier.render.json import to_json
from classifier.render.markdown import to_markdown
from classifier.render.page import to_page
from classifier.render.terminal import to_terminal
from classifier.taxonomy import Taxonomy

Find = Callable[[ArticleRef], Article | None]
"""Gives the article that a report names, or None where its text is not at hand."""


def no_text(_: ArticleRef) -> Article | None:
    """Finds nothing: for forms that show no article."""
    return None


def found(report: Report, find: Find) -> dict[str, Article]:
    """The articles of a report whose text is at hand, by their ids."""
    refs = report.incident.articles
    return {ref.id: article for ref in refs if (article := find(ref)) is not None}


def to_html(report: Report, taxonomy: Taxonomy, find: Find = no_text) -> str:
    """The report as an HTML page beside the articles that are found."""
    from classifier.render.html import report_html  # the templates take a while to load

    return report_html(report, taxonomy, found(report, find))


FORMATS: Mapping[str, Callable[[Report, Taxonomy], str]] = {
    "text": to_terminal,
    "json": to_json,
    "markdown": to_markdown,
    "page": to_page,
}
"""The forms that need the report alone."""

__all__ = [
    "FORMATS",
    "Find",
    "found",
    "no_text",
    "to_html",
    "to_json",
    "to_markdown",
    "to_page",
    "to_terminal",
]
