"""What every text form needs: one line without control characters, whatever an article says."""

from __future__ import annotations

import unicodedata

WEAK = "weak: the nearest sentence found"
"""What is said of evidence that may show nothing."""

_HIDDEN = {"Cc", "Cf", "Cs", "Co"}
# Joiners shape Indic and Arabic scripts and emoji; they are no way to deceive.
_KEPT = {"\u200c", "\u200d"}


def one_line(text: str) -> str:
    """The text with white space collapsed and control and direction characters removed."""
    kept = (c for c in text if c.isspace() or c in _KEPT or _is_shown(c))
    return " ".join("".join(kept).split())


def _is_shown(character: str) -> bool:
    return unicodedata.category(character) not in _HIDDEN
