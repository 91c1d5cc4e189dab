"""The run folder: reports and failures, appended one by one, of a run that can be taken up again.

RUN/manifest.json    the settings that decide the answers
RUN/reports.jsonl    a report a line; the last one of an incident counts
RUN/failures.jsonl   {"id", "stage", "reason"} a line; a report of the incident outdoes it
RUN/parts/           more of both: a pair of files for each process that worked on the run
RUN/torn.jsonl       pieces of lines that were being written when the process was killed
RUN/run.lock         held by the one writer

The batch commands keep three files more: command.json (what `retry` begins with), account.json
(what was spent, and how far the inputs were read) and log.jsonl (what happened).
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from pydantic import BaseModel

from classifier.batch import lock, parts
from classifier.batch.lines import Appender, decoded, lines, read, sync_folder, torn
from classifier.batch.manifest import BEGUN, Manifest, differences, load_manifest, save_manifest
from classifier.batch.manifest import NAME as MANIFEST
from classifier.errors import ConfigurationError
from classifier.records import Identifier, Record, Report, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence
    from types import TracebackType

REPORTS = "reports.jsonl"
FAILURES = "failures.jsonl"
KINDS = (REPORTS, FAILURES)
TORN = "torn.jsonl"
MENDED = "mended"
"""The stage of a failure that is none any more, though no report has its id: an input that could
not be read has its place for an id, and can be read now."""

# What the making of a run folder leaves where it is killed before the manifest is there.
_OUR_BEGINNINGS = {lock.NAME, BEGUN}

_Model = TypeVar("_Model", bound=BaseModel)


class RunFailure(Record):
    """An input that came to no report: `stage` says where it ended, `reason` why."""

    id: str
    stage: str
    reason: str


class _FailureId(BaseModel):
    id: str


class _IncidentId(BaseModel):
    id: Identifier


class _ReportId(BaseModel):
    """All of a report that `done` needs: the rest is parsed, and never built."""

    incident: _IncidentId


class _Status(BaseModel):
    status: str


class _Spent(BaseModel):
    usage: Usage = Usage()


class Brief(_ReportId):
    """What a run that is taken up needs to know of a report."""

    categories: dict[str, _Status]
    provenance: _Spent

    @property
    def id(self) -> str:
        """The incident's id."""
        return self.incident.id

    @property
    def usage(self) -> Usage:
        """What the report cost."""
        return self.provenance.usage

    @property
    def fell_short(self) -> bool:
        """Whether a category has no answer."""
        return any(one.status == "failed" for one in self.categories.values())


@dataclass(frozen=True)
class RunFolder:
    """A run on disk, as its readers see it: nothing here writes, even while a writer goes on.

    The reading methods raise `InputError`, which names file and line, for a broken line that is
    not the last; a torn last line is skipped, and `torn` counts it.
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The run in a folder, for reading; `ConfigurationError` where there is none."""
        found = load_manifest(path)
        if found is None:
            raise ConfigurationError(
                f"{str(path)!r} is no run folder: it has no {MANIFEST}. Give the folder that "
                "a batch run wrote with --out."
            )
        return RunFolder(path, found)

    @classmethod
    def create_or_resume(
        cls, path: Path, manifest: Manifest, continues: Callable[[str], bool] = lambda _: False
    ) -> RunWriter:
        """Begin a run in a new or empty folder, or go on with the one that is there.

        The manifest on disk stays as it is, but for the fingerprint of inputs that `continues`
        knows for those of the old fingerprint with more behind them. Raises `ConfigurationError`
        where the run was begun with other settings, another process is writing to it, or the
        folder is something else; `ClassifierError` where the disk does not take it.
        """
        with _explained(path), ExitStack() as closing:
            _refuse_other(path)
            path.mkdir(parents=True, exist_ok=True)
            closing.callback(lock.WriterLock(path).release)
            kept = _settled(path, manifest, continues)
            start = parts.next_start(path)
            # what is written now must come after all that stands in parts
            names = [parts.named(path, start, "main", n) if start > 1 else path / n for n in KINDS]
            names[0].parent.mkdir(exist_ok=True)
            reports, failures = (Appender(name, path / TORN) for name in names)
            closing.callback(reports.close)
            closing.callback(failures.close)
            for folder in {path, names[0].parent}:
                sync_folder(folder)
            return RunWriter(path, kept, start, reports, failures, closing.pop_all())

    def done(self) -> set[str]:
        """The ids of the incidents that have a report."""
        return {name for file in self._files(REPORTS) for _, name in read(file, _report_id)}

    def briefs(self) -> Iterator[Brief]:
        """The gist of each report, in the order of writing; the last one of an incident counts."""
        briefs = partial(decoded, Brief)
        return (brief for file in self._files(REPORTS) for _, brief in read(file, briefs))

    def reports(self) -> Iterator[Report]:
        """The last report of each incident, in the order in which they were written.

        The files are read twice; one report at a time is in memory, and the ids.
        """
        return _latest(self._files(REPORTS), _report_id, Report)

    def failures(self, done: Container[str] | None = None) -> Iterator[RunFailure]:
        """The last failure of each input that has no report, in the order of writing.

        `done` are the reported incidents, where they are known: else the reports are read.
        """
        but = self.done() if done is None else done
        found = _latest(self._files(FAILURES), _failure_id, RunFailure, but=but)
        return (failure for failure in found if failure.stage != MENDED)

    def torn(self) -> int:
        """How many lines a kill has torn so far, whether set aside already or not."""
        aside = sum(1 for _ in lines(self.path / TORN))
        return aside + sum(map(torn, (*self._files(REPORTS), *self._files(FAILURES))))

    def _files(self, name: str) -> list[Path]:
        return parts.files(self.path, name)


