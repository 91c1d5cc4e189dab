"""Tests of the gate: when it passes, when it does not, when it cannot tell, and what it blames."""

from xml.etree import ElementTree as Xml

from eval.blame import Place
from eval.changes import Flip
from eval.comparing import Rules, compare
from eval.gating import GateResult, judge
from eval.render.github import to_github
from eval.render.junit import to_junit
from tests.test_eval_comparing import cases

FEW = Rules(draws=200)
CHANGED = [Place("categories/a.yaml", 7), Place("wording/score.jinja", 2)]


def judged(before: list[bool], after: list[bool], margin: float = 0.02) -> GateResult:
    same = [True] * len(before)
    comparison = compare(cases(a=before, b=same), cases(a=after, b=same), FEW)
    flip = Flip(incident="i,1", category="a", helpful=False, gold=("x",), before=("x",), after=())
    return judge(comparison.model_copy(update={"flips": (flip,)}), margin, CHANGED)


def test_the_same_answers_pass() -> None:
    assert judged([True] * 20, [True] * 20).outcome == "pass"


def test_a_loss_that_is_shown_is_a_regression_with_its_cause() -> None:
    result = judged([True] * 40, [True] * 25 + [False] * 15)
    assert result.outcome == "regression"
    assert result.causes == {"a": CHANGED[0], "all": CHANGED[1]}
    assert "a (-0.375, 15 harmful flips)" in result.reason


def test_a_few_harmful_flips_are_undecided() -> None:
    result = judged([True] * 20, [True] * 18 + [False] * 2)
    assert result.outcome == "undecided"
    assert "may be as large as" in result.reason


def test_a_wider_margin_lets_a_few_flips_pass() -> None:
    assert judged([True] * 40, [True] * 39 + [False], margin=0.1).outcome == "pass"


def test_a_gain_passes() -> None:
    assert judged([False] * 20 + [True] * 20, [True] * 40).outcome == "pass"


def test_junit_has_a_case_a_category_and_the_flips_of_a_failure() -> None:
    suite = Xml.fromstring(to_junit(judged([True] * 40, [False] * 15 + [True] * 25)))
    names = [c.get("name") for c in suite.iter("testcase")]
    assert names == ["a", "b", "all"]
    assert suite.get("failures") == "2"
    assert "i,1 a: people x" in (next(suite.iter("failure")).text or "")


def test_junit_of_a_pass_has_no_failure() -> None:
    suite = Xml.fromstring(to_junit(judged([True] * 20, [True] * 20)))
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")


def test_junit_of_an_undecided_gate_is_an_error_of_all() -> None:
    suite = Xml.fromstring(to_junit(judged([True] * 20, [True] * 18 + [False] * 2)))
    assert [c.get("name") for c in suite.iter("testcase") if c.find("error") is not None] == ["all"]


def test_junit_survives_what_xml_cannot_carry() -> None:
    result = judged([True] * 40, [False] * 15 + [True] * 25)
    odd = result.comparison.flips[0].model_copy(update={"incident": "a\x00\ud800<&]]>"})
    comparison = result.comparison.model_copy(update={"flips": (odd,)})
    text = to_junit(GateResult(result.outcome, result.reason, comparison, {}))
    assert "a\ufffd\ufffd<&]]>" in (next(Xml.fromstring(text).iter("failure")).text or "")


def test_github_marks_the_line_of_the_prompt() -> None:
    said = to_github(judged([True] * 40, [False] * 15 + [True] * 25))
    assert said.startswith("::error file=categories/a.yaml,line=7,title=a is worse::a: exact-set")
    assert said.count("\n") == 2


def test_github_escapes_what_would_be_a_command() -> None:
    result = judged([True] * 20, [True] * 18 + [False] * 2)
    odd = GateResult("undecided", "50%\n::error::x", result.comparison, {})
    assert to_github(odd) == "::warning title=The gate could not decide::50%25%0A::error::x\n"


def test_a_pass_has_no_command() -> None:
    assert to_github(judged([True] * 20, [True] * 20)) == ""
