"""The files of a provider's batch API: requests in, outcomes out, a line each, kept on disk."""

from __future__ import annotations

import hashlib
import json
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from classifier.batch.lines import decoded
from classifier.errors import ClassifierError, ModelBusyError, ModelError
from classifier.models.endpoint import refused, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from classifier.models.endpoint import EndpointSettings

URL: Final = "/v1/chat/completions"

# Some servers cut a file at every line break that Unicode knows, also within a JSON string.
_BREAKS = {ord(c): f"\\u{ord(c):04x}" for c in "\x85\u2028\u2029"}
_ID_LENGTH = 32


@dataclass(frozen=True)
class BatchLimits:
    """The most requests and bytes of one file; those of OpenAI unless told otherwise."""

    requests: int = 50_000
    bytes: int = 200_000_000


def body_line(body: dict[str, Any]) -> tuple[str, bytes]:
    """The custom id of a request, and its line in a batch file.

    The id is the first 128 bits of the body's SHA-256, in hexadecimal: the model and all that
    shapes the answer are in it. The order of keys counts, for decoding follows a schema's order.
    """
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).translate(_BREAKS)
    data = text.encode("utf-8", "replace")
    id_ = hashlib.sha256(data).hexdigest()[:_ID_LENGTH]
    head = f'{{"custom_id":"{id_}","method":"POST","url":"{URL}","body":'.encode()
    return id_, head + data + b"}\n"


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """Turns the system's error about the disk into ours, which names the folder."""
    try:
        yield
    except OSError as error:
        raise ClassifierError(
            f"The batch files in {str(folder)!r} cannot be written: {error.strerror or error}. "
            "Free space or mend the disk, and run the same command again to go on."
        ) from error


class LineFile:
    """Lines by id in a file without a name, which goes with the process, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._spans: dict[str, tuple[int, int]] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._spans)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, in the order of their lines."""
        return tuple(self._spans)

    def add(self, id_: str, line: bytes) -> None:
        """Put a line at the end; an id that is there already keeps its line."""
        if id_ in self._spans:
            return
        with disk(self._folder):
            file = self._opened()
            file.seek(self.size)
            file.write(line)
        self._spans[id_] = (self.size, len(line))
        self.size += len(line)

    def line(self, id_: str) -> bytes | None:
        """The line of that id, if there is one."""
        if id_ not in self._spans:
            return None
        start, length = self._spans[id_]
        with disk(self._folder):
            file = self._opened()
            file.seek(start)
            return file.read(length)

    def whole(self) -> IO[bytes]:
        """The file, at its beginning, to be read whole before the next line is added."""
        with disk(self._folder):
            file = self._opened()
            file.seek(0)
        return file

    def close(self) -> None:
        """Forget all lines."""
        self._spans.clear()
        if self._file is not None:
            self._file.close()

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - see `close`
        return self._file


@dataclass(frozen=True)
class Outcome:
    """What became of a request: the JSON of its completion, or an error."""

    content: bytes = b""
    error: ModelError | None = None


def unpaid(content: bytes) -> bytes:
    """The completion without its usage: for those who asked the same and do not pay for it."""
    completion = json.loads(content)
    if isinstance(completion, dict):
        completion.pop("usage", None)
    return json.dumps(completion).encode()


class _Response(BaseModel):
    status_code: int
    body: Any = None


class _Error(BaseModel):
    code: str | None = None
    message: str | None = None


class _OutcomeLine(BaseModel):
    custom_id: str
    response: _Response | None = None
    error: _Error | None = None


def line_id(line: bytes) -> str | None:
    """The custom id of an outcome's line; None where it is no such line."""
    try:
        return decoded(_OutcomeLine, line).custom_id
    except (ValueError, RecursionError):
        return None


def outcome_of(line: bytes, settings: EndpointSettings) -> Outcome:
    """What an outcome's line says; raises `ValueError` where `line_id` is None.

    A line that was not executed, because its batch expired or was cancelled, or that failed in a
    way of the batch's own, has a retryable error.
    """
    read = decoded(_OutcomeLine, line)
    response = read.response
    if response is not None and response.status_code == 200 and not read.error:
        return Outcome(json.dumps(response.body).encode())
    if response is not None and 400 <= response.status_code <= 599:
        return Outcome(error=refused(response.status_code, response.body, settings))
    told = read.error or _Error(message=f"status {response.status_code if response else None}")
    text = shown(": ".join(t for t in (told.code, told.message) if t), settings)
    return Outcome(error=ModelBusyError(f"{settings.place} did not answer in the batch: {text}"))
