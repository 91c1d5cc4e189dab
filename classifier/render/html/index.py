"""A run as one page: its incidents to filter, search and sort, and how often each option is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from classifier.deciding import confidence
from classifier.records import UNKNOWN, Decision, Report
from classifier.render.html.kit import data_block, environment, page
from classifier.render.html.views import words_of
from classifier.render.page import title_of
from classifier.render.text import one_line
from classifier.taxonomy import Category, Taxonomy

SEARCHED = 60_000_000
"""How many characters of rationales and fields an index holds at most, to be searched: a page that
is larger opens slowly. Titles and summaries are always there."""

_LONGEST_SUMMARY = 600
_OTHERWISE = {
    "not_applicable": "does not apply",
    "failed": "failed",
    "needs_review": "needs review",
}


@dataclass
class Facet:
    """A category as it is filtered by: how many incidents have each of its values."""

    name: str
    label: str
    counts: dict[str, int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    def add(self, value: str, times: int = 1) -> int:
        """Count a value; returns its place."""
        self.counts[value] = self.counts.get(value, 0) + times
        return self.places.setdefault(value, len(self.places))


class Index:
    """The rows of an index, added report by report; nothing of a report is kept but its row."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        self._rows: list[Markup] = []
        self._searched = 0
        self.facets = {name: _facet(c) for name, c in taxonomy.categories.items()}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def whole(self) -> bool:
        """Whether all text can be searched."""
        return self._searched <= SEARCHED

    def add(self, report: Report, address: str) -> None:
        """Add a report; `address` is that of its page, relative to the index."""
        incident = report.incident
        text = " \u00b7 ".join(_told(report))
        self._searched += len(text)
        sure = [c for d in report.categories.values() if (c := confidence(d)) is not None]
        severities = [f.severity for f in report.audit]
        row = [
            title_of(report, self._taxonomy),
            incident.published.isoformat() if incident.published else "",
            address,
            one_line(incident.id),
            self._summary(report),
            text if self.whole else "",
            self._values(report),
            round(min(sure), 3) if sure else None,
            [severities.count("error"), severities.count("warning")],
        ]
        self._rows.append(data_block(row))

    def html(self, title: str) -> str:
        """The index as one HTML file."""
        facets = list(self.facets.values())
        known = [{"name": f.name, "label": f.label, "values": list(f.places)} for f in facets]
        return page(
            _environment(),
            "index.html.jinja",
            styles=["base.css", "index.css"],
            scripts=["index.js"],
            title=one_line(title),
            index=self,
            facets=facets,
            known=data_block(known),
            rows=Markup(",").join(self._rows),
        )

    def listed(self) -> Iterator[Sequence[str]]:
        """Title, day of publication and address of each row, for a page that runs no script."""
        import json

        for row in self._rows:
            yield json.loads(row)[:3]

    def _values(self, report: Report) -> list[list[int]]:
        for name in report.categories:
            self.facets.setdefault(name, Facet(name, one_line(name)))
        return [
            [facet.add(value) for value in self._of(name, report.categories.get(name))]
            for name, facet in self.facets.items()
        ]

    def _of(self, name: str, decision: Decision | None) -> Sequence[str]:
        """What a decision is found under: its options, or the word for having none."""
        if decision is None:
            return ()
        if decision.status in _OTHERWISE:
            return (_OTHERWISE[decision.status],)
        options = tuple(dict.fromkeys(words_of(o) for o in decision.options))
        category = self._taxonomy.categories.get(name)
        return options or (_opposite(category),)

    def _summary(self, report: Report) -> str:
        """What the fields say that tell of the whole incident."""
        asked = self._taxonomy.postmortem.fields if self._taxonomy.postmortem else ()
        heading = self._taxonomy.postmortem.heading if self._taxonomy.postmortem else None
        names = [f.name for f in asked if f.kind == "text" and not f.page and f.name != heading]
        answers = [report.fields[name] for name in names if name in report.fields]
        text = one_line(" ".join(item.text for answer in answers for item in answer.items))
        return (
            text if len(text) <= _LONGEST_SUMMARY else f"{text[:_LONGEST_SUMMARY].rstrip()}\u2026"
        )


def _facet(category: Category) -> Facet:
    facet = Facet(category.name, one_line(category.label))
    for name in category.names:
        facet.add(words_of(name), 0)
    if category.select == "boolean":
        facet.add(_opposite(category), 0)
    facet.add(UNKNOWN, 0)
    return facet


def _opposite(category: Category | None) -> str:
    return words_of(category.opposite.name) if category and category.opposite else "no"


def _told(report: Report) -> Iterator[str]:
    """What is said in a report, each statement once."""
    items = [item.text for answer in report.fields.values() for item in answer.items]
    findings = [f for d in report.categories.values() for f in d.findings if f.applies]
    texts = (one_line(text) for text in (*items, *(f.rationale for f in findings)))
    yield from dict.fromkeys(filter(None, texts))


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    return environment()
