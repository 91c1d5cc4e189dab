"""Files and standard input to bytes: the one place that opens them."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from classifier.articles.naming import shown
from classifier.errors import InputError


def read_file(source: str, limit: int | None) -> bytes:
    """The bytes of a file, at most `limit` of them. Raises InputError for whatever goes wrong."""
    try:
        with Path(source).open("rb") as file:
            return read_stream(file, shown(source), limit)
    except (OSError, ValueError) as error:  # ValueError: NUL in the name
        raise explained(error, source) from error


def read_stream(stream: BinaryIO, name: str, limit: int | None) -> bytes:
    """All bytes of a stream. Raises InputError where there are more than `limit`."""
    data = stream.read() if limit is None else stream.read(limit + 1)
    if limit is not None and len(data) > limit:
        raise too_large(name, limit)
    return data


def too_large(name: str, limit: int) -> InputError:
    """The error for a source of more than `limit` bytes."""
    return InputError(
        f"{name}: is larger than {limit} bytes, the limit for one source. "
        "Give the article's text alone, or many articles as JSON Lines (.jsonl)."
    )


def explained(error: Exception, source: str) -> InputError:
    """What an error of the operating system means for the user."""
    name = shown(source)
    if isinstance(error, FileNotFoundError):
        return InputError(f"{name}: no such file. Check the name and the current folder.")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{name}: is a folder. Name the files in it, or use `classifier batch`.")
    if isinstance(error, PermissionError):
        return InputError(f"{name}: may not be read by this user. Change its permissions.")
    return InputError(f"{name}: cannot be read ({shown(str(error))}). Check the name.")
