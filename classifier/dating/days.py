"""Spans of whole days, both ends included: what the calendar makes of a week, a month, a year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

SATURDAY = 5
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Days:
    """The days from `start` to `end`, both included."""

    start: date
    end: date

    def __str__(self) -> str:
        return str(self.start) if self.start == self.end else f"{self.start} to {self.end}"


def day_of(day: date) -> Days:
    """One day."""
    return Days(day, day)


def week_of(day: date) -> Days:
    """The week that a day lies in, Monday to Sunday."""
    monday = day - timedelta(days=day.weekday())
    return Days(monday, monday + timedelta(days=6))


def weekend_of(day: date) -> Days:
    """The Saturday and the Sunday of the week that a day lies in."""
    saturday = week_of(day).start + timedelta(days=SATURDAY)
    return Days(saturday, saturday + timedelta(days=1))


def month_of(day: date) -> Days:
    """The month that a day lies in."""
    return Days(day.replace(day=1), day + relativedelta(day=31))


def quarter_of(day: date) -> Days:
    """The three months, counted from January, that a day lies in."""
    first = day.replace(month=day.month - (day.month - 1) % 3, day=1)
    return Days(first, first + relativedelta(months=2, day=31))


def year_of(day: date) -> Days:
    """The year that a day lies in."""
    return Days(day.replace(month=1, day=1), day.replace(month=12, day=31))


def decade_of(day: date) -> Days:
    """The ten years that a day lies in, such as 1990 to 1999."""
    first = day.year - day.year % 10
    return Days(date(first, 1, 1), date(first + 9, 12, 31))


PERIODS = {
    "day": day_of,
    "week": week_of,
    "weekend": weekend_of,
    "month": month_of,
    "quarter": quarter_of,
    "year": year_of,
    "decade": decade_of,
}
"""The name of a period -> the span of it that a day lies in."""


def back(day: date, unit: str, count: int) -> date:
    """The day that lies `count` units before; a month end stays one, 31 March becomes 28 February.

    Raises `ValueError` or `OverflowError` before the year 1.
    """
    months = {"month": 1, "quarter": 3, "year": 12, "decade": 120}
    if unit in months:
        earlier: date = day - relativedelta(months=months[unit] * count)
        return earlier
    return day - timedelta(days=count * (1 if unit == "day" else 7))


def named(day: date) -> str:
    """A day with its weekday, as in 2019-02-13 (Wednesday)."""
    return f"{day} ({WEEKDAYS[day.weekday()]})"
