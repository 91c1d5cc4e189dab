"""Reads why a batch did not pass its endpoint's checks; nothing of such a batch was executed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from classifier.errors import ConfigurationError, ModelQuotaError
from classifier.models.endpoint import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.models.batch_api import Batch
    from classifier.models.endpoint import EndpointSettings

_FULL = {"token_limit_exceeded", "rate_limit_exceeded"}
_SPENT = {"insufficient_quota", "billing_hard_limit_reached"}


@dataclass(frozen=True)
class Refusal:
    """A refusal that can be dealt with: `is_full` says that too much of ours waits there already;
    else the requests `at_fault` (custom ids) are to blame, and the others may be sent again.
    """

    said: str
    is_full: bool
    at_fault: frozenset[str] = frozenset()


def refusal_of(batch: Batch, ids: Sequence[str], settings: EndpointSettings) -> Refusal:
    """Why the batch of these requests, in the order of their lines, was refused.

    Raises `ModelQuotaError` for a spent quota, and `ConfigurationError` where it is not the fault
    of single requests: the same would come of any other batch.
    """
    reasons = batch.reasons
    codes = {r.code for r in reasons}
    told = "; ".join(f"{r.code}: {r.message}" for r in reasons[:3]) or "no reason was given"
    said = f"The batch {batch.id} was refused: {shown(told, settings)}"
    if codes & _SPENT:
        raise ModelQuotaError(f"{said}. The quota is spent: raise it, or come back later")
    if codes & _FULL:
        return Refusal(said, is_full=True)
    at_fault = frozenset(ids[r.line - 1] for r in reasons if r.line and 0 < r.line <= len(ids))
    if not at_fault or (len(ids) > 1 and at_fault.issuperset(ids)):
        raise ConfigurationError(
            f"{said}. Check that the model {settings.model!r} can be asked in batches, or leave "
            "out --via openai-batch."
        )
    return Refusal(said, is_full=False, at_fault=at_fault)
