import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.answers import Answer, OptionAnswer
from classifier.chunking import Chunk
from classifier.deciding import cited, gated, merge
from classifier.records import Decision, Evidence, Finding, Part
from tests.scripted import answer, recipes

RECIPES = recipes()
COURSE, DIET, GARNISH, BAKED, HEAT = (
    RECIPES.categories[n] for n in ("course", "diet", "garnish", "baked", "heat")
)
FAILED = Answer("x", failure="the reply was cut")


def decide(category, *answers, **changes):
    chunks = [Chunk(n, (Part(article_id="1", start=n, end=n + 1),)) for n in range(len(answers))]
    return merge(RECIPES, category.model_copy(update=changes), chunks, answers)


def test_one_chunk_decides_by_itself_without_a_trace():
    decision = decide(DIET, answer("diet", "vegan"))
    assert (decision.options, decision.status, decision.merge) == (("vegan",), "answered", None)


def test_union_takes_what_any_chunk_says_in_the_order_of_the_taxonomy():
    decision = decide(DIET, answer("diet", "vegan"), answer("diet", "meat"))
    assert decision.options == ("meat", "vegan")


def test_majority_takes_what_most_of_the_telling_chunks_say():
    answers = [answer("x", "meat"), answer("x", "meat", "vegan"), answer("x", unknown=True)]
    assert decide(DIET, *answers, merge="majority").options == ("meat",)


def test_a_majority_of_two_options_is_both():
    answers = [answer("x", "meat", "vegan")] * 2
    assert decide(DIET, *answers, merge="majority").options == ("meat", "vegan")


def test_a_majority_that_gives_two_leaves_the_surest_where_one_is_allowed():
    told = answer("x", "main", "dessert", main=0.6, dessert=0.9)
    assert decide(COURSE, told, told).options == ("dessert",)


def test_chunks_that_disagree_are_unknown_and_say_why():
    decision = decide(COURSE, answer("x", "main"), answer("x", "dessert"))
    assert (decision.options, decision.status) == (("unknown",), "unknown")
    assert decision.reason == "the passages disagree, and no option has a majority"
    assert "leaves it open" not in decision.rationale


@pytest.mark.parametrize(("yes", "no", "holds"), [(1, 4, False), (3, 1, True), (1, 1, False)])
def test_the_majority_of_a_true_or_false_category_counts_what_denies_it(yes, no, holds):
    answers = [answer("baked", "baked")] * yes + [answer("baked")] * no
    assert decide(BAKED, *answers).options == (("baked",) if holds else ())


def test_a_chunk_that_does_not_know_has_no_say_in_a_majority():
    answers = [answer("baked", "baked"), *[answer("baked", unknown=True)] * 3]
    assert decide(BAKED, *answers).options == ("baked",)


def test_strongest_takes_the_surest_chunk_whole():
    weak = answer("x", "cream", cream=0.6)
    strong = answer("x", "fruit", fruit=0.9)
    assert decide(GARNISH, weak, strong).options == ("fruit",)


def test_strongest_without_confidences_takes_the_first_that_tells():
    answers = [answer("x", unknown=True), answer("x", "cream"), answer("x", "fruit")]
    assert decide(GARNISH, *answers).options == ("cream",)


def test_strongest_where_nobody_tells_is_unknown():
    assert decide(GARNISH, *[answer("x", unknown=True)] * 2).options == ("unknown",)


def test_a_union_for_one_takes_the_surest():
    answers = [answer("x", "gentle", gentle=0.6), answer("x", "fierce", fierce=0.7)]
    assert decide(HEAT, *answers).options == ("fierce",)


def test_a_union_for_one_without_confidences_takes_what_most_say():
    answers = [answer("x", "gentle"), answer("x", "fierce"), answer("x", "fierce")]
    assert decide(HEAT, *answers).options == ("fierce",)


def test_true_or_false():
    assert decide(BAKED, answer("x")).status == "answered"
    assert decide(BAKED, answer("x")).options == ()
    assert decide(BAKED, answer("x", unknown=True)).options == ("unknown",)
    assert decide(BAKED, answer("x", unknown=True), answer("x")).options == ()


def test_nothing_that_holds_is_unknown():
    decision = decide(DIET, answer("diet"))
    assert (decision.options, decision.status) == (("unknown",), "unknown")
    assert decision.rationale.startswith("The recipe leaves it open.")


def test_a_failed_chunk_fails_what_the_others_do_not_know():
    decision = decide(DIET, FAILED, answer("diet", unknown=True))
    assert (decision.options, decision.status) == ((), "failed")
    assert decision.reason == "1 of 2 chunks failed: the reply was cut"


def test_a_failed_chunk_leaves_what_another_says():
    decision = decide(DIET, FAILED, answer("diet", "meat"))
    assert (decision.options, decision.status) == (("meat",), "answered")
    assert decision.reason == "1 of 2 chunks failed: the reply was cut"


def test_one_failed_chunk_is_named_as_it_is():
    assert decide(DIET, FAILED).reason == "the reply was cut"


def test_all_failed_chunks():
    assert decide(BAKED, FAILED, FAILED).reason == "2 of 2 chunks failed: the reply was cut"


def test_the_trace_says_what_each_chunk_answered():
    answers = [answer("x", "meat"), answer("x"), answer("x", unknown=True), FAILED]
    trace = decide(DIET, *answers).merge
    assert trace.rule == "union"
    assert [c.options for c in trace.chunks] == [("meat",), (), (), ()]
    assert [c.status for c in trace.chunks] == ["answered", "unknown", "unknown", "failed"]
    assert trace.chunks[2].parts[0].start == 2


