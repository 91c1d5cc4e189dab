"""Replaces a file whole or not at all."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from classifier.errors import ClassifierError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """Write the text as UTF-8 beside the file, then put it in its place; raises `OSError`.

    Where that fails the file is as it was, and nothing stands beside it.
    """
    beside = path.with_name(path.name + ".new")
    try:
        beside.write_bytes(text.encode())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """A path to write to piece by piece; what stands there at the end takes the file's place.

    After an error the file is as it was, and nothing stands beside it. A device, such as
    /dev/stdout, is written to as it is. Raises `ClassifierError` for an `OSError`.
    """
    device = is_device(path)
    path = path if device else path.resolve()  # keeps what a link points to a link
    beside = path if device else path.with_name(path.name + ".new")
    try:
        if not device:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.unlink(missing_ok=True)  # a kill may have left it
        yield beside
        if not device:
            beside.replace(path)
    except OSError as error:
        _forget(beside, device)
        raise ClassifierError(
            f"{str(path)!r} cannot be written: {error.strerror or error}. Choose another --out."
        ) from error
    except BaseException:
        _forget(beside, device)
        raise


def _forget(beside: Path, device: bool) -> None:
    if not device and beside.is_file():
        beside.unlink()


def is_device(path: Path) -> bool:
    """Whether it is no file, such as /dev/null: it must be written to, never replaced."""
    return path.exists() and not path.is_file() and not path.is_dir()
