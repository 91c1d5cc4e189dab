"""Makes of a report what its page shows, in the order of the report page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from classifier.records import (
    UNKNOWN,
    Article,
    AuditFinding,
    Decision,
    FieldAnswer,
    Finding,
    Item,
    Report,
    Severity,
    When,
)
from classifier.render.html.claims import Claim, Claims
from classifier.render.html.texts import ArticleView, Texts
from classifier.render.page import title_of
from classifier.render.rows import UNLISTED
from classifier.render.text import one_line
from classifier.taxonomy import Category, OpenField, Taxonomy

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
_COLUMNS = ("Category", "Option", "Rationale")


@dataclass(frozen=True)
class OptionView:
    """An option that is spoken of. `name` is its own, `words` how it is shown; `claim` is its
    rationale, None where nothing is said about it.
    """

    name: str
    words: str
    letter: str
    holds: bool
    confidence: float | None
    claim: Claim | None


@dataclass(frozen=True)
class RowView:
    """A category: `answer` is what stands in its Option cell where no option does."""

    number: int
    name: str
    label: str
    decision: Decision
    answer: str
    options: tuple[OptionView, ...]
    others: tuple[OptionView, ...]
    findings: tuple[str, ...]

    @property
    def silent(self) -> str:
        """What is told where no option has a paragraph: the reason, else the rationale."""
        if any(o.claim and o.claim.segments for o in self.options):
            return ""
        return one_line(self.decision.reason or self.decision.rationale)


@dataclass(frozen=True)
class SectionView:
    """A part of the page: categories under its column heads, and what was asked about each."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[RowView, ...]
    asked: tuple[Category, ...] = ()


@dataclass(frozen=True)
class ItemView:
    """An item of an open field. `when` is what it says about time."""

    claim: Claim
    inferred: bool
    when: When | None


@dataclass(frozen=True)
class FieldView:
    """An open field and its items; `findings` are the ids of what the audit says about it."""

    number: int
    name: str
    label: str
    answer: FieldAnswer
    items: tuple[ItemView, ...]
    findings: tuple[str, ...]


@dataclass(frozen=True)
class AuditView:
    """A finding of the audit; `where` is what it is about, in words, and `target` the id of that,
    where it is shown.
    """

    id: str
    finding: AuditFinding
    target: str
    where: str


@dataclass(frozen=True)
class ReportView:
    """A report as its page shows it."""

    report: Report
    title: str
    lead: tuple[FieldView, ...]
    postmortem: str
    fields: tuple[FieldView, ...]
    further_fields: tuple[FieldView, ...]
    sections: tuple[SectionView, ...]
    articles: tuple[ArticleView, ...]
    audit: tuple[AuditView, ...]
    unknown: str

    @property
    def severities(self) -> list[tuple[Severity, int]]:
        """How many findings of each severity, the worst first."""
        counts = Counter(f.severity for f in self.report.audit)
        return [(name, counts[name]) for name in SEVERITIES if counts[name]]

    @property
    def marked(self) -> bool:
        """Whether any passage of the articles is marked."""
        return any(piece.id for article in self.articles for piece in article.pieces)

    @property
    def quoted(self) -> bool:
        """Whether any claim has a quote, found or not; true where nothing is claimed."""
        items = (i for f in (*self.lead, *self.fields, *self.further_fields) for i in f.items)
        claims = [*(i.claim for i in items), *self._reasons()]
        return any(c.quotes for c in claims) or (not claims and self.explained)

    @property
    def explained(self) -> bool:
        """Whether anything is said about any option; true where none holds."""
        return any(self._reasons()) or not any(row.options for row in self._rows())

    def _reasons(self) -> Iterator[Claim]:
        options = (o for row in self._rows() for o in (*row.options, *row.others))
        return (o.claim for o in options if o.claim)

    def _rows(self) -> Iterator[RowView]:
        return (row for section in self.sections for row in section.rows)

    @property
    def measure(self) -> str:
        """What a confidence is called: only a calibrated one is a probability."""
        return "probability" if self.report.provenance.confidence.calibrated else "raw score"


def view_of(report: Report, taxonomy: Taxonomy, articles: Mapping[str, Article]) -> ReportView:
    """The report as its page shows it, beside the articles, which are given by their ids."""
    texts = Texts(report, articles)
    made = _Maker(report, taxonomy, Claims(texts))
    lead, first, further = made.fields()
    sections = tuple(made.sections())
    return ReportView(
        report=report,
        title=title_of(report, taxonomy),
        lead=lead,
        postmortem=taxonomy.postmortem.title if taxonomy.postmortem else "Open fields",
        fields=first,
        further_fields=further,
        sections=sections,
        articles=texts.articles,
        audit=tuple(made.audit(sections, (*lead, *first, *further), texts)),
        unknown=taxonomy.unknown,
    )


def words_of(name: str) -> str:
    """An option's or a field's name as words."""
    return one_line(name.replace("_", " "))


