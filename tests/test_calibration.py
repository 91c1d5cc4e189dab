import json
import math

import pytest

from classifier.batch.estimating import settled
from classifier.calibration import (
    Calibration,
    CategoryFit,
    Fit,
    GoldRef,
    Input,
    Point,
    State,
    Weights,
    load_calibration,
    log_odds,
    mean_scores,
    mean_state,
)
from classifier.errors import ConfigurationError
from classifier.records import ModelRef
from classifier.vocabulary import Vocabulary

SCORES = {"diet": {"meat": 0.8, "vegan": 0.4}}
MODEL = ModelRef(name="small", digest="d" * 64)


def weights(bias=0.0, meat=1.0, vegan=0.0):
    inputs = {"diet/meat": Input(mean=0.5, deviation=2), "diet/vegan": Input(mean=0, deviation=1)}
    fit = Fit(bias=bias, weights=(meat, vegan))
    return Weights(
        inputs=inputs, categories={"diet": CategoryFit(inputs=tuple(inputs), options={"meat": fit})}
    )


def calibration(**changes):
    given = {
        "taxonomy": "recipes 1",
        "questions_sha256": "q",
        "model": MODEL,
        "method": "embedded",
        "gold": GoldRef(source="gold", incidents=("r1", "r2"), sha256="g"),
        "threshold": 0.5,
        "measured": {"exact": 0.5},
        "curve": (),
        "weights": weights(),
    }
    return Calibration(**given | changes)


def test_a_probability_is_the_logistic_of_the_weighed_standardised_scores():
    told = weights(bias=0.3, meat=2.0, vegan=-1.0).probabilities(SCORES)
    odds = 0.3 + 2 * (math.log(4) - 0.5) / 2 - math.log(0.4 / 0.6)
    assert told["diet"]["meat"] == pytest.approx(1 / (1 + math.exp(-odds)))


def test_a_score_that_is_missing_counts_as_its_mean():
    alone = {"diet": {"vegan": 0.4}}
    at_mean = {"diet": {"vegan": 0.4, "meat": 1 / (1 + math.exp(-0.5))}}
    told = [weights().probabilities(s)["diet"]["meat"] for s in (alone, at_mean)]
    assert told[0] == pytest.approx(told[1])


def test_the_words_of_the_text_are_weighed_beside_the_scores():
    fit = Fit(bias=0, weights=(0.0, 0.0), words=(2.0, 4.0))
    category = weights().categories["diet"].model_copy(update={"options": {"meat": fit}})
    of = {**dict(weights()), "categories": {"diet": category}}
    told = Weights(**of | {"vocabulary": Vocabulary(idf={"roast": 1, "stew": 1})})
    odds = (2 + 4) / math.sqrt(2)
    said = told.probabilities(SCORES, "Roast and stew")["diet"]["meat"]
    assert said == pytest.approx(1 / (1 + math.exp(-odds)))
    assert told.probabilities(SCORES)["diet"]["meat"] == 0.5


def with_state(**changes):
    fit = Fit(bias=0, weights=(0.0, 0.0), state=(3.0, 1.0))
    category = weights().categories["diet"].model_copy(update={"options": {"meat": fit}})
    state = State(mean=(10.0, 0.0), scale=(0.5, 2.0))
    return Weights(
        **{**dict(weights()), "categories": {"diet": category}, "state": state, **changes}
    )


def test_the_state_is_weighed_beside_the_scores():
    said = with_state().probabilities(SCORES, state=(12.0, -0.25))["diet"]["meat"]
    assert said == pytest.approx(1 / (1 + math.exp(-(3 * 2 * 0.5 - 0.25 * 2))))


@pytest.mark.parametrize("state", [(), (12.0,), (12.0, 1.0, 1.0)])
def test_a_state_that_is_missing_or_of_another_model_counts_as_its_mean(state):
    assert with_state().probabilities(SCORES, state=state)["diet"]["meat"] == 0.5


def test_weights_of_another_state_are_refused():
    with pytest.raises(ValueError, match="meat has 2 weights for another state"):
        with_state(state=None)
    with pytest.raises(ValueError, match="1 scales for 2 means"):
        State(mean=(1.0, 2.0), scale=(1.0,))


def test_the_state_of_an_incident_is_the_mean_of_its_chunks():
    assert mean_state([(1.0, 2.0), (), (3.0, 6.0)]) == (2.0, 4.0)
    assert mean_state([(), ()]) == ()


def test_what_was_not_scored_is_told_from_the_rest():
    told = weights(bias=0.3).probabilities({"course": {"main": 0.9}})
    assert told["diet"]["meat"] == pytest.approx(1 / (1 + math.exp(-0.3)))


