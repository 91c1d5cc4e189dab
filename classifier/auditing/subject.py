"""What is audited: the parts of a report, and what several checks ask of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from classifier.citing import meant_in
from classifier.records import Decision, Evidence, FieldAnswer, IncidentRef, Item
from classifier.taxonomy import Category, OpenField, Taxonomy


@dataclass(frozen=True)
class Subject:
    """A report, or what there is of it so far."""

    taxonomy: Taxonomy
    incident: IncidentRef
    decisions: Mapping[str, Decision]
    answers: Mapping[str, FieldAnswer] = field(default_factory=dict)

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of the articles."""
        return frozenset(a.id for a in self.incident.articles)

    @cached_property
    def has_texts(self) -> bool:
        """Whether anybody had the text of an article, so that there could be quotes."""
        return any(a.sha256 for a in self.incident.articles)

    @cached_property
    def explains(self) -> bool:
        """Whether any decision has a paragraph or a quote."""
        said = any(any(rationales(d)) for d in self.decisions.values())
        return said or any(f.evidence for d in self.decisions.values() for f in d.findings)

    @cached_property
    def cited(self) -> list[str]:
        """Every id that anything cites, each once."""
        texts = [t for d in self.decisions.values() for t in rationales(d)]
        told = [i for _, _, item in self.items() for i in item_citations(item, self.ids)]
        named = [i for text in texts for i in meant_in(text, self.ids)]
        return list(dict.fromkeys([*told, *named]))

    def known(self) -> Iterator[tuple[Category, Decision]]:
        """The decisions of categories that the taxonomy has."""
        for name, decision in self.decisions.items():
            if name in self.taxonomy.categories:
                yield self.taxonomy.categories[name], decision

    def fields(self) -> Iterator[tuple[OpenField, FieldAnswer]]:
        """The answers to fields that the taxonomy has."""
        postmortem = self.taxonomy.postmortem
        for field_ in postmortem.fields if postmortem else ():
            if field_.name in self.answers:
                yield field_, self.answers[field_.name]

    def items(self) -> Iterator[tuple[OpenField, str, Item]]:
        """Every item of such a field, with its place."""
        for field_, answer in self.fields():
            for number, item in enumerate(answer.items, start=1):
                yield field_, f"fields.{field_.name}.{number}", item

    def evidence(self) -> Iterator[Evidence]:
        """Every quote of the report."""
        for decision in self.decisions.values():
            for finding in decision.findings:
                yield from finding.evidence
        for answer in self.answers.values():
            for item in answer.items:
                yield from item.evidence


def rationales(decision: Decision) -> list[str]:
    """The texts of a decision."""
    return [decision.rationale, *(f.rationale for f in decision.findings)]


def item_citations(item: Item, known: frozenset[str]) -> list[str]:
    """The ids that an item cites, in words or beside them."""
    quoted = (e.article_id for e in item.evidence)
    return list(dict.fromkeys([*item.articles, *quoted, *meant_in(item.text, known)]))


def place_of(category: str, option: str = "") -> str:
    """The place of a category, or of one of its options."""
    return f"categories.{category}" + (f".{option}" if option else "")
