"""Reports that exist, wherever they lie: a JSON file, a report page, or a run folder."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from classifier.articles.cleaning import mended
from classifier.articles.decoding import decode
from classifier.articles.files import explained, read_stream
from classifier.articles.naming import shown
from classifier.batch.folder import RunFolder
from classifier.batch.lines import decoded, problem_in, read
from classifier.errors import ConfigurationError, InputError
from classifier.pages import read_report_page
from classifier.records import Report
from classifier.taxonomy import Taxonomy

MOST_BYTES = 100_000_000
STDIN = "-"
_JSON_LINES = ".jsonl"
_MEND = "Give a report as JSON, a report page as text, or the folder of a run."


def read_reports(
    source: str, taxonomy: Taxonomy, *, stdin: BinaryIO | None = None
) -> Iterator[Report]:
    """The reports of a source, in the order in which they were written.

    `source` is a file with a report, or an array of reports, as JSON; one with a report a line
    (.jsonl); a report page in the layout of the taxonomy; a run folder, which is streamed; or `-`
    for JSON or a page on standard input (`stdin`, else that of the process). Raises `InputError`
    for what is none of these, is broken, or is too large.
    """
    path = Path(source)
    if source != STDIN and path.is_dir():
        return _run(path)
    if source != STDIN and path.suffix == _JSON_LINES:
        return _lines(path)
    name = "standard input" if source == STDIN else shown(source)
    return _parsed(_bytes(source, name, stdin), name, taxonomy)


def _run(path: Path) -> Iterator[Report]:
    try:
        yield from RunFolder.open(path).reports()
    except ConfigurationError as error:
        raise InputError(str(error)) from error
    except OSError as error:
        raise explained(error, str(path)) from error


def _lines(path: Path) -> Iterator[Report]:
    try:
        with path.open("rb"):  # reading the lines of a file that is not there finds none
            yield from (report for _, report in read(path, lambda data: decoded(Report, data)))
    except (OSError, ValueError) as error:
        raise explained(error, str(path)) from error


def _bytes(source: str, name: str, stdin: BinaryIO | None) -> bytes:
    if source == STDIN:
        stream = stdin or (sys.stdin.buffer if sys.stdin else None)
        if stream is None:
            raise InputError(f"{name}: there is none. Name a file instead of {STDIN}.")
        return read_stream(stream, name, MOST_BYTES)
    try:
        with Path(source).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: NUL in the name
        raise explained(error, source) from error
    if len(data) > MOST_BYTES:
        raise InputError(f"{name}: is larger than {MOST_BYTES} bytes. {_MEND}")
    return data


def _parsed(data: bytes, name: str, taxonomy: Taxonomy) -> Iterator[Report]:
    if not data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        yield read_report_page(data, name, taxonomy)
        return
    try:
        values = json.loads(mended(decode(data, name)))
        listed = values if isinstance(values, list) else [values]
        reports = [Report.model_validate(value) for value in listed]
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: is no report: {problem_in(error)}. {_MEND}") from error
    yield from reports
