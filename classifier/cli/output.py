"""Where reports go: standard output, one file, or a folder with a file for each."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from classifier.cli.console import say
from classifier.errors import ClassifierError, ConfigurationError
from classifier.replacing import is_device, replace_file

if TYPE_CHECKING:
    from classifier.records import Report
    from classifier.render import Find
    from classifier.taxonomy import Taxonomy


class Format(StrEnum):
    """How a report is printed."""

    text = "text"
    json = "json"
    markdown = "markdown"
    page = "page"
    html = "html"


_SUFFIXES = {
    Format.text: "txt",
    Format.json: "json",
    Format.markdown: "md",
    Format.page: "txt",
    Format.html: "html",
}
# A file system takes 255 bytes; what is left is for the hash and the suffixes.
_LONGEST_NAME = 200
_WIDEST = 110


@dataclass(frozen=True)
class Output:
    """How and where reports are written; `several` says that more than one may come. `find` gives
    the articles of a report, which only HTML shows.
    """

    taxonomy: Taxonomy
    format: Format
    out: str | None
    several: bool
    find: Find | None = None

    def prepare(self) -> None:
        """Raises `ConfigurationError` where nothing can be written there."""
        if self.format is Format.html and self.several and not (self.out and self._in_folder):
            raise ConfigurationError(
                "HTML is one page for each report, and there are several. Give a folder for them: "
                "--out FOLDER/"
            )
        if self.out is None or is_device(Path(self.out)):
            return
        folder = Path(self.out) if self._in_folder else Path(self.out).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise ConfigurationError(
                f"--out {self.out!r} cannot be written: {error.strerror}. "
                "Choose another place; nothing was sent."
            ) from error

    def write(self, reports: Sequence[Report]) -> None:
        """Write the reports; raises `ClassifierError` where the place has gone bad."""
        if self.out is None:
            self._print(reports)
        elif self._in_folder:
            for name, report in file_names(reports).items():
                _save(Path(self.out) / f"{name}.{_SUFFIXES[self.format]}", self._text([report]))
        else:
            _save(Path(self.out), self._text(reports, as_list=self.several))

    @property
    def _in_folder(self) -> bool:
        """A folder that is there or is written as one; of several, whatever looks like no file."""
        assert self.out is not None  # noqa: S101 - for the type checker
        path = Path(self.out)
        written_so = self.out.endswith(("/", os.sep))
        return path.is_dir() or written_so or (self.several and not path.suffix)

    def _text(self, reports: Sequence[Report], *, as_list: bool = False) -> str:
        texts = [self._rendered(report) for report in reports]
        if self.format is Format.json and as_list:
            return "[\n" + ",\n".join(t.rstrip("\n") for t in texts) + "\n]\n"
        return "\n".join(texts)

    def _rendered(self, report: Report) -> str:
        from classifier.render import FORMATS, no_text, to_html

        if self.format is Format.html:
            return to_html(report, self.taxonomy, self.find or no_text)
        return FORMATS[self.format](report, self.taxonomy)

    def _print(self, reports: Sequence[Report]) -> None:
        if self.format is Format.text and sys.stdout.isatty():
            text = "\n".join(map(self._coloured, reports))
        else:
            text = self._text(reports, as_list=self.several)
        sys.stdout.write(self._encodable(text))
        sys.stdout.flush()

    def _coloured(self, report: Report) -> str:
        from shutil import get_terminal_size

        from classifier.render import to_terminal

        width = min(get_terminal_size().columns, _WIDEST)
        return to_terminal(report, self.taxonomy, width=width, colour=_colour_wanted(os.environ))

    def _encodable(self, text: str) -> str:
        """What standard output can say: JSON in ASCII, else `?` for what it has no sign for."""
        encoding = sys.stdout.encoding or "utf-8"
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            if self.format is Format.json:
                import json

                return json.dumps(json.loads(text), indent=2) + "\n"
            return text.encode(encoding, "replace").decode(encoding)
        return text


def file_names(reports: Sequence[Report]) -> Mapping[str, Report]:
    """A file name for each report, without its suffix: none is a path, no two are the same."""
    named: dict[str, Report] = {}
    taken: set[str] = set()
    for report in reports:
        name = file_name(report.incident.id)
        if name.casefold() in taken:  # file systems that ignore case would overwrite
            name = f"{name}-{_hash(report.incident.id)}"
        taken.add(name.casefold())
        named[name] = report
    return named


def file_name(identifier: str) -> str:
    """The id itself where it is a harmless name; otherwise what is left of it, and a hash.

    It has no suffix, and is no path.
    """
    kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in identifier).strip("._")
    kept = kept.encode()[:_LONGEST_NAME].decode(errors="ignore")
    return kept if kept == identifier else f"{kept or 'incident'}-{_hash(identifier)}"


def _hash(identifier: str) -> str:
    return hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _save(path: Path, text: str) -> None:
    try:
        path = path if is_device(path) else path.resolve()  # keeps what a link points to a link
        path.parent.mkdir(parents=True, exist_ok=True)
        if is_device(path):
            path.write_text(text, encoding="utf-8")
            return
        replace_file(path, text)
    except OSError as error:
        raise ClassifierError(
            f"--out {str(path)!r} cannot be written any more: {error.strerror}. Choose another "
            "place; run it again and the answers come from the cache."
        ) from error
    say(f"Written: {path}")


def _colour_wanted(environment: Mapping[str, str]) -> bool:
    """Colours on a terminal, unless NO_COLOR (no-color.org) or a dumb terminal forbid them."""
    return not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
