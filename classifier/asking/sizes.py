"""What a call needs beside the articles, so that a chunk can be cut to what is left."""

from __future__ import annotations

import json
from collections.abc import Sequence

from classifier.answers import typed_schema
from classifier.prompting import question, render
from classifier.taxonomy import Category, Method, Taxonomy


def groups(categories: Sequence[Category], method: Method) -> list[Sequence[Category]]:
    """The categories in the order and the groups in which they are asked."""
    size = method.categories_per_call
    return [categories[i : i + size] for i in range(0, len(categories), size)]


def questions(taxonomy: Taxonomy, method: Method) -> list[str]:
    """The longest text that each call may hold beside the articles."""
    system = render(taxonomy, "system", title=taxonomy.title)
    return [
        f"{system}\n\n{question(taxonomy, group, _ending(taxonomy, group, method))}"
        for wave in taxonomy.waves()
        for group in groups(wave, method)
    ]


def _ending(taxonomy: Taxonomy, group: Sequence[Category], method: Method) -> str:
    if method.decide == "typed":  # the schema is part of the prompt where JSON mode is all there is
        schema = json.dumps(typed_schema(group, method))
        return render(taxonomy, "typed", categories=group, method=method) + schema
    texts = [
        render(taxonomy, "explain", category=c, options=c.options, method=method) for c in group
    ]
    return max(texts, key=len)


def answer_tokens(taxonomy: Taxonomy, method: Method) -> int:
    """How many tokens the longest answer to one call may have."""
    longest = max(
        sum(len(c.options) for c in group)
        for wave in taxonomy.waves()
        for group in groups(wave, method)
    )
    return method.tokens_per_option * longest
