"""Reads a taxonomy's folder, and names every mistake in it with file, line and mend."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from classifier.calibration import Calibration, load_calibration
from classifier.errors import ConfigurationError, Problem, TaxonomyError
from classifier.records import Record
from classifier.resources import data_folder
from classifier.taxonomy.audit_rules import AuditRule, AuditRules, check_rules
from classifier.taxonomy.rules import check_fields, cross_check
from classifier.taxonomy.schema import Category, Header, Postmortem, Taxonomy
from classifier.taxonomy.templates import VARIABLES, check_wording, try_wording
from classifier.taxonomy.yaml_lines import Located, read_yaml

R = TypeVar("R", bound=Record)

_MENDS = {
    "extra_forbidden": "Remove the key, or correct its spelling",
    "missing": "Add it",
    "string_too_short": "Write at least one word",
}


def available() -> dict[str, Path]:
    """The taxonomies that ship with the package: name -> folder."""
    return {f.parent.name: f.parent for f in sorted(data_folder("prompts").glob("*/taxonomy.yaml"))}


def load_taxonomy(name: str | Path = "fail") -> Taxonomy:
    """The taxonomy of that name, or in that folder.

    Raises `ConfigurationError` where there is none, `TaxonomyError` where it has mistakes.
    """
    taxonomy, problems = _read(taxonomy_folder(name))
    if problems or taxonomy is None:
        raise TaxonomyError(problems)
    return taxonomy


def check_taxonomy(name: str | Path) -> list[Problem]:
    """Every mistake in the taxonomy's folder; an empty list where it can be used."""
    return _read(taxonomy_folder(name))[1]


def taxonomy_folder(name: str | Path) -> Path:
    """Where the taxonomy of that name lies, or the folder itself; `ConfigurationError` if none."""
    shipped = available()
    if str(name) in shipped:
        return shipped[str(name)]
    folder = Path(name)
    if (folder / "taxonomy.yaml").is_file():
        return folder
    raise ConfigurationError(
        f"There is no taxonomy {str(name)!r}. Allowed: {', '.join(shipped) or 'none ships'}, "
        "or a folder that holds a taxonomy.yaml (copy one from prompts/ to begin your own)."
    )


def _read(folder: Path) -> tuple[Taxonomy | None, list[Problem]]:
    files = _Files(folder)
    located = {
        name: read_yaml(name, text)
        for name in (files.header, *files.fields, *files.rules, *files.categories)
        if (text := files.text(name)) is not None
    }
    header_file = located.get(files.header, Located(files.header))
    header = _validate(header_file, Header) if files.header in located else None
    read = [(i, _validate(i, Category)) for f in files.categories if (i := located.get(f))]
    categories = [(item, category) for item, category in read if category is not None]
    posed = [(i, _validate(i, Postmortem)) for f in files.fields if (i := located.get(f))]
    postmortems = [(item, postmortem) for item, postmortem in posed if postmortem is not None]
    ruled = [(i, r) for f in files.rules if (i := located.get(f)) and (r := _rules(i))]
    wording = {n: t for n, f in files.wording.items() if (t := files.text(f)) is not None}
    paths = {name: str(folder / "wording" / f"{name}.jinja") for name in {*VARIABLES, *wording}}
    broken = {Path(f).stem for f in files.categories} - {Path(i.file).stem for i, _ in categories}
    problems = [*files.problems, *(p for item in located.values() for p in item.problems)]
    problems += cross_check(header_file, header, categories, broken)
    for item, postmortem in postmortems:
        problems += check_fields(item, postmortem)
    problems += check_wording(paths, wording, fields=bool(files.fields))
    if problems or header is None:
        return None, problems
    known = [c for _, c in categories]
    asked = next((p for _, p in postmortems), None)
    rules = tuple(rule for _, rules in ruled for rule in rules)
    for item, _ in ruled:
        problems += _check_rules(item, rules, known, asked)
    if problems:
        return None, problems
    problems = try_wording(paths, wording, header, known, asked)
    calibrations = tuple(_calibrations(files.calibrations, problems))
    taxonomy = _assemble(header, known, asked, wording, files.contents, calibrations)
    return taxonomy.model_copy(update={"rules": rules}), problems


