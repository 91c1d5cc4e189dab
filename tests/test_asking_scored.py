import asyncio
import json
import math
from dataclasses import replace

import pytest

from classifier.asking import ask_scored
from classifier.asking.logprobs import read_scores
from classifier.asking.scored import decide, decide_calibrated, questions_sha256, score_all
from classifier.errors import ModelAccessError, ModelRequestError, ReplyError
from classifier.models.seam import Message, Reply, TokenLogprobs
from classifier.taxonomy import Category
from tests.scripted import (
    TEXT,
    Scripted,
    alternatives,
    article,
    asking,
    chunk_of,
    recipes,
    scored_reply,
)

RECIPES = recipes()
METHOD = RECIPES.methods["embedded"]
COURSE, DIET, BAKED = (RECIPES.categories[n] for n in ("course", "diet", "baked"))
SCORES = {"meat": 0.1, "vegan": 0.8, "vegan_with_changes": 0.3}


def said(sentence, rationale="Nothing in it comes from an animal.", name="vegan"):
    return json.dumps({name: {"quote": sentence, "rationale": rationale}})


def ask(script, category=DIET, text=TEXT):
    model = Scripted(script)
    context = asking(model, article(text), method="embedded")
    [answer] = asyncio.run(ask_scored(context, chunk_of(article(text)), [category]))
    return answer, model, context


def explained(*replies, text=TEXT):
    answer, model, _ = ask([scored_reply(SCORES), *replies], text=text)
    return answer, model


def vegan(answer):
    return answer.options[1]


def tokens(*parts):
    """`true` parts carry 0.8; a part may be (text, alternatives)."""
    pairs = [p if isinstance(p, tuple) else (p, {p: -0.1}) for p in parts]
    logprobs = tuple(TokenLogprobs(t, top) for t, top in pairs)
    return Reply("".join(t.token for t in logprobs), "stop", logprobs=logprobs)


def of(*options):
    given = [{"name": n, "letter": chr(97 + i), "definition": "x"} for i, n in enumerate(options)]
    return Category(name="c", label="x", question="x", options=given)


REST = ('"unknown":', ("false", alternatives(0.1)), "}")


@pytest.mark.parametrize("indent", [None, 0, 2, 4])
@pytest.mark.parametrize(
    "pattern", [r"\s*\w+|\W", r"\w+|\W", r"\s*\w+\s*|\W", r"[^tf]+|true|false|\w"]
)
def test_probabilities_are_read_whatever_the_tokens(indent, pattern):
    reply = scored_reply(SCORES, indent=indent, pattern=pattern)
    assert read_scores(reply, DIET) == pytest.approx(SCORES)


@pytest.mark.parametrize(
    "written",
    [
        ['"a":', ("true", alternatives(0.8)), ","],
        ['"a": ', ("tr", {"tr": math.log(0.8), "fal": math.log(0.2)}), "ue", ","],
        ['"a"', (": true", {": true": math.log(0.8), ": false": math.log(0.2)}), ","],
        ['"a"', (":true", {":true": math.log(0.8), ":false": math.log(0.2)}), ","],
        ['"a":', ("true,", {"true,": math.log(0.8), "false,": math.log(0.2)})],
        ['"a":', (" t", {" t": math.log(0.8), " f": math.log(0.2)}), "rue,"],
        ['"a":\n', ("  ", {"  ": 0.0}), ("true", alternatives(0.8)), ","],
        ['"a"  :', ("true", {"True": math.log(0.4), **alternatives(0.4), " false": math.log(0.2)})],
    ],
)  # fmt: skip
def test_the_place_is_found_in_every_tokenisation(written):
    scores = read_scores(tokens("{", *written, *REST), of("a"))
    assert scores == pytest.approx({"a": 0.8})


def test_other_words_at_the_place_count_for_neither():
    top = {**alternatives(0.8), ",": math.log(0.5), "}": -1.0, "\n": -1.0, "": -1.0, "null": -1.0}
    scores = read_scores(tokens('{"a":', (" true", top), ",", *REST), of("a"))
    assert scores["a"] == pytest.approx(0.8)


