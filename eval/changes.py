"""The records of a comparison: what `classifier eval compare` writes as JSON and the pages show."""

from __future__ import annotations

from typing import Literal

from classifier.records import Evidence, Record
from eval.figures import Figure

Verdict = Literal["better", "worse", "no_difference", "too_few"]


class Change(Record):
    """What changed in one category, or in all together (`all`).

    `altered` counts the decisions whose options changed at all, `helpful` those that became right
    and `harmful` those that became wrong. `p` is that of the exact test of these flips, `adjusted`
    the one that holds for the whole family of tests. `needed` is about how many more incidents
    would show the difference that was seen, or that of the margin where it is larger, if they are
    too few now.
    """

    name: str
    decisions: int
    before: float | None
    after: float | None
    exact: Figure
    micro_f1: Figure
    altered: int
    helpful: int
    harmful: int
    p: float
    adjusted: float
    verdict: Verdict
    needed: int | None = None


class Flip(Record):
    """A decision that became right (`helpful`) or wrong.

    Options are as answered: `()` where the category is false, failed or closed. The rationale and
    the evidence are those of the options that held.
    """

    incident: str
    category: str
    helpful: bool
    gold: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    rationale_before: str = ""
    rationale_after: str = ""
    evidence_before: tuple[Evidence, ...] = ()
    evidence_after: tuple[Evidence, ...] = ()


class Comparison(Record):
    """Two runs on the same gold. Comparisons are written with `schema_version` 1.

    `level` is the chance, over all categories together, of calling a difference where there is
    none; `margin` the smallest difference in exact-set rates that matters.
    """

    schema_version: Literal[1] = 1
    gold: str = ""
    gold_fingerprint: str = ""
    before: str = ""
    after: str = ""
    incidents: int
    level: float
    margin: float
    draws: int
    seed: int
    overall: Change
    categories: tuple[Change, ...]
    flips: tuple[Flip, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The comparison as indented JSON, with a newline at its end."""
        return self.model_dump_json(indent=2) + "\n"
