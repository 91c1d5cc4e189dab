"""What identifies the inputs of a run: names and bytes, and whether they only grew since."""

from __future__ import annotations

import re
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from classifier.batch.inputs.sources import SourceFile

_BLOCK = 1 << 20
_SHAPE = re.compile(r"files (\d+), bytes (\d+), sha256 ([0-9a-f]{64})")


def fingerprint(files: Iterable[SourceFile]) -> str:
    """`files N, bytes N, sha256 HEX`, over the name of each file within its source and its bytes.

    See `Inputs.fingerprint`.
    """
    digest, size, count = sha256(), 0, 0
    for block in _blocks(files):
        count += block is None
        size += len(block or b"")
        digest.update(block or b"")
    return f"files {count}, bytes {size}, sha256 {digest.hexdigest()}"


def continues(files: Iterable[SourceFile], before: str) -> bool:
    """Whether the inputs begin with all that had the fingerprint `before`."""
    shape = _SHAPE.fullmatch(before)
    if shape is None:
        return False
    digest, left = sha256(), int(shape[2])
    for block in _blocks(files):
        part = (block or b"")[:left]
        digest.update(part)
        left -= len(part)
        if not left:
            break
    return not left and digest.hexdigest() == shape[3]


def _blocks(files: Iterable[SourceFile]) -> Iterator[bytes | None]:
    """Names and contents, one after the other; None marks the beginning of a file.

    A file that cannot be read is its name alone: the stream says what is wrong with it.
    """
    for file in files:
        yield None
        yield file.relative.encode("utf-8", "surrogateescape") + b"\0"
        with suppress(OSError), Path(file.path).open("rb", buffering=0) as data:
            while block := data.read(_BLOCK):
                yield block