def test_scores_are_asked_for_where_they_are_read_or_all_there_is():
    read = weights()
    fit = CategoryFit(inputs=(), options={"meat": Fit(bias=1, weights=())})
    blind = Weights(inputs={}, categories={"diet": fit})
    assert (read.asks("diet"), blind.asks("diet")) == (True, False)
    assert blind.asks("course")


@pytest.mark.parametrize("sure", [0.0, 1.0])
def test_a_certain_model_gives_no_infinite_odds(sure):
    assert math.isfinite(log_odds({"diet": {"meat": sure}})["diet/meat"])
    assert 0 < weights(meat=50).probabilities({"diet": {"meat": sure}})["diet"]["meat"] <= 1


def test_several_chunks_have_the_mean_of_their_odds():
    mean = mean_scores([{"diet": {"meat": 0.9}}, {"diet": {"meat": 0.1}}])
    assert mean == {"diet": {"meat": pytest.approx(0.5)}}


def test_a_chunk_whose_call_failed_is_left_out_of_the_mean():
    assert mean_scores([{}, SCORES])["diet"]["meat"] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("model", "method", "questions", "why"),
    [
        (MODEL, "embedded", "q", None),
        (MODEL.model_copy(update={"name": "renamed"}), "embedded", "q", None),
        (ModelRef(name="small", digest="e" * 64), "embedded", "q", "fitted for small (dddd"),
        (ModelRef(name="small", endpoint="http://x"), "embedded", "q", "not for small (http://x)"),
        (MODEL, "hosted", "q", "for the method 'embedded', not 'hosted'"),
        (MODEL, "embedded", "r", "the questions have changed"),
    ],
)
def test_it_fits_one_model_one_method_and_its_questions(model, method, questions, why):
    said = calibration().mismatch(model, method, questions)
    assert said == why if why is None else why in said


@pytest.mark.parametrize(("precision", "least"), [(0.5, 0.2), (0.7, 0.6), (0.9, 0.9), (0.95, None)])
def test_a_precision_is_reached_from_a_confidence_on(precision, least):
    points = [(0.9, 0.9), (0.6, 0.8), (0.4, 0.65), (0.2, 0.5)]
    curve = tuple(Point(confidence=c, exact=e) for c, e in points)
    assert calibration(curve=curve).confidence_for(precision) == least
    assert calibration(curve=curve).best_precision == 0.9


def test_it_outlives_its_file(tmp_path):
    file = tmp_path / "c.json"
    file.write_text(calibration().to_json())
    read = load_calibration(file)
    assert (read, read.sha256) == (calibration(), calibration().sha256)


def broken(**changes):
    whole = json.loads(calibration().to_json()) | changes
    return json.dumps(whole, separators=(",", ":"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read: No such file"),
        ("", "is no calibration"),
        ("[]", "is no calibration"),
        (broken(secret=1), "secret: Extra inputs"),
        (broken(threshold=0), "threshold"),
        (broken().replace("[1.0,0.0]", "[1.0]"), "meat has 1 weights for 2 inputs"),
        (broken().replace('"idf":{}', '"idf":{"roast":1}'), "meat has 0 weights for 1 words"),
        (broken().replace('["diet/meat"', '["diet/fish"'), "'diet/fish' is not among the inputs"),
        (broken().replace('"bias":0.0', '"bias":NaN'), "finite number"),
        (broken().replace('"deviation":2.0', '"deviation":0.0'), "greater than 0"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_place(tmp_path, text, said):
    file = tmp_path / "c.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_calibration(file)
    assert said in str(caught.value)
    assert "classifier calibrate" in str(caught.value)


@pytest.mark.parametrize("gates", [frozenset(), None])
def test_a_calibration_that_is_settled_asks_for_the_same_and_is_sure(gates):
    state = State(mean=(1.0, 2.0), scale=(1.0, 1.0))
    fits = {o: Fit(bias=0, weights=(1.0, -1.0), state=(0.5, 0.5)) for o in ("meat", "unknown")}
    diet = CategoryFit(inputs=tuple(weights().inputs), options=fits)
    read = Weights(inputs=weights().inputs, categories={"diet": diet}, state=state)
    sure = settled(calibration(weights=read), gates).weights
    told = sure.probabilities(SCORES, "some text", (5.0, 5.0))["diet"]
    assert (told["meat"] > 0.99, told["unknown"] > 0.99) == (gates is not None, gates is None)
    assert (sure.asks("diet"), sure.state) == (True, state)


def test_what_opens_a_gate_is_the_surest():
    fits = {o: Fit(bias=0, weights=()) for o in ("starter", "dessert")}
    read = Weights(inputs={}, categories={"course": CategoryFit(inputs=(), options=fits)})
    sure = settled(calibration(weights=read), {("course", "dessert")}).weights
    told = sure.probabilities({})["course"]
    assert max(told, key=told.get) == "dessert"
