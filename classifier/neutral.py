"""Breaks the marks that a text from outside must not forge in a prompt."""

from __future__ import annotations

import re

# Chat templates mark turns with <|...|>, <start_of_turn>, [INST] and the like, and our own prompt
# marks articles with tags.
_FORGED = re.compile(
    r"<(?=(?:/\s*)?(?:[|｜]|<?/?sys>|article\b|s>|[be]os>|(?:start|end)_of_|think\b|tool_\w))"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_\w+)\])",
    re.IGNORECASE,
)


def neutral(text: str) -> str:
    """The text with forged marks broken by a space; for prompts only, never for offsets."""
    return _FORGED.sub(r"\g<0> ", text)
