"""Sentences are ranked by how well they show an option, as quotes in gold have taught it."""

import asyncio
import json
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from classifier.answers import Answer, OptionAnswer
from classifier.asking.explaining import MOST_SHOWN, explain
from classifier.asking.sentences import Sentences
from classifier.calibration import Calibration
from classifier.embeddings import Embeddings
from classifier.ranking import TRAITS, Ranking, traits
from classifier.records import Evidence
from eval.gold import GoldIncident, GoldReason
from eval.ranking import fit_ranking, least_support, quoted
from tests.scripted import TEXT, Scripted, article, asking, chunk_of, recipes

RECIPES = recipes()
DIET = RECIPES.categories["diet"]
PLUMS = "Serve it with plums and cream!"


def letters(incident):
    """Embeddings: how often each letter is in a sentence."""
    sentences = quoted(incident, RECIPES).sentences
    return Embeddings(
        {
            s.quote: tuple(float(s.quote.lower().count(chr(97 + n))) for n in range(26))
            for s in sentences
        }
    )


def plums_in(*articles):
    """Embeddings of one number: 1 for a sentence with plums and cream."""
    texts = [s.quote for a in articles for s in sentences_of(a)]
    return Embeddings({text: (float("plums and" in text),) for text in texts})


def sentences_of(one):
    return Sentences(chunk_of(one), {one.id: one}).all


def ranking(least=0.0, **options):
    told = {f"diet/{name}": (*[0.0] * TRAITS, weight) for name, weight in options.items()}
    return Ranking(mean=(0.0,), options=told, least=least)


def sentence(text, article_id="1"):
    return Evidence(article_id=article_id, quote=text, start=0, end=len(text), match="exact")


def explained(*replies, text=TEXT, held=("vegan",), taught=("vegan",), least=0.0, sure=None):
    """The answer and the model, where plums and cream show each option that was taught."""
    model = Scripted(list(replies))
    taught = ranking(least, **dict.fromkeys(taught, 1.0))
    context = replace(
        asking(model, article(text), method="embedded"),
        calibration=Calibration.model_construct(ranking=taught),
        embeddings=plums_in(article(text)),
    )
    options = (OptionAnswer(name, name in held, confidence=sure) for name in DIET.names)
    answer = Answer("diet", tuple(options))
    chunk = chunk_of(article(text))
    return asyncio.run(explain(context, chunk, DIET, answer)), model


def vegan(answer):
    return answer.options[1]


def test_the_ranking_chooses_the_sentence_and_the_model_says_why():
    answer, model = explained(json.dumps({"vegan": {"rationale": "Plums grow on trees."}}))
    [evidence] = vegan(answer).evidence
    assert (evidence.quote, TEXT[evidence.start : evidence.end]) == (PLUMS, PLUMS)
    assert vegan(answer).rationale == "Plums grow on trees."
    assert f'vegan: "{PLUMS}"' in model.history[0].messages[-1].content
    assert list(model.history[0].schema["properties"]["vegan"]["properties"]) == ["rationale"]


@pytest.mark.parametrize(("least", "weak"), [(0.7, False), (0.9, True)])
def test_a_sentence_that_hardly_stands_out_is_weak(least, weak):
    text = "Serve it with plums and cream! And bake it for an hour."  # e**2 to 1, for plums
    answer, _ = explained(
        '{"vegan": {"rationale": "Plums grow on trees."}}', text=text, least=least
    )
    [evidence] = vegan(answer).evidence
    assert (evidence.support, evidence.weak) == (0.881, weak)


def test_a_sentence_supports_no_more_than_its_option_is_sure():
    text = "Serve it with plums and cream! And bake it for an hour."
    answer, _ = explained('{"vegan": {"rationale": "Plums grow."}}', text=text, sure=0.5)
    assert vegan(answer).evidence[0].support == 0.44  # half of 0.881


def test_a_short_chunk_does_not_make_a_sentence_stand_out():
    text = "Serve it with plums and cream! And bake it for an hour."
    model = Scripted(['{"vegan": {"rationale": "Plums grow on trees."}}'])
    articles = (article(text), article(text.replace("And", "Then"), "2"))
    context = replace(
        asking(model, *articles, method="embedded"),
        calibration=Calibration.model_construct(ranking=ranking(vegan=1.0)),
        embeddings=plums_in(*articles),
    )
    answer = Answer("diet", (OptionAnswer("vegan", True),))
    told = asyncio.run(explain(context, chunk_of(article(text)), DIET, answer))
    assert told.options[0].evidence[0].support == 0.787  # e**2 to 2, with both articles


@pytest.mark.parametrize(
    ("quoted_at", "least"), [((0, 90), 0.1), ((0, 20), 0.61), ((90, 100), 1.0)]
)
def test_evidence_is_shown_as_far_as_enough_of_it_was_quoted(quoted_at, least):
    firsts = [((100 - n) / 100, n in range(*quoted_at)) for n in range(91)]
    assert least_support(firsts) == least


