"""Whether a passage makes the claim of a quote that is nearly the same: the same numbers, no
negation more or less, and no word put in the place of another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from rapidfuzz.fuzz import ratio

# Two words less alike than this are two words, not one with a typo.
TYPO_SCORE = 70.0

_NUMBER = re.compile(
    r"\d+(?:[.,:/]\d+)*|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|"
    r"thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|"
    r"seventy|eighty|ninety|hundreds?|thousands?|millions?|billions?|trillions?|dozens?|half|twice|"
    r"first|second|third|once)\b|[一二三四五六七八九十百千万亿億零两]"
)
_NEGATION = re.compile(
    r"n't\b|\b(?:no|not|never|none|nobody|nothing|nowhere|neither|nor|without|cannot|hardly|sin|"
    r"nunca|jamás|ni|nicht|kein\w*|nie|ne|pas|sans|non)\b|[不没沒未非无無]|ない|ません|لم|ليس|नहीं"
)
_PREFIX = re.compile(r"^(?:un|in|im|ir|il|non-?|dis|mis|de|anti-?)(?=.)")
_BETWEEN_WORDS = re.compile(r"[\s-]+")
_PUNCTUATION = ".,;:!?'\"()[]{}*_"
_LITTLE = re.compile(
    r"an?|the|is|was|are|were|has|had|have|be|been|its?|this|that|these|those|of|in|on|at|to|for|"
    r"by|and|as|with"
)


def same_claim(quote: str, passage: str) -> bool:
    """Whether a normalised quote adds nothing to a passage but typos: words may be missing from
    it, but no negation, and a number or a word of weight that it has must be in the passage.
    """
    return (
        _within(_NUMBER.findall(quote), _NUMBER.findall(passage))
        and len(_NEGATION.findall(quote)) == len(_NEGATION.findall(passage))
        and _same_words(_words(quote), _words(passage))
    )


def _within(few: Sequence[str], many: Sequence[str]) -> bool:
    """Whether `many` holds `few` in its order."""
    rest = iter(many)
    return all(item in rest for item in few)


def _words(text: str) -> list[str]:
    stripped = (word.strip(_PUNCTUATION) for word in _BETWEEN_WORDS.split(text))
    return [word for word in stripped if word]


def _same_words(quote: Sequence[str], passage: Sequence[str]) -> bool:
    changes = SequenceMatcher(None, quote, passage, autojunk=False).get_opcodes()
    return all(
        tag == "equal" or _forgivable(quote[a:b], passage[c:d]) for tag, a, b, c, d in changes
    )


def _forgivable(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether the words of a quote can stand for those of the passage at the same place."""
    if any(_opposite(our, their) for our in ours for their in theirs):
        return False
    if theirs and ratio("".join(ours), "".join(theirs)) >= TYPO_SCORE:
        return True
    return all(
        _LITTLE.fullmatch(our) or any(ratio(our, their) >= TYPO_SCORE for their in theirs)
        for our in ours
    )


def _opposite(ours: str, theirs: str) -> bool:
    return ours != theirs and _PREFIX.sub("", ours) == _PREFIX.sub("", theirs)
