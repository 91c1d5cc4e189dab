"""The seam to a real model: the embedded 0.5B reads a short article, end to end."""

from __future__ import annotations

from pathlib import Path

import pytest

from classifier import Report, classify

pytestmark = pytest.mark.weights
ARTICLE = Path(__file__).parent / "data" / "lock.md"


@pytest.fixture(scope="module")
def report(small_weights: Path) -> Report:
    return classify(ARTICLE, model=f"gguf:{small_weights}", cache=False)


def test_every_category_has_a_status(report: Report) -> None:
    assert len(report.categories) == 16
    assert "failed" not in {d.status for d in report.categories.values()}


def test_every_quote_stands_in_the_article(report: Report) -> None:
    text = ARTICLE.read_text("utf-8").split("---\n")[2].strip()
    evidence = [e for d in report.categories.values() for f in d.findings for e in f.evidence]
    assert evidence
    assert all(text[e.start : e.end] == e.quote for e in evidence)


def test_an_applied_option_has_a_reason_and_a_quote_or_an_audit_finding(report: Report) -> None:
    places = {a.place for a in report.audit}
    for name, decision in report.categories.items():
        for finding in decision.findings:
            supported = finding.rationale and any(e.located for e in finding.evidence)
            assert (
                not finding.applies or supported or f"categories.{name}.{finding.option}" in places
            )


def test_confidences_say_where_they_come_from(report: Report) -> None:
    assert report.provenance.confidence.source == "logprobs"
    assert not report.provenance.confidence.calibrated
    found = [f for d in report.categories.values() for f in d.findings]
    assert all(f.confidence is not None and 0 <= f.confidence <= 1 for f in found)


def test_the_article_is_evaluated_once(report: Report) -> None:
    usage = report.provenance.usage
    assert usage.cached_tokens > usage.prompt_tokens / 2
