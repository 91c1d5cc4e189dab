"""A taxonomy as it stood at a git revision, in a folder that goes away again."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from classifier.errors import ConfigurationError, TaxonomyError
from classifier.taxonomy import Taxonomy, load_taxonomy, taxonomy_folder


@contextmanager
def taxonomy_at(revision: str, name: str) -> Iterator[Taxonomy]:
    """The taxonomy of that name, or in that folder, at a revision of the repository it lies in.

    Raises `ConfigurationError` where there is no git, repository, revision or taxonomy in it.
    """
    folder = taxonomy_folder(name).resolve()
    root = Path(_git(folder, "rev-parse", "--show-toplevel").decode().strip())
    within = folder.relative_to(root.resolve()).as_posix()
    commit = _commit(folder, revision)
    try:
        packed = _git(root, "archive", commit, "--", within)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"There is no {within} at the revision {revision!r}. Name a later revision, or "
            "compare two folders."
        ) from error
    with TemporaryDirectory(prefix="classifier-") as place:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(place, filter="data")
        yield _loaded(Path(place) / within, revision)


def _loaded(folder: Path, revision: str) -> Taxonomy:
    try:
        return load_taxonomy(folder)
    except TaxonomyError as error:
        raise ConfigurationError(
            f"The taxonomy cannot be used as it was at {revision!r}:\n{error}\nName a revision "
            "in which it was sound."
        ) from error


def _commit(folder: Path, revision: str) -> str:
    try:
        # what follows --end-of-options can never be read as an option of git
        given = f"{revision}^{{commit}}"
        found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", given)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"There is no revision {revision!r} in the repository of {folder}. Name a commit, a "
            "branch or a tag (in a shallow clone, fetch it first)."
        ) from error
    return found.decode().strip()


def _git(folder: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    except FileNotFoundError as error:
        raise ConfigurationError(
            "A revision can only be read with git, which is not installed. Install it, or "
            "compare two folders."
        ) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise ConfigurationError(f"git {arguments[0]} in {folder}: {said or 'it failed'}")
    return done.stdout
