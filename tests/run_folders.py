"""Run folders made by hand, whole and small, for tests of what comes out of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

from reports import CLOSED, FAIL, FAILED, FALSE, UNKNOWN, answered, found, lost, quoted, report

from classifier.batch.folder import RunFolder
from classifier.batch.manifest import Manifest
from classifier.records import ConfidenceOrigin, Decision, ModelRef, Report
from classifier.taxonomy import Taxonomy

MANIFEST = Manifest(
    created=datetime(2026, 11, 1, 20, 0, tzinfo=UTC),
    versions={"classifier": "0.1.0", "python": "3.11.9"},
    taxonomy="fail 1",
    taxonomy_sha256=FAIL.sha256,
    prompts_sha256="2" * 64,
    model=ModelRef(name="small", digest="4" * 64, endpoint="https://models.example/v1"),
    method="hosted",
    input_fingerprint="3" * 64,
)
# Digests that no reader of CSV takes for numbers: real ones have letters.
_DIGESTS = ("taxonomy_sha256", "prompts_sha256", "articles_sha256")
NOT_AT_HAND = MANIFEST.model_copy(update={"taxonomy": "gone 7", "taxonomy_sha256": "9" * 64})


def run_of(
    folder: Path,
    reports: Iterable[Report] = (),
    failures: Iterable[tuple[str, str, str]] = (),
    manifest: Manifest = MANIFEST,
) -> RunFolder:
    """A run folder with these reports and failures (id, stage, reason)."""
    with RunFolder.create_or_resume(folder, manifest) as run:
        for one in reports:
            run.append_report(one)
        for id_, stage, reason in failures:
            run.append_failure(id_, stage, reason)
    return RunFolder.open(folder)


def of_recipes(taxonomy: Taxonomy) -> Manifest:
    """The manifest of a run with another taxonomy."""
    name = f"{taxonomy.name} {taxonomy.version}"
    changed = {"taxonomy": name, "taxonomy_sha256": taxonomy.sha256}
    return MANIFEST.model_copy(update=changed)


def one(id_: str, published: date | None = date(2019, 2, 13), **decisions: Decision) -> Report:
    """A report with these decisions alone."""
    made = report(id_=id_, title=f"About {id_}", article={"published": published})
    origin = made.provenance.model_copy(update=dict.fromkeys(_DIGESTS, "f" * 64))
    return made.model_copy(update={"categories": decisions, "provenance": origin})


def holding(*options: str) -> Decision:
    """A decision with these options, each with a reason."""
    return answered(*(found(option) for option in options))


def telling() -> Report:
    """One of each thing that a row can be about."""
    made = report(
        confidence=ConfidenceOrigin(source="logprobs", calibrated=True),
        recurring=answered(
            found("one_organization", confidence=0.875, evidence=(lost(), quoted(), quoted("x"))),
            found("multiple_organization", "No other is named.", applies=False),
        ),
        phase=Decision(options=("design",), status="answered"),
        boundary=FAILED,
        nature=UNKNOWN,
        perception=CLOSED,
        cps=FALSE,
        duration=Decision(status="needs_review", findings=(found("permanent", confidence=0.5),)),
    )
    kept = ("recurring", "phase", "boundary", "nature", "perception", "cps", "duration")
    return made.model_copy(update={"categories": {n: made.categories[n] for n in kept}})
