"""Writes reports as a folder of pages: one for each report, and an index of them all."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from classifier.errors import ClassifierError, ConfigurationError
from classifier.records import Article, Report
from classifier.render import Find, found
from classifier.render.html import report_html
from classifier.render.html.index import Index
from classifier.replacing import replace_file
from classifier.taxonomy import Taxonomy

MARKER = "report-pages.json"
"""The file by which a folder is known to be one of ours, to be written anew."""

INDEX = "index.html"
REPORTS = "reports"

_MADE_BY = "classifier report"
_PAGE = re.compile(r"[a-z0-9-]{0,60}-[0-9a-f]{12}(-\d+)?\.html")
_SLUG = 60


@dataclass
class Published:
    """What was written: `reports` pages; of `articles` in them, `missing` have no text."""

    index: Path
    reports: int = 0
    articles: int = 0
    missing: int = 0


def check_folder(out: Path) -> None:
    """Raises `ConfigurationError` unless the folder is new, empty, or was written by us."""
    if out.is_dir():
        found = sorted(p.name for p in out.iterdir())
        if found and not _is_ours(out):
            raise _refused(out, f"holds {found[0]!r}, and nothing shows that we wrote it")
        if (out / REPORTS).is_symlink():
            raise _refused(out, f"has a link for {REPORTS!r}, which leads elsewhere")
    elif out.exists() or out.is_symlink():
        raise _refused(out, "is no folder")


def publish(
    reports: Iterable[tuple[Report, Find]], taxonomy: Taxonomy, out: Path, title: str
) -> Published:
    """Write the pages of the reports and their index to a folder; pages of ours that are of no
    report any more are taken away.

    Each file is written whole or not at all; of a report nothing is kept in memory but its row in
    the index. Raises `ConfigurationError` as `check_folder` does, and `ClassifierError` where the
    disk does not take it.
    """
    check_folder(out)
    done = Published(out / INDEX)
    index, names = Index(taxonomy), _Names()
    with _explained(out):
        (out / REPORTS).mkdir(parents=True, exist_ok=True)
        _write(out / MARKER, json.dumps({"schema_version": 1, "made_by": _MADE_BY}) + "\n")
        for report, find in reports:
            name = names.name(report.incident.id)
            articles = _articles(report, find, done)
            _write(out / REPORTS / name, report_html(report, taxonomy, articles))
            index.add(report, f"{REPORTS}/{name}")
        _write(done.index, index.html(title))
        for path in _left_over(out / REPORTS, names):
            path.unlink()
    done.reports = len(index)
    return done


def page_name(identifier: str) -> str:
    """A file name for the page of an incident: what is harmless of its id, and a digest of it."""
    slug = re.sub(r"[^a-z0-9]+", "-", identifier.lower())[:_SLUG].strip("-")
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{slug}-{digest}.html"


class _Names:
    """A name for each report: the second one of an incident gets a number."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}

    def name(self, identifier: str) -> str:
        """The file name of the next report of this incident."""
        plain = page_name(identifier)
        self._times[plain] = times = self._times.get(plain, 0) + 1
        return plain if times == 1 else _numbered(plain, times)

    def has(self, name: str) -> bool:
        """Whether a report has this name."""
        plain, _, number = name.removesuffix(".html").rpartition("-")
        if name in self._times:
            return True
        times = self._times.get(f"{plain}.html", 0)
        return number.isdecimal() and 2 <= int(number) <= times


def _numbered(name: str, number: int) -> str:
    return f"{name.removesuffix('.html')}-{number}.html"


def _articles(report: Report, find: Find, done: Published) -> dict[str, Article]:
    articles = found(report, find)
    done.articles += len(report.incident.articles)
    done.missing += sum(ref.id not in articles for ref in report.incident.articles)
    return articles


def _left_over(folder: Path, names: _Names) -> Iterator[Path]:
    """Pages that were written before, of reports that are none of these."""
    for path in list(folder.iterdir()):
        known = _PAGE.fullmatch(path.name)
        if known and not names.has(path.name) and path.is_file() and not path.is_symlink():
            yield path


def _write(path: Path, text: str) -> None:
    """Replace a file, whatever stands there or beside it: a link is replaced, never followed."""
    path.with_name(f"{path.name}.new").unlink(missing_ok=True)
    replace_file(path, text)


def _is_ours(out: Path) -> bool:
    marker = out / MARKER
    if marker.is_symlink() or not marker.is_file():
        return False
    try:
        told = json.loads(marker.read_bytes()[:1000])
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and told.get("made_by") == _MADE_BY


def _refused(out: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"--out {str(out)!r} {why}. Choose a new folder, an empty one, or one that this command "
        "wrote; nothing was written."
    )


@contextmanager
def _explained(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ClassifierError(
            f"--out {str(out)!r} cannot be written: {error.strerror or error}. Choose another "
            "place, and run it again."
        ) from error
