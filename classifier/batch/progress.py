"""How far a run is, in one line, and its events as JSON Lines."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from classifier.batch.tally import Tally


class Progress:
    """What a tally says of rate and time left. `total` is how many inputs there are, about, where
    that is known; `spent` gives USD, or None where calls have no price.
    """

    def __init__(
        self,
        tally: Tally,
        total: int | None,
        spent: Callable[[], Decimal | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tally = tally
        self.total = total
        self._spent = spent
        self._clock = clock
        self._begun = clock()

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._begun

    @property
    def rate(self) -> float | None:
        """Inputs that ended, a minute; None before the first one."""
        ended = self.tally.made + self.tally.failed
        return 60 * ended / self.seconds if ended and self.seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until all inputs have ended at this rate; None where that is not known."""
        if self.total is None or not self.rate:
            return None
        return max(0, self.total - self.tally.inputs) * 60 / self.rate

    def fields(self) -> dict[str, Any]:
        """All figures, for a log."""
        tally, spent = self.tally, self._spent()
        return {
            "inputs": tally.inputs,
            "total": self.total,
            "reports": tally.reports,
            "failures": tally.failures,
            "unread": tally.unread,
            "made": tally.made,
            "tokens": tally.tokens,
            "cache_hits": tally.usage.cache_hits,
            "usd": None if spent is None else str(spent),
            "seconds": round(self.seconds, 1),
            "rate_per_minute": None if self.rate is None else round(self.rate, 2),
            "seconds_left": None if self.seconds_left is None else round(self.seconds_left),
        }

    def __str__(self) -> str:
        tally, spent = self.tally, self._spent()
        of = "" if self.total is None else f"/{max(self.total, tally.inputs):,}"
        parts = [f"{tally.inputs:,}{of} inputs", f"{tally.failures + tally.unread:,} failed"]
        if self.rate:
            parts.append(f"{self.rate:,.1f}/min")
        parts.append(f"{tally.tokens:,} tokens")
        if spent is not None:
            parts.append(f"{usd(spent)} USD")
        if self.seconds_left is not None:
            parts.append(f"{duration(self.seconds_left)} left")
        return ", ".join(parts)


def usd(amount: Decimal) -> str:
    """An amount with as many digits as mean something."""
    return f"{amount:,.2f}" if amount >= 1 else f"{amount:.6f}".rstrip("0").rstrip(".") or "0"


def duration(seconds: float) -> str:
    """Seconds in the two largest units: `3 h 20 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class EventLog:
    """Writes an event a line, each with its time in UTC.

    A log that cannot be written is told to `warn`, once, and left: the run matters more.
    """

    def __init__(self, stream: TextIO, warn: Callable[[str], None]) -> None:
        self._stream: TextIO | None = stream
        self._warn = warn

    def write(self, event: str, fields: Mapping[str, Any]) -> None:
        """Add an event."""
        if self._stream is None:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        try:
            self._stream.write(json.dumps({"time": now, "event": event, **fields}) + "\n")
            self._stream.flush()
        except (OSError, ValueError) as error:  # ValueError: it is closed
            self._stream = None
            self._warn(f"The log is not written any more: {error}. The run goes on without it.")
