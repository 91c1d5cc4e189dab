import asyncio
import json

import pytest

from classifier.asking import ask_typed
from classifier.errors import ModelAccessError, ModelRequestError, ReplyError
from classifier.models.seam import Reply
from classifier.records import Usage
from tests.scripted import Scripted, article, asking, chunk_of, option, recipes, typed, typed_reply

RECIPES = recipes()
COURSE, DIET, BAKED = (RECIPES.categories[n] for n in ("course", "diet", "baked"))
ALL = (COURSE, DIET, BAKED)
HOLDING = {"course": ["dessert"], "diet": ["vegan"], "baked": ["baked"]}
FITS = typed_reply(RECIPES, HOLDING)
CUT = ReplyError("the reply was cut at 9 tokens", usage=Usage(calls=1, completion_tokens=9))


def ask(script, categories=ALL):
    model = Scripted(script)
    context = asking(model)
    answers = asyncio.run(ask_typed(context, chunk_of(article()), categories))
    return {a.category: a for a in answers}, model, context


def applied(answers):
    return {name: a.applied for name, a in answers.items()}


def with_bad(**bad):
    return json.dumps({**json.loads(FITS), **bad})


def test_one_call_answers_all():
    answers, model, context = ask([FITS])
    assert applied(answers) == {"course": ("dessert",), "diet": ("vegan",), "baked": ("baked",)}
    assert model.asked == [("course", "diet", "baked")]
    assert context.meter.usage.calls == 1


def test_the_article_comes_first_and_the_question_last():
    _, model, _ = ask([FITS])
    system, user = model.history[0].messages
    assert (system.role, user.role) == ("system", "user")
    assert user.content.index("hot oven") < user.content.index("Question course")


def test_one_bad_category_is_asked_again_with_the_error():
    bad = with_bad(diet={**typed(DIET, "meat"), "unknown": True})
    answers, model, _ = ask([bad, FITS])
    assert answers["diet"].applied == ("vegan",)
    *_, reply, again = model.history[1].messages
    assert (reply.role, reply.content, again.role) == ("assistant", bad, "user")
    assert "unknown is true although meat applies" in again.content


def test_the_others_keep_their_first_answer():
    bad = with_bad(diet=7)
    second = typed_reply(RECIPES, {**HOLDING, "course": ["main"]})
    answers, model, _ = ask([bad, second])
    assert applied(answers)["course"] == ("dessert",)
    assert len(model.history) == 2


def test_after_a_second_failure_only_the_bad_category_fails():
    answers, model, _ = ask([with_bad(diet=7), with_bad(diet=8)])
    assert "diet" in answers["diet"].failure
    assert answers["course"].applied == ("dessert",)
    assert len(model.history) == 2


def test_a_second_reply_that_is_no_json_leaves_the_first_reason():
    answers, _, _ = ask([with_bad(diet=7), "no"])
    assert "diet" in answers["diet"].failure
    assert answers["course"].failure is None


def test_nonsense_fails_every_category_with_a_reason():
    answers, model, _ = ask(lambda _: "Sorry, I cannot do that.")
    assert all("not valid JSON" in a.failure for a in answers.values())
    assert len(model.history) == 2


def test_a_reply_that_was_cut_is_asked_again_in_halves():
    halves = [typed_reply(RECIPES, {n: HOLDING[n]}) for n in ("course",)]
    rest = typed_reply(RECIPES, {n: HOLDING[n] for n in ("diet", "baked")})
    answers, model, _ = ask([CUT, *halves, rest])
    assert applied(answers)["baked"] == ("baked",)
    assert model.asked == [("course", "diet", "baked"), ("course",), ("diet", "baked")]


def test_one_category_that_is_always_cut_fails_alone():
    def play(request):
        asked = tuple(request.schema["properties"])
        return CUT if "diet" in asked else typed_reply(RECIPES, {n: HOLDING[n] for n in asked})

    answers, _, _ = ask(play)
    assert "cut at 9 tokens" in answers["diet"].failure
    assert answers["course"].applied == ("dessert",)
    assert answers["baked"].applied == ("baked",)


def test_a_second_try_that_was_cut_keeps_what_fitted_and_asks_for_the_rest():
    alone = typed_reply(RECIPES, {"diet": ["meat"]})
    answers, model, _ = ask([with_bad(diet=7), CUT, alone])
    assert applied(answers) == {"course": ("dessert",), "baked": ("baked",), "diet": ("meat",)}
    assert model.asked[2] == ("diet",)


