"""The words that say when: resolved from the day of publication, never after it."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from classifier.dating import UnresolvedClueError, date_clues, resolve
from classifier.records import When

WEDNESDAY = date(2019, 2, 13)
LEAP = date(2020, 2, 29)
DAYS = st.dates(date(1900, 1, 1), date(2099, 12, 31))
MONTHS = [date(2000, number, 1).strftime("%B") for number in range(1, 13)]
NAMES = [date(2024, 1, number).strftime("%A") for number in range(1, 8)]
UNITS = ("day", "week", "month", "year", "decade", "hour", "minute")
LEADS = ("", "in ", "on ", "since ", "over ", "early ", "late ", "at the end of ", "in mid-")


def days(clue: str, published: date | None = WEDNESDAY, language: str = "en") -> tuple[str, str]:
    when = resolve(clue, published, language)
    return str(when.start), str(when.end)


def refused(clue: str, published: date | None = WEDNESDAY) -> str:
    with pytest.raises(UnresolvedClueError) as error:
        resolve(clue, published)
    return str(error.value)


def clues() -> st.SearchStrategy[str]:
    month, name = st.sampled_from(MONTHS), st.sampled_from(NAMES)
    which = st.sampled_from(("last ", "this ", "this past ", "next ", ""))
    number, year = st.integers(1, 40).map(str), st.integers(1890, 2099).map(str)
    unit = st.sampled_from(UNITS)
    parts = (
        st.tuples(which, month), st.tuples(which, name), st.tuples(month, st.just(" "), year),
        st.tuples(number, st.just(" "), month), st.tuples(month, st.just(" "), number),
        st.tuples(name, st.just(", "), month, st.just(" "), number),
        st.tuples(number, st.just(" "), month, st.just(" "), year),
        st.tuples(number, st.just(" "), unit, st.just("s ago")),
        st.tuples(st.just("the past "), number, st.just(" "), unit, st.just("s")),
        st.tuples(which, unit), st.tuples(month, st.just(" last year")), st.tuples(year),
        st.tuples(st.sampled_from(("yesterday", "today", "last night", "over the weekend",
                                   "the 1990s", "Q2 2018", "the day before yesterday"))),
        st.tuples(st.just("between "), month, st.just(" and "), month),
        st.tuples(number, st.just("-"), number, st.just(" "), month),
    )  # fmt: skip
    body = st.one_of(*parts).map("".join)
    return st.tuples(st.sampled_from(LEADS), body).map("".join)


@pytest.mark.parametrize(
    ("clue", "start", "end"),
    [
        ("last November", "2018-11-01", "2018-11-30"),
        ("in July", "2018-07-01", "2018-07-31"),
        ("last July", "2018-07-01", "2018-07-31"),
        ("in February", "2019-02-01", "2019-02-13"),
        ("last February", "2018-02-01", "2018-02-28"),
        ("in January", "2019-01-01", "2019-01-31"),
        ("in mid-July", "2018-07-01", "2018-07-31"),
        ("late last year", "2018-01-01", "2018-12-31"),
        ("November last year", "2018-11-01", "2018-11-30"),
        ("in July of last year", "2018-07-01", "2018-07-31"),
        ("on Tuesday", "2019-02-12", "2019-02-12"),
        ("Wednesday", "2019-02-13", "2019-02-13"),
        ("last Wednesday", "2019-02-06", "2019-02-06"),
        ("on Thursday", "2019-02-07", "2019-02-07"),
        ("late Monday night", "2019-02-11", "2019-02-11"),
        ("on Friday of last week", "2019-02-08", "2019-02-08"),
        ("yesterday", "2019-02-12", "2019-02-12"),
        ("yesterday morning", "2019-02-12", "2019-02-12"),
        ("the day before yesterday", "2019-02-11", "2019-02-11"),
        ("this morning", "2019-02-13", "2019-02-13"),
        ("last night", "2019-02-12", "2019-02-13"),
        ("an hour ago", "2019-02-12", "2019-02-13"),
        ("five days ago", "2019-02-08", "2019-02-08"),
        ("two weeks ago", "2019-01-28", "2019-02-03"),
        ("about two weeks ago", "2019-01-28", "2019-02-03"),
        ("three months ago", "2018-11-01", "2018-11-30"),
        ("a year ago", "2018-01-01", "2018-12-31"),
        ("last week", "2019-02-04", "2019-02-10"),
        ("earlier this week", "2019-02-11", "2019-02-13"),
        ("last month", "2019-01-01", "2019-01-31"),
        ("last quarter", "2018-10-01", "2018-12-31"),
        ("this year", "2019-01-01", "2019-02-13"),
        ("over the weekend", "2019-02-09", "2019-02-10"),
        ("in the past two weeks", "2019-01-30", "2019-02-13"),
        ("over the last month", "2019-01-13", "2019-02-13"),
        ("since July", "2018-07-01", "2019-02-13"),
        ("between May and July 2018", "2018-05-01", "2018-07-31"),
        ("from Monday to Tuesday", "2019-02-11", "2019-02-12"),
        ("in 2017", "2017-01-01", "2017-12-31"),
        ("in 2019", "2019-01-01", "2019-02-13"),
        ("the late 1990s", "1990-01-01", "1999-12-31"),
        ("in the second quarter of 2018", "2018-04-01", "2018-06-30"),
        ("Q3 2018", "2018-07-01", "2018-09-30"),
        ("July 2018", "2018-07-01", "2018-07-31"),
        ("4 June", "2018-06-04", "2018-06-04"),
        ("on the 4th of June", "2018-06-04", "2018-06-04"),
        ("Feb. 12", "2019-02-12", "2019-02-12"),
        ("Sunday, Feb. 10", "2019-02-10", "2019-02-10"),
        ("on June 4, 1996", "1996-06-04", "1996-06-04"),
        ("June 4-6, 2018", "2018-06-04", "2018-06-06"),
        ("4 and 6 June", "2018-06-04", "2018-06-06"),
        ("2018-11-30", "2018-11-30", "2018-11-30"),
        ("11/30/2018", "2018-11-30", "2018-11-30"),
        ("30.11.2018", "2018-11-30", "2018-11-30"),
        ("February 29", "2016-02-29", "2016-02-29"),
        ("LAST NOVEMBER", "2018-11-01", "2018-11-30"),
        ("last\n  November", "2018-11-01", "2018-11-30"),
    ],
)
def test_a_clue_is_resolved_from_a_wednesday(clue: str, start: str, end: str) -> None:
    assert days(clue) == (start, end)


@pytest.mark.parametrize(
    ("clue", "published", "start", "end"),
    [
        ("last November", date(2018, 11, 20), "2017-11-01", "2017-11-30"),
        ("in November", date(2018, 11, 20), "2018-11-01", "2018-11-20"),
        ("a month ago", date(2019, 3, 31), "2019-02-01", "2019-02-28"),
        ("over the last month", date(2019, 3, 31), "2019-02-28", "2019-03-31"),
        ("yesterday", date(2020, 3, 1), "2020-02-29", "2020-02-29"),
        ("29 February", LEAP, "2020-02-29", "2020-02-29"),
        ("29 February", date(1904, 2, 28), "1896-02-29", "1896-02-29"),
        ("a year ago", LEAP, "2019-01-01", "2019-12-31"),
        ("last week", date(2019, 1, 2), "2018-12-24", "2018-12-30"),
        ("last month", date(2019, 1, 31), "2018-12-01", "2018-12-31"),
        ("over the weekend", date(2019, 2, 10), "2019-02-09", "2019-02-10"),
        ("last weekend", date(2019, 2, 10), "2019-02-02", "2019-02-03"),
        ("on 31 December", date(2019, 1, 1), "2018-12-31", "2018-12-31"),
    ],
)
def test_ends_of_months_and_leap_days(clue: str, published: date, start: str, end: str) -> None:
    assert days(clue, published) == (start, end)


def test_the_clue_and_the_arithmetic_are_told() -> None:
    when = resolve("It began last November.", WEDNESDAY)
    assert (when.clue, when.counted_from) == ("last November", WEDNESDAY)
    assert when.arithmetic == (
        "published 2019-02-13 (Wednesday); 'last November' is the November before: 2018-11-01 to "
        "2018-11-30"
    )


def test_what_names_the_date_itself_counts_from_nothing() -> None:
    when = resolve("on June 4, 1996", None)
    assert (when.start, when.counted_from) == (date(1996, 6, 4), None)
    assert when.arithmetic == "'on June 4, 1996' names the date itself: 1996-06-04"


@pytest.mark.parametrize(
    ("clue", "why"),
    [
        ("July 2019", "2019-07-01 to 2019-07-31 lies after publication on 2019-02-13"),
        ("14 February 2019", "lies after publication"),
        ("next week", "lies after publication"),
        ("next Tuesday", "lies after publication"),
        ("this weekend", "lies after publication"),
        ("before July", "'before' gives a bound alone"),
        ("more than a year ago", "'more than' gives a bound alone"),
        ("3/4/2018", "may be 2018-03-04 or 2018-04-03"),
        ("13/13/2018", "is no day"),
        ("Feb 30, 2018", "the calendar has no such day"),
        ("31 June", "there is no such day"),
        ("Monday, Feb. 10", "2019-02-10 was a Sunday, not a Monday"),
        ("999 decades ago", "before the calendar begins"),
        ("a few days ago", "says no date that can be read"),
        ("the day before", "says no date that can be read"),
        ("", "says no date that can be read"),
    ],
)
def test_what_is_not_resolved_says_why(clue: str, why: str) -> None:
    assert why in refused(clue)


@pytest.mark.parametrize(
    "clue", ["last November", "on Tuesday", "yesterday", "two weeks ago", "4 June", "since 2017"]
)
def test_without_a_day_of_publication_what_is_relative_stays_unresolved(clue: str) -> None:
    assert "the day of publication, which is not known" in refused(clue, None)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The rocket left on the morning of 4 June. About 37 seconds later", ["4 June"]),
        ("It may march on 2000 people in 45 days.", []),
        ("May I say that March is here? We march in May.", ["in May"]),
        ("It was open since July, and on Tuesday it was shut.", ["since July", "on Tuesday"]),
        ("In 2017 there were 2016 cases, of which 2015 in 2014.", ["In 2017", "in 2014"]),
        ("between May and July 2018 and in August", ["between May and July 2018", "in August"]),
        ("Mayor Junes sat on Sundays with Augusta", []),
    ],
)
def test_the_words_that_say_a_date_are_found(text: str, found: list[str]) -> None:
    assert date_clues(text) == found


def test_the_first_date_that_can_be_resolved_counts() -> None:
    assert resolve("Next week's talk is about what failed in June.", WEDNESDAY).clue == "in June"


@pytest.mark.parametrize(
    ("clue", "language", "start"),
    [("gestern", "de", "2019-02-12"), ("le 4 juin 1996", "fr", "1996-06-04"),
     ("en julio", "es", "2018-07-01"), ("昨日", "ja", "2019-02-12")],
)  # fmt: skip
def test_other_languages_are_read_by_dateparser(clue: str, language: str, start: str) -> None:
    when = resolve(clue, WEDNESDAY, language)
    assert str(when.start) == start
    assert when.end <= WEDNESDAY


def test_another_language_without_a_day_of_publication() -> None:
    assert resolve("le 4 juin 1996", None, "fr").counted_from is None
    with pytest.raises(UnresolvedClueError, match="which is not known"):
        resolve("gestern", None, "de")


def test_a_language_that_nobody_knows_is_no_crash() -> None:
    with pytest.raises(UnresolvedClueError, match="says no date"):
        resolve("gestern", WEDNESDAY, "xx")


def resolved(clue: str, published: date | None) -> When | None:
    try:
        return resolve(clue, published)
    except UnresolvedClueError:
        return None


@given(clues(), DAYS)
@example("February 29", LEAP)
@example("last weekend", date(2019, 2, 10))
def test_nothing_happens_after_publication(clue: str, published: date) -> None:
    when = resolved(clue, published)
    assert when is None or when.start <= when.end <= published


@given(clues(), DAYS)
def test_the_interval_is_in_the_arithmetic_and_the_clue_in_the_text(clue: str, day: date) -> None:
    when = resolved(clue, day)
    if when is not None:
        told = re.findall(r"\d{4}-\d\d-\d\d", when.arithmetic)
        assert {str(when.start), str(when.end)} <= set(told)
        assert {str(when.start), str(when.end)} <= set(
            re.findall(r"\d{4}-\d\d-\d\d", when.arithmetic)
        )
        assert when.clue in " ".join(clue.split())
        assert when.counted_from in (None, day)


@given(clues(), DAYS)
def test_what_is_absolute_does_not_depend_on_publication(clue: str, day: date) -> None:
    alone = resolved(clue, None)
    if alone is not None and alone.end <= day:
        assert resolved(clue, day) == alone


@given(st.sampled_from(NAMES), DAYS)
def test_a_weekday_is_in_the_week_up_to_publication(name: str, day: date) -> None:
    when = resolve(f"on {name}", day)
    assert when.start.strftime("%A") == name
    assert day - timedelta(days=6) <= when.start <= day


@given(st.sampled_from(MONTHS), DAYS)
def test_a_month_is_in_the_year_up_to_publication(name: str, day: date) -> None:
    when = resolve(f"in {name}", day)
    assert when.start.strftime("%B") == name
    assert timedelta(0) <= day - when.start <= timedelta(days=365)


@given(st.integers(1, 28), st.sampled_from(MONTHS), DAYS)
def test_a_day_of_a_month_is_the_latest_one(number: int, month: str, day: date) -> None:
    when = resolve(f"{number} {month}", day)
    assert (when.start.day, when.start.strftime("%B")) == (number, month)
    assert timedelta(0) <= day - when.start <= timedelta(days=365)


@given(st.text(max_size=200), DAYS)
def test_no_text_is_a_crash(text: str, day: date) -> None:
    when = resolved(text, day)
    assert when is None or when.end <= day