def _rules(located: Located) -> tuple[AuditRule, ...]:
    rules = _validate(located, AuditRules)
    return rules.rules if rules else ()


def _check_rules(
    located: Located,
    rules: Sequence[AuditRule],
    categories: Sequence[Category],
    postmortem: Postmortem | None,
) -> list[Problem]:
    options = {c.name: c.names for c in categories}
    fields = [f.name for f in postmortem.fields] if postmortem else []
    return check_rules(located, rules, options, fields)


def _calibrations(files: Iterable[str], problems: list[Problem]) -> Iterator[Calibration]:
    for file in files:
        try:
            yield load_calibration(Path(file))
        except ConfigurationError as error:
            problems.append(Problem(file, 1, str(error), "Fit it again, or remove it"))


class _Files:
    """The files of a taxonomy's folder; one that is no text, or is none of its own, is a problem.

    Paths are as the user gave them, so that an editor can open them.
    """

    def __init__(self, folder: Path) -> None:
        self.problems: list[Problem] = []
        self.contents: dict[str, bytes] = {}
        self.header = str(folder / "taxonomy.yaml")
        self.fields = [str(f) for f in (folder / "fields.yaml",) if f.is_file()]
        self.rules = [str(f) for f in (folder / "rules.yaml",) if f.is_file()]
        self.categories = [str(f) for f in self._own(folder / "categories", ".yaml")]
        self.wording = {f.stem: str(f) for f in self._own(folder / "wording", ".jinja")}
        self.calibrations = [str(f) for f in self._own(folder / "calibrations", ".json")]

    def _own(self, folder: Path, suffix: str) -> Iterator[Path]:
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        for file in files:
            if file.suffix == suffix and not file.name.startswith("."):
                yield file
            elif file.suffix != ".md" and not file.name.startswith("."):
                mend = f"Let its name end in {suffix}, or move it away"
                self.problems.append(Problem(str(file), 1, "nothing reads this file", mend))

    def text(self, file: str) -> str | None:
        """The text of a file, or None and a problem."""
        try:
            content = Path(file).read_bytes()
            text = content.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            problem = Problem(file, 1, f"cannot be read: {error}", "Save it as UTF-8 text")
            self.problems.append(problem)
            return None
        self.contents[file] = content
        return text.replace("\r\n", "\n")


def _assemble(
    header: Header,
    categories: list[Category],
    postmortem: Postmortem | None,
    wording: Mapping[str, str],
    contents: Mapping[str, bytes],
    calibrations: tuple[Calibration, ...],
) -> Taxonomy:
    listed = [name for section in header.sections for name in section.categories]
    ordered = sorted(categories, key=lambda c: _position(c.name, listed))
    return Taxonomy(
        **dict(header),
        categories={c.name: c for c in ordered},
        postmortem=postmortem,
        wording=wording,
        calibrations=calibrations,
        sha256=_digest((Path(f).name, b) for f, b in contents.items() if f.endswith(".yaml")),
        wording_sha256=_digest((n, w.encode()) for n, w in wording.items()),
    )


def _position(name: str, listed: list[str]) -> int:
    return listed.index(name) if name in listed else len(listed)


def _validate(located: Located, kind: type[R]) -> R | None:
    if located.problems:
        return None
    try:
        return kind.model_validate(located.data)
    except ValidationError as error:
        for detail in error.errors():
            located.problem(tuple(detail["loc"]), *_explained(detail, located.file))
        return None


def _explained(detail: ErrorDetails, file: str) -> tuple[str, str]:
    """What is wrong, and how to mend it."""
    name = ".".join(map(str, detail["loc"])) or Path(file).name
    if detail["type"] == "model_type":
        return f"{name}: not a mapping of keys to values", "Write `key: value` lines"
    value = repr(detail["input"])[:60]
    if detail["type"] == "string_type":
        return f"{name}: YAML reads it as {value}, not as text", "Put it in quotes"
    message = f"{name}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"
    return message, _MENDS.get(detail["type"], f"It is {value} now")


def _digest(parts: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, content in parts:
        for piece in (name.encode(), content):
            digest.update(len(piece).to_bytes(8, "big") + piece)
    return digest.hexdigest()
