"""Checks of the articles: their dates, their language, and whether two are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date

from classifier.auditing.checks import found
from classifier.records import Article, ArticleRef, AuditFinding, Incident

ASKED_IN = ("en", "und")


def audit_articles(
    incident: Incident, today: date, language: Callable[[str], str]
) -> list[AuditFinding]:
    """Every finding about the articles; `language` names the language of a text, as in ISO 639."""
    findings: list[AuditFinding] = []
    for article in incident.articles:
        findings += _future(article, today)
        findings += _language(article, language)
    findings += _same_text(incident.articles)
    return findings


def audit_references(articles: Sequence[ArticleRef], today: date) -> list[AuditFinding]:
    """What can be said of the articles of a report, whose texts are not there."""
    return [*(f for a in articles for f in _future(a, today)), *_same_text(articles)]


def _future(article: Article | ArticleRef, today: date) -> Iterator[AuditFinding]:
    if article.published and article.published > today:
        message = f"Article {article.id} is dated {article.published}, after today, {today}."
        yield found("published-in-future", message, f"articles.{article.id}.published")


def _language(article: Article, language: Callable[[str], str]) -> Iterator[AuditFinding]:
    code = language(article.text)
    if code not in ASKED_IN:
        message = (
            f"Article {article.id} seems to be written in {code!r}; questions were asked in "
            "English, and quotes are in the article's own language."
        )
        yield found("language", message, f"articles.{article.id}.text")


def _same_text(articles: Sequence[Article | ArticleRef]) -> Iterator[AuditFinding]:
    first: dict[str, str] = {}
    for article in articles:
        if article.sha256 is None:
            continue
        other = first.setdefault(article.sha256, article.id)
        if other != article.id:
            message = f"Articles {other} and {article.id} have the same text."
            yield found("same-text", message, f"articles.{article.id}.text")
