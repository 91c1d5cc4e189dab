"""What a call needs beside the articles, so that a chunk can be cut to what is left."""

from __future__ import annotations

import json
from collections.abc import Sequence

from classifier.answers import typed_schema
from classifier.prompting import question, render, system
from classifier.taxonomy import Category, Method, Taxonomy


def groups(categories: Sequence[Category], method: Method) -> list[Sequence[Category]]:
    """The categories in the order and the groups in which they are asked."""
    size = method.categories_per_call
    return [categories[i : i + size] for i in range(0, len(categories), size)]


def questions(taxonomy: Taxonomy, method: Method) -> list[str]:
    """The longest text that each call may hold beside the articles."""
    asked = _typed if method.decide == "typed" else _scored
    return [
        f"{system(taxonomy, method)}\n\n{text}"
        for wave in taxonomy.waves()
        for group in groups(wave, method)
        for text in asked(taxonomy, group, method)
    ]


def _typed(taxonomy: Taxonomy, group: Sequence[Category], method: Method) -> list[str]:
    """The schema is part of the prompt where JSON mode is all there is."""
    ending = render(taxonomy, "typed", categories=group, method=method)
    return [question(taxonomy, group, ending) + json.dumps(typed_schema(group, method))]


def _scored(taxonomy: Taxonomy, group: Sequence[Category], method: Method) -> list[str]:
    return [
        question(taxonomy, [c], ending)
        for c in group
        for ending in (
            render(taxonomy, "score", category=c, names=c.judged),
            render(taxonomy, "explain", category=c, options=c.options, method=method),
        )
    ]


def answer_tokens(taxonomy: Taxonomy, method: Method) -> int:
    """How many tokens the longest answer to one call may have."""
    together = sum if method.decide == "typed" else max
    return method.tokens_per_option * max(
        together(len(c.options) for c in group)
        for wave in taxonomy.waves()
        for group in groups(wave, method)
    )
