"""Checks of the decisions: what cannot hold together, and what stands there without a reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from classifier.auditing.checks import found
from classifier.auditing.denying import denial, speaks_for
from classifier.auditing.subject import Subject, place_of
from classifier.records import UNKNOWN, AuditFinding, Decision
from classifier.taxonomy import Category

# The end is optional, or a text without one would be searched anew from each character.
_SENTENCE = re.compile(r"[^.!?]+([.!?]?)")
_LEAST_CHARACTERS = 20

_Check = Callable[[Subject, Category, Decision], Iterator[AuditFinding]]


def decision_findings(subject: Subject) -> Iterator[AuditFinding]:
    """Every finding about the decisions of a report."""
    yield from _strangers(subject)
    answered = (d.options for d in subject.decisions.values() if d.status == "answered")
    if any(answered) and not subject.explains:
        yield found(
            "nothing-explained", "The report decides only: no option has a paragraph or a quote."
        )
    yield from _weak(subject)
    for category, decision in subject.known():
        for check in _CHECKS:
            yield from check(subject, category, decision)


def _strangers(subject: Subject) -> Iterator[AuditFinding]:
    for name, decision in subject.decisions.items():
        category = subject.taxonomy.categories.get(name)
        if category is None:
            message = f"The taxonomy {subject.taxonomy.name!r} has no category {name!r}."
            yield found("not-in-taxonomy", message, place_of(name))
            continue
        said = dict.fromkeys((*decision.options, *(f.option for f in decision.findings)))
        for option in said:
            if option not in (*category.names, UNKNOWN):
                message = f"{category.name} has no option {option!r}."
                yield found("not-in-taxonomy", message, place_of(name, option))


def _weak(subject: Subject) -> Iterator[AuditFinding]:
    """Once for a report, of which a small model's every second option would have one."""
    findings = (f for d in subject.decisions.values() for f in d.findings if f.option in d.options)
    quoted = [f.evidence for f in findings if any(e.located for e in f.evidence)]
    weak = sum(all(e.weak for e in evidence if e.located) for evidence in quoted)
    if weak:
        message = (
            f"Of {len(quoted)} options with a quote, {weak} have only the nearest sentence that "
            "was found, which may not show them."
        )
        yield found("weak-evidence", message)


def _failed(_: Subject, category: Category, decision: Decision) -> Iterator[AuditFinding]:
    place = place_of(category.name)
    if decision.status == "failed":
        why = decision.reason or "the report does not say why"
        yield found("failed", f"There is no answer: {why}.", place)
    elif decision.reason and decision.status == "answered":
        yield found("partly-failed", f"Not every chunk counts: {decision.reason}.", place)


def _status(_: Subject, category: Category, decision: Decision) -> Iterator[AuditFinding]:
    """Options that the status allows; what stands beside unknown is a check of its own."""
    options, status = decision.options, decision.status
    empty = not options and category.select != "boolean"
    fits = {
        "answered": not empty and options != (UNKNOWN,),
        "unknown": not options or UNKNOWN in options,
    }.get(status, not options)
    if not fits:
        said = ", ".join(options) or "no option"
        message = f"The status is {status.replace('_', ' ')}, and the options are: {said}."
        yield found("status-does-not-fit", message, place_of(category.name))


def _unreasoned(subject: Subject, category: Category, decision: Decision) -> Iterator[AuditFinding]:
    """Chosen options without a paragraph, or without a quote where there could be one.

    A text without any paragraph is about the one option that is chosen. Where a report explains
    nothing at all, that is one finding of its own.
    """
    if not subject.explains:
        return
    spoken = {f.option: f for f in decision.findings if f.applies}
    whole = decision.rationale and not decision.findings and len(decision.options) == 1
    for option in decision.options if decision.status == "answered" else ():
        finding, place = spoken.get(option), place_of(category.name, option)
        if not whole and (finding is None or not finding.rationale):
            message = f"{option} is chosen without a paragraph of its own."
            yield found("option-without-rationale", message, place)
        quotes = finding.evidence if finding else ()
        if subject.has_texts and not any(e.located for e in quotes):
            message = f"{option} is chosen without a quote that stands in an article."
            yield found("option-without-quote", message, place)


def _not_found(_: Subject, category: Category, decision: Decision) -> Iterator[AuditFinding]:
    for finding in decision.findings:
        for evidence in finding.evidence:
            if not evidence.located:
                message = f"A quote for {finding.option} stands in no article: {evidence.quote!r}."
                yield found("quote-not-found", message, place_of(category.name, finding.option))


def _excluded(_: Subject, category: Category, decision: Decision) -> Iterator[AuditFinding]:
    chosen, place = set(decision.options), place_of(category.name)
    if UNKNOWN in chosen and len(chosen) > 1:
        yield found("unknown-with-options", "unknown stands beside other options.", place)
    if category.select != "any" and len(chosen) > 1:
        message = f"Only one may hold: {', '.join(decision.options)}."
        yield found("several-of-one", message, place)
    for option in category.options:
        for other in option.excludes:
            if {option.name, other} <= chosen:
                message = f"{option.name} and {other} exclude each other."
                where = place_of(category.name, option.name)
                yield found("pair-excludes-itself", message, where)


def _same_sentence(_: Subject, category: Category, decision: Decision) -> Iterator[AuditFinding]:
    owner: dict[str, str] = {}
    for finding in decision.findings:
        if not finding.applies:
            continue
        for sentence in _SENTENCE.finditer(finding.rationale):
            words = " ".join(sentence[0].lower().split())
            other = owner.setdefault(words, finding.option)
            if sentence[1] and other != finding.option and len(words) > _LEAST_CHARACTERS:
                message = f"{other} and {finding.option} rest on the same sentence."
                yield found("same-sentence", message, place_of(category.name, finding.option))
                break


def _denied(_: Subject, category: Category, decision: Decision) -> Iterator[AuditFinding]:
    """Paragraphs that say the opposite of what the Option cell says."""
    if decision.status != "answered":
        return
    options = {option.name: option for option in category.options}
    for finding in decision.findings:
        option = options.get(finding.option)
        if option is None or option.specify:
            continue
        place = place_of(category.name, option.name)
        if option.name in decision.options and (said := denial(finding.rationale, option)):
            message = f"{option.name} is chosen, and its paragraph says: {said!r}."
            yield found("option-denied", message, place)
        if option.name not in decision.options and speaks_for(finding.rationale, option):
            message = f"A paragraph speaks of {option.name}, which is not chosen."
            yield found("paragraph-not-chosen", message, place)


def _gate(subject: Subject, category: Category, decision: Decision) -> Iterator[AuditFinding]:
    gate, place = category.gate, place_of(category.name)
    before = subject.decisions.get(gate.category) if gate else None
    if gate is None:
        if decision.status == "not_applicable":
            yield found("gate-does-not-fit", "It is not answered, and has no gate.", place)
    elif before is not None:
        is_open = gate.option in before.options
        if not is_open and decision.options:
            message = f"It is answered although {gate.category} closes it."
            yield found("gate-does-not-fit", message, place)
        if is_open and decision.status == "not_applicable":
            message = f"It is not answered although {gate.category} opens it."
            yield found("gate-does-not-fit", message, place)


_CHECKS: tuple[_Check, ...] = (
    _failed,
    _status,
    _unreasoned,
    _not_found,
    _excluded,
    _same_sentence,
    _denied,
    _gate,
)
