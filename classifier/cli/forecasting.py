"""A dry run in words: what a run would ask, take and cost."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from classifier.cli.console import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from classifier.batch.estimating import Forecast, Range


def forecast_in_words(found: Forecast) -> str:
    """All of it, a line a figure; nothing was sent to know it."""
    lines = [_inputs(found), _basis(found)]
    figures = (
        ("chunks", "chunks"),
        ("calls", "calls"),
        ("cache_hits", "of the questions answered from the cache"),
        ("prompt_tokens", "prompt tokens"),
        ("written", "tokens written"),
    )
    lines += [f"{_from_to(found, name)} {words}" for name, words in figures]
    lines += [_price(found), _time(found)]
    return "\n".join(lines)


def _inputs(found: Forecast) -> str:
    rest = [
        f"{count:,} {words}"
        for count, words in (
            (found.done, "done already"),
            (found.failed, "failed or not to be asked about"),
            (found.unread, "unread"),
        )
        if count
    ]
    beside = f" ({', '.join(rest)})" if rest else ""
    return f"{counted(found.incidents, 'incident', 'incidents')} to ask about{beside}"


def _basis(found: Forecast) -> str:
    tokens = "counted with the model's tokenizer"
    if not found.exact:
        tokens = "estimated with another tokenizer: the model's own is not known"
    if found.counted:
        return f"Every incident was gone through; tokens are {tokens}."
    return (
        f"The first {found.rehearsed:,} incidents were gone through and the rest reckoned from "
        "them: it may lie outside the range where it is of another kind. "
        f"Tokens are {tokens}."
    )


def _from_to(found: Forecast, name: str) -> str:
    return _between(found.least[name], found.most[name], lambda value: f"{round(value):,}")


def _between(least: Range | None, most: Range | None, show: Callable[[float], str]) -> str:
    if least is None or most is None:
        return "unknown"
    low, high = show(min(least.low, most.low)), show(max(least.high, most.high))
    return low if low == high else f"{low} to {high}"


def _price(found: Forecast) -> str:
    from classifier.batch.progress import usd

    if found.price is None:
        return "Price: not known. Give it with --prices."
    cost = _between(found.least["usd"], found.most["usd"], lambda value: usd(Decimal(str(value))))
    return (
        f"{cost} USD: from first calls with the shortest replies to every question with the "
        f"longest reply, and each asked again once. Prices: {found.price}"
    )


def _time(found: Forecast) -> str:
    from classifier.batch.progress import duration

    seconds = found.seconds
    if seconds is None:
        return "Time: without --requests-per-minute or --tokens-per-minute it depends on the model."
    low, high = duration(seconds.low), duration(seconds.high)
    return f"Time at the given limits, at least: {low if low == high else f'{low} to {high}'}"
