"""Runs the gate: the baseline's incidents are asked anew, and a new baseline is made."""

from __future__ import annotations

from pathlib import Path

from classifier.methods import method_of
from classifier.models.opening import Notices, method_name, open_model
from classifier.settings import Settings
from classifier.taxonomy import load_taxonomy, taxonomy_folder
from eval.baseline import (
    WHAT,
    baseline_of,
    check_calibration,
    check_model,
    check_taxonomy,
    gold_of,
    load_baseline,
    save_baseline,
)
from eval.blame import Place, changed_lines, line_digests
from eval.comparing import Rules
from eval.evaluating import check_scorable, contrast
from eval.gating import GateResult, judge
from eval.gold import Gold
from eval.running import Kept, Scope, classify_gold
from eval.writing import check_place

NOW = "the prompts as they are"


async def gated(
    path: Path, gold: Gold, margin: float, settings: Settings, notices: Notices
) -> GateResult:
    """The gate's result for the prompts as they are.

    The baseline's model answers unless another is named, which is refused. Raises
    `ConfigurationError` where baseline, gold, taxonomy and model do not belong together.
    """
    baseline = load_baseline(path)
    whole = load_taxonomy(settings.taxonomy)
    check_taxonomy(baseline, whole)
    scope = Scope(tuple(baseline.options), explain=baseline.explain)
    taxonomy = scope.of(whole)
    chosen = scope.gold(gold_of(baseline, gold), taxonomy)
    check_scorable(chosen, taxonomy)
    settings = _with_model(settings, baseline.model_setting)
    method_of(taxonomy, method_name(settings))
    kept = Kept()
    async with open_model(settings, notices) as model:
        check_model(baseline, model.info)
        check_calibration(baseline, taxonomy, model.info)
        await classify_gold(chosen, taxonomy, model, kept, notices)
    now = kept.predictions(NOW)
    found = contrast(chosen, (baseline.predictions, taxonomy), (now, taxonomy), Rules())
    return judge(found, margin, _changed(settings.taxonomy, baseline.lines))


async def blessed(
    path: Path, gold: Gold, scope: Scope, settings: Settings, notices: Notices
) -> list[str]:
    """Make a baseline of the answers to this gold; returns the incidents without a report.

    Raises `ClassifierError` where none has one; the old baseline stays.
    """
    taxonomy = scope.of(load_taxonomy(settings.taxonomy))
    check_scorable(scope.gold(gold, taxonomy), taxonomy)
    check_place(path, WHAT)
    method_of(taxonomy, method_name(settings))
    kept = Kept()
    async with open_model(settings, notices) as model:
        await classify_gold(gold, taxonomy, model, kept, notices)
        made = baseline_of(
            gold,
            kept.predictions(NOW),
            taxonomy,
            model.info,
            model_setting=settings.model,
            lines=line_digests(taxonomy_folder(settings.taxonomy)),
        )
    save_baseline(made, path)
    return sorted(kept.failures)


def _with_model(settings: Settings, model: str) -> Settings:
    if "model" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"model": model})


def _changed(taxonomy: str, before: dict[str, tuple[str, ...]]) -> list[Place]:
    """The changed lines, by paths from the working directory where the folder lies below it."""
    folder = taxonomy_folder(taxonomy)
    found = changed_lines(before, line_digests(folder))
    return [Place(_shown(folder / place.file), place.line) for place in found]


def _shown(file: Path) -> str:
    try:
        return file.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(file)
