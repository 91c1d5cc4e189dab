"""What a report's reader should know about it: each check is one small rule over the report."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

from classifier.records import UNKNOWN, Article, AuditFinding, Decision, Incident, IncidentRef
from classifier.taxonomy import Category, Taxonomy

ASKED_IN = ("en", "und")
_CITATION = re.compile(r"\[([^\[\]\s]{1,200})\]")
_SENTENCE = re.compile(r"[^.!?]+[.!?]")

Check = Callable[[str, Category, Decision], Iterator[AuditFinding]]


def audit_decisions(
    taxonomy: Taxonomy, incident: IncidentRef, decisions: Mapping[str, Decision]
) -> list[AuditFinding]:
    """Every finding about the decisions of a report."""
    findings: list[AuditFinding] = []
    ids = {a.id for a in incident.articles}
    for name, decision in decisions.items():
        category = taxonomy.categories[name]
        for check in _CHECKS:
            findings += check(name, category, decision)
        findings += _citations(name, decision, ids)
        findings += _gate(name, category, decision, decisions)
    return findings


def audit_articles(
    incident: Incident, today: date, language: Callable[[str], str]
) -> list[AuditFinding]:
    """Every finding about the articles; `language` names the language of a text, as in ISO 639."""
    findings: list[AuditFinding] = []
    for article in incident.articles:
        findings += _future(article, today)
        findings += _language(article, language)
    findings += _same_text(incident)
    return findings


def _future(article: Article, today: date) -> Iterator[AuditFinding]:
    if article.published and article.published > today:
        yield AuditFinding(
            check="published-in-future",
            severity="error",
            message=f"Article {article.id} is dated {article.published}, after today, {today}.",
            place=f"articles.{article.id}.published",
        )


def _language(article: Article, language: Callable[[str], str]) -> Iterator[AuditFinding]:
    code = language(article.text)
    if code not in ASKED_IN:
        yield AuditFinding(
            check="language",
            severity="info",
            message=f"Article {article.id} seems to be written in {code!r}; questions were "
            "asked in English, and quotes are in the article's own language.",
            place=f"articles.{article.id}.text",
        )


def _same_text(incident: Incident) -> Iterator[AuditFinding]:
    first: dict[str, str] = {}
    for article in incident.articles:
        other = first.setdefault(article.sha256, article.id)
        if other != article.id:
            yield AuditFinding(
                check="same-text",
                severity="warning",
                message=f"Articles {other} and {article.id} have the same text.",
                place=f"articles.{article.id}.text",
            )


def _failed(name: str, _: Category, decision: Decision) -> Iterator[AuditFinding]:
    if decision.status == "failed":
        yield _about(name, "failed", "error", f"There is no answer: {decision.reason}.")
    elif decision.reason and decision.status == "answered":
        yield _about(
            name, "partly-failed", "warning", f"Not every chunk counts: {decision.reason}."
        )


def _without_evidence(name: str, _: Category, decision: Decision) -> Iterator[AuditFinding]:
    spoken = {f.option: f for f in decision.findings if f.applies}
    for option in decision.options if decision.status == "answered" else ():
        finding = spoken.get(option)
        if finding is None or not finding.rationale:
            message = f"{option} is chosen without a paragraph of its own."
            yield _about(name, "option-without-rationale", "warning", message, option)
        if finding is None or not any(e.located for e in finding.evidence):
            message = f"{option} is chosen without a quote that stands in an article."
            yield _about(name, "option-without-quote", "warning", message, option)


def _not_found(name: str, _: Category, decision: Decision) -> Iterator[AuditFinding]:
    for finding in decision.findings:
        for evidence in finding.evidence:
            if not evidence.located:
                message = f"A quote for {finding.option} stands in no article: {evidence.quote!r}."
                yield _about(name, "quote-not-found", "warning", message, finding.option)


def _excluded(name: str, category: Category, decision: Decision) -> Iterator[AuditFinding]:
    chosen = set(decision.options)
    if UNKNOWN in chosen and len(chosen) > 1:
        yield _about(name, "unknown-with-options", "error", "unknown stands beside other options.")
    if category.select != "any" and len(chosen) > 1:
        yield _about(
            name, "several-of-one", "error", f"Only one may hold: {', '.join(decision.options)}."
        )
    for option in category.options:
        for other in option.excludes:
            if {option.name, other} <= chosen:
                message = f"{option.name} and {other} exclude each other."
                yield _about(name, "pair-excludes-itself", "error", message, option.name)


def _same_sentence(name: str, _: Category, decision: Decision) -> Iterator[AuditFinding]:
    owner: dict[str, str] = {}
    for finding in decision.findings:
        if not finding.applies:
            continue
        for sentence in _SENTENCE.findall(finding.rationale):
            words = " ".join(sentence.lower().split())
            other = owner.setdefault(words, finding.option)
            if other != finding.option and len(words) > 20:
                message = f"{other} and {finding.option} rest on the same sentence."
                yield _about(name, "same-sentence", "warning", message, finding.option)
                break


_CHECKS: tuple[Check, ...] = (_failed, _without_evidence, _not_found, _excluded, _same_sentence)


def _citations(name: str, decision: Decision, ids: set[str]) -> Iterator[AuditFinding]:
    texts = [decision.rationale, *(f.rationale for f in decision.findings)]
    cited = dict.fromkeys(c for text in texts for c in _CITATION.findall(text))
    for citation in cited:
        if citation not in ids and any(c.isdigit() for c in citation):
            message = f"The rationale cites [{citation}], which is no article of this incident."
            yield _about(name, "citation-of-no-article", "warning", message)


def _gate(
    name: str, category: Category, decision: Decision, decisions: Mapping[str, Decision]
) -> Iterator[AuditFinding]:
    if category.gate is None or category.gate.category not in decisions:
        return
    is_open = category.gate.option in decisions[category.gate.category].options
    if not is_open and decision.options:
        message = f"It is answered although {category.gate.category} closes it."
        yield _about(name, "gate-does-not-fit", "error", message)
    if is_open and decision.status == "not_applicable":
        message = f"It is not answered although {category.gate.category} opens it."
        yield _about(name, "gate-does-not-fit", "error", message)


def _about(name: str, check: str, severity: Any, message: str, option: str = "") -> AuditFinding:
    place = f"categories.{name}" + (f".{option}" if option else "")
    return AuditFinding(check=check, severity=severity, message=message, place=place)
