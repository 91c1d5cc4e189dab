"""The day of publication, from whatever a file writes."""

from __future__ import annotations

import re
from datetime import date, datetime

FORMAT = "YYYY-MM-DD, or an ISO 8601 time that begins so"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def as_day(value: object) -> date | None:
    """The day, as written: no change of time zone. Blank and null are no date.

    Raises ValueError on anything that is not a date; the message has no more to say than that.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return _from_text(value) if isinstance(value, str) else _refuse()


def _from_text(text: str) -> date:
    compact = re.sub(r"\s+(?=[+-])", "", text.strip())
    if not _DAY.match(compact):
        _refuse()
    return datetime.fromisoformat(compact).date()


def _refuse() -> date:
    raise ValueError("not a date")
