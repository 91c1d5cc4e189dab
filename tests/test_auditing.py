from datetime import date

import pytest

from classifier.auditing import audit_articles, audit_decisions
from classifier.pipeline import incident_ref
from classifier.records import Article, Decision, Evidence, Finding, Incident
from tests.scripted import article, recipes

RECIPES = recipes()
TODAY = date(2026, 1, 2)
INCIDENT = Incident(id="i", articles=(article("Some text.", "1"), article("Other.", "nyt-2")))
FOUND = Evidence(article_id="1", quote="Some", start=0, end=4, match="exact")
LOST = Evidence(article_id="1", quote="nowhere", match="not_found")


def finding(option, rationale="There is something in it.", evidence=(FOUND,), applies=True):
    return Finding(option=option, applies=applies, rationale=rationale, evidence=evidence)


def decision(*findings, **changes):
    options = tuple(f.option for f in findings if f.applies)
    given = {"options": options, "status": "answered", "findings": findings, "rationale": "So."}
    return Decision(**{**given, **changes})


def checks(**decisions):
    found = audit_decisions(RECIPES, incident_ref(INCIDENT), decisions)
    return [f.check for f in found]


FINE = decision(finding("meat"))


def test_a_good_decision_has_no_findings():
    assert checks(diet=FINE, course=Decision(options=("unknown",), status="unknown")) == []


def test_a_failed_category_is_an_error_with_its_reason():
    failed = Decision(status="failed", reason="the reply was cut")
    [found] = audit_decisions(RECIPES, incident_ref(INCIDENT), {"diet": failed})
    assert (found.check, found.severity, found.place) == ("failed", "error", "categories.diet")
    assert "the reply was cut" in found.message


def test_a_chunk_that_failed_is_a_warning():
    assert checks(diet=FINE.model_copy(update={"reason": "1 of 2 chunks failed"})) == [
        "partly-failed"
    ]


@pytest.mark.parametrize("status", ["unknown", "not_applicable"])
def test_the_reason_of_what_is_not_answered_is_no_warning(status):
    assert checks(heat=Decision(status=status, reason="baked is not baked")) == []


def test_an_option_without_a_paragraph():
    assert checks(diet=decision(finding("meat", rationale=""))) == ["option-without-rationale"]


@pytest.mark.parametrize("evidence", [(), (LOST,)])
def test_an_option_without_a_quote_that_stands(evidence):
    assert "option-without-quote" in checks(diet=decision(finding("meat", evidence=evidence)))


def test_one_quote_that_stands_is_enough():
    assert checks(diet=decision(finding("meat", evidence=(LOST, FOUND)))) == ["quote-not-found"]


def test_weak_evidence_is_told_of_once():
    weak = FOUND.model_copy(update={"support": 0.1, "weak": True})
    nearest = decision(finding("meat", evidence=(weak,)), finding("vegan", evidence=(weak, FOUND)))
    found = audit_decisions(RECIPES, incident_ref(INCIDENT), {"diet": nearest, "heat": nearest})
    [told] = [f for f in found if f.check == "weak-evidence"]
    assert told.message.startswith("Of 4 options with a quote, 2 have only the nearest sentence")


def test_an_option_without_a_finding():
    found = checks(
        course=decision(finding("dessert")), diet=Decision(options=("meat",), status="answered")
    )
    assert found == ["option-without-rationale", "option-without-quote"]


def test_a_report_that_only_decides_is_told_so_once():
    bare = Decision(options=("meat",), status="answered", findings=(finding("meat", "", ()),))
    assert checks(diet=bare, course=Decision(options=("dessert",), status="answered")) == [
        "nothing-explained"
    ]
    assert checks(diet=Decision(options=("unknown",), status="unknown")) == []


def test_an_option_that_does_not_hold_needs_no_quote():
    against = finding("vegan", rationale="", evidence=(), applies=False)
    assert checks(diet=decision(finding("meat"), against)) == []


def test_a_quote_that_stands_nowhere_of_an_option_that_does_not_hold():
    against = finding("vegan", evidence=(LOST,), applies=False)
    assert checks(diet=decision(finding("meat"), against)) == ["quote-not-found"]


def test_unknown_beside_an_option():
    found = checks(diet=decision(finding("meat"), options=("meat", "unknown")))
    assert "unknown-with-options" in found


def test_several_of_one():
    both = decision(finding("main"), finding("dessert", "It is sweet, and comes last."))
    assert checks(course=both) == ["several-of-one"]


def test_several_of_one_are_named_in_their_order():
    both = decision(finding("main"), finding("dessert", "It is sweet, and comes last."))
    [found] = audit_decisions(RECIPES, incident_ref(INCIDENT), {"course": both})
    assert found.message == "Only one may hold: main, dessert."


def test_a_pair_that_excludes_itself():
    both = decision(finding("meat"), finding("vegan", "Nothing else is in it at all."))
    assert checks(diet=both) == ["pair-excludes-itself"]


def test_a_pair_that_does_not():
    changes = finding("vegan_with_changes", "Butter can be replaced.")
    assert checks(diet=decision(finding("meat"), changes)) == []


@pytest.mark.parametrize(
    ("first", "second", "fires"),
    [
        ("A. There is something in it.", "There is  SOMETHING in it. B.", True),
        ("There is something in it.", "There is another thing in it.", False),
        ("So it is.", "So it is.", False),
    ],
)
def test_the_same_sentence_for_two_options(first, second, fires):
    both = decision(finding("meat", first), finding("vegan_with_changes", second))
    assert ("same-sentence" in checks(diet=both)) is fires


@pytest.mark.parametrize(
    ("rationale", "fires"),
    [
        ("So [1].", False),
        ("So [nyt-2] and [1].", False),
        ("So [3].", True),
        ("So [nyt-3].", True),
        ("It was [sic] so.", False),
    ],
)
def test_a_citation_of_an_article_that_is_not_there(rationale, fires):
    decided = FINE.model_copy(update={"rationale": rationale})
    assert checks(diet=decided) == (["citation-of-no-article"] if fires else [])


def test_a_citation_in_a_finding_counts_once():
    decided = decision(finding("meat", "There is beef [9]."), rationale="There is beef [9].")
    assert checks(diet=decided) == ["citation-of-no-article"]


def test_a_category_that_is_answered_behind_a_closed_gate():
    closed = Decision(status="answered")
    assert "gate-does-not-fit" in checks(baked=closed, heat=decision(finding("gentle")))


def test_a_category_that_is_answered_behind_an_open_gate():
    assert checks(baked=decision(finding("baked")), heat=decision(finding("gentle"))) == []


def test_a_category_that_is_closed_behind_an_open_gate():
    closed = Decision(status="not_applicable")
    assert checks(baked=decision(finding("baked")), heat=closed) == ["gate-does-not-fit"]


def articles(*given, language="en"):
    incident = Incident(id="i", articles=given)
    return [f.check for f in audit_articles(incident, TODAY, lambda _: language)]


def test_good_articles_have_no_findings():
    assert articles(Article(id="1", text="x", published=TODAY), Article(id="2", text="y")) == []


def test_an_article_of_tomorrow():
    assert articles(Article(id="1", text="x", published=date(2026, 1, 3))) == [
        "published-in-future"
    ]


def test_an_article_in_another_language():
    assert articles(Article(id="1", text="x"), language="es") == ["language"]


def test_articles_with_the_same_text():
    assert articles(*(Article(id=i, text="x") for i in "123")) == ["same-text", "same-text"]