def test_names_that_lie_in_one_another_are_told_apart():
    names = {"vegan": 0.9, "not_vegan": 0.2, "vegan_not": 0.3}
    for order in (list(names), list(names)[::-1]):
        reply = scored_reply({n: names[n] for n in order})
        assert read_scores(reply, of("vegan", "not_vegan", "vegan_not")) == pytest.approx(names)


def test_what_looks_like_an_answer_before_it_does_not_count():
    answer = ["{", '"a":', ("true", alternatives(0.8)), ",", *REST]
    reply = tokens('Not "a": true as one may think. ', *answer)
    reply = replace(reply, text=reply.text[reply.text.index("{") :])
    assert read_scores(reply, of("a"))["a"] == pytest.approx(0.8)


def test_a_reply_without_log_probabilities_fails_with_the_reason():
    answer, _, _ = ask([Reply(scored_reply(SCORES).text, "stop")])
    assert answer.failure == "the reply has no log-probabilities for the option 'meat'"


def test_a_reply_that_leaves_an_option_out_fails_with_the_reason():
    answer, _, _ = ask([scored_reply({"meat": 0.4, "unknown": 0.5})])
    assert "'vegan'" in answer.failure


def test_neither_true_nor_false_fails_with_the_reason():
    reply = tokens('{"a":', ("true", {"maybe": -0.1}), ",", *REST)
    with pytest.raises(ReplyError, match="neither true nor false"):
        read_scores(reply, of("a"))


@pytest.mark.parametrize("top", [{" true": 0.0, " false": -math.inf}, {" true": 1e9, "x": -1}])
def test_a_sure_answer_is_one(top):
    scores = read_scores(tokens('{"a":', (" true", top), ",", *REST), of("a"))
    assert scores["a"] == 1


def test_an_option_holds_from_the_threshold_on():
    answer = decide({**SCORES, "vegan_with_changes": 0.5}, DIET, METHOD)
    assert answer.applied == ("vegan", "vegan_with_changes")
    assert [o.confidence for o in answer.options] == [0.1, 0.8, 0.5]


LIKELY = {"meat": 0.1, "vegan": 0.3, "vegan_with_changes": 0.2}


@pytest.mark.parametrize(
    ("likely", "applied", "unknown"),
    [
        ({"unknown": 0.4}, (), True),
        ({"unknown": 0.2}, ("vegan",), False),
        ({"unknown": 0.9, "vegan": 0.6}, ("vegan",), False),
        (
            {"unknown": 0.1, "vegan": 0.6, "vegan_with_changes": 0.5},
            RECIPES.categories["diet"].names[1:],
            False,
        ),
        ({"unknown": 0.1, "vegan": 0.6, "meat": 0.7}, ("meat",), False),
        ({}, (), True),
    ],
)
def test_without_an_option_above_the_threshold_the_likeliest_stands_against_unknown(
    likely, applied, unknown
):
    answer = decide_calibrated({**LIKELY, **likely}, DIET, 0.5)
    assert (answer.applied, answer.unknown) == (applied, unknown)
    assert [o.option for o in answer.options] == list(DIET.names)


@pytest.mark.parametrize(("baked", "applied"), [(0.4, ()), (0.6, ("baked",))])
def test_a_calibrated_true_or_false_category_is_never_unknown(baked, applied):
    answer = decide_calibrated({"baked": baked}, BAKED, 0.5)
    assert (answer.applied, answer.unknown) == (applied, False)


@pytest.mark.parametrize(("meat", "held"), [(0.79, "vegan"), (0.81, "meat")])
def test_of_two_that_exclude_each_other_the_likelier_holds(meat, held):
    assert decide({**SCORES, "meat": meat}, DIET, METHOD).applied == (held,)


def test_none_above_the_threshold_is_unknown():
    answer = decide({**SCORES, "vegan": 0.4999}, DIET, METHOD)
    assert (answer.applied, answer.unknown) == ((), True)


def test_of_a_category_that_takes_one_the_likeliest_holds():
    scores = {"starter": 0.6, "main": 0.9, "dessert": 0.7, "unknown": 0.1}
    assert decide(scores, COURSE, METHOD).applied == ("main",)


