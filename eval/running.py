"""Classifies the gold's articles, so that the answers can be scored or compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from classifier.batch.folder import RunFolder
from classifier.batch.starting import manifest_of
from classifier.calibration import Calibration
from classifier.confidence import least_confidence, with_calibration
from classifier.errors import (
    ClassifierError,
    ConfigurationError,
    InputError,
    ModelRequestError,
    ReplyError,
)
from classifier.methods import calibration_of, method_of
from classifier.models.opening import Notices, method_name, open_model
from classifier.models.seam import ModelInfo, OpenModel
from classifier.pipeline import Progress, classify_incident
from classifier.records import Report, Usage
from classifier.settings import Settings
from classifier.taxonomy import Category, Taxonomy
from eval.gold import Gold, GoldIncident
from eval.prediction_files import INCIDENTS
from eval.predictions import Predictions, from_reports


@dataclass(frozen=True)
class Scope:
    """What is asked of each incident: these categories (none named: all), explained or not."""

    categories: tuple[str, ...] = ()
    explain: bool = True

    def of(self, taxonomy: Taxonomy) -> Taxonomy:
        """The taxonomy with what is asked, and the categories that gate it; open fields, of which
        there is no gold, are not asked.

        Raises `ConfigurationError` for a category that the taxonomy lacks.
        """
        check_categories(self.categories, taxonomy)
        chosen = _with_gates(self.categories or tuple(taxonomy.categories), taxonomy.categories)
        methods = {
            name: method.model_copy(update={"explain": self.explain})
            for name, method in taxonomy.methods.items()
        }
        kept = {name: c for name, c in taxonomy.categories.items() if name in chosen}
        asked = {"categories": kept, "methods": methods, "postmortem": None}
        return taxonomy.model_copy(update=asked)

    def gold(self, gold: Gold, taxonomy: Taxonomy) -> Gold:
        """The gold with the labels of what is asked; all of it where no category was named."""
        if not self.categories:
            return gold
        narrow = (
            i.model_copy(
                update={"labels": {c: o for c, o in i.labels.items() if c in taxonomy.categories}}
            )
            for i in gold.incidents
        )
        return replace(gold, incidents=tuple(narrow))

    def predictions(self, predictions: Predictions, taxonomy: Taxonomy) -> Predictions:
        """The answers to what is asked; all of them where no category was named."""
        if not self.categories:
            return predictions
        items = {
            name: replace(
                item,
                options={c: o for c, o in item.options.items() if c in taxonomy.categories},
                status={c: s for c, s in item.status.items() if c in taxonomy.categories},
                confidence={c: p for c, p in item.confidence.items() if c in taxonomy.categories},
            )
            for name, item in predictions.items.items()
        }
        return replace(predictions, items=items)


def check_categories(names: Iterable[str], taxonomy: Taxonomy) -> None:
    """Refuse, as a `ConfigurationError`, a category that the taxonomy lacks."""
    if unknown := [name for name in names if name not in taxonomy.categories]:
        raise ConfigurationError(
            f"{taxonomy.name} has no category {unknown[0]!r}. "
            f"Allowed: {', '.join(taxonomy.categories)}."
        )


def _with_gates(names: Sequence[str], categories: Mapping[str, Category]) -> set[str]:
    chosen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        gate = categories[name].gate
        chosen.add(name)
        if gate is not None and gate.category not in chosen:
            waiting.append(gate.category)
    return chosen


class Sink(Protocol):
    """Where answers go: a run folder, or memory."""

    def append_report(self, report: Report) -> None:
        """Keep a report."""

    def append_failure(self, id_: str, stage: str, reason: str) -> None:
        """Keep the failure of an incident."""


@dataclass
class Kept:
    """A sink in memory."""

    reports: list[Report] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    def append_report(self, report: Report) -> None:
        """Keep a report."""
        self.reports.append(report)

    def append_failure(self, id_: str, stage: str, reason: str) -> None:
        """Keep the failure of an incident."""
        self.failures[id_] = f"{stage}: {reason}"

    def predictions(self, source: str) -> Predictions:
        """What was answered; raises `ClassifierError` where no incident came to a report."""
        if not self.reports:
            reasons = list(self.failures.values()) or ["there was no incident"]
            raise ClassifierError(
                f"Of {source}, no incident came to a report ({reasons[0]}), so there is nothing "
                "to judge by. Mend that, and run it again."
            )
        return from_reports(self.reports, source, self.failures)


async def run_gold(
    gold: Gold, taxonomy: Taxonomy, settings: Settings, folder: Path, notices: Notices
) -> int:
    """Classify the gold into a run folder, going on with what is there; returns the failures.

    Raises `ConfigurationError` where the folder holds another run.
    """
    method_of(taxonomy, method_name(settings))  # before weights are pulled for nothing
    taxonomy = with_calibration(taxonomy, settings)
    async with open_model(settings, notices) as model:
        least = least_confidence(settings, taxonomy, model.info)
        _warn_of_rosy_figures(gold, calibration_of(taxonomy, model.info), notices)
        asked: dict[str, object] = {
            "categories": list(taxonomy.categories),
            INCIDENTS: [i.id for i in gold.incidents],
        }
        if least is not None:
            asked["least_confidence"] = least
        manifest = manifest_of(taxonomy, model.info, gold.articles_fingerprint, asked)
        with RunFolder.create_or_resume(folder, manifest) as writer:
            done = writer.done()
            if done:
                notices.say(f"Going on: {len(done)} of {len(gold.incidents)} are done already.")
            rest = gold.only([i.id for i in gold.incidents if i.id not in done])
            return await classify_gold(rest, taxonomy, model, writer, notices, least)


def _warn_of_rosy_figures(gold: Gold, calibration: Calibration | None, notices: Notices) -> None:
    taught = set(calibration.gold.incidents) if calibration else set()
    if known := [i.id for i in gold.incidents if i.id in taught]:
        notices.say(
            f"{len(known)} of these {len(gold.incidents)} incidents taught the calibration: "
            "figures on them are rosy. Give other gold, --calibration none, or read the "
            "cross-validation that `classifier calibrate` prints."
        )


async def ask_gold(
    gold: Gold, versions: Sequence[tuple[str, Taxonomy]], settings: Settings, notices: Notices
) -> list[Predictions]:
    """The answers of one model to each version of the taxonomy, by its name.

    Each incident is asked of every version in turn, while the model still has its articles at
    hand. Raises `ClassifierError` where a version came to no report at all.
    """
    for _, taxonomy in versions:
        method_of(taxonomy, method_name(settings))
    kept = [Kept() for _ in versions]
    async with open_model(settings, notices) as model:
        alike = _calibrated_alike([t for _, t in versions], settings, model.info, notices)
        lines = [
            _Line(taxonomy, sink, f"{name}: ")
            for (name, _), taxonomy, sink in zip(versions, alike, kept, strict=True)
        ]
        await _classify(gold, lines, model, notices)
    return [k.predictions(name) for k, (name, _) in zip(kept, versions, strict=True)]


def _calibrated_alike(
    taxonomies: Sequence[Taxonomy], settings: Settings, info: ModelInfo, notices: Notices
) -> list[Taxonomy]:
    """Calibrated all of them or none: else the calibration would be compared, not the prompts."""
    chosen = [with_calibration(t, settings) for t in taxonomies]
    if len({calibration_of(t, info) is None for t in chosen}) == 1:
        return chosen
    notices.say(
        "A calibration fits only one of the versions, so both are asked without it: raw scores "
        "are compared. Fit one for the other with `classifier calibrate` to compare what readers "
        "would get."
    )
    return [t.model_copy(update={"calibrations": ()}) for t in chosen]


async def classify_gold(
    gold: Gold,
    taxonomy: Taxonomy,
    model: OpenModel,
    sink: Sink,
    notices: Notices,
    least_confidence: float | None = None,
) -> int:
    """Classify the incidents one after another; returns how many came to no report.

    An incident that the model does not take is a failure in the sink, and the next one goes on.
    Raises `ModelError` where the endpoint cannot be used at all, and `ConfigurationError`.
    """
    line = _Line(taxonomy, sink, least_confidence=least_confidence)
    await _classify(gold, [line], model, notices)
    return line.failed


@dataclass
class _Line:
    """One taxonomy that is asked, where its answers go, and what they came to."""

    taxonomy: Taxonomy
    sink: Sink
    label: str = ""
    least_confidence: float | None = None
    failed: int = 0
    usage: Usage = field(default_factory=Usage)

    async def ask(
        self, incident: GoldIncident, model: OpenModel, notices: Notices, place: str
    ) -> None:
        def progress(at: Progress) -> None:
            notices.progress(at.done, at.total, f"{self.label}{place}: {at.category}")

        try:
            report = await classify_incident(
                incident.incident,
                self.taxonomy,
                model,
                least_confidence=self.least_confidence,
                progress=progress,
            )
        except (ModelRequestError, ReplyError, InputError) as error:
            self.failed += 1
            self.sink.append_failure(incident.id, "ask", str(error))
            notices.say(f"{self.label}{incident.id}: {error}")
        else:
            self.usage += report.provenance.usage
            self.sink.append_report(report)

    @property
    def cost(self) -> str:
        spent = self.usage
        return (
            f"{self.label}{spent.calls} calls, {spent.cache_hits} answered from the cache, "
            f"{spent.prompt_tokens} prompt tokens, {spent.completion_tokens} written."
        )


async def _classify(gold: Gold, lines: Sequence[_Line], model: OpenModel, notices: Notices) -> None:
    for number, incident in enumerate(gold.incidents):
        for line in lines:
            place = f"{number + 1}/{len(gold.incidents)} {incident.id}"
            await line.ask(incident, model, notices, place)
    for line in lines:
        notices.say(line.cost)
