"""Reads a taxonomy's folder, and names every mistake in it with file, line and mend."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from classifier.errors import ConfigurationError, Problem, TaxonomyError
from classifier.records import Record
from classifier.resources import data_folder
from classifier.taxonomy.rules import cross_check
from classifier.taxonomy.schema import Category, Header, Taxonomy
from classifier.taxonomy.templates import check_wording
from classifier.taxonomy.yaml_lines import Located, Place, read_yaml

R = TypeVar("R", bound=Record)

_MENDS = {
    "extra_forbidden": "Remove the key, or correct its spelling",
    "missing": "Add it",
    "string_too_short": "Write at least one word",
}


def available() -> dict[str, Path]:
    """The taxonomies that ship with the package: name -> folder."""
    return {f.parent.name: f.parent for f in sorted(data_folder("prompts").glob("*/taxonomy.yaml"))}


def load_taxonomy(name: str | Path = "fail") -> Taxonomy:
    """The taxonomy of that name, or in that folder.

    Raises `ConfigurationError` where there is none, `TaxonomyError` where it has mistakes.
    """
    taxonomy, problems = _read(_folder(name))
    if problems or taxonomy is None:
        raise TaxonomyError(problems)
    return taxonomy


def check_taxonomy(name: str | Path) -> list[Problem]:
    """Every mistake in the taxonomy's folder; an empty list where it can be used."""
    return _read(_folder(name))[1]


def _folder(name: str | Path) -> Path:
    shipped = available()
    if str(name) in shipped:
        return shipped[str(name)]
    folder = Path(name)
    if (folder / "taxonomy.yaml").is_file():
        return folder
    raise ConfigurationError(
        f"There is no taxonomy {str(name)!r}. Allowed: {', '.join(shipped) or 'none ships'}, "
        "or a folder that holds a taxonomy.yaml (copy one from prompts/ to begin your own)."
    )


def _read(folder: Path) -> tuple[Taxonomy | None, list[Problem]]:
    files = [folder / "taxonomy.yaml", *sorted((folder / "categories").glob("*.yaml"))]
    located = [_located(folder, file) for file in files]
    header = _validate(located[0], Header)
    read = [(item, _validate(item, Category)) for item in located[1:]]
    categories = [(item, category) for item, category in read if category is not None]
    templates = {f.name.removesuffix(".jinja"): f for f in (folder / "wording").glob("*.jinja")}
    wording = {name: file.read_text("utf-8") for name, file in sorted(templates.items())}
    problems = [p for item in located for p in item.problems]
    if header is not None and not problems:
        problems = cross_check(located[0], header, categories)
    problems += check_wording(wording)
    if problems or header is None:
        return None, problems
    return _assemble(header, [c for _, c in categories], wording, files), []


def _assemble(
    header: Header, categories: list[Category], wording: Mapping[str, str], files: Iterable[Path]
) -> Taxonomy:
    listed = [name for section in header.sections for name in section.categories]
    ordered = sorted(categories, key=lambda c: _position(c.name, listed))
    return Taxonomy(
        **dict(header),
        categories={c.name: c for c in ordered},
        wording=wording,
        sha256=_digest((f.name, f.read_bytes()) for f in files),
        wording_sha256=_digest((n, w.encode()) for n, w in wording.items()),
    )


def _position(name: str, listed: list[str]) -> int:
    return listed.index(name) if name in listed else len(listed)


def _located(folder: Path, file: Path) -> Located:
    name = file.relative_to(folder.parent).as_posix()
    try:
        return read_yaml(name, file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return Located(
            name, problems=[Problem(name, 1, f"cannot be read: {error}", "Save it as UTF-8 text")]
        )


def _validate(located: Located, kind: type[R]) -> R | None:
    if located.problems:
        return None
    try:
        return kind.model_validate(located.data)
    except ValidationError as error:
        for detail in error.errors():
            place: Place = tuple(detail["loc"])
            name = ".".join(map(str, place)) or located.file
            located.problem(
                place,
                f"{name}: {detail['msg'][:1].lower()}{detail['msg'][1:]}",
                _MENDS.get(detail["type"], f"It is {str(detail['input'])[:60]!r} now"),
            )
        return None


def _digest(parts: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, content in parts:
        for piece in (name.encode(), content):
            digest.update(len(piece).to_bytes(8, "big") + piece)
    return digest.hexdigest()
