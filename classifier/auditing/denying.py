"""Whether a paragraph denies the option that it is about, as English rationales say so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from classifier.taxonomy import Option

_SENTENCE = re.compile(r"[^.!?]+")
_LONGEST = 4000
_SHOWN = 120
_MOST_NAMED = 5
_STEM = 6
_LEAST_LETTERS = 4
_NOT = {"no", "non", "not", "without"}
_NEGATION = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|neither|nor|without|cannot|unknown|unclear|lacks?)\b"
    r"|n't\b",
    re.IGNORECASE,
)
# What takes the denial back: "not only malicious", "not the hardware but the software".
_TAKEN_BACK = re.compile(
    r"\b(?:but|rather|only|solely|just|merely|instead|although|though|while|whereas|however|"
    r"until|necessarily|know|knew|known|realise|realize)\b",
    re.IGNORECASE,
)
_DENIAL = re.compile(
    r"\b(?:incident|failure|articles?|reports?|it)(?: [\w-]+){0,4}? "
    r"(?:is|was|are|were|does|did|do|has|had)(?: not|n't) (?:\w+ly )?(?:been )?"
    r"(?:involv|relat|attribut|mention|say|indicat|provid|specif|stat|describ|suggest|categor|"
    r"consider|due|caus|contain|tell)"
    r"|\bthere (?:is|was|are|were) no (?:[\w-]+ ){0,3}?"
    r"(?:information|mention|indication|evidence|sign|detail)"
    r"|\b(?:is|was|are|were|be|been)(?: not|n't) "
    r"(?:(?:\w+ly|an?|the|any|due to|caused by|related to|attributed to|considered|(?:\w+ed )?as|"
    r"of|by) ){0,3}$",
    re.IGNORECASE,
)


def denial(paragraph: str, option: Option) -> str:
    """The words of a paragraph that deny its option; empty where none do.

    An option that is named for what is not so (`no_consequence`) is upheld by a denial.
    """
    name = _name(option)
    for sentence in _sentences(paragraph):
        for word in islice(name.finditer(sentence), _MOST_NAMED) if name else ():
            said = _DENIAL.search(sentence, 0, word.start())
            if said and not _TAKEN_BACK.search(sentence):
                return _shortened(sentence[said.start() : word.end()])
    return ""


def speaks_for(paragraph: str, option: Option) -> bool:
    """Whether a paragraph denies nothing at all, and so speaks for its option."""
    return bool(paragraph) and not (
        _NEGATION.search(option.definition) or _NEGATION.search(paragraph[:_LONGEST])
    )


def _sentences(paragraph: str) -> Iterator[str]:
    return (found[0].strip() for found in _SENTENCE.finditer(paragraph[:_LONGEST]))


def _name(option: Option) -> re.Pattern[str] | None:
    """The words of an option's name, as they begin; None where there are none to deny."""
    words = re.split(r"[_-]", option.name)
    parts = [w for w in words if len(w) >= _LEAST_LETTERS]
    if _NOT.intersection(w.casefold() for w in words):
        return None
    stems = "|".join(re.escape(part[:_STEM]) for part in parts)
    return re.compile(rf"(?<![\w-])(?:{stems})\w*", re.IGNORECASE) if parts else None


def _shortened(words: str) -> str:
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
