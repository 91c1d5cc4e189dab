"""Which line of a prompt changed since a baseline: the likely cause of a category's change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path, PurePath

CATEGORIES = "categories"

Digests = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Place:
    """A line (from 1) of a file of the taxonomy's folder; a path that ends as it does in there."""

    file: str
    line: int


def line_digests(folder: Path) -> dict[str, tuple[str, ...]]:
    """For each YAML and template file of a taxonomy, by its path in it, a digest of each line."""
    files = sorted(f for f in folder.rglob("*") if f.suffix in (".yaml", ".jinja"))
    return {f.relative_to(folder).as_posix(): _digests(f.read_bytes()) for f in files}


def changed_lines(before: Digests, after: Digests) -> list[Place]:
    """The first changed line of each file that changed, came or went, by file name."""
    found = [_first(f, before.get(f, ()), after.get(f, ())) for f in sorted({*before, *after})]
    return [place for place in found if place is not None]


def likely_cause(category: str, changed: Sequence[Place]) -> Place | None:
    """The category's own file where that changed, else one that all categories share."""
    own = (p for p in changed if PurePath(p.file).parts[-2:] == (CATEGORIES, f"{category}.yaml"))
    shared = (p for p in changed if PurePath(p.file).parent.name != CATEGORIES)
    return next(own, None) or next(shared, None)


def _digests(content: bytes) -> tuple[str, ...]:
    return tuple(hashlib.sha256(line.rstrip()).hexdigest()[:12] for line in content.splitlines())


def _first(file: str, before: Sequence[str], after: Sequence[str]) -> Place | None:
    for kind, _, _, start, _ in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            return Place(file, min(start + 1, max(1, len(after))))
    return None
