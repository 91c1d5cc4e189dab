"""What scoring reads of a report, and no more: a run of 10,000 is judged in a third of the time
that the whole record takes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from classifier.records import Identifier, Match, Status, Usage


class EvidenceShape(TypedDict):
    """Of a quote, whether it was located."""

    match: Match


class FindingShape(TypedDict):
    """Of what was found about an option: its reason, its confidence and its quotes."""

    option: str
    rationale: NotRequired[str]
    confidence: NotRequired[Annotated[float, Field(ge=0, le=1)] | None]
    evidence: NotRequired[tuple[EvidenceShape, ...]]


class DecisionShape(TypedDict):
    """The answer to a category."""

    options: NotRequired[tuple[str, ...]]
    status: Status
    rationale: NotRequired[str]
    findings: NotRequired[tuple[FindingShape, ...]]
    reason: NotRequired[str | None]


class IncidentShape(TypedDict):
    """The incident by its name."""

    id: Identifier


class OriginShape(TypedDict):
    """Whether confidences are calibrated."""

    calibrated: NotRequired[bool]


class ProvenanceShape(TypedDict):
    """What the report read and cost, and where its confidences come from."""

    articles_sha256: NotRequired[str]
    parameters: NotRequired[dict[str, Any]]
    confidence: NotRequired[OriginShape]
    usage: NotRequired[Usage]
    seconds: NotRequired[float]


class ReportShape(TypedDict):
    """A report, as `classifier.records.Report` writes it."""

    schema_version: Literal[1]
    incident: IncidentShape
    categories: dict[str, DecisionShape]
    provenance: ProvenanceShape


REPORT = TypeAdapter(ReportShape)
