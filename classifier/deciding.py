"""Turns the answers of an incident's chunks into one decision for each category."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from classifier.answers import Answer, OptionAnswer
from classifier.chunking import Chunk
from classifier.records import UNKNOWN, ChunkAnswer, Decision, Evidence, Finding, Merge, Status
from classifier.taxonomy import Category, Gate, Taxonomy
from classifier.taxonomy.schema import MergeRule

# A decision merged from hundreds of chunks keeps the reasons of the surest ones.
REASONS_KEPT = 3
_SPLIT = "the passages disagree, and no option has a majority"


def gated(category: Category, decisions: Mapping[str, Decision]) -> Decision | None:
    """The decision of a category that is not asked, or None where its gate is open."""
    gate = category.gate
    if gate is None:
        return None
    before = decisions[gate.category]
    if gate.option in before.options:
        return None
    if before.status == "failed":
        return Decision(status="failed", reason=f"{gate.category}, its gate, failed")
    return Decision(status="not_applicable", reason=_closed(gate, before))


def _closed(gate: Gate, before: Decision) -> str:
    why = "that is unknown" if before.status == "unknown" else "it does not"
    return f"asked only where {gate.option} holds, and {why}"


def merge(
    taxonomy: Taxonomy, category: Category, chunks: Sequence[Chunk], answers: Sequence[Answer]
) -> Decision:
    """One decision from the answer of each chunk, by the rule that the category names."""
    answered = [a for a in answers if a.failure is None]
    failed = [a.failure for a in answers if a.failure is not None]
    applied = _selected(category, _RULES[category.merge](category, answered), answered)
    trace = _trace(category, chunks, answers) if len(chunks) > 1 else None
    if failed and not applied:
        some = f"{len(failed)} of {len(answers)} chunks failed: " if trace else ""
        return Decision(status="failed", reason=some + failed[0], merge=trace)
    unknown = not applied and all(a.unknown or category.select != "boolean" for a in answered)
    split = unknown and any(a.applied for a in answered)
    findings = tuple(_finding(o, o in applied, answered) for o in category.names)
    spoken = tuple(f for f in findings if _says_something(f))
    reason = _SPLIT if split else None
    opening = (reason or taxonomy.unknown) if unknown else ""
    return Decision(
        options=(UNKNOWN,) if unknown else applied,
        status="unknown" if unknown else "answered",
        rationale=_rationale(category, spoken, opening),
        findings=spoken,
        reason=f"{len(failed)} of {len(answers)} chunks failed: {failed[0]}" if failed else reason,
        merge=trace,
    )


def confidence(decision: Decision) -> float | None:
    """How sure a decision is: as its least sure option; None where no option has a confidence.

    An option is as sure as what was answered about it: its confidence where it holds, the rest to
    1 where it does not. A decision is right only if all are, and the least bounds that from above
    however they hang together.
    """
    told = [(f.applies, f.confidence) for f in decision.findings if f.confidence is not None]
    return min((p if applies else 1 - p for applies, p in told), default=None)


def reviewed(
    taxonomy: Taxonomy, decisions: Mapping[str, Decision], least: float
) -> dict[str, Decision]:
    """The decisions, those less sure than `least` (0 to 1) handed to a person; what stands behind
    a gate that a person must look at needs one too.
    """
    kept: dict[str, Decision] = {}
    for category in (c for wave in taxonomy.waves() for c in wave):
        decision = decisions[category.name]
        before = kept[category.gate.category] if category.gate else None
        kept[category.name] = _reviewed(decision, before, least)
    return {name: kept[name] for name in decisions}


def _reviewed(decision: Decision, before: Decision | None, least: float) -> Decision:
    if decision.status == "failed":
        return decision
    sure = confidence(decision)
    if before is not None and before.status == "needs_review":
        reason = "the gate of this category needs review"
    elif sure is not None and sure < least:
        reason = f"the confidence is {sure:.2f}, and {least:.2f} is asked for"
    else:
        return decision
    return decision.model_copy(update={"options": (), "status": "needs_review", "reason": reason})


def _selected(
    category: Category, applied: tuple[str, ...], answers: Sequence[Answer]
) -> tuple[str, ...]:
    """Of a category that takes one option, the surest; of equals, the one most chunks name."""
    if category.select != "one" or len(applied) < 2:
        return applied

    def weight(name: str) -> tuple[float, int]:
        return _surety(_strongest(name, answers)), sum(name in a.applied for a in answers)

    return (max(applied, key=weight),)


def _union(category: Category, answers: Sequence[Answer]) -> tuple[str, ...]:
    """An option holds where any chunk says so."""
    held = {name for answer in answers for name in answer.applied}
    return tuple(name for name in category.names if name in held)


def _majority(category: Category, answers: Sequence[Answer]) -> tuple[str, ...]:
    """An option holds where most of the chunks that say anything say so; a chunk that denies the
    one option of a true-or-false category says something.
    """
    telling = [a for a in answers if a.applied or (category.select == "boolean" and not a.unknown)]
    return tuple(
        name
        for name in category.names
        if 2 * sum(name in a.applied for a in telling) > len(telling)
    )


def _surest(category: Category, answers: Sequence[Answer]) -> tuple[str, ...]:
    """The chunk with the highest confidence in any option decides."""
    telling = [a for a in answers if a.applied]
    if not telling:
        return ()
    best = max(telling, key=lambda a: max(_surety(o) for o in a.options if o.applies))
    return tuple(name for name in category.names if name in best.applied)


_RULES: Mapping[MergeRule, Callable[[Category, Sequence[Answer]], tuple[str, ...]]] = {
    "union": _union,
    "majority": _majority,
    "strongest": _surest,
}


def _surety(option: OptionAnswer | None) -> float:
    return option.confidence or 0.0 if option else 0.0


def _spoken(name: str, answers: Sequence[Answer]) -> list[OptionAnswer]:
    return [o for a in answers for o in a.options if o.option == name]


def _strongest(name: str, answers: Sequence[Answer]) -> OptionAnswer | None:
    held = [o for o in _spoken(name, answers) if o.applies]
    return max(held, key=_surety, default=None)


def _finding(name: str, applies: bool, answers: Sequence[Answer]) -> Finding:
    spoken = [o for o in _spoken(name, answers) if o.applies is applies]
    surest = sorted(spoken, key=_surety, reverse=True)[:REASONS_KEPT]
    evidence: tuple[Evidence, ...] = tuple(dict.fromkeys(e for o in surest for e in o.evidence))
    confidences = [o.confidence for o in _spoken(name, answers) if o.confidence is not None]
    return Finding(
        option=name,
        applies=applies,
        rationale=" ".join(dict.fromkeys(o.rationale for o in surest if o.rationale)),
        confidence=max(confidences, default=None),
        evidence=evidence,
    )


def _says_something(finding: Finding) -> bool:
    told = finding.applies or finding.rationale or finding.evidence
    return bool(told) or finding.confidence is not None


def _rationale(category: Category, findings: Sequence[Finding], opening: str) -> str:
    """A paragraph for each option that has a reason, opened by its letter, with citations;
    `opening` is the sentence that stands before them, if any.
    """
    paragraphs = [
        f"({category.option(f.option).letter}) {f.option}: {cited(f)}"
        for f in findings
        if f.rationale
    ]
    if opening:
        paragraphs.insert(0, f"{opening[:1].upper()}{opening[1:]}.")
    return " ".join(paragraphs)


def cited(finding: Finding) -> str:
    """The rationale with the articles its located quotes stand in, unless it names them itself."""
    articles = dict.fromkeys(e.article_id for e in finding.evidence if e.located)
    missing = [f"[{a}]" for a in articles if f"[{a}]" not in finding.rationale]
    return " ".join([finding.rationale, *missing])


def _trace(category: Category, chunks: Sequence[Chunk], answers: Sequence[Answer]) -> Merge:
    traced = zip(chunks, answers, strict=True)
    return Merge(
        rule=category.merge,
        chunks=tuple(
            ChunkAnswer(parts=c.parts, options=a.applied, status=_status(category, a))
            for c, a in traced
        ),
    )


def _status(category: Category, answer: Answer) -> Status:
    if answer.failure is not None:
        return "failed"
    tells = answer.applied or (category.select == "boolean" and not answer.unknown)
    return "answered" if tells else "unknown"
