"""A comparison as text: what changed in each category, the verdict, and every flip with why."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from eval.changes import Change, Comparison, Flip, Verdict
from eval.render.tables import between, number, signed, table

_HEAD = ("category", "n", "before", "after", "change", "95%", "flips", "p", "verdict")
_WIDTH = 100
VERDICTS: dict[Verdict, str] = {
    "better": "better",
    "worse": "worse",
    "no_difference": "no difference shown",
    "too_few": "too few to tell",
}


def comparison_text(comparison: Comparison, *, flips: bool = True) -> str:
    """The whole comparison; without its flips where `flips` is false."""
    parts = [*_heading(comparison), "", _table(comparison), "", *_reading(comparison)]
    if comparison.notes:
        parts += ["", *(f"Note: {note}." for note in comparison.notes)]
    if flips and comparison.flips:
        parts += ["", "Flips, the harmful ones first"]
        parts += [line for flip in comparison.flips for line in ("", *_flip(flip))]
    return "\n".join(parts) + "\n"


def verdict_text(change: Change) -> str:
    """The verdict in words, with how many more incidents it would take where they are too few."""
    said = VERDICTS[change.verdict]
    return f"{said} (about {change.needed} more)" if change.needed else said


def _heading(comparison: Comparison) -> Iterator[str]:
    yield f"before: {comparison.before or '-'}"
    yield f"after:  {comparison.after or '-'}"
    yield f"gold:   {comparison.gold or '-'}, {comparison.incidents} incidents"


def _table(comparison: Comparison) -> str:
    head = (*_HEAD[:5], f"{1 - comparison.level:.0%}", *_HEAD[6:])
    return table(head, [_row(c) for c in (*comparison.categories, comparison.overall)])


def _row(change: Change) -> tuple[str, ...]:
    return (
        change.name,
        str(change.decisions),
        number(change.before),
        number(change.after),
        signed(change.exact.value),
        between(change.exact.low, change.exact.high),
        f"+{change.helpful} -{change.harmful}",
        number(change.adjusted),
        verdict_text(change),
    )


def _reading(comparison: Comparison) -> Iterator[str]:
    told = {v: [c.name for c in comparison.categories if c.verdict == v] for v in VERDICTS}
    yield f"All together: {verdict_text(comparison.overall)}."
    for verdict in ("worse", "better"):
        if told[verdict]:
            yield f"{VERDICTS[verdict].capitalize()}: {', '.join(told[verdict])}."
    changed = sum(c.altered for c in comparison.categories)
    yield (
        f"{changed} answers changed. Exact-set rates; p is adjusted so that the chance of calling "
        f"any difference where there is none is at most {comparison.level:.0%}; "
        f"'{VERDICTS['no_difference']}' excludes differences of {comparison.margin:.2f} and more."
    )


def _flip(flip: Flip) -> Iterator[str]:
    way = "helpful" if flip.helpful else "HARMFUL"
    yield f"{way}  {flip.incident}  {flip.category}"
    yield f"    people: {_options(flip.gold)}"
    for name, options, rationale in (
        ("before", flip.before, flip.rationale_before),
        ("after", flip.after, flip.rationale_after),
    ):
        yield f"    {name}: {_options(options)}"
        yield from textwrap.wrap(
            rationale, _WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8
        )


def _options(options: tuple[str, ...]) -> str:
    return ", ".join(options) or "none"
