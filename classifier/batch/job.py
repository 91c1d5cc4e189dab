"""What a batch command asks for, what it begins with, and who looks on."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from classifier.batch.folder import RunFolder
from classifier.batch.inputs import InputOptions, Inputs
from classifier.batch.known import Known
from classifier.batch.manifest import load_manifest
from classifier.confidence import taxonomy_of
from classifier.methods import method_of
from classifier.models.opening import Notices, is_local, method_name
from classifier.models.prices import Overrides, load_overrides
from classifier.models.provider_batch import INCIDENTS

SLOTS = 4
"""Incidents at a time for the embedded model: the most reports an hour, see docs/batch.md."""

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from classifier.batch.account import KeptLedger
    from classifier.batch.engine import Ended
    from classifier.batch.folder import RunWriter
    from classifier.batch.inputs import Unread
    from classifier.batch.manifest import Manifest
    from classifier.batch.progress import Progress
    from classifier.models.budget import Account
    from classifier.models.seam import ModelInfo, OpenModel
    from classifier.records import Incident
    from classifier.settings import Settings
    from classifier.taxonomy import Taxonomy


@dataclass(frozen=True)
class ClusterOptions:
    """Where the workers are: at the `address` of a Ray cluster, or (None) on this machine; and how
    many, if that is not left to the number of cores.
    """

    address: str | None = None
    workers: int | None = None


@dataclass(frozen=True)
class Job:
    """What a batch command asks for. `again` tries what failed, and nothing else; `at_once` is
    how many incidents are worked on at a time, `patience` the seconds to wait for an endpoint that
    is away, `max_cost` USD; `cluster` has them worked on by several processes.
    """

    sources: tuple[str, ...]
    options: InputOptions
    settings: Settings
    out: Path | None = None
    again: bool = False
    max_cost: Decimal | None = None
    at_once: int | None = None
    patience: float = 900.0
    cluster: ClusterOptions | None = None

    @property
    def overrides(self) -> Overrides:
        """The user's own prices."""
        return load_overrides(self.settings.prices) if self.settings.prices else Overrides()


class Working(Protocol):
    """An engine that works on a run, or is to."""

    @property
    def interrupted(self) -> bool:
        """Whether `interrupt` was called."""

    def interrupt(self) -> None:
        """Take no new input and finish what is in flight; the second time, cancel that too."""

    async def run(self, stream: Iterator[Incident | Unread]) -> Ended:
        """Go through the stream; returns how it ended."""


class Accounting(Protocol):
    """What a run has spent so far."""

    @property
    def account(self) -> Account:
        """All figures at this moment."""

    @property
    def priced(self) -> bool:
        """Whether calls have a price."""

    def met(self, inputs: int, *, complete: bool) -> None:
        """Note how many inputs were met so far."""


class Watcher(Protocol):
    """Who looks on: told of events, and handed what it needs to show progress and to interrupt."""

    @property
    def notices(self) -> Notices:
        """Where to say what happens."""

    def begin(self, engine: Working, progress: Progress) -> None:
        """The work begins now."""

    def tell(self, event: str, fields: Mapping[str, Any]) -> None:
        """Something happened."""


@dataclass(frozen=True)
class Done:
    """How a run ended, and what it cost: `account` has the estimate and the actual cost."""

    ended: Ended
    progress: Progress
    account: Account


@dataclass
class Opened:
    """What a run begins with, looked at before anything is opened or written."""

    job: Job
    taxonomy: Taxonomy
    inputs: Inputs
    known: Known = field(default_factory=Known)
    manifest: Manifest | None = None


def look_at(job: Job) -> Opened:
    """Check settings and inputs, and look at the run folder; raises `ConfigurationError`."""
    taxonomy = taxonomy_of(job.settings)
    method_of(taxonomy, method_name(job.settings))  # before weights are pulled for nothing
    found = Opened(job, taxonomy, Inputs.open(job.sources, job.options))
    found.manifest = load_manifest(job.out) if job.out else None
    return found


def known_of(found: Opened) -> Known:
    """What the run folder holds; a large one takes a while to read."""
    out, manifest = found.job.out, found.manifest
    return Known.of(RunFolder(out, manifest)) if out and manifest else Known()


@dataclass(frozen=True)
class Begun:
    """A run whose folder is open for writing, and whose model is known."""

    job: Job
    taxonomy: Taxonomy
    model: OpenModel
    least: float | None
    writer: RunWriter
    known: Known
    ledger: KeptLedger


def opening_settings(job: Job) -> Settings:
    """The settings to open the model with: the embedded one gets a slot for each incident at a
    time, `SLOTS` at most where nobody asks for more calls. How much memory the slots of a file of
    the user's own take is not known, so it has one.
    """
    settings = job.settings
    is_known = is_local(settings.model) and not settings.model.startswith("gguf:")
    if settings.concurrency is not None or not is_known:
        return settings
    return settings.model_copy(update={"concurrency": min(job.at_once or SLOTS, SLOTS)})


def at_once(job: Job, info: ModelInfo) -> int:
    """How many incidents to work on at a time: as many as calls where each incident has one at a
    time; for an endpoint so many that calls stand in line also while some incidents are between two
    calls; for the provider's batches so many that a batch is worth its wait.
    """
    if job.at_once is not None:
        return job.at_once
    if job.settings.via != "direct":
        return INCIDENTS
    calls = info.concurrency
    return calls if info.sequential else calls + calls // 4 + 1
