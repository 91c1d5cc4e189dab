"""Looks at a batch until it ends: how often, how patiently, and what to say of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from classifier.errors import ConfigurationError, ModelError
from classifier.models.batch_api import ENDED, Batch
from classifier.models.retry import is_retryable

if TYPE_CHECKING:
    from classifier.models.batch_api import BatchApi
    from classifier.models.batch_parts import BatchOptions

_SLOWER = 1.5
_MISSING = 5
"""So many looks may find no batch, or no file of a completed one: news takes time to spread."""


@dataclass
class Watch:
    """The looks at one batch. `clock` is in seconds."""

    api: BatchApi
    options: BatchOptions
    say: Callable[[str], None]
    sleep: Callable[[float], Awaitable[None]]
    clock: Callable[[], float]
    _missing: int = 0
    _failing_since: float | None = None
    _said: tuple[str, int] = field(default=("", -1))

    async def ended(self, name: str) -> Batch:
        """The batch when it has ended, well or not.

        Raises `ConfigurationError` where nobody there knows it, and `ModelError` where the
        endpoint cannot be used, or was away for longer than `patience`.
        """
        wait = self.options.first_look
        while True:
            batch = await self._look(name)
            if batch is not None and self._is_over(batch):
                self._tell(batch)
                return batch
            await self.sleep(wait)
            wait = min(wait * _SLOWER, self.options.longest_look)

    async def _look(self, name: str) -> Batch | None:
        try:
            batch = await self.api.look(name)
        except ModelError as error:
            self._bear(error)
            return None
        self._failing_since = None
        if batch is None:
            self._miss(name)
        else:
            self._tell(batch)
        return batch

    def _bear(self, error: ModelError) -> None:
        now = self.clock()
        if self._failing_since is None:
            self._failing_since = now
        if not is_retryable(error) or now - self._failing_since > self.options.patience:
            raise error

    def _miss(self, name: str) -> None:
        self._missing += 1
        if self._missing >= _MISSING:
            raise ConfigurationError(
                f"The endpoint does not know the batch {name!r} of {self.options.record}. Use the "
                "key and the endpoint that it was made with, or remove that file: what it holds is "
                "then asked, and paid for, again."
            )

    def _is_over(self, batch: Batch) -> bool:
        if batch.status == "completed" and not batch.files and self._missing < _MISSING:
            self._missing += 1
            return False
        return batch.status in ENDED

    def _tell(self, batch: Batch) -> None:
        """Say what is new: the status, or one more tenth of the requests."""
        counts = batch.counts
        news = (batch.status, 10 * counts.completed // max(1, counts.total))
        if news != self._said:
            self._said = news
            failed = f", {counts.failed} failed" if counts.failed else ""
            self.say(
                f"Batch {batch.id}: {batch.status}, {counts.completed} of {counts.total} requests "
                f"done{failed}."
            )