@dataclass
class _Maker:
    report: Report
    taxonomy: Taxonomy
    claims: Claims
    rows: int = 0
    answers: int = 0

    def sections(self) -> Iterator[SectionView]:
        listed: set[str] = set()
        for section in self.taxonomy.sections:
            names = [n for n in section.categories if n in self.report.categories]
            listed.update(names)
            if names:
                yield self._section(section.title, section.columns, names, section.closed)
        if rest := [n for n in self._in_order() if n not in listed]:
            yield self._section(UNLISTED, _COLUMNS, rest, "None")

    def fields(self) -> tuple[tuple[FieldView, ...], ...]:
        """The fields in three parts: texts that tell of the incident before the page begins, the
        fields of the page, and the others that the report has.
        """
        asked = self.taxonomy.postmortem.fields if self.taxonomy.postmortem else ()
        heading = self.taxonomy.postmortem.heading if self.taxonomy.postmortem else None
        known = {field.name: field for field in asked}
        names = [n for n in (*known, *self.report.fields) if n in self.report.fields]
        parts: tuple[list[FieldView], ...] = ([], [], [])
        for name in (n for n in dict.fromkeys(names) if n != heading):
            parts[_part(known.get(name))].append(self._field(name, known.get(name)))
        return tuple(map(tuple, parts))

    def audit(
        self, sections: Sequence[SectionView], fields: Sequence[FieldView], texts: Texts
    ) -> Iterator[AuditView]:
        rows = [r for s in sections for r in s.rows]
        places = {("categories", r.name): (f"category-{r.number}", r.label) for r in rows}
        places |= {("fields", f.name): (f"field-{f.number}", f.label) for f in fields}
        places |= {
            ("articles", id_): (f"article-{n}", f"Article {one_line(id_)}")
            for id_, n in texts.numbers.items()
        }
        for number, finding in enumerate(self.report.audit, 1):
            at = next((at for at in places if _within(finding.place, at)), None)
            target, label = places[at] if at else ("", "")
            rest = finding.place.removeprefix(".".join(at)) if at else finding.place
            where = ", ".join(filter(None, (label, _part_of(rest.removeprefix(".")))))
            yield AuditView(f"audit-{number}", finding, target, where)

    def _in_order(self) -> list[str]:
        """The categories of the report in the taxonomy's order, then those that it lacks."""
        known = [n for n in self.taxonomy.categories if n in self.report.categories]
        return [*known, *(n for n in self.report.categories if n not in known)]

    def _section(
        self, title: str, columns: Sequence[str], names: Sequence[str], closed: str
    ) -> SectionView:
        rows = tuple(self._row(name, closed) for name in names)
        known = self.taxonomy.categories
        asked = tuple(known[name] for name in names if name in known)
        return SectionView(one_line(title), tuple(map(one_line, columns)), rows, asked)

    def _row(self, name: str, closed: str) -> RowView:
        category = self.taxonomy.categories.get(name)
        decision = self.report.categories[name]
        label = one_line(category.label if category else name)
        findings = {f.option: f for f in decision.findings}
        chosen = [o for o in decision.options if o != UNKNOWN]
        if decision.status == "needs_review":
            chosen = [f.option for f in decision.findings if f.applies]
        rest = [f.option for f in decision.findings if f.option not in chosen]
        views = {
            o: self._option(label, category, o, findings.get(o), o in chosen)
            for o in dict.fromkeys((*chosen, *rest))
        }
        self.rows += 1
        return RowView(
            number=self.rows,
            name=name,
            label=label,
            decision=decision,
            answer=_answer(category, decision, closed),
            options=tuple(views[o] for o in dict.fromkeys(chosen)),
            others=tuple(views[o] for o in rest),
            findings=self._findings(("categories", name)),
        )

    def _option(
        self,
        label: str,
        category: Category | None,
        name: str,
        finding: Finding | None,
        holds: bool,
    ) -> OptionView:
        # A report may be older than the taxonomy that it is shown with.
        letters = {o.name: o.letter for o in category.options} if category else {}
        words = words_of(name)
        spoken = finding and (finding.rationale or finding.evidence)
        return OptionView(
            name=name,
            words=words,
            letter=letters.get(name, "?"),
            holds=holds,
            confidence=finding.confidence if finding else None,
            claim=self.claims.make(f"{label}, {words}", finding.rationale, finding.evidence)
            if finding and spoken
            else None,
        )

    def _field(self, name: str, asked: OpenField | None) -> FieldView:
        answer = self.report.fields[name]
        label = one_line(asked.label if asked else words_of(name))
        items = tuple(self._item(label, item) for item in answer.items)
        self.answers += 1
        return FieldView(self.answers, name, label, answer, items, self._findings(("fields", name)))

    def _item(self, label: str, item: Item) -> ItemView:
        claim = self.claims.make(label, item.text, item.evidence, item.articles)
        return ItemView(claim, item.inferred, item.when)

    def _findings(self, at: tuple[str, str]) -> tuple[str, ...]:
        """The ids of what the audit says about a place, the remarks left out."""
        return tuple(
            f"audit-{n}"
            for n, finding in enumerate(self.report.audit, 1)
            if finding.severity != "info" and _within(finding.place, at)
        )


def _part(asked: OpenField | None) -> int:
    if asked is None:
        return 2
    return 1 if asked.page else 0 if asked.kind == "text" else 2


def _part_of(rest: str) -> str:
    """What of a category, field or article it is, in words."""
    return f"item {rest}" if rest.isdigit() else words_of(rest)


def _within(place: str, at: tuple[str, str]) -> bool:
    whole = ".".join(at)
    return place == whole or place.startswith(f"{whole}.")


def _answer(category: Category | None, decision: Decision, closed: str) -> str:
    """The word for a decision without options; empty where it has some."""
    if decision.status == "not_applicable":
        return closed
    if decision.status in ("failed", "needs_review"):
        return words_of(decision.status)
    if UNKNOWN in decision.options:
        return UNKNOWN
    if decision.options:
        return ""
    return words_of(category.opposite.name) if category and category.opposite else "no"
