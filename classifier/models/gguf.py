"""GGUF files: how many layers a model has, and a file of its first ones alone.

What a text is about is plainest in a model's middle layers (Skean et al. 2025, "Layer by Layer"),
and llama.cpp tells the state of the last one. So the first layers make a model of their own. The
file's layout is GGUF 3's (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md); what is kept
is copied as it stands, byte by byte.
"""

from __future__ import annotations

import mmap
import re
import secrets
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from classifier.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAGIC = b"GGUF"
HEAD = struct.Struct("<4sIQQ")  # magic, version, tensors, fields
_COUNT = ".block_count"
_ARCHITECTURE = "general.architecture"
_SPLIT = "split.count"
# Others may tell something of each layer in their fields, or need what is left out.
_SHORTENED = ("llama", "qwen2", "qwen3")
_ALIGNMENT = "general.alignment"
_LAYER = re.compile(r"blk\.(\d+)\.")
# It tells the next token, which nobody asks of a model that embeds; where it is missing, llama.cpp
# takes the table of the tokens for models of these architectures.
_OUTPUT = "output.weight"
_NUMBERS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
_STRING, _ARRAY = 8, 9
_BLOCK = 1 << 24


def layers_of(path: Path) -> int:
    """How many layers the model in the file has, of which the first can be made a model of its own;
    0 for an architecture that is not known to allow it. Raises `ConfigurationError` for no such
    file.
    """
    with _opened(path) as data:
        return _head(path, data).layers


def shortened(folder: Path, digest: str, layers: int) -> Path:
    """Where the first `layers` of the model with that digest are kept."""
    return folder / f"{digest[:16]}.first-{layers}.gguf"


def copies(folder: Path, digest: str) -> Iterator[Path]:
    """All that is kept of that model's first layers, and what broken writing left of it."""
    return folder.glob(f"{digest[:16]}.first-*.gguf*")


def shorten(path: Path, target: Path, layers: int) -> None:
    """Write the model's first `layers` to `target`, as a model of its own.

    Raises `ConfigurationError` where `path` is no GGUF file of so many layers, and `OSError` where
    `target` cannot be written.
    """
    with _opened(path) as data:
        head = _head(path, data)
        if not 0 < layers <= head.layers:
            raise ConfigurationError(
                f"{str(path)!r} has {head.layers} layers, and {layers} of them are asked for."
            )
        whole = head.first(layers, data)
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f"{target.name}.{secrets.token_hex(4)}.new")  # others may write
        try:
            with beside.open("wb") as file:
                file.writelines(whole)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)


@contextmanager
def _opened(path: Path) -> Iterator[mmap.mmap]:
    with _explained(path), path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with data:
        yield data


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, IndexError, struct.error) as error:
        raise ConfigurationError(
            f"{str(path)!r} cannot be read as a GGUF file: {error}. Name a complete one as "
            "gguf:PATH, or pull one with `classifier models pull`."
        ) from error


def _head(path: Path, data: mmap.mmap) -> _Head:
    with _explained(path):
        return _Head.of(data)


@dataclass(frozen=True)
class _Tensor:
    """A tensor's name, its shape and kind as they stand in the file, and where its bytes are."""

    name: str
    form: bytes
    start: int
    size: int

    @property
    def layer(self) -> int:
        """The layer that it is part of; -1 for one that is part of none."""
        found = _LAYER.match(self.name)
        return int(found[1]) if found else -1


