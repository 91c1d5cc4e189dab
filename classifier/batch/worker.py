"""Turns one incident into its report, or into the failure of that incident alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from classifier.batch.patience import PASSING, EndpointGoneError, Patient, asked_about
from classifier.errors import (
    BudgetError,
    ClassifierError,
    ConfigurationError,
    InputError,
    ModelError,
    ModelQuotaError,
)
from classifier.pipeline import classify_incident

if TYPE_CHECKING:
    from classifier.models.seam import OpenModel
    from classifier.records import Incident, Report
    from classifier.taxonomy import Taxonomy

STOPPING = (BudgetError, ModelQuotaError, EndpointGoneError)
"""Errors of a model that every later incident would meet too: they stop a run."""

READ, PREPARE, ASK, ANSWER, INTERNAL = "read", "prepare", "ask", "answer", "internal"


@dataclass(frozen=True)
class Failure:
    """Why an incident has no report: `stage` is where it ended.

    read: it is no incident. prepare: it cannot be asked about. ask: the model did not take it.
    answer: no category has an answer. internal: a mistake of this program. Of a `doubtful` one it
    is not known yet whether the endpoint is to blame; `absences` is how often that was away then.
    A `passing` one may come to a report another time.
    """

    id: str
    stage: str
    reason: str
    doubtful: bool = False
    absences: int = 0
    passing: bool = False


class Worker:
    """Classifies incidents, any number at a time, by one model and one taxonomy."""

    def __init__(
        self,
        taxonomy: Taxonomy,
        model: OpenModel,
        patient: Patient,
        least_confidence: float | None = None,
    ) -> None:
        self._taxonomy = taxonomy
        self._model = replace(model, model=patient)
        self._least = least_confidence
        self.patient = patient

    async def outcome(self, incident: Incident) -> Report | Failure:
        """The report, or the failure of this incident.

        Raises the errors that stop a run: `STOPPING`, `ConfigurationError`, and `ClassifierError`
        where the system fails.
        """
        asked_about.set(incident.id)  # a task has its own
        try:
            report = await classify_incident(
                incident, self._taxonomy, self._model, least_confidence=self._least
            )
        except (*STOPPING, ConfigurationError):
            raise
        except InputError as error:
            return Failure(incident.id, PREPARE, str(error))
        except ModelError as error:
            return self._failed(incident.id, ASK, str(error), passing=isinstance(error, PASSING))
        except ClassifierError as error:
            return Failure(incident.id, ASK, str(error))
        except OSError as error:
            raise ClassifierError(
                f"The system does not let the run go on: {error}. Free space or mend the disk."
            ) from error
        except Exception as error:  # noqa: BLE001 - one incident must not take the others along
            told = f"{type(error).__name__}: {error}"[:500]
            return self._failed(incident.id, INTERNAL, f"{told}. This is a mistake of the program")
        reason = _answerless(report)
        return self._failed(incident.id, ANSWER, reason) if reason else report

    def _failed(self, id_: str, stage: str, reason: str, *, passing: bool = False) -> Failure:
        patient = self.patient
        if not passing:
            patient.answerless(reason)
        return Failure(id_, stage, reason, patient.doubtful, patient.absences, passing)


def _answerless(report: Report) -> str | None:
    """Why a report is none: no category has an answer."""
    decisions = report.categories.values()
    reasons = [d.reason or "" for d in decisions if d.status == "failed"]
    if not reasons or any(d.status not in ("failed", "not_applicable") for d in decisions):
        return None
    return f"no category has an answer; of the first: {reasons[0]}"
