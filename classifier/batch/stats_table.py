"""The counts of a run as rows, as tab-separated text and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from classifier.batch.stats import Share, cross_cells, years_of
from classifier.records import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from classifier.batch.manifest import Manifest
    from classifier.batch.stats import CategoryCounts, RunStats, Years

UNDATED = "undated"
STATUSES: tuple[Status, ...] = get_args(Status)
HEAD = ("category", "kind", "name", "count", "of", "share", "low", "high")


@dataclass(frozen=True)
class StatsRow:
    """A count. `kind` is `incidents`, `status`, `option` or `cross`, and says what `name` is.

    `of` is what the count is a share of, where it is of anything; `years` are null where there
    are no dates.
    """

    category: str
    kind: str
    name: str
    count: int
    of: int | None = None
    years: Years | None = None

    @property
    def share(self) -> Share | None:
        """The count as a share, with its interval."""
        return None if self.of is None else Share(self.count, self.of)


def stats_rows(stats: RunStats, *, crossed: bool = False) -> Iterator[StatsRow]:
    """Every count of a run in the order of its taxonomy; the pairs of options if `crossed`."""
    yield StatsRow("", "incidents", "reports", stats.reports, years=stats.years)
    yield StatsRow("", "incidents", "failures", stats.failures)
    for name, counts in stats.categories.items():
        yield from _category_rows(name, counts)
    if crossed:
        yield from _cross_rows(stats)


def to_tsv(stats: RunStats, *, crossed: bool = False) -> str:
    """A head and a line a row: shares as decimals, then the counts of each year.

    Nothing in a cell can break a line, end a cell or steer a terminal.
    """
    years: list[int | None] = [*years_of(stats), None]
    lines = [(*HEAD, *(UNDATED if year is None else str(year) for year in years))]
    for row in stats_rows(stats, crossed=crossed):
        texts = (row.category, row.kind, row.name, str(row.count))
        of_years = ("" if row.years is None else str(row.years[year]) for year in years)
        lines.append((*texts, *_share_cells(row), *of_years))
    return "".join("\t".join(map(_harmless, line)) + "\n" for line in lines)


def to_json(stats: RunStats, manifest: Manifest) -> str:
    """All counts as indented JSON in ASCII, `schema_version` 1."""
    value = {
        "schema_version": 1,
        "taxonomy": manifest.taxonomy,
        "taxonomy_sha256": manifest.taxonomy_sha256,
        "model": manifest.model.name,
        "method": manifest.method,
        "reports": stats.reports,
        "failures": stats.failures,
        "torn": stats.torn,
        "years": _years(stats.years),
        "categories": {name: _category(counts) for name, counts in stats.categories.items()},
        "cross": _cross(stats),
    }
    return json.dumps(value, indent=2) + "\n"


def _category_rows(name: str, counts: CategoryCounts) -> Iterator[StatsRow]:
    for option, years in counts.options.items():
        yield StatsRow(name, "option", option, years.total(), counts.decided, years)
    asked = sum(map(counts.with_status, STATUSES))
    for status in STATUSES:
        years = counts.statuses.get(status, Counter())
        yield StatsRow(name, "status", status, years.total(), asked, years)


def _cross_rows(stats: RunStats) -> Iterator[StatsRow]:
    cross = stats.cross
    for row, column in cross_cells(stats) if cross else ():
        assert cross is not None  # noqa: S101 - for the type checker
        years = cross.pairs.get((row, column), Counter())
        names = (f"{cross.rows},{cross.columns}", "cross", f"{row},{column}")
        yield StatsRow(*names, years.total(), cross.of_row[row], years)


def _share_cells(row: StatsRow) -> tuple[str, ...]:
    if row.share is None:
        return ("", "", "", "")
    figures = _share(row.share)
    return (str(row.of), *("" if v is None else f"{v:.4f}" for v in figures.values()))


def _share(share: Share) -> dict[str, float | None]:
    low, high = share.interval or (None, None)
    return {"share": share.share, "low": low, "high": high}


def _category(counts: CategoryCounts) -> dict[str, Any]:
    by_status: dict[str, Any] = {status: counts.with_status(status) for status in STATUSES}
    options = {
        name: {"count": years.total(), **_share(counts.share(name)), "years": _years(years)}
        for name, years in counts.options.items()
    }
    return {"label": counts.label, **by_status, "options": options}


def _cross(stats: RunStats) -> dict[str, Any] | None:
    if stats.cross is None:
        return None
    cells = []
    for row, column in cross_cells(stats):
        share = stats.cross.share(row, column)
        cell = {"row": row, "column": column, "count": share.count, "of": share.of}
        cells.append(cell | _share(share))
    return {"rows": stats.cross.rows, "columns": stats.cross.columns, "cells": cells}


def _years(years: Years) -> dict[str, int]:
    """Years in their order, `undated` last; those without an incident are left out."""
    known = {str(year): years[year] for year in sorted(y for y in years if y is not None)}
    return known | ({UNDATED: years[None]} if years[None] else {})


def _harmless(text: str) -> str:
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
