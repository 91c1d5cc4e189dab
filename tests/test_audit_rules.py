"""The rules that a taxonomy adds to the audit: what breaks them, and mistakes in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cooking import copied
from reports import answered, found, report
from scripted import recipes

from classifier.auditing import audit_report
from classifier.records import Decision, Evidence, FieldAnswer, Item
from classifier.taxonomy import AuditRule, check_taxonomy, load_taxonomy

HERE = Evidence(article_id="80997", quote="hardly any butter", start=0, end=17, match="exact")


def broken(
    rule: dict[str, Any], *, fields: dict[str, FieldAnswer] | None = None, **decided: Decision
) -> list[str]:
    """The places where a report breaks a rule."""
    made = AuditRule(**{"name": "of-the-house", "message": "No."} | rule)
    taxonomy = recipes().model_copy(update={"rules": (made,)})
    findings = audit_report(taxonomy, report().incident, decided, fields or {})
    return [f.place for f in findings if f.check == "of-the-house"]


def diet(rationale: str = "There is butter in it.", **more: Any) -> Decision:
    return answered(found("meat", rationale, evidence=(HERE,), **more))


MEAT = {"category": "diet", "option": "meat"}


@pytest.mark.parametrize(
    ("rule", "fires"),
    [
        ({"says": ["butter"]}, True),
        ({"says": ["BUTTER"]}, True),
        ({"says": ["but"]}, False),
        ({"says": ["but*"]}, True),
        ({"says": ["butter in"]}, True),
        ({"says": ["lard"]}, False),
        ({"without": ["lard"]}, True),
        ({"without": ["lard", "butter"]}, False),
        ({"says": ["butter"], "without": ["there is"]}, False),
        ({"says": ["butter"], "without": ["lard"]}, True),
        ({"says": ["butter"], "look_in": ["rationale"], "ignoring": ["butter in it"]}, False),
        ({"says": ["hardly any"]}, True),
        ({"says": ["hardly any"], "look_in": ["rationale"]}, False),
        ({"says": ["there is"], "look_in": ["evidence"]}, False),
    ],
)
def test_words(rule: dict[str, Any], fires: bool) -> None:
    assert broken(MEAT | rule, diet=diet()) == (["categories.diet.meat"] if fires else [])


def test_a_rule_is_about_what_is_chosen() -> None:
    rule = MEAT | {"says": ["butter"]}
    against = answered(found("vegan", "So."), found("meat", "There is butter.", applies=False))
    assert broken(rule, diet=against) == []


def test_a_row_without_letters_speaks_of_its_one_option() -> None:
    plain = Decision(options=("meat",), status="answered", rationale="There is butter.")
    assert broken(MEAT | {"says": ["butter"]}, diet=plain) == ["categories.diet.meat"]


def test_a_rule_is_silent_where_nothing_is_said() -> None:
    silent = Decision(options=("meat",), status="answered")
    assert broken(MEAT | {"without": ["lard"]}, diet=silent) == []


@pytest.mark.parametrize(
    ("held", "not_held", "fires"),
    [
        (["diet.meat"], [], True),
        (["diet.meat", "course.main"], [], False),
        (["diet.meat"], ["course.dessert"], False),
        (["diet.meat"], ["course.main"], True),
    ],
)
def test_options_that_hold(held: list[str], not_held: list[str], fires: bool) -> None:
    rule = {"held": held, "not_held": not_held}
    places = broken(rule, diet=diet(), course=answered(found("dessert")))
    assert places == ([""] if fires else [])


def test_a_rule_looks_at_a_field_or_at_everything() -> None:
    fields = {"tools": FieldAnswer(status="answered", items=(Item(text="A blunt knife."),))}
    assert broken({"field": "tools", "says": ["blunt"]}, fields=fields) == ["fields.tools"]
    assert broken({"field": "tools", "says": ["butter"]}, fields=fields, diet=diet()) == []
    assert broken({"says": ["blunt"]}, fields=fields) == [""]
    assert broken({"category": "diet", "says": ["blunt"]}, fields=fields, diet=diet()) == []


def test_the_finding_names_the_word() -> None:
    rule = AuditRule(name="x", severity="error", message="Not here.", says=("butt*",))
    taxonomy = recipes().model_copy(update={"rules": (rule,)})
    findings = audit_report(taxonomy, report().incident, {"diet": diet()}, {})
    [told] = [f for f in findings if f.check == "x"]
    assert (told.severity, told.message) == ("error", "Not here. It says 'butter'.")


RULES = """rules:
  - name: no-butter
    message: There is butter in it.
    category: diet
    option: vegan
    says: [butter]
"""


def checked(folder: Path, rules: str) -> list[str]:
    place = copied(folder / "recipes")
    (place / "rules.yaml").write_text(rules, "utf-8")
    return [f"{Path(p.file).name}:{p.line}: {p.message}" for p in check_taxonomy(place)]


def test_the_rules_of_a_folder_are_read_and_digested(tmp_path: Path) -> None:
    assert checked(tmp_path, RULES) == []
    taxonomy = load_taxonomy(tmp_path / "recipes")
    assert [r.name for r in taxonomy.rules] == ["no-butter"]
    assert taxonomy.sha256 != recipes().sha256


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("category: diet", "category: colour", "rules.yaml:4: there is no category 'colour'"),
        ("option: vegan", "option: vegen", "rules.yaml:5: there is no option 'vegen'"),
        ("category: diet\n", "held: [diet.vegan]\n", "rules.yaml:5: there is no option 'vegan'"),
        ("says: [butter]", "held: [diet.x]", "rules.yaml:6: there is no option 'diet.x'"),
        ("says: [butter]", "field: gone", "rules.yaml:6: there is no open field 'gone'"),
        ("    says: [butter]\n", "", "rules.yaml:2: nothing breaks the rule 'no-butter'"),
        ("says: [butter]", "say: [butter]", "rules.yaml:6: rules.0.say: extra inputs"),
        ("says: [butter]", "says: ['*']", "rules.yaml:6: rules.0.says.0: string should match"),
        ("says: [butter]", "held: [vegan]", "rules.yaml:6: rules.0.held.0: string should match"),
        ("no-butter", "No Butter", "rules.yaml:2: rules.0.name: string should match"),
    ],
)
def test_mistakes_have_a_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert any(m.startswith(said) for m in checked(tmp_path, RULES.replace(old, new)))


def test_a_rule_that_is_there_twice(tmp_path: Path) -> None:
    twice = RULES + RULES.removeprefix("rules:\n")
    assert checked(tmp_path, twice) == ["rules.yaml:7: the rule 'no-butter' is there twice"]
