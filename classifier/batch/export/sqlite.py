"""SQLite: a table for each kind of thing, and a view that joins them to the long form."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from classifier.batch.export.rows import (
    INCIDENT,
    LONG,
    OPTION,
    SOURCE,
    incident_cells,
    option_list,
    option_rows,
    source_cells,
)
from classifier.batch.export.table import SEPARATOR, Cell, Column, Row, readable
from classifier.errors import ClassifierError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from classifier.batch.folder import RunFailure
    from classifier.records import Report
    from classifier.taxonomy import Taxonomy

_NUMBERS = {"whole": "INTEGER", "truth": "INTEGER", "number": "REAL"}
_KEY = (Column("report", "whole"), Column("category", "text"))
_TABLES = {
    "run": (Column("name", "text"), Column("value", "text")),
    "taxonomy": (
        Column("category", "text"),
        Column("label", "text"),
        Column("option", "text"),
        Column("letter", "text"),
        Column("definition", "text"),
    ),
    "reports": (Column("report", "whole"), *INCIDENT, *SOURCE),
    "decisions": (
        *_KEY,
        Column("status", "text"),
        Column("options", "text"),
        Column("rationale", "text"),
        Column("reason", "text"),
    ),
    "options": (*_KEY, *OPTION),
    "failures": (Column("incident", "text"), Column("stage", "text"), Column("reason", "text")),
}
_AFTERWARDS = """
CREATE INDEX reports_incident ON reports (incident);
CREATE INDEX reports_published ON reports (published);
CREATE UNIQUE INDEX reports_report ON reports (report);
CREATE INDEX decisions_report ON decisions (report, category);
CREATE INDEX decisions_category ON decisions (category, status);
CREATE INDEX options_report ON options (report, category);
CREATE INDEX options_option ON options (category, option, applies);
CREATE INDEX failures_incident ON failures (incident);
"""
# The run's own row of each name stands for what a failure has no report to say.
_RUN = "(SELECT value FROM run WHERE name = 'classifier.{}')"


def write_sqlite(
    path: Path,
    reports: Iterable[Report],
    failures: Iterable[RunFailure],
    taxonomy: Taxonomy | None,
    notes: Mapping[str, str],
) -> None:
    """A new database in the file. `taxonomy` is left empty where there is none at hand.

    Raises `ClassifierError` where the disk does not take it.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            # It is moved into its place when it is whole: nothing has to survive a crash.
            database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
            database.execute("BEGIN")
            for name, columns in _TABLES.items():
                database.execute(f"CREATE TABLE {name} ({', '.join(map(_declared, columns))})")
            _insert(database, "run", iter(notes.items()))
            _insert(database, "taxonomy", _taxonomy_rows(taxonomy))
            _insert_reports(database, reports)
            _insert(database, "failures", (_failure_row(failure) for failure in failures))
            database.execute("COMMIT")
            database.executescript(_AFTERWARDS + _view())
    except sqlite3.Error as error:
        raise ClassifierError(
            f"The database cannot be written: {error}. Make room, or choose another --out."
        ) from error


def _declared(column: Column) -> str:
    return f'"{column.name}" {_NUMBERS.get(column.kind, "TEXT")}'


def _insert(database: sqlite3.Connection, name: str, rows: Iterator[Row]) -> None:
    places = ", ".join("?" for _ in _TABLES[name])
    adapted = (tuple(map(_adapted, row)) for row in rows)
    database.executemany(f"INSERT INTO {name} VALUES ({places})", adapted)  # noqa: S608 - ours


def _adapted(value: Cell) -> Cell:
    if isinstance(value, list):
        return SEPARATOR.join(value)
    is_day = value is not None and not isinstance(value, str | int | float)
    return str(value) if is_day else value


def _insert_reports(database: sqlite3.Connection, reports: Iterable[Report]) -> None:
    for number, report in enumerate(reports, start=1):
        row = (number, *incident_cells(report), *source_cells(report))
        _insert(database, "reports", iter([row]))
        _insert(database, "decisions", _decision_rows(number, report))
        _insert(database, "options", _option_rows(number, report))


def _decision_rows(number: int, report: Report) -> Iterator[Row]:
    for name, decision in report.categories.items():
        rationale, reason = readable(decision.rationale), decision.reason
        said = (rationale or None, None if reason is None else readable(reason))
        yield (number, readable(name), decision.status, option_list(decision), *said)


def _option_rows(number: int, report: Report) -> Iterator[Row]:
    for name, decision in report.categories.items():
        for row in option_rows(report, decision):
            yield (number, readable(name), *row)


def _failure_row(failure: RunFailure) -> Row:
    return tuple(map(readable, (failure.id, failure.stage, failure.reason)))


def _taxonomy_rows(taxonomy: Taxonomy | None) -> Iterator[Row]:
    for category in taxonomy.categories.values() if taxonomy else ():
        for option in category.options:
            texts = (category.name, category.label, option.name, option.letter, option.definition)
            yield tuple(map(readable, texts))


def _view() -> str:
    """The long form: the joined tables, and below them a row for each failure."""
    own = {"incident", "stage", "reason"}
    known = {c.name for c in SOURCE} - {"confidence_source", "calibrated"}
    joined, failed = [], []
    for column in LONG:
        name = column.name
        joined.append(_joined(name))
        missing = _RUN.format(name) if name in known else "NULL"
        failed.append(f"failures.{name}" if name in own else missing)
    failed[[c.name for c in LONG].index("status")] = "'failed'"
    names = ", ".join(f'"{column.name}"' for column in LONG)
    return f"""
CREATE VIEW long ({names}) AS
SELECT {", ".join(joined)} FROM decisions JOIN reports USING (report)
LEFT JOIN options ON options.report = decisions.report AND options.category = decisions.category
UNION ALL SELECT {", ".join(failed)} FROM failures;
"""  # noqa: S608 - ours


def _joined(name: str) -> str:
    if name == "stage":
        return "NULL"
    if name == "rationale":  # a category without an option keeps its own
        return (
            "CASE WHEN options.option IS NULL THEN decisions.rationale ELSE options.rationale END"
        )
    owner = next(t for t in ("decisions", "reports", "options") if _has(t, name))
    return f"{owner}.{name}"


def _has(table: str, name: str) -> bool:
    return any(column.name == name for column in _TABLES[table])
