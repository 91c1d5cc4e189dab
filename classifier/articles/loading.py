"""JSON and YAML text to plain values, with errors that name the line."""

from __future__ import annotations

import json
from typing import Any

import yaml

from classifier.articles.naming import shown
from classifier.errors import InputError


class _Loader(yaml.SafeLoader):
    """The safe loader, without dates: they stay as written, for one place to judge.

    The pure Python one: deep nesting overflows the stack of libyaml's and kills the process.
    """


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_json(text: str, name: str, line: int = 1) -> Any:
    """The value in JSON text; `line` is the number of the text's first line in its file."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{name}:{line + error.lineno - 1}: column {error.colno}"
        raise InputError(f"{place}: not JSON ({error.msg}). Correct it there.") from error
    except (ValueError, RecursionError) as error:  # a number too long; nested too deeply
        raise _too_much(name, line, error) from error


def load_yaml(text: str, name: str, line: int = 1) -> Any:
    """The value in YAML text; `line` is the number of the text's first line in its file."""
    try:
        return _Loader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        number = line + mark.line if mark else line
        problem = shown(error.problem or error.context or "malformed")
        raise InputError(f"{name}:{number}: not YAML ({problem}). Correct it there.") from error
    except yaml.YAMLError as error:
        raise InputError(f"{name}:{line}: not YAML ({shown(str(error))}).") from error
    except _CONSTRUCTION as error:
        raise _too_much(name, line, error) from error


# What PyYAML lets through from its constructors: `!!int x`, `!!float x`, `!!timestamp x`, `0b`.
_CONSTRUCTION = (
    ValueError,
    RecursionError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
)


def _too_much(name: str, line: int, error: Exception) -> InputError:
    reason = "nested too deeply" if isinstance(error, RecursionError) else shown(str(error), 100)
    return InputError(f"{name}:{line}: cannot be read ({reason}). Correct the value.")
