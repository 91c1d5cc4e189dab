"""A baseline: answers that were looked at and found good, which a change must not fall behind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from classifier.errors import ConfigurationError, InputError
from classifier.methods import calibration_of, method_of, model_ref
from classifier.models.seam import ModelInfo
from classifier.pipeline import parameters
from classifier.record_files import load_record
from classifier.records import ModelRef, Record, Status
from classifier.taxonomy import Taxonomy
from eval.gold import Gold
from eval.predictions import Prediction, Predictions
from eval.writing import write_whole

WHAT = "The baseline"


class BaselineAnswer(Record):
    """The answer to one category of one incident."""

    options: tuple[str, ...]
    status: Status


class Baseline(Record):
    """What a gate compares with. Baselines are written with `schema_version` 1.

    `incidents` maps an id to the fingerprint of its article and labels; `options` a category to
    the options that it had; `lines` a file of the taxonomy's folder to digests of its lines.
    `model_setting` is what `--model` was. An incident in `incidents` without answers had failed.
    """

    schema_version: Literal[1] = 1
    taxonomy: str
    options: dict[str, tuple[str, ...]]
    model_setting: str
    model: ModelRef
    method: str
    parameters: dict[str, Any]
    explain: bool
    incidents: dict[str, str]
    answers: dict[str, dict[str, BaselineAnswer]]
    lines: dict[str, tuple[str, ...]]

    @property
    def predictions(self) -> Predictions:
        """The answers, as they are compared."""
        items = {
            name: Prediction(
                id=name,
                options={c: a.options for c, a in answers.items()},
                status={c: a.status for c, a in answers.items()},
            )
            for name, answers in self.answers.items()
        }
        lost = dict.fromkeys(set(self.incidents) - set(items), "it had failed in the baseline")
        return Predictions(items, "the baseline", lost)


def baseline_of(
    gold: Gold,
    predictions: Predictions,
    taxonomy: Taxonomy,
    info: ModelInfo,
    *,
    model_setting: str,
    lines: Mapping[str, tuple[str, ...]],
) -> Baseline:
    """The baseline that a run on this gold makes."""
    method = method_of(taxonomy, info.method)
    return Baseline(
        taxonomy=taxonomy.name,
        options={name: c.names for name, c in taxonomy.categories.items()},
        model_setting=model_setting,
        model=model_ref(info),
        method=info.method,
        parameters=parameters(taxonomy, info),
        explain=method.explain,
        incidents=_fingerprints(gold),
        answers={
            name: {
                category: BaselineAnswer(options=item.options.get(category, ()), status=status)
                for category, status in item.status.items()
            }
            for name, item in predictions.items.items()
        },
        lines=dict(lines),
    )


def load_baseline(path: Path) -> Baseline:
    """The baseline in a file; `InputError` where it is none."""
    mend = "Make one with `classifier eval bless`."
    return load_record(path, Baseline, "baseline", mend, InputError)


def save_baseline(baseline: Baseline, path: Path) -> None:
    """Write it whole or not at all; raises `ConfigurationError` where it cannot be written."""
    write_whole(path, baseline.model_dump_json(indent=1) + "\n", WHAT)


def gold_of(baseline: Baseline, gold: Gold) -> Gold:
    """The incidents of the baseline; `ConfigurationError` where they are not those of the gold."""
    known = _fingerprints(gold)
    gone = sorted(set(baseline.incidents) - set(known))
    changed = [
        name
        for name, fingerprint in baseline.incidents.items()
        if known.get(name, fingerprint) != fingerprint
    ]
    if gone or changed:
        what = [f"{', '.join(gone)} missing"] if gone else []
        what += [f"{', '.join(changed)} with another text or other labels"] if changed else []
        raise ConfigurationError(
            f"The gold of {gold.source} is not the baseline's: {'; '.join(what)}. Give the gold "
            "that the baseline was made on, or bless a new baseline."
        )
    return gold.only(baseline.incidents)


def _fingerprints(gold: Gold) -> dict[str, str]:
    return {i.id: Gold((i,), gold.source).fingerprint for i in gold.incidents}


def check_taxonomy(baseline: Baseline, taxonomy: Taxonomy) -> None:
    """Raises `ConfigurationError` where the baseline's answers are not of this taxonomy."""
    if baseline.taxonomy != taxonomy.name:
        raise ConfigurationError(
            f"The baseline is of the taxonomy {baseline.taxonomy!r}, and {taxonomy.name!r} is "
            f"asked. Give --taxonomy {baseline.taxonomy}, or bless a baseline of its own."
        )
    now = {name: c.names for name, c in taxonomy.categories.items()}
    if differing := [n for n in baseline.options if baseline.options[n] != now.get(n)]:
        raise ConfigurationError(
            f"The options of {', '.join(differing)} are not those of the baseline. Answers to "
            "different options cannot be compared: bless a new baseline."
        )


def check_model(baseline: Baseline, info: ModelInfo) -> None:
    """Raises `ConfigurationError` where another model would answer than the baseline's."""
    then = baseline.model
    if (info.name, info.digest) != (then.name, then.digest):
        raise ConfigurationError(
            f"The baseline was answered by {_shown(then.name, then.digest)}, and "
            f"{_shown(info.name, info.digest)} is asked now. Leave --model out, or bless a "
            "baseline of this model."
        )


def check_calibration(baseline: Baseline, taxonomy: Taxonomy, info: ModelInfo) -> None:
    """Raises `ConfigurationError` where the baseline was calibrated, and the prompts as they are
    have no calibration: raw scores would be held against probabilities.
    """
    if baseline.parameters.get("calibration") and calibration_of(taxonomy, info) is None:
        raise ConfigurationError(
            "The baseline was answered with a calibration, and none fits the questions as they "
            "are now. Fit one with `classifier calibrate`, then ask again."
        )


def _shown(name: str, digest: str | None) -> str:
    return f"{name} (weights {digest[:12]})" if digest else name
