"""The errors a user can meet: each names the value, what was allowed, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass


class ClassifierError(Exception):
    """The root: whatever is raised on purpose derives from it, and its message is for the user."""


class ConfigurationError(ClassifierError):
    """Wrong usage or settings, found before anything was sent."""


class InputError(ClassifierError):
    """An article that cannot be read: missing, empty, binary, without text."""


@dataclass(frozen=True)
class Problem:
    """One mistake in a taxonomy's folder: where it is (`line` counts from 1) and how to mend it."""

    file: str
    line: int
    message: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}. {self.mend}."


class TaxonomyError(ConfigurationError):
    """A taxonomy that cannot be used; `problems` lists every mistake that was found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class WeightsError(ClassifierError):
    """Weights that could not be had: no source reached, a wrong digest, a full disk."""


class ModelError(ClassifierError):
    """A model that gave no usable reply; `retryable` says whether the same call may yet succeed.

    `retry_after` is the wait in seconds that the endpoint asked for, if it did. `usage` is the
    `Usage` that the failure cost, where it is known (typed as object: errors import no records).
    """

    retryable = False

    def __init__(
        self, message: str, *, retry_after: float | None = None, usage: object | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.usage = usage


class ModelUnreachableError(ModelError):
    """A refused or broken connection, or a timeout.

    `sent` is false where no connection came about: the endpoint cannot have read the request.
    """

    retryable = True

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class BudgetError(ModelError):
    """The next call may cost more than is left of the cap; it was not sent."""


class ModelBusyError(ModelError):
    """Statuses 408, 409, 429 and 5xx: the endpoint may answer later."""

    retryable = True


class ModelQuotaError(ModelError):
    """A spent quota: it does not come back within a retry's time."""


class ModelAccessError(ModelError):
    """Statuses 401 and 403: a missing, wrong or unentitled key."""


class ModelRequestError(ModelError):
    """Other 4xx statuses: the endpoint does not take the request as it is.

    `parameter` names what it refused, where the endpoint says so.
    """

    def __init__(self, message: str, *, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


class ReplyError(ModelError):
    """A reply that arrived and cannot be used: empty, cut short, filtered, not in the schema."""