@dataclass(frozen=True)
class _Head:
    """What stands before the tensors' bytes: the fields as they stand, and the tensors' places."""

    version: int
    count: int
    fields: bytes
    layers: int
    layers_at: int
    alignment: int
    tensors: tuple[_Tensor, ...]

    @staticmethod
    def of(data: mmap.mmap) -> _Head:
        magic, version, tensors, count = HEAD.unpack_from(data)
        if magic != MAGIC:
            raise ValueError("it does not begin like one")
        reader = _Reader(data, HEAD.size)
        known: dict[str, tuple[Any, int]] = {}
        for _ in range(count):
            name, kind, place = reader.text(), reader.number("I"), reader.place
            known[name] = reader.value(kind), place
        end = reader.place
        found = [reader.tensor() for _ in range(tensors)]
        alignment = int(known[_ALIGNMENT][0]) if _ALIGNMENT in known else 32
        layers, at = _layers(known)
        return _Head(
            version,
            count,
            bytes(data[HEAD.size : end]),
            int(layers),
            at - HEAD.size,
            alignment,
            _placed(found, _aligned(reader.place, alignment), len(data)),
        )

    def first(self, layers: int, data: mmap.mmap) -> Iterator[bytes]:
        """The bytes of a file with so many layers."""
        kept = [t for t in self.tensors if t.layer < layers and t.name != _OUTPUT]
        fields = bytearray(self.fields)
        struct.pack_into("<I", fields, self.layers_at, layers)
        head = [HEAD.pack(MAGIC, self.version, len(kept), self.count), bytes(fields)]
        offset = 0
        for tensor in kept:
            head.append(tensor.form + struct.pack("<Q", offset))
            offset = _aligned(offset + tensor.size, self.alignment)
        whole = b"".join(head)
        yield whole.ljust(_aligned(len(whole), self.alignment), b"\0")
        for tensor in kept:
            for start in range(tensor.start, tensor.start + tensor.size, _BLOCK):
                yield data[start : min(start + _BLOCK, tensor.start + tensor.size)]
            yield b"\0" * (_aligned(tensor.size, self.alignment) - tensor.size)


def _layers(fields: dict[str, tuple[Any, int]]) -> tuple[int, int]:
    """How many layers there are, and where that stands; 0 where they cannot be told apart."""
    architecture, _ = fields.get(_ARCHITECTURE, ("", 0))
    known = architecture in _SHORTENED and _SPLIT not in fields
    return fields.get(f"{architecture}{_COUNT}", (0, HEAD.size)) if known else (0, HEAD.size)


def _aligned(place: int, alignment: int) -> int:
    return -(-place // alignment) * alignment


def _placed(found: list[tuple[str, bytes, int]], begin: int, end: int) -> tuple[_Tensor, ...]:
    """The tensors with their bytes, each up to the next one's."""
    starts = sorted({begin + offset for _, _, offset in found})
    following = dict(zip(starts, [*starts[1:], end], strict=True))
    if starts and starts[-1] >= end:
        raise ValueError("it is cut short")
    return tuple(
        _Tensor(name, form, begin + offset, following[begin + offset] - begin - offset)
        for name, form, offset in found
    )


class _Reader:
    """Reads the fields at the head of a file, one after the other."""

    def __init__(self, data: mmap.mmap, place: int) -> None:
        self._data = data
        self.place = place

    def number(self, form: str) -> Any:
        """The next number, of a form that `struct` knows."""
        [value] = struct.unpack_from(f"<{form}", self._data, self.place)
        self.place += struct.calcsize(f"<{form}")
        return value

    def text(self) -> str:
        """The next string."""
        length = self.number("Q")
        start, self.place = self.place, self.place + length
        if self.place > len(self._data):
            raise ValueError("it is cut short")
        return str(self._data[start : self.place], "utf-8", "replace")

    def value(self, kind: int) -> Any:
        """The next value of a kind: a number, a string, or None for a list, which is skipped."""
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            inner, count = self.number("I"), self.number("Q")
            for _ in range(count):
                self.value(inner)
            return None
        return self.number(_NUMBERS[kind])

    def tensor(self) -> tuple[str, bytes, int]:
        """The next tensor: its name, its entry up to the offset as it stands, and that offset."""
        begin = self.place
        name, dimensions = self.text(), self.number("I")
        self.place += 8 * dimensions + 4  # the shape, and the kind of its numbers
        form = bytes(self._data[begin : self.place])
        return name, form, self.number("Q")
