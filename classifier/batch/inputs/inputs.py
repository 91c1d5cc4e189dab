"""The inputs of a run: looked at once, checked before anything is sent, streamed as often."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from classifier.batch.inputs import (
    article_files,
    delimited,
    identity,
    json_lines,
    parquet,
    sources,
    text_files,
)
from classifier.batch.inputs.grouping import Seen, grouped
from classifier.batch.inputs.options import InputOptions, Unread
from classifier.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from classifier.batch.inputs.rows import Found
    from classifier.batch.inputs.sources import Kind, Skipped, SourceFile
    from classifier.records import Incident

_READERS: dict[Kind, Callable[[SourceFile, InputOptions], Iterator[Found]]] = {
    "articles": article_files.rows,
    "jsonl": json_lines.rows,
    "delimited": delimited.rows,
    "parquet": parquet.rows,
}
_CHECKS: dict[Kind, Callable[[SourceFile, InputOptions], None]] = {
    "jsonl": json_lines.check,
    "delimited": delimited.check,
    "parquet": parquet.check,
}
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Inputs:
    """The files of a run, in the order in which they are read, and those that are left out."""

    files: tuple[SourceFile, ...]
    options: InputOptions
    skipped: tuple[Skipped, ...] = ()
    unread: tuple[Unread, ...] = ()

    @classmethod
    def open(cls, given: Sequence[str], options: InputOptions) -> Inputs:
        """Look at folders, patterns and files, and at the header of each table.

        Raises ConfigurationError for a source that names nothing to read, a column that is missing
        or of a wrong type, and options that cannot be. A file that cannot be read is no such
        mistake: it comes out of `stream` as Unread.
        """
        options.check()
        found = sources.survey(given)
        for file in found.files:
            if file.kind in _CHECKS:
                _CHECKS[file.kind](file, options)
        return cls(found.files, options, found.skipped, found.unread)

    @property
    def said(self) -> str | None:
        """One sentence on the files that are left out, for the user; None where there are none."""
        return sources.told(self.skipped)

    def stream(self) -> Iterator[Incident | Unread]:
        """Every input as an incident or as Unread, in an order that is always the same.

        Files are opened one after the other, and rows are read as they are taken. Of incidents
        with one id the first counts, and each later one is Unread. Rows with the same `incident`
        are one incident where nothing but broken rows stands between them.
        """
        seen = Seen()
        found = chain.from_iterable(map(self._contents, self.files))
        for one in chain(self.unread, grouped(found)):
            yield one if isinstance(one, Unread) else seen.judged(one)

    def count(self) -> int | None:
        """About how many the stream will give, for a progress bar; None where only reading tells.

        It is exact for Parquet. A line of JSON Lines counts as one, a blank one too, and so does a
        file of articles, which may hold a list. CSV, packed files and rows that are grouped into
        incidents are not counted.
        """
        total = len(self.unread)
        for file in self.files:
            number = self._counted(file)
            if number is None:
                return None
            total += number
        return total

    def fingerprint(self) -> str:
        """What identifies the inputs: `files N, bytes N, sha256 HEX`.

        It covers the order of the files, the name of each within its source (for a named file its
        own name, so that a corpus may be moved) and every byte, packed as it is; no times, and no
        options, which `InputOptions.deciding` has. All bytes are read: a few seconds for a
        gigabyte, and always less than streaming them.
        """
        return identity.fingerprint(self.files)

    def continues(self, before: str) -> bool:
        """Whether these inputs are those of the fingerprint `before` with more behind them.

        That is so where rows were appended to the last file or to a single one, and where files
        were added that sort behind it. False for what is no fingerprint.
        """
        return identity.continues(self.files, before)

    def _contents(self, file: SourceFile) -> Iterator[Found]:
        empty = True
        try:
            for one in _READERS[file.kind](file, self.options):
                empty = False
                yield one
        except InputError as error:
            yield Unread(file.name, str(error))
            return
        if empty:
            reason = f"{file.name}: holds no article. Give one that has some, or leave it out."
            yield Unread(file.name, reason)

    def _counted(self, file: SourceFile) -> int | None:
        if file.kind == "articles":
            return 1
        if file.kind == "delimited" or file.packed:
            return None
        if file.kind == "parquet":
            grouping = "incident" in parquet.fields(file, self.options)
            return None if grouping else parquet.count(file)
        column = self.options.columns.names().get("incident")
        return None if column in json_lines.head(file, self.options) else _lines(file)


def _lines(file: SourceFile) -> int | None:
    try:
        with text_files.opened(file) as data:
            count, last = 0, b"\n"
            while block := data.read(_BLOCK):
                count += block.count(b"\n")
                last = block[-1:]
    except OSError:
        return None
    return count + (last != b"\n")
