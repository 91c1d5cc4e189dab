"""`classifier audit`: holds reports that exist against the checks, whoever made them."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from classifier.cli.console import counted, say, visible
from classifier.cli.exit_codes import FELL_SHORT, WRONG_USAGE
from classifier.cli.stored import TaxonomyPlace

if TYPE_CHECKING:
    from classifier.records import AuditFinding, Report
    from classifier.taxonomy import Taxonomy


class AuditFormat(StrEnum):
    """How findings are printed."""

    text = "text"
    json = "json"


class Least(StrEnum):
    """The least severity that is printed."""

    info = "info"
    warning = "warning"
    error = "error"


_RANK = [one.value for one in Least]

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="A report as JSON, a report page as text, a run folder, or - for standard input.",
        show_default=False,
    ),
]
Form = Annotated[AuditFormat, typer.Option("--format", "-f", help="How to print.")]
Severity = Annotated[Least, typer.Option("--severity", help="The least that is printed.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 where an error is found.")]


@dataclass
class _Tally:
    """What was found so far: findings by severity, reports, those with an error, and sources
    that could not be read.
    """

    found: Counter[str] = field(default_factory=Counter)
    reports: int = 0
    wrong: int = 0
    unread: int = 0

    def add(self, findings: list[AuditFinding]) -> None:
        """Count the findings of one report."""
        self.reports += 1
        self.found.update(f.severity for f in findings)
        self.wrong += any(f.severity == Least.error for f in findings)


def audit(
    sources: Sources,
    *,
    format_: Form = AuditFormat.text,
    strict: Strict = False,
    severity: Severity = Least.info,
    taxonomy: TaxonomyPlace = None,
) -> None:
    """Check reports against themselves: times, twins, options without a reason, gates, citations.

    docs/audit.md says what each check means. Findings about the texts of articles are taken from
    the report.
    """
    tally = _Tally()
    printer = _Json() if format_ is AuditFormat.json else _Text()
    for source, report, findings in _audited(sources, taxonomy, tally):
        tally.add(findings)
        least = _RANK.index(severity.value)
        printer.group(source, report, [f for f in findings if _RANK.index(f.severity) >= least])
    printer.end()
    if not tally.reports and tally.unread:
        raise typer.Exit(WRONG_USAGE)
    _summary(tally, strict=strict)
    if tally.unread or (strict and tally.wrong):
        raise typer.Exit(FELL_SHORT)


def _audited(
    sources: list[str], given: str | None, tally: _Tally
) -> Iterator[tuple[str, Report, list[AuditFinding]]]:
    from datetime import UTC, datetime

    from classifier.auditing import reaudited
    from classifier.errors import InputError
    from classifier.settings import load_settings
    from classifier.stored import read_reports
    from classifier.taxonomy import load_taxonomy

    today = datetime.now(UTC).date()
    default = load_taxonomy(given or load_settings().taxonomy)
    for source in sources:
        try:
            taxonomy = default if given else _of_run(source) or default
            for report in read_reports(source, taxonomy):
                yield source, report, reaudited(report, taxonomy, today)
        except InputError as error:
            tally.unread += 1
            say(f"Error: {error}")


def _of_run(source: str) -> Taxonomy | None:
    """The very taxonomy of a run, where it is at hand."""
    from pathlib import Path

    from classifier.batch.choices import taxonomy_of
    from classifier.batch.folder import RunFolder
    from classifier.errors import ConfigurationError

    if not Path(source).is_dir():
        return None
    try:
        return taxonomy_of(RunFolder.open(Path(source)).manifest)
    except ConfigurationError:  # reading the reports says what is wrong with the folder
        return None


class _Text:
    """A group of lines for each report in which something is found."""

    def __init__(self) -> None:
        self._between = ""

    def group(self, source: str, report: Report, findings: list[AuditFinding]) -> None:
        """Print the findings of one report, if there are any."""
        if not findings:
            return
        title = f": {report.incident.title}" if report.incident.title else ""
        lines = [f"{report.incident.id}{title} ({source})"]
        for one in findings:
            place = f" {one.place}" if one.place else ""
            lines.append(f"  {one.severity:<7} {one.check}{place}: {one.message}")
        _write(self._between + "".join(f"{_on_line(x)}\n" for x in lines))
        self._between = "\n"

    def end(self) -> None:
        """Nothing closes the last group."""


class _Json:
    """An array with an object for each report, its findings in it."""

    def __init__(self) -> None:
        self._between = "[\n"

    def group(self, source: str, report: Report, findings: list[AuditFinding]) -> None:
        """Print the findings of one report."""
        value = {
            "source": source,
            "id": report.incident.id,
            "title": report.incident.title,
            "findings": [f.model_dump() for f in findings],
        }
        _write(self._between + json.dumps(value))
        self._between = ",\n"

    def end(self) -> None:
        """Close the array."""
        _write("[]\n" if self._between == "[\n" else "\n]\n")


def _summary(tally: _Tally, *, strict: bool) -> None:
    told = ", ".join(
        counted(tally.found[one], one, f"{one}s" if one != Least.info else one)
        for one in reversed(Least)
    )
    say(f"{counted(tally.reports, 'report', 'reports')}: {told}.")
    if strict and tally.wrong:
        say(f"{counted(tally.wrong, 'report has', 'reports have')} an error.")


def _on_line(text: str) -> str:
    return visible(" ".join(text.split("\n")))


def _write(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()
