"""Which files of a run folder hold its reports and failures, and in which order they were written.

A run on one machine writes RUN/reports.jsonl and RUN/failures.jsonl. Where several processes work
on it, each appends to a pair of its own: RUN/parts/000001-WORKER-reports.jsonl. The number is that
of the start, so that the order of the names is the order of writing, as far as it counts; a start
after one that left parts appends to parts too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from classifier.batch.lines import sync_folder
from classifier.errors import ClassifierError

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "parts"
_NAME = re.compile(r"([0-9]{6})-[0-9a-z-]{1,60}-(?:reports|failures)\.jsonl")


def files(run: Path, name: str) -> list[Path]:
    """The files of a kind, such as `reports.jsonl`, whether they exist or not; later ones win."""
    return [run / name, *(path for path in _parts(run) if path.name.endswith(f"-{name}"))]


def named(run: Path, start: int, worker: str, name: str) -> Path:
    """The part of a worker: its name has digits, small letters and hyphens."""
    return run / FOLDER / f"{start:06}-{worker}-{name}"


def prepare(run: Path) -> None:
    """Make the folder for parts; raises `ClassifierError` where the disk does not take it."""
    try:
        (run / FOLDER).mkdir(exist_ok=True)
        sync_folder(run)
    except OSError as error:
        raise ClassifierError(
            f"{run / FOLDER} cannot be made: {error.strerror or error}. Free space or mend the "
            "disk, and run the same command again to go on."
        ) from error


def next_start(run: Path) -> int:
    """The number of the start that begins now: 1 where no parts were left."""
    return max((int(path.name[:6]) for path in _parts(run)), default=0) + 1


def of_start(run: Path, start: int, name: str) -> list[Path]:
    """The parts of a kind that belong to one start."""
    return [path for path in files(run, name)[1:] if int(path.name[:6]) == start]


def _parts(run: Path) -> list[Path]:
    try:
        return sorted(p for p in (run / FOLDER).iterdir() if _NAME.fullmatch(p.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
