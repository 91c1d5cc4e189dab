"""The open fields of a taxonomy: what ships, and every mistake with file, line and mend."""

from __future__ import annotations

from pathlib import Path

import pytest
from cooking import FIELDS, cookbook, with_fields

from classifier.taxonomy import Postmortem, check_taxonomy, load_taxonomy
from classifier.taxonomy.templates import fill
from tests.scripted import RECIPES

FAIL = load_taxonomy()
LABELS = (
    "Title", "Summary", "Timeline", "System", "Responsible Organization", "Impacted Organization",
    "Software Causes", "Non-software Causes", "Impacts", "Preventions", "Fixes", "References",
)  # fmt: skip
SEED = Path(__file__).parents[2] / "shared" / "seed" / "000_a18f95dd12cf0c26.txt"


def postmortem() -> Postmortem:
    assert FAIL.postmortem is not None
    return FAIL.postmortem


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The taxonomy of recipes with its fields, to be broken."""
    return with_fields(tmp_path / "own")


def edit(folder: Path, file: str, old: str, new: str) -> list[str]:
    """The mistakes after an edit."""
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return [str(p).replace(str(folder), "own") for p in check_taxonomy(folder)]


def test_fail_has_the_fields_of_the_page_in_its_order() -> None:
    assert tuple(f.label for f in postmortem().fields) == LABELS
    assert [f.label for f in postmortem().fields if not f.page] == ["Title", "Summary"]


@pytest.mark.skipif(not SEED.is_file(), reason="the seed page is not in this checkout")
def test_the_labels_stand_on_the_seed_page_in_that_order() -> None:
    lines = SEED.read_text("utf-8").partition("Postmortem Analysis\n")[2].splitlines()
    shown = [f.label for f in postmortem().fields if f.page]
    for line, label in zip(lines, shown, strict=False):
        assert line.startswith(f"{label} ")


def test_few_calls_ask_all_of_fail() -> None:
    assert len(postmortem().groups()) <= 4


def test_what_a_small_model_writes_about_fail_is_bounded() -> None:
    method = FAIL.methods["embedded"]
    bounded = [method.bounded(f) for f in postmortem().fields]
    lists = [f for f in bounded if f.kind != "text"]
    assert {f.most_items for f in lists} == {1}
    assert sum(f.most_characters * f.most_items for f in bounded) <= 1200


def test_a_method_bounds_no_field_beyond_its_own() -> None:
    method = FAIL.methods["hosted"]
    assert [method.bounded(f) for f in postmortem().fields] == list(postmortem().fields)


def test_only_conclusions_are_inferred() -> None:
    assert [f.name for f in postmortem().fields if f.infer] == ["preventions", "fixes"]


@pytest.mark.parametrize("template", ["fields", "fields_short"])
def test_every_field_is_in_the_question_of_its_group(template: str) -> None:
    for group in postmortem().groups():
        text = fill(
            FAIL.wording[template], fields=group, method=FAIL.methods["hosted"], unknown="?"
        )
        for field in group:
            assert text.index(f"{field.name}: ") < text.index("Answer ")
            assert field.question in text


def test_the_second_taxonomy_has_others() -> None:
    book = cookbook()
    assert book.postmortem is not None
    assert [[f.name for f in g] for g in book.postmortem.groups()] == [
        ["name", "season"],
        ["tricks", "course"],
    ]


def test_a_field_may_have_the_name_of_a_category(own: Path) -> None:
    assert "course" in cookbook().categories
    assert check_taxonomy(own) == []


def test_a_taxonomy_needs_no_fields_and_no_wording_for_them() -> None:
    assert check_taxonomy(RECIPES) == []
    assert load_taxonomy(RECIPES).postmortem is None


def test_the_fields_are_part_of_the_digest() -> None:
    assert cookbook().sha256 != load_taxonomy(RECIPES).sha256


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("heading: name", "heading: nane", 2, "the heading leads to nothing: 'nane'"),
        ("heading: name", "heading: tricks", 2, "the heading 'tricks' is a list"),
        ("name: tricks", "name: season", 18, "the field 'season' is there twice"),
        ("apart_from: [course]", "apart_from: [curse]", 25, "apart from 'curse', which is no"),
        ("apart_from: [course]", "apart_from: [tricks]", 25, "apart from 'tricks', which is no"),
        ("kind: time", "kind: date", 14, "fields.1.kind: input should be"),
        ("most_items: 2", "most_items: 0", 16, "fields.1.most_items: input should be"),
        ("group: craft", "grope: craft", 21, "fields.2.grope: extra inputs"),
    ],
)
def test_a_mistake_has_its_line(own: Path, old: str, new: str, line: int, told: str) -> None:
    problems = edit(own, "fields.yaml", old, new)
    assert any(p.startswith(f"own/fields.yaml:{line}: ") and told in p for p in problems)


@pytest.mark.parametrize("template", sorted(p.stem for p in (FIELDS / "wording").iterdir()))
def test_fields_need_their_templates(own: Path, template: str) -> None:
    (own / "wording" / f"{template}.jinja").unlink()
    [problem] = check_taxonomy(own)
    assert f"the template {template!r} is missing" in str(problem)


def test_a_template_for_fields_is_tried(own: Path) -> None:
    [problem] = edit(own, "wording/fields.jinja", "field.question", "field.questions")
    assert problem.startswith("own/wording/fields.jinja:1: cannot be filled: ")


def test_a_variable_that_nobody_fills_is_named(own: Path) -> None:
    [problem] = edit(own, "wording/fields_short.jinja", "shortly", "{{ categories }}")
    assert "nobody fills the variable 'categories'" in problem
