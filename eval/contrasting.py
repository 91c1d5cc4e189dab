"""What a comparison is of: two runs that are there, or two versions of the prompts to be asked."""

from __future__ import annotations

import asyncio
import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from classifier.errors import ConfigurationError
from classifier.models.opening import Notices
from classifier.settings import Settings
from classifier.taxonomy import Taxonomy, load_taxonomy
from eval.evaluating import asked_of, check_same_categories, check_scorable
from eval.gold import Gold
from eval.prediction_files import load_predictions
from eval.predictions import Predictions
from eval.revisions import taxonomy_at
from eval.running import Scope, ask_gold

_REVISIONS = re.compile(r"^(?P<old>[^\s.](?:(?!\.\.).)*)\.\.(?P<new>.*)$")

Side = tuple[Predictions, Taxonomy]


@dataclass(frozen=True)
class Question:
    """Two runs, two folders or two revisions, and what to ask of which gold."""

    before: str
    after: str | None
    gold: Gold
    scope: Scope
    settings: Settings


def sides(question: Question, notices: Notices, closing: ExitStack) -> tuple[Gold, Side, Side]:
    """The gold in the scope, and both sides' answers; prompts are asked, the cache helping.

    Raises `ConfigurationError` for what is neither run, folder nor revision, and for a mixture.
    """
    scope = question.scope
    loaded = _versions(question, closing)
    if loaded is None:
        taxonomy = scope.of(load_taxonomy(question.settings.taxonomy))
        gold = scope.gold(question.gold, taxonomy)
        check_scorable(gold, taxonomy)
        first, second = (load_predictions(Path(n)) for n in (question.before, str(question.after)))
        gold, first = asked_of(gold, first)
        old, new = (scope.predictions(told, taxonomy) for told in (first, second))
        return gold, (old, taxonomy), (new, taxonomy)
    before, after = ((name, scope.of(taxonomy)) for name, taxonomy in loaded)
    gold = scope.gold(question.gold, after[1])
    _check(gold, before[1], after[1])
    asked = asyncio.run(ask_gold(gold, [before, after], question.settings, notices))
    return gold, (asked[0], before[1]), (asked[1], after[1])


def _check(gold: Gold, before: Taxonomy, after: Taxonomy) -> None:
    check_same_categories(before, after)
    for taxonomy in (before, after):
        check_scorable(gold, taxonomy)


def _versions(
    question: Question, closing: ExitStack
) -> tuple[tuple[str, Taxonomy], tuple[str, Taxonomy]] | None:
    """The two versions of the prompts with their names, or None where two runs are given."""
    before, after = question.before, question.after
    if after is None:
        return _revisions(question, closing)
    folders = [(Path(name) / "taxonomy.yaml").is_file() for name in (before, after)]
    if all(folders):
        return (before, load_taxonomy(before)), (after, load_taxonomy(after))
    if any(folders):
        raise ConfigurationError(
            f"{before!r} and {after!r} are not of one kind: one is a taxonomy's folder. Give two "
            "folders, or two runs."
        )
    return None


def _revisions(
    question: Question, closing: ExitStack
) -> tuple[tuple[str, Taxonomy], tuple[str, Taxonomy]]:
    found = _REVISIONS.match(question.before)
    if found is None:
        raise ConfigurationError(
            f"There is nothing to compare {question.before!r} with. Give a second run or folder, "
            "or revisions, as in `main..` (against the working tree) or `main..branch`."
        )
    name = question.settings.taxonomy
    old, new = found["old"], found["new"]
    before = closing.enter_context(taxonomy_at(old, name))
    after = closing.enter_context(taxonomy_at(new, name)) if new else load_taxonomy(name)
    return (old, before), (new or "the working tree", after)
