"""The embeddings of a model's tokens, read from its GGUF file: what its words are like.

They are the model's first layer, so a look at them costs no call. The file's layout is GGUF 3's
(https://github.com/ggml-org/ggml/blob/master/docs/gguf.md); the package `gguf` reads it whole,
which takes many seconds for the vocabulary of a model, and here unpacks the rows alone.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.errors import ConfigurationError

Floats = NDArray[np.float64]

_TABLE = "token_embd.weight"
_TOKENS = "tokenizer.ggml.tokens"
_ALIGNMENT = "general.alignment"
# How the vocabularies of BPE and of SentencePiece write the space before a word.
_SPACES = ("Ġ", "▁")
_NUMBERS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
_STRING, _ARRAY = 8, 9


class Embeddings:
    """Vectors of words, of `dimensions` numbers each. Raises `ConfigurationError` for a file that
    holds no table of embeddings that can be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._table, tokens = _table_and_tokens(data)
        except (OSError, ValueError, KeyError, IndexError, struct.error) as error:
            raise ConfigurationError(
                f"The embeddings of {str(path)!r} cannot be read: {error}. Name a GGUF file of a "
                "language model, or take a calibration that ranks no sentences."
            ) from error
        self.dimensions = self._table.columns
        self._place = {token: n for n, token in reversed(list(enumerate(tokens)))}
        self._of = cache(self._vector)

    def word(self, word: str) -> Floats:
        """The vector of a word, (dimensions,): that of its token, else the mean of its pieces."""
        return self._of(word)

    def _vector(self, word: str) -> Floats:
        rows = self._table.rows(self._pieces(word))
        return rows.mean(axis=0) if len(rows) else np.zeros(self.dimensions)

    def _pieces(self, word: str) -> list[int]:
        """The token that the word is, in one case or another, or the longest ones that make it."""
        for form in (word, word.lower(), word.capitalize()):
            for space in _SPACES:
                if (found := self._place.get(space + form)) is not None:
                    return [found]
        return list(self._longest(word.lower()))

    def _longest(self, rest: str) -> Iterator[int]:
        while rest:
            for end in range(len(rest), 0, -1):
                if (found := self._place.get(rest[:end])) is not None:
                    yield found
                    break
            rest = rest[end:]


class _Table:
    """A matrix in a file, unpacked row by row; `kind` is the number of its quantisation."""

    def __init__(self, data: mmap.mmap, start: int, columns: int, rows: int, kind: int) -> None:
        from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

        self._kind = GGMLQuantizationType(kind)
        self.columns = columns
        block, size = GGML_QUANT_SIZES[self._kind]
        self._bytes = np.ndarray((rows, columns // block * size), np.uint8, data, start)

    def rows(self, numbers: Sequence[int]) -> Floats:
        """(numbers, columns)."""
        from gguf.quants import dequantize

        if not numbers:
            return np.zeros((0, self.columns))
        return np.asarray(dequantize(self._bytes[list(numbers)], self._kind), np.float64)


def _table_and_tokens(data: mmap.mmap) -> tuple[_Table, list[str]]:
    reader = _Reader(data)
    if data[:4] != b"GGUF":
        raise ValueError("it does not begin like a GGUF file")
    reader.place = 4
    _version, tensors, fields = reader.number("I"), reader.number("Q"), reader.number("Q")
    known = {reader.text(): reader.value(reader.number("I")) for _ in range(fields)}
    found = [reader.tensor() for _ in range(tensors)]
    alignment = known.get(_ALIGNMENT, 32)
    begin = -(-reader.place // alignment) * alignment
    for name, (columns, rows, *_), kind, offset in found:
        if name == _TABLE:
            return _Table(data, begin + offset, columns, rows, kind), known[_TOKENS]
    raise ValueError(f"it has no {_TABLE}")


class _Reader:
    """Reads the fields at the head of a GGUF file, one after the other."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self.place = 0

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
        """The next value of a kind: a number, a string or a list of them."""
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            inner, count = self.number("I"), self.number("Q")
            return [self.value(inner) for _ in range(count)]
        return self.number(_NUMBERS[kind])

    def tensor(self) -> tuple[str, list[int], int, int]:
        """The next tensor's name, its dimensions (the columns first), its kind and its offset."""
        name, dimensions = self.text(), self.number("I")
        shape = [self.number("Q") for _ in range(dimensions)]
        return name, shape, self.number("I"), self.number("Q")
