"""What the settings ask: how sure an answer must be, by which calibration, with which fields."""

from __future__ import annotations

from pathlib import Path

from classifier.calibration import Calibration, load_calibration
from classifier.errors import ConfigurationError
from classifier.methods import calibration_of, judged_calibrations, method_of
from classifier.models.seam import ModelInfo
from classifier.settings import Settings
from classifier.taxonomy import Taxonomy, load_taxonomy

AUTO, NONE = "auto", "none"


def taxonomy_of(settings: Settings) -> Taxonomy:
    """The settings' taxonomy, as `as_asked` has it.

    Raises `ConfigurationError` where there is no such taxonomy or calibration, or it has mistakes.
    """
    return as_asked(load_taxonomy(settings.taxonomy), settings)


def as_asked(taxonomy: Taxonomy, settings: Settings) -> Taxonomy:
    """The taxonomy with the calibration that the settings name, and with the open fields only
    where they ask for them.
    """
    asked = taxonomy if settings.fields else taxonomy.without_fields()
    return with_calibration(asked, settings)


def with_calibration(taxonomy: Taxonomy, settings: Settings) -> Taxonomy:
    """The taxonomy with the settings' calibration in place of its own, where they name one."""
    if settings.calibration == AUTO:
        return taxonomy
    chosen = () if settings.calibration == NONE else (load_calibration(Path(settings.calibration)),)
    return taxonomy.model_copy(update={"calibrations": chosen})


def least_confidence(settings: Settings, taxonomy: Taxonomy, info: ModelInfo) -> float | None:
    """The confidence below which a decision needs review; None where the settings ask for none.

    Raises `ConfigurationError` where the calibration that they name does not fit the model and
    the questions, where the model gives no confidences, and where no confidence is known to reach
    the precision that is asked for.
    """
    calibration = calibration_of(taxonomy, info)
    if calibration is None and settings.calibration not in (AUTO, NONE):
        raise ConfigurationError(_misfit(settings, taxonomy, info))
    asks = settings.min_confidence is not None or settings.target_precision is not None
    if asks and method_of(taxonomy, info.method).decide != "scored":
        raise ConfigurationError(
            f"{info.name} is asked by the method {info.method!r}, which gives no confidences, so "
            "no decision can be held against one. Leave --min-confidence and --target-precision "
            "out, or choose a method that scores options, such as --method embedded."
        )
    bounds = [settings.min_confidence, _reaching(settings.target_precision, calibration)]
    return max((bound for bound in bounds if bound is not None), default=None)


def _reaching(precision: float | None, calibration: Calibration | None) -> float | None:
    if precision is None:
        return None
    if calibration is None:
        raise ConfigurationError(
            f"--target-precision {precision:g} needs a calibration, which says how often decisions "
            "of each confidence were right, and none fits this model and these questions. Make "
            "one with `classifier calibrate`, or give --min-confidence."
        )
    found = calibration.confidence_for(precision)
    if found is None:
        most = calibration.best_precision
        raise ConfigurationError(
            f"--target-precision {precision:g} is out of reach: of the surest decisions in the "
            f"calibration's own trial {most:.2f} were right. Ask for less."
        )
    return found


def _misfit(settings: Settings, taxonomy: Taxonomy, info: ModelInfo) -> str:
    why: str | None
    if method_of(taxonomy, info.method).decide != "scored":
        why = f"the method {info.method!r} gives no scores to calibrate"
    else:
        [(_, why)] = judged_calibrations(taxonomy, info)
    return (
        f"The calibration {settings.calibration!r} cannot be used: {why}. Make one with "
        "`classifier calibrate`, or leave --calibration out."
    )
