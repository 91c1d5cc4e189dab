"""Lets one process write to a run folder at a time; the lock goes with it, however it ends."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from classifier.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    # Windows keeps others from reading what is locked: a byte far behind the process id.
    _LOCKED_BYTE = 1 << 20

    def _take(handle: int) -> None:
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _give_back(handle: int) -> None:
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

    _HELD: tuple[type[OSError], ...] = (PermissionError,)
else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _give_back(handle: int) -> None:
        # closing alone leaves it with a forked child that still has the file open
        fcntl.flock(handle, fcntl.LOCK_UN)

    _HELD = (BlockingIOError,)

NAME = "run.lock"


class WriterLock:
    """The right to write to a folder, from its making until `release`.

    The kernel holds the lock on `run.lock`; the process id in that file is there for the message.
    Raises `ConfigurationError` where another writer has it, and `OSError` where the file cannot
    be written or the file system has no locks.
    """

    def __init__(self, folder: Path) -> None:
        self._handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._take(folder)
        except BaseException:
            os.close(self._handle)
            raise

    def _take(self, folder: Path) -> None:
        try:
            _take(self._handle)
        except _HELD as error:
            raise _held(folder, self._holder()) from error
        self._write(f"{os.getpid()}\n")

    def release(self) -> None:
        """Let others write."""
        try:
            self._write("")
        finally:
            _give_back(self._handle)
            os.close(self._handle)

    def _write(self, text: str) -> None:
        os.ftruncate(self._handle, 0)
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, text.encode("ascii"))

    def _holder(self) -> str:
        os.lseek(self._handle, 0, os.SEEK_SET)
        return os.read(self._handle, 20).decode("ascii", "replace").strip()


def held_by(folder: Path) -> str | None:
    """The process that writes to the folder now, `another process` if it is not known, or None.

    The lock is taken for a moment, and only where a process id was left: by a writer that is at
    work or was killed. Nothing is written.
    """
    try:
        handle = os.open(folder / NAME, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    except OSError:
        return None
    try:
        holder = os.read(handle, 20).decode("ascii", "replace").strip()
        if not holder:
            return None
        _take(handle)
        _give_back(handle)
    except _HELD:
        return holder or "another process"
    finally:
        os.close(handle)
    return None


def _held(folder: Path, holder: str) -> ConfigurationError:
    who = f"the process {holder}" if holder else "another process"
    return ConfigurationError(
        f"The run folder {str(folder)!r} is being written by {who}, and takes one writer at a "
        "time. Wait until it has ended, or choose another --out."
    )
