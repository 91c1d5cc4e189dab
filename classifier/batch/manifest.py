"""The manifest of a run: the settings that decide its answers, and how two of them differ."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field

from classifier.batch.lines import decoded, encoded, problem_in, sync_folder, write_whole
from classifier.errors import ConfigurationError
from classifier.records import ModelRef, Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "manifest.json"
# A kill may leave it behind, half written.
BEGUN = "manifest.json.new"

# What may change from one start to the next: it decides no answer.
_FREE = ("created", "versions.python")
_LABELS = {
    "model.name": "model",
    "model.digest": "weights of the model",
    "model.endpoint": "endpoint",
    "versions.classifier": "version of the classifier",
    "input_fingerprint": "input",
}


class Manifest(Record):
    """All that decides the answers of a run. It is written with `schema_version` 1.

    `versions` is by the name of the software, as in a report's provenance. `parameters` are those
    of the method; `settings` are the others that decide answers. `input_fingerprint` is equal
    where the inputs are. `created` is kept in UTC, and no part of a comparison.
    """

    schema_version: Literal[1] = 1
    created: Annotated[AwareDatetime, AfterValidator(lambda given: given.astimezone(UTC))]
    versions: dict[str, str]
    taxonomy: str
    taxonomy_sha256: str
    prompts_sha256: str
    model: ModelRef
    method: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)
    input_fingerprint: str


def differences(before: Manifest, now: Manifest) -> list[str]:
    """A sentence for each field that differs, with both values: `model: was 'a', is now 'b'`.

    The time of creation and the version of Python are not compared; a missing key of a mapping
    is the same as null.
    """
    old, new = dict(_leaves(before)), dict(_leaves(now))
    return [
        f"{_LABELS.get(name, name)}: was {_shown(old.get(name))}, is now {_shown(new.get(name))}"
        for name in old | new
        if name not in _FREE and old.get(name) != new.get(name)
    ]


def load_manifest(folder: Path) -> Manifest | None:
    """The manifest in a run folder, or None; `ConfigurationError` where it cannot be read."""
    path = folder / NAME
    try:
        return decoded(Manifest, path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}. Make it readable, or choose another folder."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{path} is no manifest that this version can read: {problem_in(error)}. Put the file "
            "back as it was written, use the version that wrote it, or choose another folder."
        ) from error


def save_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it whole or not at all, and to the disk; raises `OSError`."""
    begun = folder / BEGUN
    with begun.open("wb", buffering=0) as file:
        write_whole(file, encoded(manifest, indent=2))
    begun.replace(folder / NAME)
    sync_folder(folder)


def _leaves(manifest: Manifest) -> Iterator[tuple[str, Any]]:
    return _flat("", manifest.model_dump(mode="json"))


def _flat(name: str, value: object) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield name, value
        return
    for key, inner in value.items():
        yield from _flat(f"{name}.{key}" if name else str(key), inner)


def _shown(value: object) -> str:
    return "not set" if value is None else repr(value)
