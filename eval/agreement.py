"""How far do people agree with each other, and does a model agree with them as far?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np

from classifier.errors import InputError
from classifier.records import UNKNOWN, Record, Status
from classifier.taxonomy import Taxonomy
from eval.bootstrap import figure, replicate
from eval.cases import Cases
from eval.figures import ALL, Figure
from eval.gold import Gold, GoldIncident, Labels
from eval.metrics import Floats, Measurer, Measures, mean_defined, measurer
from eval.pairing import build_cases
from eval.predictions import Prediction, Predictions
from eval.scoring import CONFIDENCE, DRAWS, NO_DRAWS
from eval.significance import RULE_OF_THREE

Band = Literal["above", "within", "below", "too_few"]
FIGURES = ("exact", "kappa", "alpha")
# Fewer cannot show a difference: all one way has a chance of 1/16 with five, of 1/32 with six.
LEAST_INCIDENTS = 6


class Agreed(Record):
    """Agreement of two sides: the share of equal sets, Cohen's kappa over options, Krippendorff's
    alpha with the MASI distance.
    """

    exact: Figure
    kappa: Figure
    alpha: Figure


class CategoryAgreement(Record):
    """Agreement in one category, or in all (`all`): people with each other, a model with people.

    `difference` is the model's share of equal sets less the people's. The model is `within` the
    human band where its interval excludes a lag of the margin and more, `below` and `above` where
    it excludes zero; else, and of fewer than six incidents, there are `too_few` to tell.
    """

    name: str
    decisions: int
    people: Agreed
    model: Agreed | None = None
    difference: Figure | None = None
    band: Band | None = None


class AgreementScore(Record):
    """Agreement over the incidents that several people labelled; `schema_version` 1."""

    schema_version: Literal[1] = 1
    gold: str
    model: str = ""
    raters: tuple[str, ...]
    incidents: int
    margin: float
    confidence: float
    draws: int
    seed: int
    overall: CategoryAgreement
    categories: tuple[CategoryAgreement, ...]

    def to_json(self) -> str:
        """The agreement as indented JSON, with a newline at its end."""
        return self.model_dump_json(indent=2) + "\n"


def agree(
    gold: Gold,
    taxonomy: Taxonomy,
    model: Predictions | None = None,
    *,
    margin: float = 0.1,
    draws: int = DRAWS,
    seed: int = 0,
) -> AgreementScore:
    """Compare every two raters where both gave a label, and the model with each of them.

    Figures are means over the pairs of raters; intervals are from a bootstrap over incidents.
    Raises `InputError` where no incident was labelled by two people.
    """
    several = tuple(i for i in gold.incidents if len(i.annotators) > 1)
    if not several:
        raise InputError(
            f"No incident of {gold.source} was labelled by two people. Give their labels under "
            "`annotators`, a name for each."
        )
    raters = sorted({name for i in several for name in i.annotators})
    paired = [_Pair(gold, several, a, b) for a, b in combinations(raters, 2)]
    paired = [pair for pair in paired if pair.shared]
    measure = _Together(paired, taxonomy, model, [i.id for i in several])
    found = measure(np.ones((1, len(several))))
    drawn = replicate(measure, len(several), draws if len(several) > 1 else 0, seed)
    names = [ALL, *taxonomy.categories]
    each = [
        _category(name, judged, values, drawn[place] if drawn else {}, margin)
        for place, (name, judged, values) in enumerate(
            zip(names, measure.judged, found, strict=True)
        )
    ]
    return AgreementScore(
        gold=gold.source,
        model=model.source if model else "",
        raters=tuple(raters),
        incidents=len(several),
        margin=margin,
        confidence=CONFIDENCE,
        draws=draws,
        seed=seed,
        overall=each[0],
        categories=tuple(each[1:]),
    )


class _Pair:
    """Two raters on the incidents that both labelled."""

    def __init__(self, gold: Gold, several: Sequence[GoldIncident], a: str, b: str) -> None:
        shared = [i for i in several if a in i.annotators and b in i.annotators]
        both = [_both(i.annotators[a], i.annotators[b]) for i in shared]
        self.shared = bool(shared)
        self.first = _gold(gold, shared, [one for one, _ in both])
        self.second = _gold(gold, shared, [other for _, other in both])


def _both(a: Labels, b: Labels) -> tuple[dict[str, tuple[str, ...] | None], ...]:
    names = [c for c in a if a[c] is not None and b.get(c) is not None]
    return {c: a[c] for c in names}, {c: b[c] for c in names}


def _gold(
    gold: Gold, shared: Sequence[GoldIncident], labels: Sequence[Mapping[str, object]]
) -> Gold:
    told = (i.model_copy(update={"labels": one}) for i, one in zip(shared, labels, strict=True))
    return replace(gold, incidents=tuple(told))


def _as_predictions(gold: Gold) -> Predictions:
    items = {}
    for incident in gold.incidents:
        given = {c: o for c, o in incident.labels.items() if o is not None}
        status: dict[str, Status] = {
            c: "unknown" if o == (UNKNOWN,) else "answered" for c, o in given.items()
        }
        items[incident.id] = Prediction(id=incident.id, options=given, status=status)
    return Predictions(items, "a rater")


@dataclass(frozen=True)
class _Judged:
    """How many decisions people share, and in which incidents."""

    decisions: int
    incidents: frozenset[str]


def _judged(cases: Cases) -> list[_Judged]:
    """In all categories together, then in each."""
    each = [
        _Judged(c.n, frozenset(cases.incidents[row] for row in c.rows)) for c in cases.categories
    ]
    return [_Judged(cases.n, frozenset().union(*(j.incidents for j in each))), *each]


class _Together:
    """A measurer of all pairs: the mean of people's agreement, of the model's, their difference."""

    def __init__(
        self,
        pairs: Sequence[_Pair],
        taxonomy: Taxonomy,
        model: Predictions | None,
        incidents: Sequence[str],
    ) -> None:
        self._people: list[tuple[Measurer, list[int]]] = []
        self._model: list[tuple[Measurer, list[int]]] = []
        places = {name: n for n, name in enumerate(incidents)}
        counts: list[list[_Judged]] = []
        for pair in pairs:
            cases, _ = build_cases(pair.first, _as_predictions(pair.second), taxonomy)
            self._people.append(_placed(cases, places))
            counts.append(_judged(cases))
            for side in (pair.first, pair.second) if model else ():
                asked, _ = build_cases(side, _scored(model, side), taxonomy)
                self._model.append(_placed(asked, places))
        self.judged = [
            _Judged(sum(j.decisions for j in same), frozenset().union(*(j.incidents for j in same)))
            for same in zip(*counts, strict=True)
        ]

    def __call__(self, weights: Floats) -> list[Measures]:
        people = _mean(self._people, weights)
        if not self._model:
            return people
        model = _mean(self._model, weights)
        return [
            {
                **one,
                **{f"model_{name}": other[name] for name in FIGURES},
                "difference": other["exact"] - one["exact"],
            }
            for one, other in zip(people, model, strict=True)
        ]


def _scored(model: Predictions | None, gold: Gold) -> Predictions:
    assert model is not None  # noqa: S101 - for the type checker
    ids = {i.id for i in gold.incidents}
    return replace(model, items={n: p for n, p in model.items.items() if n in ids})


def _placed(cases: Cases, places: Mapping[str, int]) -> tuple[Measurer, list[int]]:
    return measurer(cases), [places[name] for name in cases.incidents]


def _mean(measures: Sequence[tuple[Measurer, list[int]]], weights: Floats) -> list[Measures]:
    each = [measure(weights[:, columns]) for measure, columns in measures]
    return [
        {name: mean_defined(np.stack([m[name] for m in same], axis=-1)) for name in FIGURES}
        for same in zip(*each, strict=True)
    ]


def _category(
    name: str, judged: _Judged, found: Measures, drawn: Measures, margin: float
) -> CategoryAgreement:
    figures = {
        f: figure(values[0], drawn.get(f, NO_DRAWS), CONFIDENCE) for f, values in found.items()
    }
    people = Agreed(**{f: figures[f] for f in FIGURES})
    if "difference" not in figures:
        return CategoryAgreement(name=name, decisions=judged.decisions, people=people)
    return CategoryAgreement(
        name=name,
        decisions=judged.decisions,
        people=people,
        model=Agreed(**{f: figures[f"model_{f}"] for f in FIGURES}),
        difference=figures["difference"],
        band=_band(figures["difference"], len(judged.incidents), margin),
    )


def _band(difference: Figure, incidents: int, margin: float) -> Band:
    """Where no incident differs from another, the bootstrap sees no spread: the rule of three says
    how much there may yet be.
    """
    low, high = difference.low, difference.high
    if low is None or high is None or incidents < LEAST_INCIDENTS:
        return "too_few"
    if high < 0:
        return "below"
    if low > 0:
        return "above"
    blind = low == high and margin * incidents < RULE_OF_THREE
    return "within" if low > -margin and not blind else "too_few"
