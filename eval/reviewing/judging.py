"""Judges what a page sends: only sound gold of the incident that the page showed is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from classifier.articles.naming import quoted
from classifier.errors import InputError
from eval.gold import Gold, GoldIncident, incident_of
from eval.gold_checking import GoldFinding, check_gold
from eval.gold_files import Source, parse_json
from eval.reviewing.names import annotator_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.records import Article
    from classifier.taxonomy import Taxonomy

_WHAT = "what was sent"


class RefusedError(InputError):
    """What was sent is not taken; `reasons` are sentences for the person."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Judged:
    """Sound gold, whose it is, and what its annotator may want to know."""

    gold: GoldIncident
    annotator: str
    remarks: tuple[str, ...]


def judge(data: bytes, identifier: str, articles: Sequence[Article], taxonomy: Taxonomy) -> Judged:
    """The gold in JSON that a page sent about an incident with these articles.

    Raises RefusedError for what is no gold, is about something else, is signed by nobody or by
    several, or has labels, reasons and quotes that `classifier gold check` calls errors.
    """
    gold = _parsed(data)
    _check_same(gold, identifier, articles)
    annotator = _signed(gold)
    findings = check_gold(Gold((gold,), _WHAT), taxonomy)
    # an error of no category is about the articles, which nobody can mend in the page
    wrong = [f for f in findings if f.severity == "error" and f.category]
    if wrong:
        raise RefusedError(*map(_sentence, wrong))
    told = [f for f in findings if f.check != "no-label"]  # the page says what is not confirmed
    return Judged(gold, annotator, tuple(map(_sentence, told)))


def _parsed(data: bytes) -> GoldIncident:
    try:
        text = data.decode("utf-8")
        return incident_of(Source(f"{_WHAT}.json", text, _mapping(parse_json(text, _WHAT))))
    except UnicodeDecodeError as error:
        raise RefusedError(f"{_WHAT} is not UTF-8 text.") from error
    except InputError as error:
        raise RefusedError(str(error)) from error


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{_WHAT} is {quoted(value)}, and gold is a mapping.")
    return value


def _check_same(gold: GoldIncident, identifier: str, articles: Sequence[Article]) -> None:
    if gold.id != identifier:
        raise RefusedError(
            f"The incident is {quoted(gold.id)}, and this page is about {quoted(identifier)}."
        )
    if tuple(gold.articles) != tuple(articles):
        raise RefusedError("The articles are not those of this incident. Load the page again.")


def _signed(gold: GoldIncident) -> str:
    if len(gold.annotators) != 1:
        raise RefusedError(f"{len(gold.annotators)} annotators are named. Give one name.")
    [(name, labels)] = gold.annotators.items()
    try:
        plain = annotator_name(name)
    except InputError as error:
        raise RefusedError(str(error)) from error
    if plain != name:
        raise RefusedError(f"The annotator's name is {quoted(name)}. Write it {quoted(plain)}.")
    if labels != gold.labels:
        raise RefusedError("The annotator's labels are not the labels of the gold.")
    return name


def _sentence(finding: GoldFinding) -> str:
    about = f"{finding.category}: " if finding.category else ""
    return f"{about}{finding.message}"