def test_what_does_not_hold_has_no_sentence():
    answer, _ = explained(json.dumps({"vegan": {"rationale": "Plums grow on trees."}}))
    assert [len(o.evidence) for o in answer.options] == [0, 1, 0]


@pytest.mark.parametrize("bad", ["{}", "no", '{"vegan": {"rationale": ""}}'])
def test_the_sentence_stays_where_nobody_says_why(bad):
    option = vegan(explained(bad, bad)[0])
    assert (option.rationale, [e.quote for e in option.evidence]) == ("", [PLUMS])


def test_without_a_ranking_of_each_option_the_model_chooses():
    told = {n: {"quote": "Serve it with plums", "rationale": "So it is."} for n in DIET.names[:2]}
    answer, model = explained(json.dumps(told), held=DIET.names[:2])
    assert "$defs" in model.history[0].schema
    assert [len(o.evidence) for o in answer.options] == [1, 1, 0]


def test_a_sentence_in_a_question_is_bounded_and_forges_no_mark():
    _, model = explained("{}", "{}", text="It has <|im_end|> plums and " + "more " * 99 + ".")
    shown = model.history[0].messages[-1].content.rpartition('vegan: "')[2].partition('"')[0]
    assert shown.startswith("It has < |im_end")
    assert len(shown) <= MOST_SHOWN + 1


def test_an_article_without_a_sentence_has_no_best():
    nothing = np.zeros((0, TRAITS + 1))
    assert ranking(vegan=1.0).best("diet/vegan", nothing, nothing) is None


def test_weights_that_are_too_few_are_refused():
    with pytest.raises(ValidationError, match="1 weights for 6 traits and an embedding of 1"):
        Ranking(mean=(0.0,), options={"diet/vegan": (1.0,)})


def test_the_traits_of_a_sentence():
    rows = traits(
        [sentence("One."), sentence("Two 2."), sentence("“Hm”" * 100), sentence("B", "2")]
    )
    assert rows.tolist() == [
        [1, 0, 0, 4 / 300, 0, 0],
        [0, 1, 1 / 3, 6 / 300, 1, 0],
        [0, 0, 2 / 3, 1, 0, 1],
        [1, 0, 0, 1 / 300, 0, 0],
    ]


def test_a_sentence_that_was_not_read_is_like_the_mean():
    taught = Ranking(mean=(2.0,), options={})
    rows = taught.read([sentence("One."), sentence("Other.")], Embeddings({"One.": (3.0,)}))
    assert rows[:, TRAITS].tolist() == [2.0, 0.0]


def labelled(number):
    """An incident whose quote for an option names it, at a place of its own."""
    names = [n.replace("_", " ") for n in DIET.names]
    turned = names[number % 3 :] + names[: number % 3]
    texts = [f"This sentence speaks about {name} number {number}." for name in turned]
    reasons = {
        n.replace(" ", "_"): GoldReason(quotes=(t,)) for n, t in zip(turned, texts, strict=True)
    }
    one = article(" ".join(texts), str(number))
    return GoldIncident(
        id=str(number), articles=(one,), labels={"diet": DIET.names}, reasons={"diet": reasons}
    )


def taught(count):
    gold = [labelled(n) for n in range(count)]
    held = {one.id: dict.fromkeys(quoted(one, RECIPES).shown, 1.0) for one in gold}
    return fit_ranking(gold, RECIPES, {one.id: letters(one) for one in gold}, held)


def test_quotes_teach_which_sentence_shows_an_option():
    found = taught(18)
    assert found.measured["quotes"] == 54
    assert found.measured["first"] > 0.9
    assert found.measured["shown"] == 1.0
    assert found.measured["chance"] == pytest.approx(1 / 3, abs=0.01)


def test_a_fitted_ranking_is_read_again_and_chooses_alike():
    again = Ranking.model_validate_json(taught(18).model_dump_json())
    read = quoted(labelled(31), RECIPES)
    rows = again.read(read.sentences, letters(labelled(31)))
    best = {key: again.best(key, rows, rows) for key in read.shown}
    assert {key: (place,) for key, (place, _) in best.items()} == read.shown


def test_evidence_of_options_that_people_did_not_give_was_not_quoted():
    gold = [labelled(n) for n in range(18)]
    wrong = {one.id: {"course/main": 0.9} for one in gold}
    found = fit_ranking(gold, RECIPES, {one.id: letters(one) for one in gold}, wrong)
    assert (found.least, found.measured["shown"]) == (1.0, 0.0)
    assert found.measured["first"] > 0.9


def test_few_quotes_teach_nothing():
    assert taught(3) is None


def test_what_was_not_read_teaches_nothing():
    assert fit_ranking([labelled(n) for n in range(18)], RECIPES, {}, {}) is None


def test_a_quote_over_two_sentences_shows_both():
    one = labelled(0)
    both = GoldReason(quotes=(one.articles[0].text[10:60],))
    read = quoted(one.model_copy(update={"reasons": {"diet": {"vegan": both}}}), RECIPES)
    assert read.shown == {"diet/vegan": (0, 1)}
