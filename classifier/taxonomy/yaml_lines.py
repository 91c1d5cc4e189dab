"""Reads YAML and remembers the line of every value, so that a mistake can be pointed at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from classifier.errors import Problem

Place = tuple[str | int, ...]


@dataclass
class Located:
    """The data of one file; `lines` maps the path of keys and indices to a line, from 1."""

    file: str
    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """The line of the value at `place`, or of the nearest value around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def problem(self, place: Place, message: str, mend: str) -> None:
        """Remember a mistake at `place`."""
        self.problems.append(Problem(self.file, self.line(place), message, mend))


# Far more levels than any file of a taxonomy has; the parser would run out of stack.
_DEEPEST = 20


def read_yaml(file: str, text: str) -> Located:
    """Parse a file's text; what YAML itself refuses, an alias (a few of them can stand for more
    than fits a memory), too deep nesting and a key given twice become problems.
    """
    located = Located(file)
    try:
        if _refused(located, text):
            return located
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        located.data = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, ValueError) as error:
        # ValueError: a value such as the date 2024-13-45.
        located.lines[()] = _error_line(error)
        located.problem((), f"not valid YAML: {_first_line(error)}", "Mend the syntax")
        return located
    if node is not None:
        _walk(located, node, ())
    return located


def _refused(located: Located, text: str) -> bool:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        located.lines[()] = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            located.problem((), f"the alias *{event.anchor} is not allowed", "Write it out")
            return True
        if depth > _DEEPEST:
            located.problem((), f"nested deeper than {_DEEPEST} levels", "Make it flat")
            return True
    located.lines.clear()
    return False


def _walk(located: Located, node: yaml.Node, place: Place) -> None:
    located.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _walk(located, child, (*place, index))
    if isinstance(node, yaml.MappingNode):
        _walk_mapping(located, node, place)


def _walk_mapping(located: Located, node: yaml.MappingNode, place: Place) -> None:
    seen: set[str] = set()
    for key, child in node.value:
        name = str(key.value)
        located.lines[(*place, name)] = key.start_mark.line + 1
        if name in seen:
            located.problem((*place, name), f"the key {name!r} is given twice", "Keep one of them")
        seen.add(name)
        _walk(located, child, (*place, name))


def _error_line(error: Exception) -> int:
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark else 1


def _first_line(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]
