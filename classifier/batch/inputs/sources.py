"""Which files the sources name: a folder's, a pattern's, or the file itself, in a fixed order."""

from __future__ import annotations

import glob
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Literal

from classifier.articles.formats import suffix_kind
from classifier.articles.naming import file_id, is_url, quoted, shown
from classifier.batch.inputs.options import Unread
from classifier.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

Kind = Literal["articles", "jsonl", "delimited", "parquet"]
_TABLES: dict[str, Kind] = {
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".csv": "delimited",
    ".csv.gz": "delimited",
    ".tsv": "delimited",
    ".tsv.gz": "delimited",
    ".parquet": "parquet",
}
_KNOWN = f".txt .md .html .json .yaml {' '.join(_TABLES)}"
_LONGEST_NAME = 300
_IRREGULAR = "not a regular file, or a link to nothing"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to read; `relative` is its name within the source that it was found by."""

    path: str
    relative: str
    kind: Kind

    @property
    def name(self) -> str:
        """The path as it may be shown."""
        plain = self.path.isprintable() and len(self.path) <= _LONGEST_NAME
        return self.path if plain else shown(self.path, _LONGEST_NAME)

    @property
    def id(self) -> str:
        """The id of an article that has none of its own: the name in the source, without suffix."""
        return file_id(self.relative.replace("/", "-"))

    @property
    def packed(self) -> bool:
        """Whether it is compressed with gzip."""
        return self.path.lower().endswith(".gz")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is no input, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Survey:
    """The files to read, those that are left out, and folders that cannot be looked into."""

    files: tuple[SourceFile, ...]
    skipped: tuple[Skipped, ...] = ()
    unread: tuple[Unread, ...] = ()


def survey(sources: Sequence[str]) -> Survey:
    """The files that the sources name, each once, in the order of the sources, then by name.

    A folder is searched with all in it but what is hidden, and for the suffixes that are known. A
    pattern is what a shell would make of it, `**` included. Raises ConfigurationError for a source
    that names no file to read.
    """
    if not sources:
        raise ConfigurationError("No input given. Name a folder, a file or a pattern.")
    finder = _Finder()
    for source in sources:
        finder.look(source)
    if not finder.files:
        raise finder.nothing(", ".join(map(shown, sources[:3])))
    return Survey(tuple(finder.files.values()), tuple(finder.skipped), tuple(finder.unread))


def told(skipped: Sequence[Skipped]) -> str | None:
    """One sentence that says how many files are left out, and which kinds they are."""
    if not skipped:
        return None
    reasons = Counter(one.reason for one in skipped).most_common()
    listed = "; ".join(f"{count} {reason}" for reason, count in reasons[:8])
    rest = sum(count for _, count in reasons[8:])
    more = f"; {rest} for other reasons" if rest else ""
    return f"{len(skipped)} not read, {shown(skipped[0].name)} for one: {listed}{more}."


class _Finder:
    """Collects files, by absolute path."""

    def __init__(self) -> None:
        self.files: dict[str, SourceFile] = {}
        self.skipped: list[Skipped] = []
        self.unread: list[Unread] = []

    def look(self, source: str) -> None:
        """Add what one source names."""
        before = len(self.files), len(self.skipped), len(self.unread)
        if source == "-" or is_url(source) or "\0" in source:
            raise ConfigurationError(
                f"{shown(source)}: is no file. A run reads its inputs again when it is taken up: "
                "save the articles in a file or a folder, and name that."
            )
        if os.path.isdir(source):  # noqa: PTH112 - Path would drop the user's spelling
            self._folder(source, "")
        elif os.path.lexists(source):
            self._named(source, PurePath(source).name)
        elif glob.has_magic(source):
            self._pattern(source)
        else:
            raise ConfigurationError(
                f"{shown(source)}: no such file or folder. Check the name and the current folder."
            )
        if before == (len(self.files), len(self.skipped), len(self.unread)):
            raise self.nothing(shown(source))

    def nothing(self, names: str) -> ConfigurationError:
        """The error for sources in which there is no file to read."""
        why = self.unread[-1].reason if self.unread else told(self.skipped)
        return ConfigurationError(
            f"{names}: no file to read was found. {why or 'There is none.'} "
            f"Known suffixes: {_KNOWN}; a file of another one is read where it is named itself."
        )

    def _named(self, path: str, relative: str) -> None:
        if not os.path.isfile(path):  # noqa: PTH113
            raise ConfigurationError(
                f"{shown(path)}: is no regular file, or is a link to nothing. A run reads its "
                "inputs again when it is taken up: save them in a file, and name that."
            )
        self._add(path, relative, _kind(path) or "articles")

    def _pattern(self, pattern: str) -> None:
        base, deep = _unmagic(pattern), "**" in PurePath(pattern).parts
        matches = glob.glob(pattern, recursive=True)  # noqa: PTH207 - the pattern may be absolute
        for match in sorted(matches, key=_by_parts):
            relative = PurePath(os.path.relpath(match, base)).as_posix()
            if os.path.isfile(match):  # noqa: PTH113
                self._named(match, relative)
            elif not os.path.isdir(match):  # noqa: PTH112
                self.skipped.append(Skipped(shown(match), _IRREGULAR))
            elif not deep:  # else its files match by themselves
                self._folder(match, f"{relative}/")

    def _folder(self, folder: str, prefix: str) -> None:
        waiting = [(folder, prefix)]
        while waiting:
            here, before = waiting.pop()
            inner = []
            for entry in self._entries(here):
                if not entry.is_dir(follow_symlinks=False):
                    self._entry(entry, before + entry.name)
                else:
                    inner.append((entry.path, f"{before}{entry.name}/"))
            waiting += reversed(inner)

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                found = [one for one in entries if not one.name.startswith(".")]
        except OSError as error:
            name = shown(folder)
            reason = f"{name}: cannot be looked into ({error.strerror}). Change its permissions."
            self.unread.append(Unread(name, reason))
            return []
        return sorted(found, key=lambda one: one.name)

    def _entry(self, entry: os.DirEntry[str], relative: str) -> None:
        kind = _kind(entry.name)
        if not os.path.isfile(entry.path):  # noqa: PTH113 - unlike the entry's, it never raises
            linked = os.path.isdir(entry.path)  # noqa: PTH112
            what = "linked folder, not followed" if linked else _IRREGULAR
            self.skipped.append(Skipped(shown(entry.path), what))
        elif kind is None:
            suffix = PurePath(entry.name).suffix.lower()
            reason = f"with the suffix {quoted(suffix, 20)}" if suffix else "without a suffix"
            self.skipped.append(Skipped(shown(entry.path), reason))
        else:
            self._add(entry.path, relative, kind)

    def _add(self, path: str, relative: str, kind: Kind) -> None:
        file = SourceFile(path, relative, kind)
        # A link and its target stay two files: their names may mean something.
        if self.files.setdefault(os.path.abspath(path), file) is not file:  # noqa: PTH100
            self.skipped.append(Skipped(file.name, "named twice, and read once"))


def _kind(name: str) -> Kind | None:
    lower = name.lower()
    tables = (kind for suffix, kind in _TABLES.items() if lower.endswith(suffix))
    return next(tables, None) or ("articles" if suffix_kind(name) else None)


def _by_parts(path: str) -> tuple[str, ...]:
    return PurePath(path).parts


def _unmagic(pattern: str) -> Path:
    """The folders at the pattern's beginning that are no pattern."""
    parts = PurePath(pattern).parts
    magic = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:magic])
