"""The forms in which English news says a date, and what each makes of the day of publication."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from classifier.dating.days import (
    PERIODS,
    SATURDAY,
    WEEKDAYS,
    Days,
    back,
    day_of,
    decade_of,
    month_of,
    quarter_of,
    year_of,
)
from classifier.dating.reading import month_number, read

Groups = Mapping[str, str | None]


class UnresolvedClueError(Exception):
    """No date comes out of a clue; the message says why."""


@dataclass(frozen=True)
class Named:
    """The days that a clue names and how, in words. `relative` ones count from publication."""

    days: Days
    how: str
    relative: bool = True


@dataclass(frozen=True)
class Form:
    """A pattern with named groups, and what they make of the day of publication."""

    pattern: str
    name: Callable[[Groups, date | None], Named]


# A leap day is at most eight years back.
_YEARS_BACK = 9
_YEAR = r"(?:18|19|20)\d\d"
_WEEKDAY = "|".join(WEEKDAYS)
_MONTH = (
    "January|February|March|April|May|June|July|August|September|October|November|December|"
    r"(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?"
)
_ORDINAL = r"(?:st|nd|rd|th)?"
_COUNT = (
    r"\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|"
    r"thirty"
)
_OF_YEAR = r" (?:(?i:of) )?(?P<which>(?i:last|this)) (?i:year)"
_THAT_YEAR = rf"(?P<year>,? (?:(?i:of) )?{_YEAR}(?!\d)|,?{_OF_YEAR})"
_MOD = r"(?:(?P<mod>(?i:last|this past|this|past|next|coming|following)) )?"
_PART = r"(?: (?i:morning|afternoon|evening|night))?"
_QUARTERS = ("first", "second", "third", "fourth")
_AHEAD = ("next", "coming", "following")


def _day(groups: Groups, published: date | None) -> Named:
    """4 June, June 4th 1996, Tuesday, June 4."""
    month = month_number(groups["month"] or groups["month2"] or "")
    first = int(groups["day"] or groups["day2"] or 0)
    last = int(groups["to"] or groups["to2"] or first)
    if groups["year"] and not groups["which"]:
        [year] = re.findall(_YEAR, groups["year"])
        found = _date(int(year), month, first)
        _check_weekday(found, groups["weekday"])
        return Named(Days(found, _until(found, last)), "names the date itself", relative=False)
    day = _needed(published)
    years = [_year_meant(groups, day)] if groups["which"] else _years(day)
    fitting = (d for y in years if (d := _maybe(y, month, first)) and d <= day)
    latest = next(fitting, None)
    if latest is None:
        raise UnresolvedClueError("there is no such day up to the day of publication")
    _check_weekday(latest, groups["weekday"])
    return Named(Days(latest, _until(latest, last)), "is the latest such day by then")


def _month(groups: Groups, published: date | None) -> Named:
    """last November, July 2018, July of last year, this May."""
    month, which = month_number(groups["month"] or ""), (groups["mod"] or "").lower()
    if groups["year"] and not groups["which"]:
        [year] = re.findall(_YEAR, groups["year"])
        return Named(month_of(date(int(year), month, 1)), "names the month itself", relative=False)
    day = _needed(published)
    if which in _AHEAD:
        raise UnresolvedClueError("it lies after publication")
    if groups["which"] or which == "this":
        year = _year_meant(groups, day)
        return Named(month_of(date(year, month, 1)), f"is that month of {year}")
    is_over = month < day.month or (month == day.month and which != "last")
    found = month_of(date(day.year if is_over else day.year - 1, month, 1))
    return Named(found, f"is the {found.start:%B} {'of then' if found.end >= day else 'before'}")


def _weekday(groups: Groups, published: date | None) -> Named:
    """on Tuesday, last Tuesday, Tuesday of last week; a bare Tuesday may be the day itself."""
    day, which = _needed(published), (groups["mod"] or "").lower()
    wanted = _weekday_number(groups["weekday"] or "")
    if which in _AHEAD:
        raise UnresolvedClueError("it lies after publication")
    if groups["week"]:
        monday = PERIODS["week"](day).start - timedelta(days=7)
        return Named(day_of(monday + timedelta(days=wanted)), "lies in the week before")
    distance = (day.weekday() - wanted) % 7 or (7 if which == "last" else 0)
    how = f"is the {WEEKDAYS[wanted]} before" if distance else "is that very day"
    return Named(day_of(day - timedelta(days=distance)), how)


def _period(groups: Groups, published: date | None) -> Named:
    """last week, earlier this month, over the weekend."""
    day, unit = _needed(published), (groups["unit"] or "weekend").lower()
    which = (groups["mod"] or "the").lower()
    if which in _AHEAD:
        raise UnresolvedClueError("it lies after publication")
    around = PERIODS[unit]
    if which == "this" or (which == "the" and day.weekday() >= SATURDAY):
        return Named(around(day), f"is the {unit} that this day lies in")
    return Named(around(back(day, unit, 1)), f"is the {unit} before")


def _rolling(groups: Groups, published: date | None) -> Named:
    """in the past two weeks: the days up to publication."""
    day, unit = _needed(published), (groups["unit"] or "").lower()
    count = (groups["count"] or "one").lower()
    return Named(
        Days(_back(count, unit, day), day), f"goes back {_several(count, unit)} from that day"
    )


def _ago(groups: Groups, published: date | None) -> Named:
    """two weeks ago: as exact as its unit, so a week in weeks, a month in months."""
    day, unit = _needed(published), (groups["unit"] or "").lower()
    if groups["bound"]:
        raise UnresolvedClueError(f"{groups['bound'].strip().lower()!r} gives a bound alone")
    count = (groups["count"] or "").lower()
    found = _back(count, unit, day)
    if unit in ("minute", "hour"):  # of a day that nobody told the hour of
        return Named(Days(found, found + timedelta(days=1)), f"counts {unit}s back from it")
    period = {"decade": "year"}.get(unit, unit)
    return Named(PERIODS[period](found), f"is the {period} {_several(count, unit)} before")


def _near(groups: Groups, published: date | None) -> Named:
    """yesterday, tonight, last night."""
    day, word = _needed(published), (groups["word"] or "").lower()
    before = day - timedelta(days=1)
    if word.startswith("the day before"):
        return Named(day_of(day - timedelta(days=2)), "is two days before")
    if word in ("last night", "overnight"):
        return Named(Days(before, day), "is the night from the day before")
    if word.startswith("yesterday"):
        return Named(day_of(before), "is the day before")
    return Named(day_of(day), "is that very day")


def _numeric(groups: Groups, _: date | None) -> Named:
    """2018-11-30, 30/11/2018; 3/4/2018 may be either of two days."""
    if groups["iso"]:
        found = _date(*map(int, groups["iso"].split("-")))
        return Named(day_of(found), "names the date itself", relative=False)
    first, second, year = (int(n) for n in re.split(r"[/.]", groups["figures"] or ""))
    either = {d for d in (_maybe(year, first, second), _maybe(year, second, first)) if d}
    if len(either) != 1:
        why = "may be " + " or ".join(map(str, sorted(either))) if either else "is no day"
        raise UnresolvedClueError(f"it {why}")
    return Named(day_of(either.pop()), "names the date itself", relative=False)


def _long(groups: Groups, _: date | None) -> Named:
    """2017, the 1990s, the second quarter of 2018, Q3 2018."""
    year = int(groups["years"] or groups["alone"] or groups["of"] or groups["short_of"] or 0)
    if groups["years"]:
        return Named(decade_of(date(year, 1, 1)), "names the decade itself", relative=False)
    if groups["alone"]:
        return Named(year_of(date(year, 1, 1)), "names the year itself", relative=False)
    number = int(groups["short"] or 1 + _QUARTERS.index((groups["quarter"] or "first").lower()))
    days = quarter_of(date(year, 3 * number - 2, 1))
    return Named(days, "names the quarter itself", relative=False)


def _until(start: date, last: int) -> date:
    """The later day of 4-6 June."""
    end = _maybe(start.year, start.month, last)
    if end is None or end < start:
        raise UnresolvedClueError("its last day comes before its first")
    return end


def _needed(published: date | None) -> date:
    if published is None:
        raise UnresolvedClueError("it counts from the day of publication, which is not known")
    return published


def _maybe(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _date(year: int, month: int, day: int) -> date:
    found = _maybe(year, month, day)
    if found is None:
        raise UnresolvedClueError("the calendar has no such day")
    return found


def _years(day: date) -> range:
    return range(day.year, max(day.year - _YEARS_BACK, 0), -1)


def _year_meant(groups: Groups, day: date) -> int:
    return day.year - ((groups["which"] or "").lower() == "last")


def _weekday_number(name: str) -> int:
    return next(i for i, known in enumerate(WEEKDAYS) if known.lower() == name.lower())


def _check_weekday(day: date, weekday: str | None) -> None:
    if weekday and day.weekday() != _weekday_number(weekday):
        raise UnresolvedClueError(f"{day} was a {WEEKDAYS[day.weekday()]}, not a {weekday}")


def _back(count: str, unit: str, day: date) -> date:
    """The day that lies so many units before; raises where that is before the calendar begins."""
    found = read(f"{count} {unit}s ago", day, "en")
    if found is None:
        raise UnresolvedClueError("it leads before the calendar begins")
    return found[0]


def _several(count: str, unit: str) -> str:
    return f"{count} {unit}" if count in ("a", "an", "one", "1") else f"{count} {unit}s"


_ONE_DAY = (
    rf"(?P<day>\d{{1,2}}){_ORDINAL}(?:(?:-|–| (?i:to|and) )(?P<to>\d{{1,2}}){_ORDINAL})?"
    rf" (?:(?i:of) )?(?P<month>{_MONTH})"
    rf"|(?P<month2>{_MONTH}) (?:(?i:the) )?(?P<day2>\d{{1,2}}){_ORDINAL}"
    rf"(?:(?:-|–| (?i:to|and) )(?P<to2>\d{{1,2}}){_ORDINAL})?(?![\d:]|[.,]\d)"
)
FORMS: tuple[Form, ...] = (
    Form(
        rf"(?P<iso>{_YEAR}-\d\d-\d\d)(?!\d)|(?P<figures>\d{{1,2}}(?:/\d{{1,2}}/|\.\d{{1,2}}\.){_YEAR})(?!\d)",
        _numeric,
    ),
    Form(
        rf"(?:(?P<weekday>{_WEEKDAY}),? (?:(?i:the) )?)?(?:{_ONE_DAY}){_THAT_YEAR}?",
        _day,
    ),
    Form(
        rf"{_MOD}(?P<month>{_MONTH}){_THAT_YEAR}?",
        _month,
    ),
    Form(
        r"(?P<word>(?i:the day before yesterday|yesterday|today|tonight|overnight|last night|"
        rf"this (?:morning|afternoon|evening))){_PART}",
        _near,
    ),
    Form(
        r"(?P<bound>(?i:more than|over|at least|less than|up to) )?"
        rf"(?:(?i:about|around|roughly|nearly|almost|some|just) )?(?P<count>(?i:{_COUNT})) "
        r"(?P<unit>(?i:minute|hour|day|week|month|year|decade))s? (?i:ago)",
        _ago,
    ),
    Form(
        rf"(?i:the) (?i:past|last) (?:(?P<count>(?i:{_COUNT})) )?"
        r"(?P<unit>(?i:day|week|month|year|decade))s?",
        _rolling,
    ),
    Form(
        rf"{_MOD}(?P<weekday>{_WEEKDAY}){_PART}(?P<week> (?:(?i:of) )?(?i:last week))?",
        _weekday,
    ),
    Form(
        r"(?P<mod>(?i:last|this|next|coming|following)) "
        r"(?P<unit>(?i:weekend|week|month|quarter|year))|(?i:the) (?i:weekend)",
        _period,
    ),
    Form(
        rf"(?:(?i:the) )?(?:(?i:early|mid|late)[ -])?(?P<years>(?:18|19|20)\d0)s"
        rf"|(?:(?i:the) )?(?P<quarter>(?i:{'|'.join(_QUARTERS)})) (?i:quarter of) (?P<of>{_YEAR})"
        rf"|Q(?P<short>[1-4]) (?P<short_of>{_YEAR})|(?P<alone>{_YEAR})(?![\d-])",
        _long,
    ),
)