def test_the_usage_of_a_failed_call_counts():
    _, _, context = ask([CUT], (DIET,))
    assert context.meter.usage == CUT.usage


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_number_of_calls_is_bounded(count):
    played = [0]

    def worst(request):
        played[0] += 1
        return "nonsense" if played[0] % 2 else CUT

    answers, model, _ = ask(worst, ALL[:count])
    assert all(a.failure for a in answers.values())
    assert len(model.history) <= 6 * count - 2


def test_a_wrong_key_is_not_a_failed_category():
    with pytest.raises(ModelAccessError):
        ask([ModelAccessError("no")])


def test_a_request_that_is_refused_is_not_a_failed_category():
    with pytest.raises(ModelRequestError):
        ask([ModelRequestError("no such model")])


def test_a_second_try_that_is_refused_fails_the_category_alone():
    answers, _, _ = ask([with_bad(diet=7), ModelRequestError("context exceeded")])
    assert answers["diet"].failure
    assert answers["course"].applied == ("dessert",)


def test_a_failure_says_that_the_second_try_was_refused():
    answers, _, _ = ask(["nonsense", ModelRequestError("context exceeded")], (DIET,))
    assert "context exceeded" in answers["diet"].failure


def quoting(*quotes):
    return json.dumps({"diet": {**typed(DIET, "meat"), "meat": option(True, *quotes)}})


def evidence(answers):
    return [(e.quote, e.match) for e in answers["diet"].options[0].evidence]


def test_quotes_are_pinned():
    answers, _, _ = ask([quoting("Serve it with plums")], (DIET,))
    [pinned] = answers["diet"].options[0].evidence
    assert article().text[pinned.start : pinned.end] == "Serve it with plums"
    assert pinned.match == "exact"


def test_a_quote_that_stands_nowhere_is_asked_for_once_and_replaced():
    again = json.dumps({"quotes": ["in a hot oven"]})
    answers, model, _ = ask([quoting("rises in a cold fridge", "hot oven"), again], (DIET,))
    assert evidence(answers) == [("in a hot oven", "exact"), ("hot oven", "exact")]
    assert "rises in a cold fridge" in model.history[1].messages[-1].content


@pytest.mark.parametrize("second", ["still nowhere to be seen", "", "  "])
def test_a_quote_that_is_not_found_again_stays_as_it_was(second):
    again = json.dumps({"quotes": [second]})
    answers, model, _ = ask([quoting("rises in a cold fridge"), again], (DIET,))
    assert evidence(answers) == [("rises in a cold fridge", "not_found")]
    assert len(model.history) == 2


@pytest.mark.parametrize("said", [CUT, ModelRequestError("too long")])
def test_a_requote_that_fails_leaves_the_answer(said):
    answers, _, _ = ask([quoting("rises in a cold fridge"), said], (DIET,))
    assert answers["diet"].applied == ("meat",)
    assert evidence(answers) == [("rises in a cold fridge", "not_found")]


@pytest.mark.parametrize("quotes", [["a", "b"], [], "hot oven", [7]])
def test_a_requote_that_does_not_fit_is_asked_again_once(quotes):
    said = [quoting("rises in a cold fridge"), json.dumps({"quotes": quotes}), "no"]
    answers, model, _ = ask(said, (DIET,))
    assert evidence(answers) == [("rises in a cold fridge", "not_found")]
    assert len(model.history) == 3


def test_a_quote_lost_twice_is_asked_for_once():
    given = {**typed(DIET, "meat", "vegan"), "meat": option(True, "cold fridge " * 3)}
    given["vegan"] = option(True, "cold fridge " * 3)
    again = json.dumps({"quotes": ["hot oven"]})
    answers, _, _ = ask([json.dumps({"diet": given}), again], (DIET,))
    assert [o.evidence[0].quote for o in answers["diet"].options[:2]] == ["hot oven"] * 2


def test_each_half_of_a_quote_with_an_ellipsis_is_pinned():
    answers, _, _ = ask([quoting("The cake rises … The plums must be very ripe")], (DIET,))
    assert evidence(answers) == [
        ("The cake rises", "exact"),
        ("The plums must be very ripe", "exact"),
    ]


def test_room_for_each_option_is_asked_for():
    _, model, _ = ask([FITS])
    assert model.history[0].max_tokens == 150 * 7
    assert model.history[0].top_logprobs == 0


def test_usage_adds_up():
    _, _, context = ask([Reply("no", "stop", Usage(cache_hits=1)), FITS])
    assert (context.meter.usage.calls, context.meter.usage.cache_hits) == (1, 1)
