"""Tables of text, packed or not: opened, in the right charset, and what stops the reading."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from classifier.articles.decoding import binary, empty, marked_charset
from classifier.articles.files import explained
from classifier.articles.naming import shown
from classifier.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from classifier.batch.inputs.options import InputOptions
    from classifier.batch.inputs.sources import SourceFile

UNREADABLE = (OSError, EOFError, zlib.error, UnicodeError)
PIECE = 1 << 16
_SAMPLE = 1 << 18
_PACE = 1 << 10  # a packed file that breaks off gives what stands before, piece by piece
_MOST_NUL = 10
_STRAY = re.compile("[\udc80-\udcff]")


def opened(file: SourceFile) -> IO[bytes]:
    """The bytes of a file, unpacked. Raises InputError where it cannot be opened."""
    path = Path(file.path)
    try:
        return cast("IO[bytes]", gzip.open(path, "rb")) if file.packed else path.open("rb")
    except OSError as error:
        raise explained(error, file.path) from error


@contextmanager
def text(file: SourceFile, codec: str, newline: str) -> Iterator[io.TextIOWrapper]:
    """The text of a file; bytes that are not of the charset become lone surrogates."""
    with opened(file) as data:
        yield io.TextIOWrapper(data, codec, errors="surrogateescape", newline=newline)


def strays(line: str, codec: str) -> str | None:
    """What is wrong with a line that has bytes of another charset."""
    if line.isascii() or not _STRAY.search(line):
        return None
    return (
        f"has bytes that are not {codec.removesuffix('-sig')}. Save the file as UTF-8, or name "
        "its charset with --encoding."
    )


def broken(file: SourceFile, line: int, error: Exception) -> InputError:
    """The error for a file whose reading stopped before the line `line`, counted from 1."""
    return InputError(
        f"{file.name}:{line}: cannot be read from here on ({shown(str(error), 150)}). What stands "
        "before it was read. Mend the file, or unpack and save it anew."
    )


def charset(file: SourceFile, options: InputOptions) -> str:
    """The charset that is given, that a byte order mark announces, or UTF-8.

    Nothing is guessed: one wrong guess would garble a whole corpus. A few broken bytes in UTF-8 are
    for their rows to say; a file that is something else raises ConfigurationError. Raises
    InputError where the file is empty, binary, or cannot be read.
    """
    start = _sample(file)
    if not start.strip():
        raise empty(file.name)
    if options.encoding is not None:
        return options.encoding
    if marked := marked_charset(start):
        return marked
    if start.count(b"\0") * _MOST_NUL > len(start):  # a few are left to their rows
        raise binary(file.name)
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(start)
    wrong = len(_STRAY.findall(text))
    if wrong and wrong >= sum(not char.isascii() for char in text) - wrong:
        raise ConfigurationError(
            f"{file.name}: is not UTF-8. Name its charset, such as --encoding cp1252 for what "
            "Windows programs save in Western Europe, or save it as UTF-8."
        )
    return "utf-8"


def _sample(file: SourceFile) -> bytes:
    start = bytearray()
    try:
        with opened(file) as data:
            while len(start) < _SAMPLE and (piece := data.read(_PACE)):
                start += piece
    except UNREADABLE as error:
        if not start:  # else the stream will come to it
            raise broken(file, 1, error) from error
    return bytes(start)