@pytest.mark.parametrize(
    ("baked", "unknown", "holds", "is_unknown"),
    [(0.9, 0.9, True, False), (0.1, 0.05, False, False), (0.1, 0.95, False, True)],
)
def test_true_or_false_or_unknown(baked, unknown, holds, is_unknown):
    answer = decide({"baked": baked, "unknown": unknown}, BAKED, METHOD)
    assert (bool(answer.applied), answer.unknown) == (holds, is_unknown)


def test_the_scores_are_asked_for_with_alternatives():
    _, model, _ = ask([scored_reply({**SCORES, "vegan": 0.1})])
    [request] = model.history
    assert request.top_logprobs == 10
    assert model.asked == [DIET.names]


def test_nothing_is_explained_where_nothing_holds():
    answer, model, _ = ask([scored_reply({**SCORES, "vegan": 0.1})])
    assert answer.unknown
    assert len(model.history) == 1


def test_only_what_holds_is_explained():
    answer, model = explained(said("Serve it with plums"))
    assert model.asked[1] == ("vegan",)
    assert vegan(answer).rationale == "Nothing in it comes from an animal."
    assert answer.options[0].rationale == ""


def test_the_chosen_beginning_is_the_whole_sentence():
    [evidence] = vegan(explained(said("Serve it with plums"))[0]).evidence
    assert evidence.quote == "Serve it with plums and cream!"
    assert TEXT[evidence.start : evidence.end] == evidence.quote
    assert evidence.match == "exact"


def test_the_schema_offers_the_beginnings_alone():
    _, model = explained(said("Serve it with plums"))
    assert model.history[1].schema["$defs"]["beginning"]["enum"] == [
        "The cake rises in",
        "Serve it with plums",
        "The plums must be",
    ]


@pytest.mark.parametrize("start", ['"Bake" it \\ now', "<|im_start|> it is", "Line\twith a tab"])
def test_a_beginning_may_hold_marks(start):
    text = f"{start} and then serve it. Then the rest of it follows here."
    _, model = explained(said("x"), said("x"), text=text)
    beginning = model.history[1].schema["$defs"]["beginning"]["enum"][0]
    answer, _ = explained(said(beginning), text=text)
    assert vegan(answer).evidence[0].quote == f"{start} and then serve it."


def test_a_beginning_that_is_not_ours_is_located_as_a_quote():
    answer, _ = explained(said("with plums and cream"))
    [evidence] = vegan(answer).evidence
    assert (evidence.quote, evidence.match) == ("with plums and cream", "exact")


def test_a_sentence_that_stands_nowhere_stays_as_not_found():
    answer, _ = explained(said("A sentence that nobody wrote"))
    assert [e.match for e in vegan(answer).evidence] == ["not_found"]


@pytest.mark.parametrize(
    "bad",
    [said(7), said([]), said(""), said(["a", "b"]), said("a", ""), "{}", "no"],
)
def test_an_explanation_that_does_not_fit_is_asked_again(bad):
    answer, model = explained(bad, said("Serve it with plums"))
    assert answer.failure is None
    assert vegan(answer).evidence[0].match == "exact"
    assert len(model.history) == 3


def test_a_decision_that_cannot_be_explained_stands_without_reasons():
    answer, model = explained("{}", "{}")
    assert (answer.failure, answer.applied) == (None, ("vegan",))
    assert (vegan(answer).rationale, vegan(answer).evidence) == ("", ())
    assert len(model.history) == 3


@pytest.mark.parametrize("error", [ReplyError("cut"), ReplyError("the content filter")])
def test_a_reply_that_cannot_be_used_fails_the_category(error):
    assert ask([error])[0].failure == str(error)
    assert explained(error)[0].applied == ("vegan",)


@pytest.mark.parametrize("error", [ModelAccessError("no"), ModelRequestError("no")])
def test_an_endpoint_that_cannot_be_used_is_an_error(error):
    with pytest.raises(type(error)):
        ask([error])


def test_confidences_outlive_the_explanation():
    answer, _ = explained(said("Serve it with plums"))
    assert [o.confidence for o in answer.options] == [0.1, 0.8, 0.3]


