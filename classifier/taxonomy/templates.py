"""Checks the wording: every template is there, and uses no variable that nobody fills."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from classifier.errors import Problem
from classifier.taxonomy.schema import Category, Header, OpenField, Postmortem

_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
)

# What the code fills in, by template: the contract between prompting and the wording of a taxonomy.
VARIABLES: Mapping[str, frozenset[str]] = {
    "system": frozenset({"title", "method"}),
    "incident": frozenset({"parts"}),
    "category": frozenset({"category", "unknown"}),
    "typed": frozenset({"categories", "method"}),
    "score": frozenset({"category", "names"}),
    "explain": frozenset({"category", "options", "method", "shown"}),
    "requote": frozenset({"quotes"}),
    "reask": frozenset({"error"}),
    "state": frozenset({"title"}),
    "state_start": frozenset({"title"}),
    "fields": frozenset({"fields", "method", "unknown"}),
    "fields_short": frozenset({"fields", "method", "unknown"}),
}
FOR_FIELDS = frozenset({"fields", "fields_short"})
"""The templates that a taxonomy without open fields does without."""
FOR_STATES = frozenset({"state", "state_start"})
"""Those of a taxonomy whose calibrations read the model's state: a question, and the beginning of
its answer.
"""
# What each of the parts has that the template `incident` goes through.
PART = ("id", "title", "published", "source", "continued", "text")


def fill(source: str, **values: Any) -> str:
    """A template's text, with its variables filled; one that is not filled is an error."""
    return _compiled(source).render(**values).strip()


@lru_cache(256)
def _compiled(source: str) -> Template:
    return _ENVIRONMENT.from_string(source)


def check_wording(
    files: Mapping[str, str], wording: Mapping[str, str], *, fields: bool = False
) -> list[Problem]:
    """Every mistake that the templates of a taxonomy show when they are read.

    `files` maps each name to its path, be it there or not; `wording` maps it to its source;
    `fields` says whether the taxonomy has open fields to ask.
    """
    needed = VARIABLES.keys() - (FOR_FIELDS if not fields else set())
    needed -= FOR_STATES if not FOR_STATES & wording.keys() else set()
    problems = [
        Problem(files[name], 1, f"the template {name!r} is missing", "Add it, or copy it")
        for name in sorted(needed - wording.keys())
    ]
    for name, source in wording.items():
        problems += _check(files[name], name, source)
    return problems


def _check(file: str, name: str, source: str) -> Iterator[Problem]:
    if name not in VARIABLES:
        known = ", ".join(sorted(VARIABLES))
        yield Problem(file, 1, f"nothing uses {name!r}", f"Name it one of {known}")
        return
    try:
        tree = _ENVIRONMENT.parse(source)
        _compiled(source)
    except TemplateSyntaxError as error:
        yield Problem(file, error.lineno, f"syntax: {error.message}", "Mend the template")
        return
    for variable in sorted(meta.find_undeclared_variables(tree) - VARIABLES[name]):
        allowed = ", ".join(sorted(VARIABLES[name]))
        line = min((n.lineno for n in tree.find_all(nodes.Name) if n.name == variable), default=1)
        yield Problem(file, line, f"nobody fills the variable {variable!r}", f"Allowed: {allowed}")


def try_wording(
    files: Mapping[str, str],
    wording: Mapping[str, str],
    header: Header,
    asked: Iterable[Category],
    postmortem: Postmortem | None = None,
) -> list[Problem]:
    """Every mistake that shows only when the templates are filled, once for each template."""
    problems: dict[str, Problem] = {}
    samples = [_samples(header, category) for category in asked]
    groups = postmortem.groups() if postmortem else ()
    samples += [_field_samples(header, group) for group in groups]
    for name, values in (item for sample in samples for item in sample.items()):
        if name not in wording:
            continue
        try:
            fill(wording[name], **values)
        except Exception as error:  # noqa: BLE001 - a template can raise what it likes
            problem = Problem(
                files[name], _line(error), f"cannot be filled: {error}", "Mend the template"
            )
            problems.setdefault(name, problem)
    return list(problems.values())


def _line(error: Exception) -> int:
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if f.filename == "<template>" and f.lineno), 1)


def _samples(header: Header, category: Category) -> dict[str, dict[str, Any]]:
    method = next(iter(header.methods.values()))
    part = dict.fromkeys(PART, "sample")
    return {
        "system": {"title": header.title, "method": method},
        "incident": {"parts": [part]},
        "category": {"category": category, "unknown": header.unknown},
        "typed": {"categories": [category], "method": method},
        "score": {"category": category, "names": category.judged},
        "explain": {
            "category": category,
            "options": category.options,
            "method": method,
            "shown": dict.fromkeys(category.names, "sample"),
        },
        "requote": {"quotes": ["sample"]},
        "reask": {"error": "sample"},
        **{name: {"title": header.title} for name in sorted(FOR_STATES)},
    }


def _field_samples(header: Header, group: tuple[OpenField, ...]) -> dict[str, dict[str, Any]]:
    method = next(iter(header.methods.values()))
    return {
        name: {"fields": group, "method": method, "unknown": header.unknown}
        for name in sorted(FOR_FIELDS)
    }
