"""Reports made by hand, small and whole, for tests that need no model."""

from __future__ import annotations

from datetime import date
from typing import Any

from classifier.records import (
    ArticleRef,
    AuditFinding,
    ConfidenceOrigin,
    Decision,
    Evidence,
    Finding,
    IncidentRef,
    ModelRef,
    Provenance,
    Report,
    Usage,
)
from classifier.taxonomy import load_taxonomy

FAIL = load_taxonomy("fail")
QUOTE = "left its database exposed online"


def quoted(quote: str = QUOTE, start: int | None = 40, match: Any = "exact") -> Evidence:
    end = None if start is None else start + len(quote)
    return Evidence(article_id="80997", quote=quote, start=start, end=end, match=match)


def lost(quote: str = "words that nobody wrote") -> Evidence:
    return quoted(quote, None, "not_found")


def found(option: str, rationale: str = "It says so [80997].", **more: Any) -> Finding:
    return Finding(**{"option": option, "applies": True, "rationale": rationale} | more)


def answered(*findings: Finding) -> Decision:
    options = tuple(f.option for f in findings if f.applies)
    return Decision(options=options, status="answered", findings=findings)


UNKNOWN = Decision(options=("unknown",), status="unknown", rationale="The articles do not say.")
CLOSED = Decision(status="not_applicable", reason="asked only where cps holds, and it does not")
FAILED = Decision(status="failed", reason="the second answer could not be used either")
FALSE = Decision(status="answered")


def decisions(**changed: Decision) -> dict[str, Decision]:
    """A decision for every FAIL category: unknown, but for the closed gates and what is given."""
    plain = {name: CLOSED if c.gate else UNKNOWN for name, c in FAIL.categories.items()}
    return plain | {"cps": FALSE} | changed


def report(
    *,
    title: str = "Exposed Database of SenseNets",
    id_: str = "80997",
    audit: tuple[AuditFinding, ...] = (),
    confidence: ConfidenceOrigin = ConfidenceOrigin(),
    article: dict[str, Any] | None = None,
    **changed: Decision,
) -> Report:
    """A report on one article; `changed` are the decisions that a test is about."""
    about = {"id": id_, "title": title, "published": date(2019, 2, 13), "sha256": "0" * 64}
    reference = ArticleRef(**about | {"url": "https://news.example/a_b"} | (article or {}))
    return Report(
        incident=IncidentRef(
            id=id_, title=title, published=reference.published, articles=(reference,)
        ),
        categories=decisions(**changed),
        audit=audit,
        provenance=provenance(confidence),
    )


def provenance(confidence: ConfidenceOrigin = ConfidenceOrigin()) -> Provenance:
    return Provenance(
        versions={"classifier": "0.1.0"},
        taxonomy="fail 1",
        taxonomy_sha256="1" * 64,
        prompts_sha256="2" * 64,
        articles_sha256="3" * 64,
        model=ModelRef(name="fake"),
        method="hosted",
        confidence=confidence,
        usage=Usage(calls=5, cache_hits=1, prompt_tokens=700, completion_tokens=90),
        seconds=1.25,
    )


def full() -> Report:
    """One of everything: what the snapshots show."""
    return report(
        recurring=answered(
            found("one_organization", "The firm had left it open before [80997].", confidence=0.87,
                  evidence=(quoted(), lost())),
            found("multiple_organization", "No other firm is named.", applies=False),
        ),
        phase=answered(found("design", evidence=(quoted(match="fuzzy"),)), found("operation")),
        boundary=FAILED,
        perception=CLOSED,
        audit=(
            AuditFinding(check="failed", severity="error", place="categories.boundary",
                         message="There is no answer: the second answer could not be used."),
            AuditFinding(check="quote-not-found", severity="warning",
                         place="categories.recurring.one_organization",
                         message="A quote for one_organization stands in no article."),
            AuditFinding(check="language", severity="info", message="It seems to be Spanish."),
        ),
        confidence=ConfidenceOrigin(source="logprobs"),
    )  # fmt: skip
