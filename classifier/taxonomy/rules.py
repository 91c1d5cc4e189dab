"""What must fit together across the files of a taxonomy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from pathlib import PurePath

from classifier.errors import Problem
from classifier.records import UNKNOWN
from classifier.taxonomy.schema import Category, Header, Postmortem
from classifier.taxonomy.yaml_lines import Located, Place

Read = list[tuple[Located, Category]]
Mistake = tuple[Place, str, str]


def cross_check(
    header_file: Located, header: Header | None, read: Read, broken: Set[str]
) -> list[Problem]:
    """Every mistake that shows only when the files are held against each other.

    `broken` names the files of categories that could not be read: what points to them is let be.
    """
    known = {category.name: category for _, category in read}
    problems: list[Problem] = []
    if header is not None:
        problems += _at(header_file, _sections(header, known, broken))
    if not known and not broken:
        problems.append(Problem(header_file.file, 1, "has no categories", "Add categories/*.yaml"))
    for located, category in read:
        for rule in (_name, _names, _letters, _boolean, _opposite, _excludes):
            problems += _at(located, rule(located, category))
        problems += _at(located, _gate(category, known, broken))
    return problems


def check_fields(located: Located, postmortem: Postmortem) -> list[Problem]:
    """Every mistake in the open fields that shows only when they are held against each other."""
    names = [field.name for field in postmortem.fields]
    rules = (_heading, _field_names, _apart_from)
    return [p for rule in rules for p in _at(located, rule(postmortem, names))]


def _heading(postmortem: Postmortem, names: list[str]) -> Iterator[Mistake]:
    heading = postmortem.heading
    if heading is None:
        return
    named = [field for field in postmortem.fields if field.name == heading]
    if not named:
        message = f"the heading leads to nothing: {heading!r}"
        yield ("heading",), message, f"Write one of {', '.join(names)}, or remove it"
    elif named[0].kind != "text":
        message = f"the heading {heading!r} is a list, and a title is one text"
        yield ("heading",), message, "Give that field `kind: text`"


def _field_names(_: Postmortem, names: list[str]) -> Iterator[Mistake]:
    for index, name in enumerate(names):
        if name in names[:index]:
            message = f"the field {name!r} is there twice"
            yield ("fields", index, "name"), message, "Rename or remove one"


def _apart_from(postmortem: Postmortem, names: list[str]) -> Iterator[Mistake]:
    for index, field in enumerate(postmortem.fields):
        for other in field.apart_from:
            if other not in names or other == field.name:
                message = f"{field.name!r} stands apart from {other!r}, which is no other field"
                mend = f"Write some of {', '.join(n for n in names if n != field.name) or 'none'}"
                yield ("fields", index, "apart_from"), message, mend


def _at(located: Located, mistakes: Iterator[Mistake]) -> list[Problem]:
    return [Problem(located.file, located.line(p), message, mend) for p, message, mend in mistakes]


def _sections(header: Header, known: dict[str, Category], broken: Set[str]) -> Iterator[Mistake]:
    counts = Counter(name for section in header.sections for name in section.categories)
    for i, section in enumerate(header.sections):
        for j, name in enumerate(section.categories):
            place = ("sections", i, "categories", j)
            if name not in known and name not in broken:
                yield (
                    place,
                    f"section {section.title!r} lists no known category: {name!r}",
                    f"Write one of {', '.join(known)}",
                )
            elif counts[name] > 1:
                yield place, f"category {name!r} is listed twice", "List it once"


def _name(located: Located, category: Category) -> Iterator[Mistake]:
    stem = PurePath(located.file).stem
    if stem != category.name:
        yield ("name",), f"the name {category.name!r} is not the file's", f"Name it {stem!r}"


def _names(_: Located, category: Category) -> Iterator[Mistake]:
    counts = Counter(category.names)
    for index, option in enumerate(category.options):
        place = ("options", index, "name")
        if option.name == UNKNOWN:
            yield place, "the option 'unknown' is always there", "Remove it"
        if counts[option.name] > 1:
            yield place, f"the option {option.name!r} is there twice", "Rename or remove one"


def _letters(_: Located, category: Category) -> Iterator[Mistake]:
    first: dict[str, str] = {}
    for index, option in enumerate(category.options):
        owner = first.setdefault(option.letter, option.name)
        if owner != option.name:
            yield (
                ("options", index, "letter"),
                f"the letter {option.letter!r} of {option.name!r} is taken by {owner!r}",
                "Give each option its own letter",
            )


def _boolean(_: Located, category: Category) -> Iterator[Mistake]:
    if category.select == "boolean" and len(category.options) != 1:
        yield ("options",), "a true-or-false category has one option", "Remove the others"


def _opposite(_: Located, category: Category) -> Iterator[Mistake]:
    if category.opposite is None:
        return
    if category.select != "boolean":
        yield ("opposite",), "only a true-or-false category has an opposite", "Remove it"
    elif category.opposite.name in (*category.names, UNKNOWN):
        yield ("opposite", "name"), "the opposite has the name of an option", "Rename it"


def _excludes(_: Located, category: Category) -> Iterator[Mistake]:
    for index, option in enumerate(category.options):
        for name in option.excludes:
            if name not in category.names or name == option.name:
                yield (
                    ("options", index, "excludes"),
                    f"{option.name!r} excludes {name!r}, which is no other option here",
                    f"Write some of {', '.join(category.names)}",
                )


def _gate(category: Category, known: dict[str, Category], broken: Set[str]) -> Iterator[Mistake]:
    if category.gate is None or category.gate.category in broken:
        return
    target = known.get(category.gate.category)
    if target is None or category.gate.option not in target.names:
        yield (
            ("gate",),
            f"the gate leads to nothing: {category.gate.category}.{category.gate.option}",
            "Name a category of this taxonomy and one of its options",
        )
    elif _leads_back(category, known):
        yield ("gate",), "the gate leads back to its own category", "Break the circle"


def _leads_back(category: Category, known: dict[str, Category]) -> bool:
    seen: set[str] = set()
    current: Category | None = category
    while current is not None and current.gate is not None:
        if current.name in seen:
            return True
        seen.add(current.name)
        current = known.get(current.gate.category)
    return False