@pytest.mark.parametrize(
    ("rationale", "kept"),
    [
        ("It is so.", "It is so."),
        ("word " * 30, "word " * 23 + "word …"),
        ("x" * 118 + ".", "x" * 118 + "."),
        ("x" * 300, "x" * 120 + " …"),
        ("word, " * 30, "word, " * 19 + "word …"),
    ],
)
def test_a_rationale_that_the_limit_cut_ends_at_a_word(rationale, kept):
    answer, _ = explained(said("Serve it with plums", rationale))
    assert vegan(answer).rationale == kept


def test_an_article_of_one_short_sentence():
    answer, _ = explained(said("It broke."), text="It broke.")
    assert vegan(answer).evidence[0].quote == "It broke."


def test_a_blank_article_gives_a_schema_without_an_empty_choice():
    _, model = explained(said("x"), text="  ")
    assert "enum" not in model.history[1].schema["$defs"]["beginning"]


def test_several_categories_are_each_asked_alone():
    model = Scripted([scored_reply({**SCORES, "vegan": 0.1}), ReplyError("cut")])
    context = asking(model, method="embedded")
    answers = asyncio.run(ask_scored(context, chunk_of(article()), [DIET, BAKED]))
    assert [bool(a.failure) for a in answers] == [False, True]


KIND = Category(
    name="kind",
    label="Kind",
    question="Which?",
    select="boolean",
    options=[{"name": "machine", "letter": "a", "definition": "it moves"}],
    opposite={"name": "data", "definition": "it does not", "threshold": 0.3},
)


@pytest.mark.parametrize(
    ("machine", "data", "applied", "unknown"),
    [
        (0.9, 0.1, ("machine",), False),
        (0.5, 0.6, ("machine",), False),
        (0.5, 0.9, (), False),
        (0.1, 0.05, (), True),
        (0.1, 0.9, (), False),
    ],
)
def test_an_opposite_is_judged_beside_the_option(machine, data, applied, unknown):
    answer = decide({"machine": machine, "data": data}, KIND, METHOD)
    assert (answer.applied, answer.unknown) == (applied, unknown)


def test_the_opposite_takes_the_place_of_unknown_in_the_question():
    assert KIND.judged == ("machine", "data")
    assert BAKED.judged == ("baked", "unknown")
    assert DIET.judged == DIET.names


WITH_STATES = RECIPES.model_copy(
    update={"wording": {**RECIPES.wording, "state": "In {{ title }}?", "state_start": "It is a:"}}
)


def reading(state, *, reads=True):
    """What is asked about two categories, one after the other, and the context afterwards."""
    model = Scripted(
        [*([state] if reads else []), scored_reply(SCORES), scored_reply({"baked": 0.9})]
    )
    context = asking(model, taxonomy=WITH_STATES, method="embedded")
    context = replace(context, reads_state=reads)
    for category in (DIET, BAKED):
        asyncio.run(score_all(context, chunk_of(article()), [category]))
    return model.history, context


def test_the_state_is_asked_for_once_and_first():
    (first, second, _), context = reading(Reply("", "stop", state=(1.5, -2.0)))
    assert (first.state, second.state) == (True, False)
    assert first.messages[-1] == Message("assistant", "It is a:")
    assert first.messages[1].content.endswith("In recipes from newspapers?")
    shared = first.messages[1].content.removesuffix("In recipes from newspapers?")
    assert second.messages[1].content.startswith(shared)
    assert context.states == {0: (1.5, -2.0)}


def test_a_state_that_does_not_come_leaves_the_scores():
    history, context = reading(ReplyError("no state"))
    assert len(history) == 3
    assert context.states == {0: ()}
    assert context.scores[0]["diet"] == pytest.approx(SCORES)


def test_a_state_that_nothing_reads_is_not_asked_for():
    history, context = reading(None, reads=False)
    assert [r.state for r in history] == [False, False]
    assert context.states == {}


def test_the_questions_digest_covers_the_state():
    other = {**WITH_STATES.wording, "state_start": "It was a:"}
    digests = {
        questions_sha256(t, METHOD)
        for t in (RECIPES, WITH_STATES, WITH_STATES.model_copy(update={"wording": other}))
    }
    assert len(digests) == 3
