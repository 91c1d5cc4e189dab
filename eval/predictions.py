"""Predictions: what a run or another tool answered, as it is judged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from classifier.records import UNKNOWN, Evidence, Report, Status, Usage
from eval.quotes import Quotes
from eval.report_shape import REPORT, DecisionShape, ProvenanceShape, ReportShape

QuotesOf = Callable[[str], Quotes]  # of the incident with this id


@dataclass(frozen=True)
class EvidenceCount:
    """Of one report: all quotes, those that were located, the options that hold, and those of
    them without a located quote.
    """

    quotes: int
    located: int
    options: int
    without_quote: int


@dataclass(frozen=True)
class Prediction:
    """The answers to one incident, by category.

    `options` are as they were given, even where `unknown` stands beside others; a category that
    was not answered at all is in neither `options` nor `status`. `confidence` maps an option to a
    number between 0 and 1, where there is any; `rationale` maps an option (or `unknown`) to its
    reason, and `reason` says why a category failed or does not apply. `quotes` are the evidence of
    the options that hold. `articles_sha256` is the digest of the texts that were read; it,
    `evidence`, `seconds` and `usage` are None where no report says them.
    """

    id: str
    options: Mapping[str, tuple[str, ...]]
    status: Mapping[str, Status]
    confidence: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    calibrated: bool = False
    evidence: EvidenceCount | None = None
    rationale: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    reason: Mapping[str, str] = field(default_factory=dict)
    quotes: Mapping[str, tuple[Evidence, ...]] = field(default_factory=dict)
    articles_sha256: str | None = None
    seconds: float | None = None
    usage: Usage | None = None


@dataclass(frozen=True)
class Predictions:
    """Predictions by incident; `failures` says why others have none, `notes` what was skipped.

    `asked` are the incidents that a run was about, where it says so: a sample of the gold.
    """

    items: Mapping[str, Prediction]
    source: str
    failures: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    asked: frozenset[str] | None = None

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of ids, failures, statuses, options and confidences, in hexadecimal."""
        digest = hashlib.sha256(json.dumps(sorted(self.failures)).encode())
        for name in sorted(self.items):
            item = self.items[name]
            options = {c: sorted(set(o)) for c, o in item.options.items()}
            answers = [name, dict(item.status), options, item.confidence]
            digest.update(json.dumps(answers, sort_keys=True).encode() + b"\n")
        return digest.hexdigest()


def from_reports(
    reports: Iterable[Report], source: str, failures: Mapping[str, str] | None = None
) -> Predictions:
    """Predictions from reports in memory, the last one of an incident counting."""
    items = {report.incident.id: _of_record(report) for report in reports}
    lost = {i: why for i, why in (failures or {}).items() if i not in items}
    return Predictions(items, source, lost)


def _of_record(report: Report) -> Prediction:
    whole = report.model_dump()
    return of_report(
        REPORT.validate_python(whole), lambda name: Quotes("memory", name, lambda: whole)
    )


def of_report(report: ReportShape, quotes: QuotesOf) -> Prediction:
    """The answers of one report; `quotes` gives its evidence when it is asked for."""
    decisions, provenance = report["categories"], report["provenance"]
    confidence = {name: _confidence(d) for name, d in decisions.items()}
    rationale = {name: _rationale(d) for name, d in decisions.items()}
    return Prediction(
        id=report["incident"]["id"],
        options={name: d.get("options", ()) for name, d in decisions.items()},
        status={name: d["status"] for name, d in decisions.items()},
        confidence={name: kept for name, kept in confidence.items() if kept},
        calibrated=provenance.get("confidence", {}).get("calibrated", False),
        quotes=quotes(report["incident"]["id"]),
        evidence=_evidence(decisions.values()) if _explained(provenance) else None,
        rationale={name: kept for name, kept in rationale.items() if kept},
        reason={name: why for name, d in decisions.items() if (why := d.get("reason"))},
        articles_sha256=provenance.get("articles_sha256"),
        seconds=provenance.get("seconds"),
        usage=provenance.get("usage"),
    )


def _explained(provenance: ProvenanceShape) -> bool:
    """Whether quotes were asked for: a run that only decides has none to be judged."""
    return provenance.get("parameters", {}).get("explain") is not False


def _confidence(decision: DecisionShape) -> dict[str, float]:
    findings = decision.get("findings", ())
    return {f["option"]: given for f in findings if (given := f.get("confidence")) is not None}


def _rationale(decision: DecisionShape) -> dict[str, str]:
    whole = decision.get("rationale")
    if decision["status"] == "unknown" and whole:
        return {UNKNOWN: whole}
    return {f["option"]: why for f in decision.get("findings", ()) if (why := f.get("rationale"))}


def _evidence(decisions: Iterable[DecisionShape]) -> EvidenceCount:
    quotes = located = options = bare = 0
    for decision in decisions:
        shown_by: set[str] = set()
        for finding in decision.get("findings", ()):
            evidence = finding.get("evidence", ())
            found = sum(e["match"] != "not_found" for e in evidence)
            quotes, located = quotes + len(evidence), located + found
            if found:
                shown_by.add(finding["option"])
        held = set(decision.get("options", ())) - {UNKNOWN}
        options, bare = options + len(held), bare + len(held - shown_by)
    return EvidenceCount(quotes, located, options, bare)
