"""The records of a score: what `classifier eval score` writes as JSON and the pages show."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from classifier.records import Record

ALL = "all"  # the name of all categories together


class Figure(Record):
    """A figure and its bootstrap interval.

    `value` is null where the figure is not defined (nothing to count); `low` and `high` are null
    where no interval is: no draws, a single incident, or under half of the draws define it.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None


class OptionScore(Record):
    """One option: `support` is how often people chose it, `predicted` how often it was answered."""

    name: str
    support: int
    predicted: int
    precision: Figure
    recall: Figure
    f1: Figure
    kappa: Figure


class Constant(Record):
    """What always answering the commonest gold set would score; the floor a prompt must clear.

    Of equally common sets the one whose options come first in the taxonomy is taken, `unknown`
    last. The set is chosen on the very gold it is scored on, which flatters it. For all categories
    together `options` is empty, each category answering its own constant.
    """

    options: tuple[str, ...] = ()
    exact: float | None = None
    precision: float | None = None
    recall: float | None = None
    micro_f1: float | None = None


class Bin(Record):
    """The option cells whose probability is from `low` to below `high` (1 is in the last bin).

    `mean_probability` and `observed`, the share that people chose, are null in an empty bin.
    """

    low: float
    high: float
    count: int
    mean_probability: float | None = None
    observed: float | None = None


class Calibration(Record):
    """How well the probabilities of options fit what people chose.

    `options` counts the cells (a decision and an option) with a probability; `brier` and `ece`
    are over these. `risk_coverage` holds at most 100 points: the share of decisions that is
    answered, the surest first, and the share of these that is not exact; `aurc` is the mean risk
    over all coverages.
    """

    options: int
    brier: float
    ece: float
    bins: tuple[Bin, ...]
    risk_coverage: tuple[tuple[float, float], ...]
    aurc: float


class CategoryScore(Record):
    """The figures of one category, or of all together (named `all`, without options).

    `confusion` has a row for each option that people chose and a last one for none, a column for
    each option that was answered and a last one for none; see `eval.metrics.confusion`.
    """

    name: str
    decisions: int
    failed: int
    missing: int
    exact: Figure
    precision: Figure
    recall: Figure
    micro_f1: Figure
    macro_f1: Figure
    jaccard: Figure
    kappa: Figure
    alpha: Figure
    constant: Constant
    options: tuple[OptionScore, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    calibration: Calibration | None = None


class EvidenceScore(Record):
    """How many quotes stand in their article, and how many options held have none that does."""

    quotes: int = Field(ge=0)
    located: int = Field(ge=0)
    options: int = Field(ge=0)
    without_evidence: int = Field(ge=0)
    located_share: float | None = None
    without_share: float | None = None

    @classmethod
    def of(cls, quotes: int, located: int, options: int, without_evidence: int) -> EvidenceScore:
        """The counts with their shares, which are null where there is nothing to share."""
        return cls(
            quotes=quotes,
            located=located,
            options=options,
            without_evidence=without_evidence,
            located_share=located / quotes if quotes else None,
            without_share=without_evidence / options if options else None,
        )


class Score(Record):
    """A prediction against gold. Scores are written with `schema_version` 1.

    The names and fingerprints say what was scored; whoever read the files fills them in.
    """

    schema_version: Literal[1] = 1
    gold: str = ""
    gold_fingerprint: str = ""
    predictions: str = ""
    predictions_fingerprint: str = ""
    incidents: int
    draws: int
    seed: int
    confidence: float
    overall: CategoryScore
    categories: tuple[CategoryScore, ...]
    calibration: Calibration | None = None
    evidence: EvidenceScore | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The score as indented JSON, with a newline at its end."""
        return self.model_dump_json(indent=2) + "\n"
