"""What a call needs beside the articles, so that a chunk can be cut to what is left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from classifier.answers import typed_schema
from classifier.asking.explaining import MOST_SHOWN, explain_question
from classifier.asking.fields import field_groups, field_tokens, longest_question
from classifier.asking.scored import score_question
from classifier.prompting import fixed, question, system
from classifier.taxonomy import Category, Method, Taxonomy

_SHOWN = "sentence " * (MOST_SHOWN // len("sentence "))


def groups(categories: Sequence[Category], method: Method) -> list[Sequence[Category]]:
    """The categories in the order and the groups in which they are asked.

    Scores are read together, so that what is scored is one group.
    """
    size = len(categories) if method.decide == "scored" else method.categories_per_call
    return [categories[i : i + size] for i in range(0, len(categories), max(size, 1))]


def questions(taxonomy: Taxonomy, method: Method) -> list[str]:
    """The longest text that each call may hold beside the articles."""
    asked = _typed if method.decide == "typed" else _scored
    texts = [
        text
        for wave in taxonomy.waves()
        for group in groups(wave, method)
        for text in asked(taxonomy, group, method)
    ]
    texts += [longest_question(taxonomy, group, method) for group in field_groups(taxonomy, method)]
    return [f"{system(taxonomy, method)}\n\n{text}" for text in texts]


def _typed(taxonomy: Taxonomy, group: Sequence[Category], method: Method) -> list[str]:
    """The schema is part of the prompt where JSON mode is all there is."""
    ending = fixed(taxonomy, "typed", categories=tuple(group), method=method)
    return [question(taxonomy, group, ending) + _schema_text(tuple(group), method)]


@lru_cache(256)
def _schema_text(group: tuple[Category, ...], method: Method) -> str:
    return json.dumps(typed_schema(group, method))


def _scored(taxonomy: Taxonomy, group: Sequence[Category], method: Method) -> list[str]:
    return [
        text
        for c in group
        for text in (
            score_question(taxonomy, c),
            explain_question(taxonomy, c, c.names, method),
            explain_question(taxonomy, c, c.names, method, dict.fromkeys(c.names, _SHOWN)),
        )
    ]


def answer_tokens(taxonomy: Taxonomy, method: Method) -> int:
    """How many tokens the longest answer to one call may have."""
    together = sum if method.decide == "typed" else max
    options = max(
        together(len(c.options) for c in group)
        for wave in taxonomy.waves()
        for group in groups(wave, method)
    )
    fields = (field_tokens(group, method) for group in field_groups(taxonomy, method))
    return max(method.tokens_per_option * options, *fields, 0)
