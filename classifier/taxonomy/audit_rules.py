"""The rules that a taxonomy adds to the audit: the file rules.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from classifier.errors import Problem
from classifier.records import Record, Severity
from classifier.taxonomy.yaml_lines import Located, Place

_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
_Choice = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$")]
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Words = Annotated[str, StringConstraints(pattern=r"^[^\s*].*\w\*?$", max_length=100)]

Mistake = tuple[Place, str, str]


class AuditRule(Record):
    """One thing that a report of this taxonomy should not say.

    It looks at what is said for the chosen `option` of the `category`, for all chosen options of
    the `category`, in the open `field`, or, where none is named, in all of the report: in
    rationales and items, in located quotes (`evidence`), or both. It is about reports in which
    every option of `held` is chosen and none of `not_held` (each `category.option`); the `option`
    itself must be. It is broken where one of `says` stands there and none of `without`; of these
    two lists at least one is not empty, or the held options alone break it. A word counts in
    any case and whole, `recur*` with any end; `ignoring` is taken out before. Where nothing is
    said at all the rule is silent, if it has words.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
    severity: Severity = "warning"
    message: _Text
    category: _Name | None = None
    option: _Name | None = None
    field: _Name | None = None
    held: tuple[_Choice, ...] = ()
    not_held: tuple[_Choice, ...] = ()
    look_in: tuple[Literal["rationale", "evidence"], ...] = Field(
        default=("rationale", "evidence"), min_length=1
    )
    says: tuple[_Words, ...] = ()
    without: tuple[_Words, ...] = ()
    ignoring: tuple[_Words, ...] = ()

    def broken_by(self, text: str) -> tuple[bool, str]:
        """Whether a text breaks the rule, and the word in it that does."""
        if not self.says and not self.without:
            return True, ""
        left = _pattern(self.ignoring).sub(" ", text) if self.ignoring else text
        if not left.strip() or (self.without and _pattern(self.without).search(left)):
            return False, ""
        said = _pattern(self.says).search(left) if self.says else None
        return (said is not None, said[0]) if said else (not self.says, "")


class AuditRules(Record):
    """The file rules.yaml."""

    rules: tuple[AuditRule, ...] = Field(min_length=1)


def check_rules(
    located: Located,
    rules: Sequence[AuditRule],
    options: Mapping[str, Sequence[str]],
    fields: Sequence[str],
) -> list[Problem]:
    """Every name in the rules that the taxonomy does not have; `options` are by category."""
    problems: list[Problem] = []
    names: set[str] = set()
    for index, rule in enumerate(rules):
        mistakes = [*_twice(rule, names), *_places(rule, options, fields), *_idle(rule)]
        names.add(rule.name)
        for place, message, mend in mistakes:
            line = located.line(("rules", index, *place))
            problems.append(Problem(located.file, line, message, mend))
    return problems


def _twice(rule: AuditRule, names: set[str]) -> Iterator[Mistake]:
    if rule.name in names:
        yield ("name",), f"the rule {rule.name!r} is there twice", "Rename one"


def _places(
    rule: AuditRule, options: Mapping[str, Sequence[str]], fields: Sequence[str]
) -> Iterator[Mistake]:
    if rule.category is not None and rule.category not in options:
        mend = f"Write one of {', '.join(options)}"
        yield ("category",), f"there is no category {rule.category!r}", mend
    elif rule.option is not None and rule.option not in options.get(rule.category or "", ()):
        allowed = ", ".join(options.get(rule.category or "", ())) or "nothing without a category"
        yield ("option",), f"there is no option {rule.option!r}", f"Write one of {allowed}"
    if rule.field is not None and rule.field not in fields:
        mend = f"Write one of {', '.join(fields)}" if fields else "Remove it, or add fields.yaml"
        yield ("field",), f"there is no open field {rule.field!r}", mend
    known = {f"{category}.{option}" for category, names in options.items() for option in names}
    for key in ("held", "not_held"):
        for number, choice in enumerate(getattr(rule, key)):
            if choice not in known:
                mend = "Write category.option, as the taxonomy names them"
                yield (key, number), f"there is no option {choice!r}", mend


def _idle(rule: AuditRule) -> Iterator[Mistake]:
    if rule.category is not None and rule.field is not None:
        yield ("field",), "a rule looks at a category or at a field", "Make two rules of it"
    if not (rule.says or rule.without or rule.held):
        mend = "Add says, without, or held"
        yield ("name",), f"nothing breaks the rule {rule.name!r}", mend


@lru_cache(256)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(_word, words))})(?!\w)", re.IGNORECASE)


def _word(words: str) -> str:
    """The words, parted by any white space or a dash; a star stands for the end of a word."""
    parts = (re.escape(part).replace(r"\*", r"\w*") for part in words.split())
    return r"[\s-]+".join(parts)
