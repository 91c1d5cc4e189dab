"""Pairs gold with predictions: which decisions there are, and what was answered to each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from classifier.articles.naming import quoted
from classifier.errors import InputError
from classifier.records import UNKNOWN
from classifier.taxonomy import Category, Taxonomy
from eval.cases import Cases, CategoryCases, Flags
from eval.gold import Gold, GoldIncident
from eval.predictions import Prediction, Predictions

_NAMED = 3


@dataclass(frozen=True)
class Pairing:
    """What did not pair, as ids: `missing` incidents of gold have no prediction, `failed` ones came
    to no report, `surplus` predictions have no gold and were not scored. `blank` are (incident,
    category) where the prediction was null although nothing could close the category: read as an
    answer without options.
    """

    missing: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    blank: tuple[tuple[str, str], ...] = ()


def build_cases(gold: Gold, predictions: Predictions, taxonomy: Taxonomy) -> tuple[Cases, Pairing]:
    """Every decision of the gold (a label that is not null) beside what was predicted.

    Failed, missing and wrongly closed answers are kept, as not usable. Raises InputError where
    gold and predictions have no incident in common, and for a category or an option that the
    taxonomy lacks.
    """
    _refuse_strangers(gold, predictions, taxonomy)
    ids = [incident.id for incident in gold.incidents]
    told = {*predictions.items, *predictions.failures}
    if not told.intersection(ids):
        raise InputError(
            f"No incident of {gold.source} ({_few(ids)}) has a prediction in {predictions.source} "
            f"({_few(sorted(told))}). Give predictions for this gold: the ids must be the same."
        )
    columns = [_Column(c, gold.incidents, predictions) for c in taxonomy.categories.values()]
    pairing = Pairing(
        missing=tuple(i for i in ids if i not in told),
        failed=tuple(i for i in ids if i in predictions.failures and i not in predictions.items),
        surplus=tuple(sorted(told.difference(ids))),
        blank=tuple((i, column.category.name) for column in columns for i in column.blank),
    )
    return Cases(tuple(ids), tuple(column.cases() for column in columns)), pairing


def _few(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return (", ".join(map(quoted, ids[:_NAMED])) or "none") + more


Kind = Literal["given", "blank", "closed", "failed", "missing", "review"]
Answer = tuple[Kind, tuple[str, ...]]


def _answer(category: Category, prediction: Prediction | None, lost: bool) -> Answer:
    if prediction is None:
        return ("failed" if lost else "missing"), ()
    match prediction.status.get(category.name):
        case None:
            return "missing", ()
        case "failed":
            return "failed", ()
        case "needs_review":
            return "review", ()
        case "not_applicable":
            return ("closed" if _closes(category, prediction) else "blank"), ()
    return "given", prediction.options.get(category.name, ())


def _closes(category: Category, prediction: Prediction) -> bool:
    """Whether the prediction's own answers close the category: only then can it not apply."""
    gate = category.gate
    return gate is not None and gate.option not in prediction.options.get(gate.category, ())


class _Column:
    """The decisions of one category, row by row."""

    def __init__(
        self, category: Category, incidents: Sequence[GoldIncident], predictions: Predictions
    ) -> None:
        self.category = category
        labelled = [
            (row, incident.id, options)
            for row, incident in enumerate(incidents)
            if (options := incident.labels.get(category.name)) is not None
        ]
        self.rows = [n for n, _, _ in labelled]
        self.gold = [options for _, _, options in labelled]
        self.predictions = [predictions.items.get(name) for _, name, _ in labelled]
        self.answers = [
            _answer(category, prediction, name in predictions.failures)
            for (_, name, _), prediction in zip(labelled, self.predictions, strict=True)
        ]
        kinds = zip(labelled, self.answers, strict=True)
        self.usable = [kind in ("given", "blank") for kind, _ in self.answers]
        self.blank = [name for (_, name, _), (kind, _) in kinds if kind == "blank"]

    def cases(self) -> CategoryCases:
        """The rows as arrays."""
        kinds = [kind for kind, _ in self.answers]
        predicted = [options for _, options in self.answers]
        return CategoryCases(
            name=self.category.name,
            options=self.category.names,
            rows=np.array(self.rows, dtype=np.intp),
            gold=self._flags(self.gold),
            predicted=self._flags(predicted),
            usable=np.array(self.usable, dtype=np.bool_),
            unknown_gold=_only_unknown(self.gold),
            unknown_predicted=_only_unknown(predicted),
            probability=self._probability(),
            failed=kinds.count("failed"),
            missing=kinds.count("missing"),
            review=kinds.count("review"),
        )

    def _flags(self, chosen: Sequence[tuple[str, ...]]) -> Flags:
        names = self.category.names
        flags = {options: [name in options for name in names] for options in set(chosen)}
        rows = [flags[options] for options in chosen]
        return np.array(rows, dtype=np.bool_).reshape(len(rows), len(names))

    def _probability(self) -> NDArray[np.float64]:
        names = self.category.names
        nothing = [math.nan] * len(names)
        rows: list[list[float]] = []
        for prediction, usable in zip(self.predictions, self.usable, strict=True):
            known = prediction.confidence.get(self.category.name) if prediction and usable else None
            rows.append([known.get(name, math.nan) for name in names] if known else nothing)
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(names))


def _only_unknown(chosen: Sequence[tuple[str, ...]]) -> Flags:
    """`unknown` beside options says nothing: the options hold."""
    unknown = {options for options in set(chosen) if set(options) == {UNKNOWN}}
    return np.array([options in unknown for options in chosen], dtype=np.bool_)


Named = tuple[str, Iterable[str]]  # category, options


def _refuse_strangers(gold: Gold, predictions: Predictions, taxonomy: Taxonomy) -> None:
    """Raises InputError for the first category or option that the taxonomy lacks."""
    allowed = {name: frozenset(taxonomy.allowed(name)) for name in taxonomy.categories}
    for incident in gold.incidents:
        labels = ((name, options or ()) for name, options in incident.labels.items())
        if stranger := _stranger(labels, allowed):
            raise InputError(f"{gold.place(incident.id)}: {_explained(stranger, taxonomy)}")
        prediction = predictions.items.get(incident.id)
        if prediction and (stranger := _stranger(_said(prediction), allowed)):
            place = f"{predictions.source}: incident {quoted(incident.id)}"
            raise InputError(f"{place}: {_explained(stranger, taxonomy)}")


def _said(prediction: Prediction) -> Iterator[Named]:
    yield from prediction.options.items()
    yield from prediction.confidence.items()


def _stranger(
    named: Iterable[Named], allowed: Mapping[str, frozenset[str]]
) -> tuple[str, str] | None:
    """The first category (and option) that is not allowed."""
    for category, options in named:
        if category not in allowed:
            return category, ""
        if not allowed[category].issuperset(options):
            return category, next(o for o in options if o not in allowed[category])
    return None


def _explained(stranger: tuple[str, str], taxonomy: Taxonomy) -> str:
    category, option = stranger
    if category in taxonomy.categories:
        allowed = ", ".join(taxonomy.allowed(category))
        return f"{category} has no option {quoted(option)}. Allowed are {allowed}."
    return (
        f"{taxonomy.name} has no category {quoted(category)}. Allowed are "
        f"{', '.join(taxonomy.categories)}; or give the taxonomy that it was labelled with."
    )
