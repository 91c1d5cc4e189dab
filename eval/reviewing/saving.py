"""The gold beside a run: a folder an annotator, a file an incident, each replaced whole.

RUN/gold/ANNOTATOR/INCIDENT.json
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING

from classifier.articles.naming import quoted
from classifier.batch.lines import encoded
from classifier.batch.lock import NAME as LOCK
from classifier.batch.lock import WriterLock
from classifier.errors import ClassifierError, ConfigurationError, InputError
from classifier.replacing import replace_file
from eval.gold import GoldIncident, load_incident
from eval.reviewing.names import annotator_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = "gold"
_PATIENCE = 5.0  # seconds that another process may hold the folder
_PAUSE = 0.05


class ConflictError(ClassifierError):
    """What is on the disk is not what the corrections began with; `etag` is what it is now."""

    def __init__(self, message: str, etag: str | None) -> None:
        super().__init__(message)
        self.etag = etag


@dataclass(frozen=True)
class Saved:
    """What an annotator saved of an incident; `etag` changes whenever the file does."""

    gold: GoldIncident
    etag: str


@dataclass(frozen=True)
class Reviewed:
    """That somebody reviewed an incident: how many categories have a label by whom."""

    annotator: str
    labels: int


class Shelf:
    """All gold of a run. Any thread may use it, and other processes may do the same meanwhile."""

    def __init__(self, run: Path) -> None:
        self.folder = run / FOLDER
        self._thread = threading.Lock()
        self._known: dict[Path, tuple[tuple[int, int], Reviewed | None]] = {}

    def folder_of(self, annotator: str) -> Path:
        """Where the files of an annotator are."""
        return self.folder / annotator_folder(annotator)

    def load(self, annotator: str, key: str) -> Saved | None:
        """What the annotator saved of an incident, or None; InputError where it is broken."""
        path = self.folder_of(annotator) / f"{key}.json"
        with self._thread:
            etag = _etag(path)
            if etag is None:
                return None
            gold = load_incident(path)
        if annotator not in gold.annotators:
            raise InputError(
                f"{path}: is not by {quoted(annotator)}. Move it away, or choose another name."
            )
        return Saved(gold, etag)

    def save(self, annotator: str, key: str, gold: GoldIncident, before: str | None) -> str:
        """Put the gold in its place, and return its etag.

        `before` is the etag of what the corrections began with, None for nothing. Raises
        ConflictError where something else stands there now, and ClassifierError where it cannot be
        written; then the disk is as it was.
        """
        folder = self.folder_of(annotator)
        path = folder / f"{key}.json"
        try:
            _check_own(self.folder, folder, folder / LOCK)
            folder.mkdir(parents=True, exist_ok=True)
            with self._thread, _alone(folder):
                _check_unchanged(path, before)
                path.with_name(path.name + ".new").unlink(missing_ok=True)  # a kill, or a trap
                replace_file(path, encoded(gold, indent=2).decode("utf-8"))
                return _etag(path) or ""
        except OSError as error:
            raise ClassifierError(
                f"{path} cannot be written: {error.strerror or error}. Nothing was saved. Free "
                "space or mend the disk, and save again."
            ) from error

    def reviewed(self) -> dict[str, list[Reviewed]]:
        """Who reviewed which incident, by key; a file that is no gold is let be."""
        found: dict[str, list[Reviewed]] = {}
        for path in sorted(self.folder.glob("*/*.json")):
            if (one := self._brief(path)) is not None:
                found.setdefault(path.stem, []).append(one)
        return found

    def _brief(self, path: Path) -> Reviewed | None:
        """Read anew only where the file has changed."""
        try:
            about = path.stat()
        except OSError:
            return None
        version = about.st_mtime_ns, about.st_size
        known = self._known.get(path)
        if known is None or known[0] != version:
            known = self._known[path] = version, _reviewed(path)
        return known[1]


def _reviewed(path: Path) -> Reviewed | None:
    try:
        gold = load_incident(path)
    except InputError:
        return None
    owner = next((n for n in gold.annotators if annotator_folder(n) == path.parent.name), None)
    return None if owner is None else Reviewed(owner, len(gold.annotators[owner]))


def _check_own(*places: Path) -> None:
    """A run folder may come from others: nothing is written to where its links lead."""
    for place in places:
        if place.is_symlink():
            raise ClassifierError(
                f"{place} is a link, and nothing is saved through links. Put a folder in its place."
            )


def _check_unchanged(path: Path, before: str | None) -> None:
    now = _etag(path)
    if now == before:
        return
    what = "was saved in another window" if now else "was moved away"
    raise ConflictError(
        f"Nothing was saved: this incident's gold {what} after you had opened it. Your corrections "
        "are still in this page.",
        now,
    )


def _etag(path: Path) -> str | None:
    if not path.is_file():
        return None
    return hashlib.sha256(path.read_bytes()).hexdigest()[:32]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps other processes from saving there; waits for one that is just doing so."""
    until = monotonic() + _PATIENCE
    while True:
        try:
            lock = WriterLock(folder)
            break
        except ConfigurationError:
            if monotonic() > until:
                raise
            sleep(_PAUSE)
    try:
        yield
    finally:
        lock.release()
