"""The audit of a whole report: while it is made, and of one that is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from classifier.auditing.articles import audit_references
from classifier.auditing.checks import CHECKS, found
from classifier.auditing.decisions import decision_findings
from classifier.auditing.fields import field_findings
from classifier.auditing.ruling import rule_findings
from classifier.auditing.sources import source_findings
from classifier.auditing.subject import Subject
from classifier.auditing.times import time_findings
from classifier.records import AuditFinding, Decision, FieldAnswer, IncidentRef, Report
from classifier.taxonomy import Taxonomy

_RANK = {"error": 0, "warning": 1, "info": 2}


def audit_report(
    taxonomy: Taxonomy,
    incident: IncidentRef,
    decisions: Mapping[str, Decision],
    fields: Mapping[str, FieldAnswer],
) -> list[AuditFinding]:
    """Every finding that the parts of a report show, by the taxonomy's own rules too."""
    subject = Subject(taxonomy, incident, decisions, fields)
    return [
        *decision_findings(subject),
        *field_findings(subject),
        *time_findings(subject),
        *source_findings(subject),
        *rule_findings(subject),
    ]


def audit_decisions(
    taxonomy: Taxonomy, incident: IncidentRef, decisions: Mapping[str, Decision]
) -> list[AuditFinding]:
    """Every finding about the decisions of a report without open fields."""
    return audit_report(taxonomy, incident, decisions, {})


def reaudited(report: Report, taxonomy: Taxonomy, today: date) -> list[AuditFinding]:
    """The findings about a report that is there, whoever made it, most severe first.

    What the report shows is held against the checks anew. Of its own findings those are kept that
    need more than it holds, such as the texts of its articles, and those of checks that are
    unknown here.
    """
    anew = [
        *audit_references(report.incident.articles, today),
        *audit_report(taxonomy, report.incident, report.categories, report.fields),
        *_another_taxonomy(report, taxonomy),
    ]
    repeated = {name for name, check in CHECKS.items() if check.repeatable}
    repeated |= {rule.name for rule in taxonomy.rules}
    repeated.discard("published-in-future")  # it was audited on a day of its own
    kept = [f for f in report.audit if f.check not in repeated]
    there = {(f.check, f.place) for f in kept}
    return worst_first([*kept, *(f for f in anew if (f.check, f.place) not in there)])


def worst_first(findings: Iterable[AuditFinding]) -> list[AuditFinding]:
    """Each finding once, most severe first, else in their order."""
    return sorted(dict.fromkeys(findings), key=lambda f: _RANK[f.severity])


def _another_taxonomy(report: Report, taxonomy: Taxonomy) -> list[AuditFinding]:
    made, held = report.provenance, f"{taxonomy.name} {taxonomy.version}"
    if made.taxonomy_sha256 == taxonomy.sha256:
        return []
    message = (
        f"The report was made with {made.taxonomy!r} ({made.taxonomy_sha256[:12]}), and is "
        f"audited by {held!r} ({taxonomy.sha256[:12]})."
    )
    return [found("another-taxonomy", message)]