@dataclass(frozen=True)
class RunWriter(RunFolder):
    """A run that this process writes, as `RunFolder.create_or_resume` gives it.

    Any thread may append. What an appending method has returned from is on the disk. Close it,
    or use it in a `with` statement: until then no other process can write to the folder.
    """

    start: int
    """Which start this is, from 1: parts that belong to it have its number."""

    _reports: Appender = field(repr=False, compare=False)
    _failures: Appender = field(repr=False, compare=False)
    _closing: ExitStack = field(repr=False, compare=False)

    def append_report(self, report: Report) -> None:
        """Add a report; it takes the place of an earlier one of the same incident.

        Raises `ClassifierError` where the disk is full or broken; what was there is kept.
        """
        self._reports.append(report)

    def append_failure(self, id_: str, stage: str, reason: str) -> None:
        """Add the failure of an input; raises `ClassifierError` as `append_report` does."""
        self._failures.append(RunFailure(id=id_, stage=stage, reason=reason))

    def close(self) -> None:
        """Close the files and let others write."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _refuse_other(path: Path) -> None:
    """Raise `ConfigurationError` for a folder with something in it that is no run."""
    if not path.exists() or (path / MANIFEST).exists():
        return
    if path.is_dir():
        found = sorted({p.name for p in path.iterdir()} - _OUR_BEGINNINGS)
        if not found:
            return
        what = f"holds {found[0]!r} and has no {MANIFEST}: it is no run folder"
    else:
        what = "is no folder"
    raise ConfigurationError(
        f"{str(path)!r} {what}. Choose another --out: a new folder, an empty one, or that of a "
        "run to go on with."
    )


def _settled(path: Path, wanted: Manifest, continues: Callable[[str], bool]) -> Manifest:
    """The manifest that is there, where it has the wanted settings; else the wanted one, saved."""
    kept = load_manifest(path)
    if kept is None:
        save_manifest(path, wanted)
        return wanted
    before, now = kept.input_fingerprint, wanted.input_fingerprint
    longer = before != now and continues(before)
    if longer:
        kept = kept.model_copy(update={"input_fingerprint": now})
    found = differences(kept, wanted)
    if found:
        listed = "".join(f"\n  {one}" for one in found)
        raise ConfigurationError(
            f"The run in {str(path)!r} was begun with other settings:{listed}\n"
            "Choose another --out for a new run, or give the old settings to go on with this one."
        )
    if longer:
        save_manifest(path, kept)
    return kept


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"The run folder {str(path)!r} cannot be written: {error.strerror or error}. "
            "Choose another --out; nothing was sent."
        ) from error


def _report_id(data: bytes) -> str:
    return decoded(_ReportId, data).incident.id


def _failure_id(data: bytes) -> str:
    return decoded(_FailureId, data).id


def _latest(
    files: Sequence[Path],
    identify: Callable[[bytes], str],
    model: type[_Model],
    but: Container[str] = frozenset(),
) -> Iterator[_Model]:
    """The last line of each id but those in `but`, in the order of the files."""
    places = {
        name: (file, line.start)
        for file in files
        for line, name in read(file, identify)
        if name not in but
    }
    wanted: dict[Path, set[int]] = {file: set() for file in files}
    for file, start in places.values():
        wanted[file].add(start)
    return (
        record
        for file, starts in wanted.items()
        for _, record in read(file, partial(decoded, model), only=starts)
    )
