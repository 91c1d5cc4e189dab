"""How often each option of a run occurs, in which years, and which options occur together."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING

from classifier.errors import ConfigurationError
from classifier.records import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from classifier.batch.folder import RunFolder
    from classifier.records import Decision, Report, Status
    from classifier.taxonomy import Category, Taxonomy

    Years = Counter[int | None]
    """How many incidents by year of publication; None where no article has a day."""

_TWO_SIDED_95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Share:
    """`count` of `of` incidents, with the 95% interval of Wilson (1927) for their share.

    The shares are between 0 and 1; all three are None where `of` is 0.
    """

    count: int
    of: int

    @property
    def share(self) -> float | None:
        """Their proportion."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The lower and the upper end."""
        if not self.of:
            return None
        z, n, p = _TWO_SIDED_95, self.of, self.count / self.of
        middle = p + z * z / (2 * n)
        reach = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        scale = 1 + z * z / n
        return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


@dataclass
class CategoryCounts:
    """One category: incidents by status, and by option where they were decided."""

    label: str
    statuses: dict[Status, Years] = field(default_factory=dict)
    options: dict[str, Years] = field(default_factory=dict)

    @classmethod
    def empty(cls, category: Category) -> CategoryCounts:
        """Nothing counted yet, with every option of the category."""
        return cls(category.label, options={name: Counter() for name in category.names})

    @property
    def decided(self) -> int:
        """The incidents that were decided: what an option's share is of."""
        return self.with_status("answered")

    def with_status(self, status: Status) -> int:
        """The incidents of that status."""
        return self.statuses.get(status, Counter()).total()

    def share(self, option: str) -> Share:
        """How many of the decided incidents have the option."""
        return Share(self.options[option].total(), self.decided)

    def add(self, decision: Decision, year: int | None) -> None:
        """Count one incident's decision."""
        self.statuses.setdefault(decision.status, Counter())[year] += 1
        for option in _decided(decision):
            self.options.setdefault(option, Counter())[year] += 1


@dataclass
class Cross:
    """How often the options of two categories occur together in incidents that decided both."""

    rows: str
    columns: str
    pairs: dict[tuple[str, str], Years] = field(default_factory=dict)
    of_row: Counter[str] = field(default_factory=Counter)

    def share(self, row: str, column: str) -> Share:
        """How many of the incidents that have the option `row` have `column` too."""
        return Share(self.pairs.get((row, column), Counter()).total(), self.of_row[row])

    def add(self, report: Report, year: int | None) -> None:
        """Count one incident, unless either category was not decided."""
        decisions = [report.categories.get(name) for name in (self.rows, self.columns)]
        if any(d is None or d.status != "answered" for d in decisions):
            return
        rows, columns = (_decided(d) for d in decisions if d)
        self.of_row.update(rows)
        for row in rows:
            for column in columns:
                self.pairs.setdefault((row, column), Counter())[year] += 1


@dataclass
class RunStats:
    """All counts of a run. `torn` are the lines that a kill has torn."""

    categories: dict[str, CategoryCounts]
    years: Years = field(default_factory=Counter)
    failures: int = 0
    torn: int = 0
    cross: Cross | None = None

    @property
    def reports(self) -> int:
        """The incidents that have a report."""
        return self.years.total()


def count_run(
    run: RunFolder, taxonomy: Taxonomy | None = None, cross: tuple[str, str] | None = None
) -> RunStats:
    """Count a run, one report in memory at a time.

    With its taxonomy there is a count for each option, also for those that never occur. `cross`
    names the two categories to cross, rows first; without it they are those of `crossed`. Raises
    `ConfigurationError` for one that the run does not have.
    """
    if taxonomy and cross:
        _refuse_unknown(cross, list(taxonomy.categories))
    stats = count(run.reports(), taxonomy, cross)
    if cross and not taxonomy:
        _refuse_unknown(cross, list(stats.categories))
    stats.failures = sum(1 for _ in run.failures())
    stats.torn = run.torn()
    return stats


def count(
    reports: Iterable[Report],
    taxonomy: Taxonomy | None = None,
    cross: tuple[str, str] | None = None,
) -> RunStats:
    """Count reports, as `count_run` does."""
    known = taxonomy.categories.items() if taxonomy else ()
    pair = cross or (crossed(taxonomy) if taxonomy else None)
    stats = RunStats({name: CategoryCounts.empty(category) for name, category in known})
    stats.cross = Cross(*pair) if pair else None
    for report in reports:
        published = report.incident.published
        year = published.year if published else None
        stats.years[year] += 1
        for name, decision in report.categories.items():
            stats.categories.setdefault(name, CategoryCounts(name)).add(decision, year)
        if stats.cross:
            stats.cross.add(report, year)
    return stats


def crossed(taxonomy: Taxonomy) -> tuple[str, str] | None:
    """The last two categories of the report page, the last one as rows; None if it has fewer."""
    listed = [name for section in taxonomy.sections for name in section.categories]
    names = listed or list(taxonomy.categories)
    return (names[-1], names[-2]) if len(names) > 1 else None


def years_of(stats: RunStats) -> list[int]:
    """The years with any incident, from the first to the last."""
    return sorted(year for year in stats.years if year is not None)


def cross_cells(stats: RunStats) -> Iterator[tuple[str, str]]:
    """Each pair of options, row by row; nothing where nothing was crossed."""
    if stats.cross is None:
        return
    for row in _options(stats, stats.cross.rows):
        yield from ((row, column) for column in _options(stats, stats.cross.columns))


def _options(stats: RunStats, category: str) -> Sequence[str]:
    counts = stats.categories.get(category)
    return list(counts.options) if counts else []


def _decided(decision: Decision) -> tuple[str, ...]:
    """The options that hold, each once; none where the category was not decided."""
    if decision.status != "answered":
        return ()
    return tuple(dict.fromkeys(name for name in decision.options if name != UNKNOWN))


def _refuse_unknown(names: Sequence[str], known: Sequence[str]) -> None:
    strange = next((name for name in names if name not in known), None)
    if strange is not None:
        raise ConfigurationError(
            f"--cross names {strange!r}, which is no category of the run. Choose two of: "
            f"{', '.join(known) or 'none, for it has no report'}."
        )
