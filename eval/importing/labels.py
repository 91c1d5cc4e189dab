"""From the labels that other tools kept, and several people set, to gold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from classifier.articles.naming import quoted
from classifier.errors import InputError
from classifier.taxonomy import Taxonomy
from eval.gold import GoldIncident, Labels

Options = tuple[str, ...] | None


def check_gates(taxonomy: Taxonomy, labels: Labels, place: str) -> None:
    """Raises InputError where a category has no label although its gate is open."""
    for name, options in labels.items():
        gate = taxonomy.categories[name].gate
        if options is None and gate and gate.option in (labels.get(gate.category) or ()):
            raise InputError(
                f"{place}: {name} is empty, and {gate.category} is {gate.option}, which asks for "
                f"it. Write one or more of {', '.join(taxonomy.allowed(name))}."
            )


@dataclass(frozen=True)
class Labelled:
    """What one person says of an incident; `final` where it is said to be the gold."""

    annotator: str
    labels: Labels
    final: bool


def settled(answers: Sequence[Labelled], place: str, mend: str) -> Labels:
    """The labels on which all agree, or all that are final where there are some.

    Nothing is voted on and nothing guessed: InputError lists the differences, and `mend` says how
    to settle them.
    """
    deciding = [a for a in answers if a.final] or list(answers)
    names = dict.fromkeys(name for a in deciding for name in a.labels)
    apart = [n for n in names if len({a.labels.get(n) for a in deciding}) > 1]
    if apart:
        listed = "; ".join(_difference(name, deciding) for name in apart)
        raise InputError(f"{place}: the labels differ: {listed}. {mend}")
    return deciding[0].labels


def by_annotator(answers: Sequence[Labelled], place: str) -> dict[str, dict[str, Options]]:
    """What each named person said; of two answers by one person, the final one.

    Raises InputError where one person answered twice and differently.
    """
    found: dict[str, Labelled] = {}
    for answer in sorted(answers, key=lambda a: not a.final):
        first = found.setdefault(answer.annotator, answer) if answer.annotator else answer
        if not first.final and first.labels != answer.labels:
            raise InputError(
                f"{place}: {quoted(answer.annotator)} labelled it twice and differently. "
                "Keep one of the two."
            )
    return {name: dict(answer.labels) for name, answer in found.items()}


def gold_incident(place: str, fields: Mapping[str, Any]) -> GoldIncident:
    """The record. Raises InputError where the parts do not make one."""
    try:
        return GoldIncident(**fields)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"])) or "the incident"
        raise InputError(f"{place}: {where}: {problem['msg']}. Correct it there.") from error


def _difference(name: str, answers: Sequence[Labelled]) -> str:
    said = dict.fromkeys(
        f"{a.annotator or 'nameless'}: {_told(a.labels.get(name))}" for a in answers
    )
    return f"{name} ({'; '.join(said)})"


def _told(options: Options) -> str:
    return "does not apply" if options is None else ", ".join(options) or "no"
