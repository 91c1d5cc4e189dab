"""Reads what an endpoint says about its rate limits, and ignores whatever is not plausible.

The headers are OpenAI's, which others copy: `x-ratelimit-limit-requests`, `-remaining-requests`,
`-reset-requests`, and the same three for tokens. Their limits are taken to be for a minute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["requests", "tokens"]

# [0-9], not \d: that takes the digits of every script
_COUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_PART = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ns|us|µs|ms|s|m|h|d)"
_DURATION = re.compile(rf"(?:{_PART}){{1,6}}")
_UNITS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0,
}  # fmt: skip
_LONGEST_RESET = 7 * 86400.0


@dataclass(frozen=True)
class Told:
    """What the endpoint says of one limit; None where it says nothing that can be believed.

    `limit` is for a minute and at least 1, `remaining` lies between 0 and the limit, `reset` is
    the seconds until the limit is whole again.
    """

    limit: float | None = None
    remaining: float | None = None
    reset: float | None = None


def told(headers: Mapping[str, str], kind: Kind) -> Told:
    """The limit of that kind, as the headers tell it; their names are in lower case."""
    limit = _count(headers.get(f"x-ratelimit-limit-{kind}", ""))
    remaining = _count(headers.get(f"x-ratelimit-remaining-{kind}", ""))
    if limit is not None and limit < 1:  # Azure sends 0 and -1 where it has nothing to say
        return Told()
    if limit is not None and remaining is not None:
        remaining = min(remaining, limit)
    return Told(limit, remaining, seconds(headers.get(f"x-ratelimit-reset-{kind}", "")))


def seconds(text: str) -> float | None:
    """A duration in seconds: `6m0s`, `1s`, `120ms`, or a bare number; None for anything else."""
    text = text.strip()
    if (number := _count(text)) is not None:
        found = number
    elif len(text) <= 64 and _DURATION.fullmatch(text):
        found = sum(float(n) * _UNITS[unit] for n, unit in re.findall(_PART, text))
    else:
        return None
    return found if found <= _LONGEST_RESET else None


def _count(text: str) -> float | None:
    return float(text) if _COUNT.fullmatch(text.strip()) else None
