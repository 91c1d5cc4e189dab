"""The rules that a taxonomy adds to the audit as data, held against a report."""

from __future__ import annotations

from collections.abc import Iterator

from classifier.auditing.subject import Subject, place_of
from classifier.records import AuditFinding, Decision, Evidence
from classifier.taxonomy import AuditRule

_MOST_CHARACTERS = 200_000


def rule_findings(subject: Subject) -> Iterator[AuditFinding]:
    """Every finding of the taxonomy's own rules."""
    for rule in subject.taxonomy.rules:
        if not _concerns(rule, subject):
            continue
        text = "\n".join(filter(None, _texts(rule, subject)))[:_MOST_CHARACTERS]
        broken, said = rule.broken_by(text)
        if broken:
            message = f"{rule.message} It says {said!r}." if said else rule.message
            place = _place(rule)
            yield AuditFinding(
                check=rule.name, severity=rule.severity, message=message, place=place
            )


def _concerns(rule: AuditRule, subject: Subject) -> bool:
    """Whether the options that the rule is about are held, and those it excepts are not."""
    chosen = {f"{name}.{option}" for name, d in subject.decisions.items() for option in d.options}
    about = {f"{rule.category}.{rule.option}"} if rule.option else set()
    return chosen >= {*rule.held, *about} and chosen.isdisjoint(rule.not_held)


def _place(rule: AuditRule) -> str:
    if rule.category:
        return place_of(rule.category, rule.option or "")
    return f"fields.{rule.field}" if rule.field else ""


def _texts(rule: AuditRule, subject: Subject) -> Iterator[str]:
    """What the rule looks at: a chosen option, a category, a field, or all of the report."""
    everywhere = rule.category is None and rule.field is None
    for name, decision in subject.decisions.items():
        if everywhere or name == rule.category:
            yield from _decided(rule, decision)
    for name, answer in subject.answers.items():
        if everywhere or name == rule.field:
            for item in answer.items:
                yield from _told(rule, item.text, item.evidence)


def _decided(rule: AuditRule, decision: Decision) -> Iterator[str]:
    """What is said for the chosen options: the words against another are no reason for one."""
    held = [f for f in decision.findings if f.applies and rule.option in (None, f.option)]
    for finding in held:
        yield from _told(rule, finding.rationale, finding.evidence)
    if not decision.findings and _is_whole(rule, decision):
        yield from _told(rule, decision.rationale, ())


def _is_whole(rule: AuditRule, decision: Decision) -> bool:
    return rule.option is None or decision.options == (rule.option,)


def _told(rule: AuditRule, text: str, evidence: tuple[Evidence, ...]) -> Iterator[str]:
    if "rationale" in rule.look_in:
        yield text
    if "evidence" in rule.look_in:
        yield from (e.quote for e in evidence if e.located)
