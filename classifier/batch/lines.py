"""JSON Lines that outlive a kill and a full disk: each line is there whole, or is set aside."""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from classifier.errors import ClassifierError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from io import FileIO
    from pathlib import Path

_Model = TypeVar("_Model", bound=BaseModel)
_Parsed = TypeVar("_Parsed")

_BLOCK = 1 << 16
_BROKEN = (ValueError, RecursionError)


@dataclass(frozen=True)
class Line:
    """A complete line: its number from 1, the byte where it starts, and its bytes without end.

    `last` says that nothing stood behind it when the reading began.
    """

    number: int
    start: int
    data: bytes
    last: bool


def encoded(record: BaseModel, *, indent: int | None = None) -> bytes:
    """The record as JSON in UTF-8 with a newline at its end, on one line unless indented."""
    # not model_dump_json: it stops at a lone surrogate, which here becomes its JSON escape
    separators = (",", ":") if indent is None else None
    value = record.model_dump(mode="json")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def decoded(model: type[_Model], data: bytes) -> _Model:
    """The record in `data`; raises `ValueError`, of which pydantic's error is one."""
    try:
        return model.model_validate_json(data)
    except ValidationError:  # pydantic's own parser refuses an escaped lone surrogate
        return model.model_validate(json.loads(data))


def problem_in(error: Exception) -> str:
    """What `decoded` met, in a few words."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON ({error.msg} at column {error.colno})"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def lines(path: Path) -> Iterator[Line]:
    """The complete lines of the file, one after the other; none where there is no file.

    A piece without a newline at the end, which a kill leaves or another process is still writing,
    is skipped. One line is held at a time.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        size, start = os.fstat(file.fileno()).st_size, 0
        for number, data in enumerate(file, start=1):
            end = start + len(data)
            if not data.endswith(b"\n"):
                return
            yield Line(number, start, data[:-1], end == size)
            start = end


def read(
    path: Path, parse: Callable[[bytes], _Parsed], *, only: Container[int] | None = None
) -> Iterator[tuple[Line, _Parsed]]:
    """Each line with what `parse` makes of it; a last line that is not JSON is skipped.

    `only` are the starts of the lines that are wanted, if not all. `parse` raises `ValueError`
    for what it does not take. Raises `InputError`, which names file and line, for any other line
    that is broken.
    """
    for line in lines(path):
        if only is not None and line.start not in only:
            continue
        try:
            value = parse(line.data)
        except _BROKEN as error:
            if line.last and not _is_json(line.data):
                return
            raise InputError(
                f"{path}:{line.number}: cannot be used: {problem_in(error)}. Put the line back as "
                "it was, or delete it: what it was about is then asked again."
            ) from error
        yield line, value


def torn(path: Path) -> int:
    """How many torn last lines the file has: 0 or 1."""
    try:
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            return int(_whole(file.fileno(), size) < size)
    except FileNotFoundError:
        return 0


def sync_folder(folder: Path) -> None:
    """Write the folder's own entries to the disk, where the system can."""
    if os.name == "nt":  # Windows opens no folders, and keeps their entries itself
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(file: FileIO, data: bytes) -> None:
    """Write all of `data`, and to the disk; raises `OSError`."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


class Appender:
    """Appends records to a file, each flushed to the disk before `append` returns.

    Opening moves a torn last line to `aside`. Any thread may append. Raises `ClassifierError`,
    which names the file and the reason, where the disk is full or does not take it.
    """

    def __init__(self, path: Path, aside: Path) -> None:
        self._path = path
        self._thread = threading.Lock()
        self._doubtful = False
        try:
            self._file, self._end = _opened(path, aside)
        except OSError as error:
            raise _unwritable(path, error) from error

    def append(self, record: BaseModel) -> None:
        """Add the record as a line; after an error the file is as it was before."""
        data = encoded(record)
        with self._thread:
            try:
                self._forget_piece()
                self._doubtful = True
                write_whole(self._file, data)
                self._end += len(data)
                self._doubtful = False
            except OSError as error:
                with suppress(OSError):  # else the next append tries, or the next opening
                    self._forget_piece()
                raise _unwritable(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        with self._thread, self._file, suppress(OSError):
            self._forget_piece()

    def _forget_piece(self) -> None:
        if self._doubtful:
            self._file.truncate(self._end)
            os.fsync(self._file.fileno())
            self._doubtful = False


def _opened(path: Path, aside: Path) -> tuple[FileIO, int]:
    file = path.open("a+b", buffering=0)
    try:
        return file, _set_aside(file, aside)
    except BaseException:
        file.close()
        raise


def _set_aside(file: FileIO, aside: Path) -> int:
    """Move a torn last line to the file `aside`; returns where the complete lines end."""
    size = os.fstat(file.fileno()).st_size
    whole = _whole(file.fileno(), size)
    if whole < size:
        file.seek(whole)
        piece = file.readall()
        with aside.open("ab", buffering=0) as kept:  # first, so that a kill can only double it
            write_whole(kept, piece.removesuffix(b"\n") + b"\n")
        file.truncate(whole)
        os.fsync(file.fileno())
    return whole


def _whole(handle: int, size: int) -> int:
    """Where the complete lines of the file end: at `size`, or where a torn last line starts."""
    end = _line_start(handle, size)
    if end < size or not size:
        return end
    start = _line_start(handle, size - 1)
    return size if _is_json(_read(handle, start, size)) else start


def _line_start(handle: int, end: int) -> int:
    """Where the line starts that the bytes before `end` belong to."""
    while end:
        begin = max(0, end - _BLOCK)
        found = _read(handle, begin, end).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def _read(handle: int, begin: int, end: int) -> bytes:
    os.lseek(handle, begin, os.SEEK_SET)
    data = bytearray()
    while len(data) < end - begin and (more := os.read(handle, end - begin - len(data))):
        data += more
    return bytes(data)


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except _BROKEN:
        return False
    return True


def _unwritable(path: Path, error: OSError) -> ClassifierError:
    return ClassifierError(
        f"{path} cannot be written: {error.strerror or error}. What was written before is kept: "
        "free space or mend the disk, and run the same command again to go on."
    )
