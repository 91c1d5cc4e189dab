"""Puts together what several annotators said of the same incidents: gold that has them all."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from classifier.articles.naming import quoted
from classifier.errors import InputError
from eval.gold import Gold, GoldIncident, GoldReason, Labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Merged:
    """Incidents with the labels of all their annotators; `apart` are the (incident, category) on
    which they differ, which are not among the labels of the gold.
    """

    incidents: tuple[GoldIncident, ...]
    apart: tuple[tuple[str, str], ...]


def merge(golds: Sequence[Gold]) -> Merged:
    """The incidents of all golds, each once, sorted by id.

    A label is kept where all who gave one gave the same set of options. Where a file names no
    annotators, its labels are those of its folder. Raises InputError where the articles of an
    incident differ, one annotator said two things, or no label is left.
    """
    by_id: dict[str, list[tuple[Gold, GoldIncident]]] = defaultdict(list)
    for gold in golds:
        for incident in gold.incidents:
            by_id[incident.id].append((gold, incident))
    merged = [_one(sources) for _, sources in sorted(by_id.items())]
    apart = [(one.id, category) for one, several in merged for category in several]
    return Merged(tuple(one for one, _ in merged), tuple(apart))


def _one(sources: Sequence[tuple[Gold, GoldIncident]]) -> tuple[GoldIncident, list[str]]:
    (_, first), *rest = sources
    for gold, other in rest:
        if [(a.id, a.sha256) for a in other.articles] != [(a.id, a.sha256) for a in first.articles]:
            raise InputError(
                f"{gold.place(other.id)}: its articles are not those of "
                f"{sources[0][0].place(first.id)}. Give files on the same articles."
            )
    annotators = _annotators(sources)
    labels, apart = _agreed(annotators)
    if not labels:
        raise InputError(
            f"The annotators of {quoted(first.id)} agree on no category, so no label is left. "
            "Talk it over, or leave it out."
        )
    notes = dict.fromkeys(i.notes for _, i in sources if i.notes)
    found = first.model_copy(
        update={
            "labels": labels,
            "reasons": _reasons(labels, [incident for _, incident in sources]),
            "annotators": annotators,
            "notes": "\n".join(notes),
        }
    )
    return found, apart


def _annotators(
    sources: Sequence[tuple[Gold, GoldIncident]],
) -> dict[str, dict[str, tuple[str, ...] | None]]:
    found: dict[str, dict[str, tuple[str, ...] | None]] = {}
    for gold, incident in sources:
        for name, labels in (incident.annotators or {gold.source: incident.labels}).items():
            if name in found and _sets(found[name]) != _sets(labels):
                raise InputError(
                    f"{gold.place(incident.id)}: {quoted(name)} labelled this incident in another "
                    "file too, and otherwise. Leave one of them out."
                )
            found[name] = dict(labels)
    return found


def _agreed(
    annotators: Mapping[str, Labels],
) -> tuple[dict[str, tuple[str, ...] | None], list[str]]:
    """The labels on which all who gave one agree, and the categories on which they do not."""
    given: dict[str, list[tuple[str, ...] | None]] = defaultdict(list)
    for labels in annotators.values():
        for category, options in labels.items():
            given[category].append(options)
    apart = [c for c, each in given.items() if len({_set(options) for options in each}) > 1]
    return {c: each[0] for c, each in given.items() if c not in apart}, apart


def _reasons(labels: Labels, incidents: Sequence[GoldIncident]) -> dict[str, dict[str, GoldReason]]:
    """Why the kept options were chosen: the first rationale that is given, and all quotes."""
    found: dict[str, dict[str, GoldReason]] = {}
    for category, options in labels.items():
        for option in options or ():
            given = [r[option] for i in incidents if option in (r := i.reasons.get(category, {}))]
            if given:
                rationale = next((r.rationale for r in given if r.rationale), "")
                quotes = tuple(dict.fromkeys(quote for r in given for quote in r.quotes))
                reason = GoldReason(rationale=rationale, quotes=quotes)
                found.setdefault(category, {})[option] = reason
    return found


def _sets(labels: Labels) -> dict[str, frozenset[str] | None]:
    return {category: _set(options) for category, options in labels.items()}


def _set(options: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if options is None else frozenset(options)
