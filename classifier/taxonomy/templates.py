"""Checks the wording: every template is there, and uses no variable that nobody fills."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jinja2 import TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from classifier.errors import Problem

# What the code fills in, by template: the contract between prompting and the wording of a taxonomy.
VARIABLES: Mapping[str, frozenset[str]] = {
    "system": frozenset({"title"}),
    "incident": frozenset({"parts"}),
    "category": frozenset({"category", "unknown"}),
    "typed": frozenset({"categories", "method"}),
    "score": frozenset({"category"}),
    "explain": frozenset({"category", "options", "method"}),
    "requote": frozenset({"quotes"}),
    "reask": frozenset({"error"}),
}


def check_wording(wording: Mapping[str, str]) -> list[Problem]:
    """Every mistake in the templates of a taxonomy: name -> source."""
    problems = [
        Problem(_file(name), 1, f"the template {name!r} is missing", "Add it, or copy it")
        for name in sorted(VARIABLES.keys() - wording.keys())
    ]
    for name, source in wording.items():
        problems += _check(name, source)
    return problems


def _check(name: str, source: str) -> Iterator[Problem]:
    if name not in VARIABLES:
        known = ", ".join(sorted(VARIABLES))
        yield Problem(_file(name), 1, f"nothing uses {name!r}", f"Name it one of {known}")
        return
    environment = ImmutableSandboxedEnvironment()
    try:
        tree = environment.parse(source)
    except TemplateSyntaxError as error:
        yield Problem(_file(name), error.lineno, f"syntax: {error.message}", "Mend the template")
        return
    for variable in sorted(meta.find_undeclared_variables(tree) - VARIABLES[name]):
        allowed = ", ".join(sorted(VARIABLES[name]))
        line = min((n.lineno for n in tree.find_all(nodes.Name) if n.name == variable), default=1)
        yield Problem(
            _file(name), line, f"nobody fills the variable {variable!r}", f"Allowed: {allowed}"
        )


def _file(name: str) -> str:
    return f"wording/{name}.jinja"
