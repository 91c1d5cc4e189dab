"""How a taxonomy asks a model: by which method, with which calibration, with its state or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from classifier.asking.scored import asks_state, questions_sha256
from classifier.calibration import QUESTIONS_CHANGED, Calibration
from classifier.errors import ConfigurationError
from classifier.models.seam import ModelInfo
from classifier.records import AuditFinding, ModelRef
from classifier.taxonomy import Method, Taxonomy


def method_of(taxonomy: Taxonomy, name: str) -> Method:
    """The taxonomy's method of that name; raises `ConfigurationError` where it has none."""
    try:
        return taxonomy.methods[name]
    except KeyError:
        raise ConfigurationError(
            f"The taxonomy {taxonomy.name!r} has no method {name!r}. "
            f"Allowed: {', '.join(taxonomy.methods)}; or add it to its taxonomy.yaml."
        ) from None


def model_ref(info: ModelInfo) -> ModelRef:
    """The model as reports name it."""
    return ModelRef(name=info.name, digest=info.digest, endpoint=info.endpoint)


def gives_state(taxonomy: Taxonomy, info: ModelInfo) -> bool:
    """Whether the model can be asked for its state, and the taxonomy says how."""
    return info.states and asks_state(taxonomy)


def calibration_of(taxonomy: Taxonomy, info: ModelInfo) -> Calibration | None:
    """The taxonomy's calibration that was fitted for this model and these very questions."""
    return next((c for c, why in judged_calibrations(taxonomy, info) if why is None), None)


def judged_calibrations(
    taxonomy: Taxonomy, info: ModelInfo
) -> Iterator[tuple[Calibration, str | None]]:
    """Each calibration of the taxonomy, with why it does not fit, or None where it does."""
    method = method_of(taxonomy, info.method)
    if method.decide != "scored" or not taxonomy.calibrations:
        return
    asked = questions_sha256(taxonomy, method)
    for calibration in taxonomy.calibrations:
        yield calibration, calibration.mismatch(model_ref(info), info.method, asked)


def audit_calibration(taxonomy: Taxonomy, info: ModelInfo) -> list[AuditFinding]:
    """What a reader must know of confidences that are not calibrated, or not all of them."""
    used = calibration_of(taxonomy, info)
    if used is not None:
        lacking = [name for name in taxonomy.categories if name not in used.weights.categories]
        what = f"The calibration's gold has no labels for {', '.join(lacking)}" if lacking else ""
    else:
        changed = QUESTIONS_CHANGED in [why for _, why in judged_calibrations(taxonomy, info)]
        what = f"The taxonomy's calibration is not used: {QUESTIONS_CHANGED}" if changed else ""
    if not what:
        return []
    message = f"{what}. Confidences are raw scores; fit them with `classifier calibrate`."
    return [AuditFinding(check="uncalibrated", severity="info", message=message)]


def audit_inputs(
    taxonomy: Taxonomy,
    calibration: Calibration | None,
    scores: Mapping[int, Mapping[str, object]],
    states: Mapping[int, Sequence[float]],
    *,
    not_embedded: int = 0,
) -> list[AuditFinding]:
    """What a reader must know where a chunk, by its number, lacks what the calibration reads of
    every one, or so many sentences were `not_embedded`.
    """
    if calibration is None:
        return []
    weights = calibration.weights
    read = [c.name for c in taxonomy.categories.values() if not c.gate and c.name in weights.read]
    lacking = [f"scores of {name}" for name in read if any(name not in s for s in scores.values())]
    if weights.state and not all(states.get(chunk) for chunk in scores):
        lacking.append("the model's state")
    if weights.embedding and not_embedded:
        lacking.append(f"embeddings of all sentences, {not_embedded} of them")
    if not lacking:
        return []
    message = (
        f"The calibration reads {', '.join(lacking)}, which the model did not give: the others "
        "are decided by the rest, and less sure than they say."
    )
    return [AuditFinding(check="decided-on-less", severity="warning", message=message)]
