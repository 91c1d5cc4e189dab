"""Makes a calibration: scores the gold with a model, fits, and judges the fit on unseen gold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from classifier.asking.scored import decide_calibrated, questions_sha256
from classifier.calibration import Calibration, GoldRef, Point
from classifier.embeddings import Embeddings
from classifier.errors import ConfigurationError, InputError, ModelRequestError, ReplyError
from classifier.methods import method_of, model_ref
from classifier.models.opening import Notices, method_name, open_model
from classifier.models.seam import ModelInfo, OpenModel
from classifier.pipeline import score_incident
from classifier.records import UNKNOWN, Status, Usage
from classifier.settings import Settings
from classifier.taxonomy import Category, Taxonomy
from eval.calibration import confidence, risk_coverage
from eval.cases import Cases
from eval.figures import Score
from eval.fitting import Example, Likely, fit, held_out, learner
from eval.gold import Gold, GoldIncident
from eval.pairing import build_cases
from eval.predictions import Prediction, Predictions
from eval.ranking import fit_ranking
from eval.running import check_categories
from eval.scoring import DRAWS, score

LEAST_INCIDENTS = 10
THRESHOLDS = (0.35, 0.4, 0.45, 0.5, 0.55)
HELD_OUT = "cross-validation"
SPLITS = 4
"""Ways to cut the gold into folds, of which the first is the one that is reported."""


@dataclass(frozen=True)
class Calibrated:
    """A calibration, and the whole score of its cross-validation."""

    calibration: Calibration
    score: Score


async def calibrate(
    gold: Gold,
    taxonomy: Taxonomy,
    settings: Settings,
    notices: Notices,
    *,
    scores: Sequence[str] | None = None,
    seed: int = 0,
) -> Calibrated:
    """Score the gold with the settings' model, and fit its calibration.

    `scores` names the categories whose scores are read, by default (None) all of them: a report
    that is decided by the calibration asks for these and no more. Raises `ConfigurationError` where
    the taxonomy has none of that name or the model's method gives no scores, and `InputError` where
    fewer than `LEAST_INCIDENTS` can be used, a category got no score at all, or nothing is read.
    """
    check_categories(scores or (), taxonomy)
    method = method_of(taxonomy, method_name(settings))
    if method.decide != "scored":
        raise ConfigurationError(
            f"The method {method_name(settings)!r} of {taxonomy.name} gives no scores, so there is "
            "nothing to calibrate. Name one that decides by scores, such as --method embedded."
        )
    _check_enough(len(gold.incidents), gold)
    async with open_model(settings, notices) as model:
        read = await read_gold(gold, taxonomy, model, notices, scores)
    _check_scored(read.examples, scores)
    return fitted(gold, read, taxonomy, model.info, seed=seed)


@dataclass(frozen=True)
class Read:
    """What a model makes of gold: an example of each incident, and the embeddings of its sentences
    by its id, made by the first `layers` of the model; 0 where it makes none.
    """

    examples: Sequence[Example]
    embeddings: Mapping[str, Embeddings] = field(default_factory=dict)
    layers: int = 0


def fitted(
    gold: Gold,
    read: Read,
    taxonomy: Taxonomy,
    info: ModelInfo,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Calibrated:
    """The calibration that was learnt from what was read, judged by cross-validation."""
    examples = read.examples
    gold = gold.only([e.id for e in examples])
    _check_enough(len(examples), gold)
    splits = [held_out(examples, learner(taxonomy), seed=seed + n) for n in range(SPLITS)]
    threshold = best_threshold(gold, splits, taxonomy)
    cases = _cases(gold, splits[0], taxonomy, threshold)
    found = score(cases, draws=draws, seed=seed).model_copy(
        update={"gold": gold.source, "predictions": HELD_OUT}
    )
    calibration = Calibration(
        taxonomy=f"{taxonomy.name} {taxonomy.version}",
        questions_sha256=questions_sha256(taxonomy, method_of(taxonomy, info.method)),
        model=model_ref(info),
        method=info.method,
        gold=GoldRef(
            source=gold.source.rpartition("/")[2],
            incidents=tuple(e.id for e in examples),
            sha256=gold.fingerprint,
        ),
        threshold=threshold,
        measured=_measured(found),
        curve=_curve(cases),
        weights=fit(examples, taxonomy),
        ranking=fit_ranking(
            gold.incidents,
            taxonomy,
            read.embeddings,
            _held(predictions_of(splits[0], taxonomy, threshold)),
            seed=seed,
        ),
        layers=read.layers,
    )
    return Calibrated(calibration, found)


def _check_enough(count: int, gold: Gold) -> None:
    if count < LEAST_INCIDENTS:
        raise InputError(
            f"{gold.source} gives {count} labelled incidents to fit on, and {LEAST_INCIDENTS} are "
            "the least; 30 or more are worth having. Label more of them."
        )


def _check_scored(examples: Sequence[Example], names: Sequence[str] | None) -> None:
    """Refuse what would be fitted without the scores that it is to read, or without anything."""
    if names is not None and not names and not any(e.state or e.embedding for e in examples):
        raise InputError(
            "The model tells neither a state nor embeddings, so without scores there is nothing to "
            "decide by. Leave out --no-scores, or name a model that runs here."
        )
    wanted = names if names is not None else sorted({name for e in examples for name in e.labels})
    if silent := [name for name in wanted if not any(name in e.scores for e in examples)]:
        raise InputError(
            f"Not one incident has scores of {silent[0]!r}: the model's replies carried no "
            "log-probabilities, or no incident is labelled with it. Name a model whose endpoint "
            "gives them, or with --score the categories that have some."
        )


def embedding_layers(info: ModelInfo) -> int:
    """How many of a model's layers to embed with: those in the middle know best what a text is
    about (docs/accuracy.md), so four sevenths, which are 16 of 28.
    """
    return info.layers * 4 // 7


async def read_gold(
    gold: Gold,
    taxonomy: Taxonomy,
    model: OpenModel,
    notices: Notices,
    scores: Sequence[str] | None = None,
) -> Read:
    """What the model makes of each incident, beside its labels, in the order of the gold.

    `scores` names the categories that are scored, by default all of them. An incident that the
    model does not take is left out, and `notices` says why, and how often a category got no score.
    """
    examples, spent, silent = [], Usage(), Counter[str]()
    embeddings: dict[str, Embeddings] = {}
    layers = embedding_layers(model.info)
    for number, incident in enumerate(gold.incidents):
        notices.progress(number, len(gold.incidents), incident.id)
        try:
            asked = [c for c in _labelled(incident, taxonomy) if scores is None or c.name in scores]
            scored = await score_incident(incident.incident, taxonomy, model, asked, layers)
        except (ModelRequestError, ReplyError, InputError) as error:
            notices.say(f"{incident.id} is left out: {error}")
            continue
        spent += scored.usage
        silent.update(c.name for c in asked if c.name not in scored.scores)
        text = " ".join(f"{a.title} {a.text}" for a in incident.articles)
        labels = _labels(incident, taxonomy)
        examples.append(
            Example(incident.id, scored.scores, labels, text, scored.state, scored.embedding)
        )
        if scored.embeddings.of:
            embeddings[incident.id] = scored.embeddings
    if layers and len(embeddings) < len(examples):
        count = len(examples) - len(embeddings)
        notices.say(f"No sentence of {count} incidents could be embedded: they are fitted without.")
    for name, count in silent.items():
        notices.say(f"{name}: no scores of {count} incidents, which are fitted without them.")
    notices.say(f"{spent.calls} calls, {spent.cache_hits} answered from the cache.")
    return Read(examples, embeddings, layers if embeddings else 0)


def _labelled(incident: GoldIncident, taxonomy: Taxonomy) -> list[Category]:
    """What to score: all that every incident is asked, and what stands behind its open gates."""
    return [
        c
        for c in taxonomy.categories.values()
        if c.gate is None or incident.labels.get(c.name) is not None
    ]


def _labels(incident: GoldIncident, taxonomy: Taxonomy) -> dict[str, frozenset[str]]:
    return {
        name: frozenset(options) - {UNKNOWN}
        for name, options in incident.labels.items()
        if options is not None and name in taxonomy.categories
    }


def best_threshold(gold: Gold, splits: Sequence[Mapping[str, Likely]], taxonomy: Taxonomy) -> float:
    """Of `THRESHOLDS` the one with the best exact-set rate and micro F1, added up over the splits:
    of a single one the best is half chance.
    """

    def merit(threshold: float) -> float:
        found = [score(_cases(gold, one, taxonomy, threshold), draws=0).overall for one in splits]
        return sum((of.exact.value or 0) + (of.micro_f1.value or 0) for of in found)

    return max(THRESHOLDS, key=merit)


def _held(told: Predictions) -> dict[str, dict[str, float]]:
    """Id -> `category/option` -> its probability, for the options that hold."""
    return {
        name: {
            f"{category}/{option}": one.confidence[category][option]
            for category, options in one.options.items()
            for option in options
            if option != UNKNOWN
        }
        for name, one in told.items.items()
    }


def _cases(gold: Gold, likely: Mapping[str, Likely], taxonomy: Taxonomy, threshold: float) -> Cases:
    return build_cases(gold, predictions_of(likely, taxonomy, threshold), taxonomy)[0]


def predictions_of(
    likely: Mapping[str, Likely], taxonomy: Taxonomy, threshold: float
) -> Predictions:
    """What reports would say, given the probabilities of each incident (id -> category -> option):
    an option holds from the threshold on, and a gate closes what stands behind it.
    """
    items = {name: _prediction(name, told, taxonomy, threshold) for name, told in likely.items()}
    return Predictions(items, HELD_OUT)


def _prediction(name: str, likely: Likely, taxonomy: Taxonomy, threshold: float) -> Prediction:
    options: dict[str, tuple[str, ...]] = {}
    status: dict[str, Status] = {}
    for category in (c for wave in taxonomy.waves() for c in wave):
        gate = category.gate
        if gate is not None and gate.option not in options.get(gate.category, ()):
            options[category.name], status[category.name] = (), "not_applicable"
        elif category.name in likely:
            answer = decide_calibrated(likely[category.name], category, threshold)
            options[category.name] = (UNKNOWN,) if answer.unknown else answer.applied
            status[category.name] = "unknown" if answer.unknown else "answered"
    told = {
        c: {o: likely[c][o] for o in taxonomy.categories[c].names}
        for c, s in status.items()
        if s != "not_applicable"
    }
    return Prediction(name, options, status, confidence=told, calibrated=True)


def _measured(found: Score) -> dict[str, float]:
    figures = {
        "decisions": found.overall.decisions,
        "exact": found.overall.exact.value,
        "precision": found.overall.precision.value,
        "recall": found.overall.recall.value,
        "micro_f1": found.overall.micro_f1.value,
        "constant_exact": found.overall.constant.exact,
        "ece": found.calibration.ece if found.calibration else None,
    }
    return {name: round(float(value), 4) for name, value in figures.items() if value is not None}


def _curve(cases: Cases) -> tuple[Point, ...]:
    """From the surest decision to all of them: the confidence, and the share of exact ones."""
    sure = np.concatenate([confidence(c) for c in cases.categories])
    curve = risk_coverage(sure, np.concatenate([~c.exact for c in cases.categories]))
    ordered = np.sort(sure)[::-1]
    at = np.unique((np.array([c for c, _ in curve.points()]) * len(sure)).round().astype(int)) - 1
    return tuple(
        Point(confidence=round(float(ordered[n]), 4), exact=round(float(1 - curve.risk[n]), 4))
        for n in at
        if ordered[n] >= 0
    )
