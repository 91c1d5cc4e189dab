"""Writes a file whole or not at all, and says before any work whether it can be written."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from classifier.errors import ConfigurationError
from classifier.replacing import is_device, replace_file


def check_place(path: Path, what: str) -> None:
    """Raises `ConfigurationError`, which names `what`, where no file can be written; the folder
    of the file is made.
    """
    with _explained(path, what):
        if is_device(path):
            return
        _make_folder(path)
        with tempfile.TemporaryFile(dir=path.parent):
            pass


def write_whole(path: Path, text: str, what: str) -> None:
    """Write the file with its folder, replacing what stood there, and nothing where that fails.

    Raises `ConfigurationError`, which names `what`.
    """
    with _explained(path, what):
        if is_device(path):
            path.write_text(text, encoding="utf-8")
            return
        _make_folder(path)
        replace_file(path.resolve(), text)  # what a link points to, not the link


def _make_folder(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    path.parent.mkdir(parents=True, exist_ok=True)


@contextmanager
def _explained(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{what} {str(path)!r} cannot be written: {error.strerror or error}. Choose another "
            "place."
        ) from error
