"""Finds the words of a text that say a date, and resolves them from the day of publication.

Nothing that was published can have happened later: what would lie after publication is not
resolved, and a period that was not over then ends with that day.
"""

from __future__ import annotations

import re
from datetime import date

from classifier.dating.days import PERIODS, Days, named
from classifier.dating.forms import FORMS, Form, Named, UnresolvedClueError
from classifier.dating.reading import is_absolute, read
from classifier.records import When

# A clue is a few words; no sentence needs to be searched much further than that.
LONGEST = 4000
_ENGLISH = ("en", "und")
_LEAD = (
    r"(?P<lead>(?i:since|before|until|till|after|by|in|on|at|over|during|from|around|about|of))"
    r" (?:(?:the )?(?i:start|beginning|middle|end) of )?(?:(?i:early|mid|late|earlier|later)[ -])?"
)
_OPEN = ("before", "until", "till", "after", "by")
_VAGUE = r"(?i:early|mid|late|earlier|later)[ -]"
_NAMED_GROUP = re.compile(r"\?P<\w+>")
# A name or a number that is a date only with such a word before it: May, March, 2000 people.
_BARE_MONTH = re.compile(r"(?!\w+day$)[A-Z][a-z]{2,8}\.?$")
_BARE_YEAR = re.compile(r"\d{4}$")
_BEFORE_A_YEAR = ("in", "since", "during", "before", "after", "until")
_COMPILED = [(form, re.compile(form.pattern, re.IGNORECASE)) for form in FORMS]
_FORM = _NAMED_GROUP.sub("?:", "|".join(f"(?:{form.pattern})" for form in FORMS))
_CLUE_PATTERN = rf"(?<![\w-])(?:{_LEAD})?(?P<vague>{_VAGUE})?(?P<form>{_FORM})(?![\w-])"
_CLUE = re.compile(_CLUE_PATTERN)
_ANY_CASE = re.compile(_CLUE_PATTERN, re.IGNORECASE)
_RANGE = re.compile(
    rf"\b(?i:between|from) (?P<first>{_FORM}) (?i:and|to|until|through) (?P<last>{_FORM})(?!\w)"
)


def date_clues(text: str) -> list[str]:
    """The words of an English text that say a date, in their order.

    A month, or a number that may be a year, counts only where the words before it make it a date.
    """
    text = " ".join(text[:LONGEST].split())
    ranges = list(_RANGE.finditer(text))
    taken = [r.span() for r in ranges]
    single = (m for m in _CLUE.finditer(text) if not _within(m.span(), taken))
    found = [*ranges, *(m for m in single if _is_date(m))]
    return [m[0].removeprefix("of ") for m in sorted(found, key=lambda m: m.start())]


def resolve(text: str, published: date | None, language: str = "en") -> When:
    """The first date that a text says and that can be resolved.

    `language` is the text's, as in ISO 639-1: all but English is read as one whole date. Raises
    `UnresolvedClueError` where there is none, with the reason of the first.
    """
    why: UnresolvedClueError | None = None
    for clue in date_clues(text) or _whole(text):
        try:
            return _when(clue, _named(clue, published), published)
        except UnresolvedClueError as error:
            why = why or UnresolvedClueError(f"{clue!r} is not resolved: {error}")
    if why is None and language not in _ENGLISH:
        return _foreign(text, published, language)
    raise why or UnresolvedClueError(f"{text[:80]!r} says no date that can be read")


def _within(span: tuple[int, int], others: list[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in others)


def _is_date(match: re.Match[str]) -> bool:
    lead = (match["lead"] or "").lower()
    if _BARE_YEAR.match(match["form"]):
        return lead in _BEFORE_A_YEAR or bool(match["vague"]) or match[0].count(" ") > 1
    return bool(lead or match["vague"]) or not _BARE_MONTH.match(match["form"])


def _whole(text: str) -> list[str]:
    """A text that is nothing but a date, however it is written: what a model gives as the clue."""
    clue = " ".join(text[:LONGEST].split()).strip(" .,;:'\"()“”‘’")
    return [clue] if _ANY_CASE.fullmatch(clue) else []


def _form(text: str) -> tuple[Form, re.Match[str]] | None:
    for form, pattern in _COMPILED:
        if match := pattern.fullmatch(text):
            return form, match
    return None


def _named(clue: str, published: date | None) -> Named:
    if between := _RANGE.fullmatch(clue):
        return _range(between["first"], between["last"], published)
    match = _ANY_CASE.fullmatch(clue)
    found = _form(match["form"]) if match else None
    if match is None or found is None:
        raise UnresolvedClueError("no form of a date fits it")
    lead = (match["lead"] or "").lower()
    if lead in _OPEN:
        raise UnresolvedClueError(f"{lead!r} gives a bound alone")
    form, groups = found
    said = form.name(_Groups(groups), published)
    return _since(said, published) if lead == "since" else said


class _Groups(dict[str, str | None]):
    """The groups of a match; one that the form does not have is empty."""

    def __init__(self, match: re.Match[str]) -> None:
        super().__init__(match.groupdict())

    def __missing__(self, _: str) -> None:
        return None


def _since(said: Named, published: date | None) -> Named:
    if published is None:
        raise UnresolvedClueError("it lasts until the day of publication, which is not known")
    days = Days(said.days.start, max(published, said.days.start))
    return Named(days, f"{said.how}, and all the days since")


def _range(first: str, last: str, published: date | None) -> Named:
    end = _named(last, published)
    begin = _named(first, end.days.end)
    if begin.days.start > end.days.end:
        raise UnresolvedClueError("its end comes before its beginning")
    days = Days(begin.days.start, end.days.end)
    return Named(days, f"ends with {last!r}, which {end.how}", end.relative)


def _foreign(text: str, published: date | None, language: str) -> When:
    """A clue in another language, as dateparser reads it."""
    clue = " ".join(text.split())
    absolute = is_absolute(clue, language)
    if published is None and not absolute:
        raise UnresolvedClueError(
            f"{clue[:80]!r} is not resolved: no date can be read from it without the day of "
            "publication, which is not known"
        )
    found = read(clue, published or date(2000, 1, 1), language)
    if found is None:
        raise UnresolvedClueError(f"{clue[:80]!r} says no date that can be read")
    day, period = found
    how = f"names this {period} in {language!r}" if absolute else f"is the {period} in {language!r}"
    return _when(
        clue, Named(PERIODS.get(period, PERIODS["day"])(day), how, not absolute), published
    )


def _when(clue: str, said: Named, published: date | None) -> When:
    """The days as a record, none of them after publication; the arithmetic in words."""
    days, from_day = said.days, published if said.relative else None
    end = min(days.end, published) if published else days.end
    if days.start > end:
        after = f"{days} lies after publication on {published}"
        raise UnresolvedClueError(after)
    shown = Days(days.start, end)
    cut = ", where publication ends it" if end < days.end else ""
    begun = f"published {named(from_day)}; " if from_day else ""
    arithmetic = f"{begun}{clue!r} {said.how}: {shown}{cut}"
    return When(clue=clue, start=days.start, end=end, counted_from=from_day, arithmetic=arithmetic)
