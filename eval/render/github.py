"""A gate's result as GitHub workflow commands, which mark the line of the prompt in a change."""

from __future__ import annotations

from collections.abc import Iterator

from eval.figures import ALL
from eval.gating import GateResult
from eval.render.tables import number


def to_github(result: GateResult) -> str:
    """One command a line: an error for each category that is worse, a warning where undecided."""
    return "".join(f"{line}\n" for line in _commands(result))


def _commands(result: GateResult) -> Iterator[str]:
    for change in (*result.comparison.categories, result.comparison.overall):
        if change.verdict != "worse":
            continue
        place = result.causes.get(change.name)
        said = (
            f"{change.name}: exact-set rate {number(change.before)} -> {number(change.after)}, "
            f"{change.harmful} harmful and {change.helpful} helpful flips"
        )
        where = {"file": place.file, "line": str(place.line)} if place else {}
        title = "Answers are worse" if change.name == ALL else f"{change.name} is worse"
        yield _command("error", said, **where, title=title)
    if result.outcome == "undecided":
        yield _command("warning", result.reason, title="The gate could not decide")


def _command(kind: str, message: str, **properties: str) -> str:
    """As GitHub's documentation of workflow commands has it, with its escapes."""
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{kind} {given}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
