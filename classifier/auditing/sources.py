"""Checks of citations: do they lead to articles, and to the sentence that carries the claim?"""

from __future__ import annotations

from collections.abc import Iterator

from classifier.auditing.checks import found
from classifier.auditing.subject import Subject, item_citations, place_of, rationales
from classifier.citing import meant_in
from classifier.records import AuditFinding

_MOST_NAMED = 10


def source_findings(subject: Subject) -> Iterator[AuditFinding]:
    """Every finding about the citations of a report."""
    if not subject.incident.articles:
        yield found("no-sources", "The report lists no articles; its citations are ids alone.")
    else:
        yield from _strangers(subject)
    if not subject.has_texts and subject.cited and not any(subject.evidence()):
        ids = ", ".join(subject.cited[:_MOST_NAMED])
        more = ", ..." if len(subject.cited) > _MOST_NAMED else ""
        message = (
            f"The citations ({ids}{more}) point at whole articles: no quote shows which sentence "
            "carries a claim."
        )
        yield found("whole-article-citations", message)


def _strangers(subject: Subject) -> Iterator[AuditFinding]:
    for name, decision in subject.decisions.items():
        texts = rationales(decision)
        cited = dict.fromkeys(c for text in texts for c in meant_in(text, subject.ids))
        quoted = dict.fromkeys(e.article_id for f in decision.findings for e in f.evidence)
        for citation in (c for c in {**cited, **quoted} if c not in subject.ids):
            message = f"The rationale cites [{citation}], which is no article of this incident."
            yield found("citation-of-no-article", message, place_of(name))
    for _, place, item in subject.items():
        for citation in item_citations(item, subject.ids):
            if citation not in subject.ids:
                message = f"It cites [{citation}], which is no article of this incident."
                yield found("citation-of-no-article", message, place)
