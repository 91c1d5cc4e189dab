"""Files of gold to plain mappings: which files there are, and what stands in them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from classifier.articles.files import explained
from classifier.articles.naming import quoted, shown
from classifier.errors import InputError
from classifier.taxonomy.yaml_lines import Place, read_yaml

YAML_SUFFIXES = (".yaml", ".yml")
_SUFFIXES = (*YAML_SUFFIXES, ".json")
GOLD_KEYS = "id, articles, labels, and perhaps reasons, annotators and notes"
_DEEPEST = 20  # as classifier.taxonomy.yaml_lines


def gold_files(path: Path) -> list[Path]:
    """The file itself, or the gold files of a folder by name. Raises InputError for none."""
    allowed = f"a folder of {', '.join(_SUFFIXES)} files, one incident a file, or one such file"
    if not path.exists():
        raise InputError(f"{shown(str(path))}: no such file or folder. Give {allowed}.")
    if path.is_file():
        if path.suffix.lower() not in _SUFFIXES:
            raise InputError(f"{shown(str(path))}: is no gold by its name. Give {allowed}.")
        return [path]
    files = [f for f in path.iterdir() if f.suffix.lower() in _SUFFIXES and f.is_file()]
    files = sorted(f for f in files if not f.name.startswith("."))
    if not files:
        raise InputError(f"{shown(str(path))}: holds no gold. Give {allowed}.")
    return files


@dataclass(frozen=True)
class Source:
    """A file of gold, parsed and not yet judged."""

    file: str
    text: str
    data: dict[str, Any]

    def place(self, key: Place) -> str:
        """Where a key stands: with its line in YAML, where that is known."""
        if self.file.lower().endswith(".json"):
            return self.file
        return f"{self.file}:{read_yaml(self.file, self.text).line(key)}"


def read_source(path: Path) -> Source:
    """The mapping in a YAML or JSON file; InputError where there is none, or a key twice."""
    file = shown(str(path))
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: is not UTF-8 text. Save it as UTF-8.") from error
    except OSError as error:
        raise explained(error, str(path)) from error
    data = parse_json(text, file) if path.suffix.lower() == ".json" else _parse_yaml(text, file)
    if not isinstance(data, dict):
        holds = "is empty" if data is None else f"holds {quoted(data)}"
        raise InputError(f"{file}: {holds}, and gold is a mapping with {GOLD_KEYS}.")
    return Source(file, text, data)


def parse_json(text: str, place: str) -> Any:
    """The value in JSON text; `place` opens the message of an InputError."""
    try:
        return json.loads(text, object_pairs_hook=_pairs)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if "\n" in text else ""
        where = f"{place}: {line}column {error.colno}"
        raise InputError(f"{where}: not JSON ({error.msg}). Correct it there.") from error
    except RecursionError as error:
        raise InputError(f"{place}: is nested too deeply. Make it flat.") from error
    except ValueError as error:
        raise InputError(f"{place}: {shown(str(error), 200)}. Correct it there.") from error


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {quoted(name)} is given twice")
    return values


class _TwiceError(ValueError):
    """A key is given twice."""


class _Loader(yaml.CSafeLoader):
    """libyaml's safe loader, twenty times faster than the one that knows lines."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping; raises where a key is given twice."""
        names = [str(key.value) for key, _ in node.value]
        if len(set(names)) < len(names):
            raise _TwiceError
        return super().construct_mapping(node, deep)


def _parse_yaml(text: str, file: str) -> Any:
    """Fast where nothing is wrong; `read_yaml` is the judge of all else, and says where."""
    if _is_harmless(text):
        try:
            return _Loader(text).get_single_data()
        except (yaml.YAMLError, ValueError, TypeError):
            pass
    located = read_yaml(file, text)
    if located.problems:
        raise InputError(str(located.problems[0]))
    return located.data


def _is_harmless(text: str) -> bool:
    """No alias, and not so deep that libyaml, which recurses to compose, leaves its stack."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST or isinstance(event, yaml.AliasEvent):
                return False
    except (yaml.YAMLError, ValueError):
        return False
    return True
