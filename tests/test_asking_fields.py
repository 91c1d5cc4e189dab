"""The open fields in one JSON answer: quotes located, dates resolved, and nothing guessed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from cooking import NOTHING, cookbook, item, short_item

from classifier.asking import AskContext, ask_fields
from classifier.asking.fields import field_groups
from classifier.asking.sentences import Sentences
from classifier.errors import ModelAccessError, ModelRequestError, ReplyError
from classifier.records import Article, FieldAnswer
from tests.scripted import Scripted, asking, chunk_of

COOKBOOK = cookbook()
TEXT = (
    "We bake this cake since July. The plums must be very ripe, or it gets sour. "
    "Stir the dough for ten minutes! On Tuesday it was sold out."
)
CAKE = Article(id="7", text=TEXT, published=date(2019, 2, 13))
UNDATED = Article(id="8", text="Last November it was burnt, says the cook.")
DISH, CRAFT = 0, 1


def ask(
    script: Any, group: int = CRAFT, *articles: Article, method: str = "hosted"
) -> tuple[Mapping[str, FieldAnswer], Scripted, AskContext]:
    model = Scripted([json.dumps(r) if isinstance(r, dict) else r for r in script])
    given = articles or (CAKE,)
    context = asking(model, *given, taxonomy=COOKBOOK, method=method)
    fields = field_groups(COOKBOOK, context.method)[group]
    return asyncio.run(ask_fields(context, chunk_of(*given), fields)), model, context


def craft(*course: dict[str, Any], tricks: Any = ()) -> dict[str, Any]:
    return {"tricks": list(tricks), "course": list(course)}


def dish(*season: dict[str, Any], name: str = "Plum cake") -> dict[str, Any]:
    return {"name": name, "season": list(season)}


def test_one_call_answers_a_group() -> None:
    reply = craft(item("Stir it well.", "Stir the dough"))
    answers, model, context = ask([reply])
    assert [(a.status, len(a.items)) for a in answers.values()] == [("unknown", 0), ("answered", 1)]
    assert model.asked == [("tricks", "course")]
    assert context.meter.usage.calls == 1


def test_an_item_cites_the_articles_that_its_quotes_stand_in() -> None:
    reply = craft(item("Stir.", "Stir the dough", "it was burnt"))
    [found] = ask([reply], CRAFT, CAKE, UNDATED)[0]["course"].items
    assert found.articles == ("7", "8")
    assert [(e.match, e.article_id) for e in found.evidence] == [("exact", "7"), ("exact", "8")]


def test_the_article_comes_first_and_the_question_last() -> None:
    _, model, _ = ask([craft()])
    system, user = model.history[0].messages
    assert (system.role, user.role) == ("system", "user")
    assert user.content.index("sold out") < user.content.index("Fill in tricks")


def test_a_quote_that_stands_nowhere_is_asked_for_once_again() -> None:
    reply = craft(item("Stir.", "Whisk the batter all night"))
    answers, model, _ = ask([reply, {"quotes": ["Stir the dough"]}])
    [found] = answers["course"].items
    assert [(e.quote, e.located) for e in found.evidence] == [("Stir the dough", True)]
    assert len(model.history) == 2


def test_an_item_whose_quote_is_found_nowhere_stays_and_shows_it() -> None:
    reply = craft(item("Stir.", "Whisk the batter all night"))
    [found] = ask([reply, {"quotes": [""]}])[0]["course"].items
    assert (found.text, found.articles) == ("Stir.", ())
    assert [e.match for e in found.evidence] == ["not_found"]


def test_what_is_inferred_is_marked() -> None:
    reply = craft(
        tricks=[item("Rest it.", inferred=True), item("Ripe.", "very ripe", inferred=False)]
    )
    items = ask([reply])[0]["tricks"].items
    assert [(i.text, i.inferred, i.articles) for i in items] == [
        ("Rest it.", True, ()),
        ("Ripe.", False, ("7",)),
    ]


def test_a_text_is_one_statement_and_an_empty_one_is_unknown() -> None:
    assert [i.text for i in ask([dish()], DISH)[0]["name"].items] == ["Plum cake"]
    assert ask([dish(name=" ")], DISH)[0]["name"] == FieldAnswer(status="unknown")


def test_a_date_comes_from_the_clue_of_the_model() -> None:
    reply = dish(item("In summer.", "We bake this cake", clue="since July"))
    [found] = ask([reply], DISH)[0]["season"].items
    assert found.when is not None
    assert (str(found.when.start), str(found.when.end)) == ("2018-07-01", "2019-02-13")
    assert found.when.clue == "since July"


@pytest.mark.parametrize("clue", ["", "in 1815", "burnt"])
def test_a_date_comes_from_the_sentence_where_the_clue_says_none(clue: str) -> None:
    reply = dish(item("Sold.", "it was sold out", clue=clue))
    [found] = ask([reply], DISH)[0]["season"].items
    assert found.when is not None
    assert (found.when.clue, str(found.when.start)) == ("On Tuesday", "2019-02-12")


def test_a_clue_that_stands_in_no_article_resolves_nothing() -> None:
    reply = dish(item("Once.", "very ripe", clue="in June 2015"))
    answer = ask([reply], DISH)[0]["season"]
    assert answer.items[0].when is None
    assert answer.reason == "'in June 2015' stands in no article"


def test_without_a_day_of_publication_the_field_says_so() -> None:
    reply = dish(item("Burnt.", "it was burnt", clue="Last November"))
    answer = ask([reply], DISH, UNDATED)[0]["season"]
    assert (answer.status, answer.items[0].when) == ("answered", None)
    assert "counts from the day of publication, which is not known" in str(answer.reason)


def test_a_date_counts_from_the_article_that_the_clue_stands_in() -> None:
    later = Article(id="9", text="It failed on Tuesday.", published=date(2020, 1, 1))
    reply = dish(item("Sold.", "On Tuesday it was sold out", clue="On Tuesday"))
    for articles in ((CAKE, later), (later, CAKE)):
        [found] = ask([reply], DISH, *articles)[0]["season"].items
        assert found.when is not None
        assert found.when.counted_from == CAKE.published


def test_one_bad_field_is_asked_again_and_the_other_keeps_its_answer() -> None:
    bad = craft(item("Stir.")) | {"tricks": "none"}
    second = craft(item("Bake."), tricks=[item("Rest it.", inferred=True)])
    answers, model, _ = ask([bad, second])
    assert answers["course"].items[0].text == "Stir."
    assert answers["tricks"].items[0].text == "Rest it."
    assert "tricks: " in model.history[1].messages[-1].content


def test_a_field_without_usable_reply_has_failed_with_the_reason() -> None:
    bad = craft(item("Stir.")) | {"tricks": "none"}
    answers, _, _ = ask([bad, bad])
    assert (answers["course"].status, answers["tricks"].status) == ("answered", "failed")
    assert str(answers["tricks"].reason).startswith("tricks: ")


def test_nonsense_fails_every_field_of_the_group() -> None:
    answers, _, _ = ask(["What a cake."] * 2)
    assert {a.status for a in answers.values()} == {"failed"}
    assert all("not valid JSON" in str(a.reason) for a in answers.values())


@pytest.mark.parametrize("text", ["x" * 121, "", "   ", None, 7])
def test_a_text_that_does_not_fit_is_asked_again(text: Any) -> None:
    _, model, _ = ask([craft(item(text)), craft()])
    assert len(model.history) == 2


def test_too_many_items_are_asked_again_and_none_is_dropped_in_silence() -> None:
    many = craft(*(item(f"Step {n}") for n in range(5)))
    answers, model, _ = ask([many, many])
    assert (len(model.history), answers["course"].status) == (2, "failed")


def test_a_call_that_is_cut_is_split() -> None:
    cut = ReplyError("the reply was cut at 9 tokens")
    answers, model, _ = ask([cut, {"tricks": []}, {"course": [item("Stir.")]}])
    assert [a.status for a in answers.values()] == ["unknown", "answered"]
    assert model.asked == [("tricks", "course"), ("tricks",), ("course",)]


def test_a_field_that_is_cut_by_itself_has_failed() -> None:
    cut = ReplyError("the reply was cut at 9 tokens")
    answers, _, _ = ask([cut, cut, cut])
    assert [(a.status, a.reason) for a in answers.values()] == [("failed", str(cut))] * 2


def test_a_group_that_the_endpoint_refuses_has_failed() -> None:
    answers, _, _ = ask([ModelRequestError("the grammar is too large")])
    assert {a.reason for a in answers.values()} == {"the grammar is too large"}


def test_an_endpoint_that_cannot_be_used_is_no_answer() -> None:
    with pytest.raises(ModelAccessError):
        ask([ModelAccessError("wrong key")])


def test_each_field_is_told_once() -> None:
    model = Scripted([json.dumps(craft())])
    told: list[str] = []
    context = asking(model, CAKE, taxonomy=COOKBOOK)
    object.__setattr__(context, "told", lambda asked: told.append(asked.name))
    asyncio.run(ask_fields(context, chunk_of(CAKE), field_groups(COOKBOOK, context.method)[CRAFT]))
    assert told == ["tricks", "course"]


def test_a_small_model_chooses_the_beginning_of_a_sentence() -> None:
    reply = craft(short_item("Stir it well.", "Stir the dough for"))
    answers, model, _ = ask([reply], CRAFT, method="embedded")
    [found] = answers["course"].items
    assert [(e.quote, e.match) for e in found.evidence] == [
        ("Stir the dough for ten minutes!", "exact")
    ]
    schema = model.history[0].schema or {}
    assert "Stir the dough for" in schema["$defs"]["beginning"]["enum"]
    assert len(model.history) == 1


def test_a_small_model_that_chooses_otherwise_is_located() -> None:
    reply = craft(short_item("Ripe.", "plums must be very ripe"), tricks=[
        short_item("Rest.", "Whisk the batter all night", inferred=True)])  # fmt: skip
    answers, model, _ = ask([reply], CRAFT, method="embedded")
    assert answers["course"].items[0].evidence[0].match == "exact"
    assert answers["tricks"].items[0].evidence[0].match == "not_found"
    assert len(model.history) == 1


def test_a_small_model_gets_the_date_out_of_its_sentence() -> None:
    reply = dish(short_item("Sold out", "On Tuesday it was sold", clue=""))
    [found] = ask([reply], DISH, method="embedded")[0]["season"].items
    assert found.when is not None
    assert str(found.when.start) == "2019-02-12"


def test_a_text_of_a_small_model_that_is_cut_ends_at_a_word() -> None:
    long = "Stir the dough until it is smooth and shiny, and only then put the plums"
    reply = craft(short_item(long, "Stir the dough for"))
    [found] = ask([reply], CRAFT, method="embedded")[0]["course"].items
    assert found.text == "Stir the dough until it is smooth and shiny, and only then …"


def test_a_blank_article_gives_a_schema_without_choices() -> None:
    blank = Article(id="1", text="   ")
    answers, model, _ = ask([NOTHING], CRAFT, blank, method="embedded")
    assert {a.status for a in answers.values()} == {"unknown"}
    assert "enum" not in (model.history[0].schema or {})["$defs"]["beginning"]


def test_a_reply_cannot_be_longer_than_the_call_allows() -> None:
    _, model, context = ask([craft()])
    assert model.history[0].max_tokens == 7 * context.method.tokens_per_item


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("ripe plums", "The plums must be very ripe, or it gets sour."),
        ("TEN minutes", "Stir the dough for ten minutes!"),
        ("it is sold", "On Tuesday it was sold out."),
        ("nothing here", None),
        ("", None),
    ],
)
def test_the_sentence_most_like_a_text_shares_its_rare_words(text: str, like: str | None) -> None:
    found = Sentences(chunk_of(CAKE), {CAKE.id: CAKE}).like(text)
    assert (found and found.quote) == like


def test_no_sentence_is_like_anything_where_there_is_none() -> None:
    blank = Article(id="1", text=" . ")
    assert Sentences(chunk_of(blank), {"1": blank}).like("plums") is None


def test_a_small_model_has_its_words_shown_by_the_sentence_most_like_them() -> None:
    reply = craft(short_item("The plums are ripe", "Stir the dough for"))
    [found] = ask([reply], method="embedded")[0]["course"].items
    assert found.evidence[0].quote == "The plums must be very ripe, or it gets sour."
