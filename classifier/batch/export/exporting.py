"""A run folder to one file, written whole or not at all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from classifier.batch.choices import choices_in, choices_of
from classifier.batch.export import parquet
from classifier.batch.export.formats import Format, Shape
from classifier.batch.export.rows import LONG, long_rows, wide_columns, wide_rows
from classifier.batch.export.sqlite import write_sqlite
from classifier.batch.export.table import Table, readable
from classifier.batch.export.text import write_csv, write_jsonl
from classifier.batch.lines import encoded
from classifier.errors import ConfigurationError
from classifier.replacing import is_device, placed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from classifier.batch.folder import RunFailure, RunFolder
    from classifier.batch.manifest import Manifest
    from classifier.records import Report
    from classifier.taxonomy import Taxonomy

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class ExportOptions:
    """How to export. `taxonomy` is that of the run, or None where it is not at hand: the wide form
    then has the options that the reports have. `excel` puts a byte order mark before CSV.
    """

    format: Format
    shape: Shape = Shape.long
    excel: bool = False
    taxonomy: Taxonomy | None = None


@dataclass(frozen=True)
class Exported:
    """What was written: so many reports, failures and rows (none are counted for SQLite)."""

    reports: int
    failures: int
    rows: int


def export_run(run: RunFolder, out: Path | BinaryIO, options: ExportOptions) -> Exported:
    """Write the run's reports and failures to a file, or to a stream that is open.

    One row group is held in memory at a time. Raises `ConfigurationError` where it cannot be
    written there or a library is missing, `InputError` for a broken line of the run, and
    `ClassifierError` where the disk is full; a file is then as it was before.
    """
    if options.format is Format.parquet:
        parquet.check()
    counts: Counter[str] = Counter()
    if isinstance(out, Path):
        _check_place(run, out, options)
        with placed(out) as path:
            _write_to_path(run, path, options, counts)
    elif options.format is Format.sqlite:
        raise ConfigurationError("A database needs a file: give its name with --out.")
    else:
        _write(run, out, options, counts)
    return Exported(counts["reports"], counts["failures"], counts["rows"])


def notes_of(manifest: Manifest) -> dict[str, str]:
    """Where a table comes from: what the run's manifest says, as texts."""
    notes = {
        "version": manifest.versions.get("classifier", ""),
        "created": manifest.created.isoformat(),
        "taxonomy": manifest.taxonomy,
        "taxonomy_sha256": manifest.taxonomy_sha256,
        "prompts_sha256": manifest.prompts_sha256,
        "model": manifest.model.name,
        "model_digest": manifest.model.digest,
        "endpoint": manifest.model.endpoint,
        "method": manifest.method,
        "input_fingerprint": manifest.input_fingerprint,
        "manifest": encoded(manifest).decode().strip(),
    }
    return {f"classifier.{k}": readable(v) for k, v in notes.items() if v is not None}


def _check_place(run: RunFolder, out: Path, options: ExportOptions) -> None:
    if out.is_dir():
        raise ConfigurationError(f"--out {str(out)!r} is a folder. Give the name of a file in it.")
    if is_device(out) and options.format is Format.sqlite:
        raise ConfigurationError(f"--out {str(out)!r} is no file: a database needs one.")
    if out.resolve().is_relative_to(run.path.resolve()):
        raise ConfigurationError(
            f"--out {str(out)!r} is in the run folder, which holds the run and nothing else. "
            "Choose a place outside it."
        )


def _write_to_path(
    run: RunFolder, path: Path, options: ExportOptions, counts: Counter[str]
) -> None:
    if options.format is not Format.sqlite:
        with path.open("wb") as file:
            _write(run, file, options, counts)
        return
    reports, failures = _records(run, counts)
    write_sqlite(path, reports, failures, options.taxonomy, notes_of(run.manifest))


def _write(run: RunFolder, file: BinaryIO, options: ExportOptions, counts: Counter[str]) -> None:
    table = _table(run, options, counts)
    if options.format is Format.parquet:
        parquet.write_parquet(file, table)
    elif options.format is Format.csv:
        write_csv(file, table, excel=options.excel)
    else:
        write_jsonl(file, table)


def _table(run: RunFolder, options: ExportOptions, counts: Counter[str]) -> Table:
    reports, failures = _records(run, counts)
    columns = LONG
    rows = long_rows(reports, failures, run.manifest)
    if options.shape is Shape.wide:
        known = options.taxonomy
        choices = choices_of(known) if known else choices_in(run.reports())
        columns = wide_columns(choices)
        rows = wide_rows(reports, failures, run.manifest, choices)
    notes = notes_of(run.manifest) | {"classifier.shape": options.shape.value}
    return Table(columns, _counted(rows, counts, "rows"), notes)


def _records(run: RunFolder, counts: Counter[str]) -> tuple[Iterator[Report], Iterator[RunFailure]]:
    # The failures first: one that a writer mends meanwhile is then there twice, not missing.
    failures = _counted(run.failures(), counts, "failures")
    return _counted(run.reports(), counts, "reports"), failures


def _counted(items: Iterable[_Item], counts: Counter[str], name: str) -> Iterator[_Item]:
    for item in items:
        counts[name] += 1
        yield item
