"""Which batches a run has at its provider: a line for each step, for the next start to read."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from classifier.batch.lines import Appender, decoded, read
from classifier.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TORN = "torn.jsonl"

State = Literal["planned", "uploaded", "created", "ended", "used", "lost"]


class BatchStep(Record):
    """One step of one part; `part` is our own name for it, and the batch's metadata holds it.

    `planned` lists the custom ids, `uploaded` has the input file, `created` the batch and `ended`
    its last status. `used`: every reply was handed over, and nothing is to be taken from it.
    `lost`: there is no such batch. `at` is in seconds since the epoch.
    """

    part: str
    state: State
    at: float
    place: str = ""
    ids: tuple[str, ...] = ()
    input_file: str = ""
    batch: str = ""
    status: str = ""


@dataclass
class RecordedPart:
    """What the record says of a part that may still hold replies; `batch` is empty where the
    process ended before it was known.
    """

    name: str
    place: str
    planned: float
    ids: tuple[str, ...] = field(repr=False)
    batch: str = ""


class BatchRecord:
    """The record in one file of JSON Lines. The file is made when the first step is noted; any
    thread may note one.
    """

    def __init__(self, path: Path, place: str, *, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self._place = place
        self._clock = clock
        self._file: Appender | None = None
        self._opening = threading.Lock()

    def note(
        self,
        part: str,
        state: State,
        *,
        ids: tuple[str, ...] = (),
        input_file: str = "",
        batch: str = "",
        status: str = "",
    ) -> None:
        """Add a step; it is on the disk when this returns. Raises `ClassifierError`."""
        with self._opening:
            if self._file is None:
                self._file = Appender(self.path, self.path.with_name(TORN))
        self._file.append(
            BatchStep(
                part=part,
                state=state,
                at=self._clock(),
                place=self._place,
                ids=ids,
                input_file=input_file,
                batch=batch,
                status=status,
            )
        )

    def parts(self) -> list[RecordedPart]:
        """The parts at this endpoint that may still hold replies, in the order of their planning.

        Raises `InputError`, which names file and line, for a broken line that is not the last.
        """
        parts: dict[str, RecordedPart] = {}
        for _, step in read(self.path, lambda data: decoded(BatchStep, data)):
            if step.state == "planned" and step.place == self._place:
                parts[step.part] = RecordedPart(step.part, step.place, step.at, step.ids)
            elif step.state in {"used", "lost"}:
                parts.pop(step.part, None)
            elif step.batch and step.part in parts:
                parts[step.part].batch = step.batch
        return list(parts.values())

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
