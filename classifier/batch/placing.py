"""A file that is written piece by piece, and takes its place when it is whole."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from classifier.errors import ClassifierError
from classifier.replacing import is_device

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """A path to write to; what stands there at the end takes the place of the file.

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
