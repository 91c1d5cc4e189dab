"""Reads dates as dateparser does: the names of months and weekdays, numbers, many languages."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Any

# Two days of publication that share no year, month, weekday or day of the month: what comes out
# the same for both names its date itself.
_ONE, _OTHER = date(2019, 2, 13), date(2020, 10, 27)


@lru_cache(1024)
def read(text: str, base: date, language: str) -> tuple[date, str] | None:
    """A day in the date that a text names or tells from `base`, and the period that it stands for:
    day, week, month, quarter or year. None where the text says no date in the language, an ISO
    639-1 code.
    """
    from dateparser.date import DateDataParser

    settings: dict[str, Any] = {
        "RELATIVE_BASE": datetime(base.year, base.month, base.day),  # noqa: DTZ001 - a day
        "PREFER_DATES_FROM": "past",
        "PREFER_DAY_OF_MONTH": "current",
        "TIMEZONE": "UTC",
    }
    try:
        parser = DateDataParser(languages=[language], settings=settings)
        found = parser.get_date_data(text)
    except (ValueError, OverflowError):  # a language that it does not know, the year 0
        return None
    return (found.date_obj.date(), str(found.period)) if found.date_obj else None


def is_absolute(text: str, language: str) -> bool:
    """Whether a text names the same date whenever it was published."""
    return read(text, _ONE, language) == read(text, _OTHER, language)


def month_number(name: str) -> int:
    """The number of an English month, 1 to 12; KeyError for another word."""
    found = read(f"1 {name} 2000", _ONE, "en")
    if found is None:
        raise KeyError(name)
    return found[0].month