def test_the_trace_knows_that_false_is_an_answer():
    trace = decide(BAKED, answer("x", baked=0.1), answer("x", unknown=True)).merge
    assert [c.status for c in trace.chunks] == ["answered", "unknown"]


def test_the_highest_confidence_is_kept():
    answers = [answer("x", "meat", meat=0.6, vegan=0.2), answer("x", "meat", meat=0.9, vegan=0.1)]
    findings = decide(DIET, *answers).findings
    assert [(f.option, f.applies, f.confidence) for f in findings] == [
        ("meat", True, 0.9),
        ("vegan", False, 0.2),
    ]


def pinned(article_id="1", match="exact", quote="beef"):
    place = {} if match == "not_found" else {"start": 0, "end": 4}
    return Evidence(article_id=article_id, quote=quote, match=match, **place)


def spoken(*evidence, rationale="There is beef in it.", applies=True):
    told = OptionAnswer("meat", applies, rationale, evidence=evidence)
    return Answer("diet", (told, OptionAnswer("vegan", False)))


def test_a_paragraph_has_its_letter_and_its_citations():
    decision = decide(DIET, spoken(pinned(), pinned("2")))
    assert decision.rationale == "(m) meat: There is beef in it. [1] [2]"


def test_what_is_cited_already_is_not_cited_again():
    finding = Finding(option="a", applies=True, rationale="So [1].", evidence=(pinned(),))
    assert cited(finding) == "So [1]."


def test_a_quote_that_stands_nowhere_is_kept_and_cites_nothing():
    decision = decide(DIET, spoken(pinned(match="not_found")))
    assert decision.rationale == "(m) meat: There is beef in it."
    assert decision.findings[0].evidence[0].match == "not_found"


def test_the_evidence_of_several_chunks_is_kept_once():
    decision = decide(DIET, spoken(pinned()), spoken(pinned(), pinned("2")))
    assert [e.article_id for e in decision.findings[0].evidence] == ["1", "2"]
    assert decision.findings[0].rationale == "There is beef in it."


def test_quotes_of_an_option_that_does_not_hold_are_kept():
    decision = decide(DIET, spoken(pinned(), rationale="", applies=False))
    assert [f.option for f in decision.findings] == ["meat"]


def test_hundreds_of_chunks_keep_three_reasons():
    answers = [spoken(rationale=f"Reason {n}.") for n in range(300)]
    assert decide(DIET, *answers).findings[0].rationale == "Reason 0. Reason 1. Reason 2."


def gate(**decision):
    return gated(HEAT, {"baked": Decision(**decision)})


def test_an_open_gate_asks():
    assert gate(options=("baked",), status="answered") is None


def test_a_category_without_a_gate_is_asked():
    assert gated(DIET, {}) is None


@pytest.mark.parametrize(
    ("before", "status", "reason"),
    [
        ({"status": "answered"}, "not_applicable", "asked only where baked holds, and it does not"),
        (
            {"options": ("unknown",), "status": "unknown"},
            "not_applicable",
            "asked only where baked holds, and that is unknown",
        ),
        ({"status": "failed"}, "failed", "baked, its gate, failed"),
        (
            {"status": "not_applicable"},
            "not_applicable",
            "asked only where baked holds, and it does not",
        ),
    ],
)
def test_a_closed_gate_says_why(before, status, reason):
    decision = gate(**before)
    assert (decision.options, decision.status, decision.reason) == ((), status, reason)


CATEGORIES = st.builds(
    lambda category, rule: category.model_copy(update={"merge": rule}),
    st.sampled_from([COURSE, DIET, GARNISH, BAKED, HEAT]),
    st.sampled_from(["union", "majority", "strongest"]),
)


@st.composite
def answered(draw, category):
    if draw(st.booleans()) and draw(st.booleans()):
        return Answer(category.name, failure="it failed")
    most = 1 if category.select == "one" else len(category.names)
    holding = draw(st.sets(st.sampled_from(category.names), max_size=most))
    surety = st.none() | st.floats(0, 1)
    options = tuple(OptionAnswer(n, n in holding, confidence=draw(surety)) for n in category.names)
    return Answer(category.name, options, unknown=not holding and draw(st.booleans()))


@given(st.data())
def test_whatever_the_chunks_say_the_decision_is_a_legal_one(data):
    category = data.draw(CATEGORIES)
    answers = data.draw(st.lists(answered(category), min_size=1, max_size=5))
    decision = decide(category, *answers)
    assert set(decision.options) <= set(RECIPES.allowed(category.name))
    assert "unknown" not in decision.options or decision.options == ("unknown",)
    assert (decision.options == ("unknown",)) == (decision.status == "unknown")
    if decision.status == "answered":
        assert decision.options == tuple(n for n in category.names if n in decision.options)
        assert decision.options or category.select == "boolean"
        assert category.select == "any" or len(decision.options) <= 1
    if any(a.failure for a in answers):
        assert decision.reason


@given(st.data())
def test_the_order_of_the_chunks_does_not_change_a_union_or_a_majority(data):
    category = data.draw(CATEGORIES.filter(lambda c: c.merge != "strongest" and c.select == "any"))
    answers = data.draw(st.lists(answered(category), min_size=1, max_size=5))
    shuffled = data.draw(st.permutations(answers))
    assert decide(category, *answers).options == decide(category, *shuffled).options
