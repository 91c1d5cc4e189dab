"""Hidden states on their way through the pipeline: who asks for them, and who reads them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from classifier.asking.scored import questions_sha256
from classifier.calibration import Calibration, CategoryFit, Fit, GoldRef, Input, State, Weights
from classifier.models.seam import Message, OpenModel, Reply, Request
from classifier.models.stateful import Stateful
from classifier.pipeline import classify_incident, score_incident
from classifier.records import Incident, ModelRef, Report
from classifier.taxonomy import Taxonomy
from tests.scripted import Scripted, article, opened, recipes, scored_reply

RECIPES = recipes()
WORDING = {**RECIPES.wording, "state": "Which dish is it?", "state_start": "It is a:"}
ASKS = RECIPES.model_copy(update={"wording": WORDING})
INCIDENT = Incident(id="i", articles=(article(),))
STATE = (4.0, 0.0)


def says(request: Request) -> Reply:
    if request.state:
        return Reply("", "stop", state=STATE)
    if request.embed:
        return Reply("", "stop", embeddings=((1.0, 2.0),) * len(request.embed.spans))
    assert request.schema is not None
    return scored_reply(dict.fromkeys(request.schema["properties"], 0.1))


def model(*, states: bool = True, layers: int = 0) -> OpenModel:
    made = opened(Scripted(says), method="embedded")
    return replace(made, info=replace(made.info, states=states, layers=layers))


def calibrated(*, reads: bool = True) -> Taxonomy:
    """A calibration of the diet alone, which is vegan where the state's first number is high."""
    method = ASKS.methods["embedded"].model_copy(update={"explain": False})
    taxonomy = ASKS.model_copy(update={"methods": {**ASKS.methods, "embedded": method}})
    fits = {
        name: Fit(bias=-2, weights=(), state=(k, 0.0) if reads else ())
        for name, k in (
            ("meat", 0.0),
            ("vegan", 1.0),
            ("vegan_with_changes", 0.0),
            ("unknown", 0.0),
        )
    }
    made = Calibration(
        taxonomy="recipes 1",
        questions_sha256=questions_sha256(taxonomy, method),
        model=ModelRef(name="scripted"),
        method="embedded",
        gold=GoldRef(source="gold", incidents=("r",), sha256="g"),
        threshold=0.5,
        measured={},
        curve=(),
        weights=Weights(
            inputs={},
            categories={"diet": CategoryFit(inputs=(), options=fits)},
            state=State(mean=(0.0, 0.0), scale=(1.0, 1.0)) if reads else None,
        ),
    )
    return taxonomy.model_copy(update={"calibrations": (made,)})


def asked(opened_model: OpenModel) -> list[bool]:
    assert isinstance(opened_model.model, Scripted)
    return [request.state for request in opened_model.model.history]


def classified(taxonomy: Taxonomy, by: OpenModel) -> Report:
    return asyncio.run(classify_incident(INCIDENT, taxonomy, by))


def test_a_calibration_that_reads_states_decides_by_them() -> None:
    by = model()
    diet = classified(calibrated(), by).categories["diet"]
    assert diet.options == ("vegan",)
    assert {f.option: f.confidence for f in diet.findings}["vegan"] == pytest.approx(0.8808)
    assert asked(by)[0]
    assert sum(asked(by)) == 1


@pytest.mark.parametrize(("reads", "states"), [(False, True), (True, False)])
def test_a_state_that_nobody_reads_or_gives_is_not_asked_for(reads: bool, states: bool) -> None:
    by = model(states=states)
    told = classified(calibrated(reads=reads), by)
    assert told.categories["diet"].status == "unknown"
    assert not any(asked(by))


def test_what_a_calibration_does_not_know_is_decided_by_its_scores() -> None:
    told = classified(calibrated(), model())
    [finding] = [f for f in told.audit if f.check == "uncalibrated"]
    assert "no labels for course, garnish, baked, heat" in finding.message
    assert {d.status for d in told.categories.values()} <= {"answered", "unknown", "not_applicable"}


@pytest.mark.parametrize(
    ("taxonomy", "states", "state"), [(ASKS, True, STATE), (RECIPES, True, ()), (ASKS, False, ())]
)
def test_scoring_gives_the_state_where_there_is_one(
    taxonomy: Taxonomy, states: bool, state: tuple[float, ...]
) -> None:
    by = model(states=states)
    diet = taxonomy.categories["diet"]
    scored = asyncio.run(score_incident(INCIDENT, taxonomy, by, [diet]))
    assert scored.state == state
    assert scored.scores["diet"]["meat"] == pytest.approx(0.1)


class Slow:
    """A model and its states that note when they begin and end, which a test allows."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.may_end = asyncio.Event()

    async def ask(self, request: Request) -> Reply:
        name = request.messages[0].content
        self.said.append(name)
        await self.may_end.wait()
        self.said.append(f"/{name}")
        return Reply("", "stop")

    state = ask


async def begun(both: Stateful, name: str) -> asyncio.Task[Reply]:
    """A call that was made, and began if it may."""
    request = Request((Message("user", name),), max_tokens=1, state=name == "state")
    task = asyncio.create_task(both.ask(request))
    for _ in range(5):
        await asyncio.sleep(0)
    return task


def test_a_state_is_not_kept_waiting_by_one_text_after_the_other() -> None:
    async def work() -> list[str]:
        slow = Slow()
        both = Stateful(slow, slow, None)  # type: ignore[arg-type]
        calls = [await begun(both, name) for name in ("text 1", "state", "text 2", "text 3")]
        slow.may_end.set()
        await asyncio.gather(*calls)
        return slow.said

    said = asyncio.run(work())
    assert said[:4] == ["text 1", "/text 1", "state", "/state"]
    assert {"text 2", "text 3"} < set(said[4:])


def test_a_state_that_is_cancelled_while_it_waits_holds_nothing_up() -> None:
    async def work() -> list[str]:
        slow = Slow()
        both = Stateful(slow, slow, None)  # type: ignore[arg-type]
        one, state, two = [await begun(both, name) for name in ("text", "state", "text")]
        state.cancel()
        await asyncio.wait((state,))
        await asyncio.wait_for(asyncio.sleep(0.01), 1)
        before = list(slow.said)
        slow.may_end.set()
        await asyncio.gather(one, two)
        return before

    assert asyncio.run(work()) == ["text", "text"]


def test_a_report_says_that_it_was_decided_without_a_state() -> None:
    told = classified(calibrated(), model(states=False))
    [finding] = [f for f in told.audit if f.check == "decided-on-less"]
    assert "reads the model's state, which the model did not give" in finding.message


def test_a_report_says_that_it_was_decided_without_scores() -> None:
    def mute(request: Request) -> Reply:
        told = says(request)
        asked = (request.schema or {}).get("properties", ())
        return replace(told, logprobs=()) if "starter" in asked else told

    taxonomy = calibrated()
    [made] = taxonomy.calibrations
    weights = made.weights.model_copy(
        update={"inputs": {"course/main": Input(mean=0, deviation=1)}}
    )
    taxonomy = taxonomy.model_copy(
        update={"calibrations": (made.model_copy(update={"weights": weights}),)}
    )
    by = model()
    report = classified(taxonomy, replace(by, model=Scripted(mute)))
    [finding] = [f for f in report.audit if f.check == "decided-on-less"]
    assert "reads scores of course, which" in finding.message
    assert [report.categories[c].status for c in ("course", "diet")] == ["failed", "answered"]


def embedding() -> Taxonomy:
    """A calibration of the diet alone, which is vegan where an embedding's first number is high."""
    taxonomy = calibrated(reads=False)
    [made] = taxonomy.calibrations
    fits = {
        name: fit.model_copy(update={"embedding": (4.0 if name == "vegan" else 0.0, 0.0)})
        for name, fit in made.weights.categories["diet"].options.items()
    }
    weights = Weights(
        inputs={},
        categories={"diet": CategoryFit(inputs=(), options=fits)},
        embedding=State(mean=(0.0, 0.0), scale=(1.0, 1.0)),
    )
    update = {"weights": weights, "layers": 2}
    return taxonomy.model_copy(update={"calibrations": (made.model_copy(update=update),)})


def test_a_calibration_that_reads_embeddings_decides_by_them() -> None:
    by = model(layers=4)
    told = classified(embedding(), by)
    assert told.categories["diet"].options == ("vegan",)
    assert not [f for f in told.audit if f.check == "decided-on-less"]
    assert isinstance(by.model, Scripted)
    assert [r.embed.layers for r in by.model.history if r.embed] == [2]


def test_several_chunks_are_decided_by_their_own_sentences() -> None:
    small = replace(model(layers=4), info=replace(model(layers=4).info, context_tokens=860))
    long = Incident(id="i", articles=(article("It rises in the oven for an hour. " * 60),))
    told = asyncio.run(classify_incident(long, embedding(), small))
    assert told.provenance.chunks > 1
    assert told.categories["diet"].options == ("vegan",)


@pytest.mark.parametrize("layers", [0, 4])
def test_a_report_says_that_it_was_decided_without_embeddings(layers: int) -> None:
    def mute(request: Request) -> Reply:
        return Reply("", "stop") if request.embed else says(request)

    by = replace(model(layers=layers), model=Scripted(mute))
    [finding] = [f for f in classified(embedding(), by).audit if f.check == "decided-on-less"]
    assert "embeddings of all sentences, 3 of them, which the model did not give" in finding.message


def test_scoring_gives_the_embeddings_of_as_many_layers_as_are_asked_for() -> None:
    scored = [
        asyncio.run(score_incident(INCIDENT, ASKS, model(layers=4), [], layers))
        for layers in (0, 3)
    ]
    assert [(len(s.embeddings.of), s.embedding) for s in scored] == [(0, ()), (3, (1.0, 2.0))]


def test_a_calibration_of_version_1_is_read_without_its_ranking() -> None:
    [made] = calibrated().calibrations
    told = made.model_dump(mode="json") | {"schema_version": 1, "ranking": {"idf": {}}}
    del told["layers"]
    assert Calibration.model_validate_json(json.dumps(told)) == made


def test_embeddings_without_layers_are_refused() -> None:
    [made] = embedding().calibrations
    with pytest.raises(ValidationError, match="names no layers that make them"):
        Calibration.model_validate(made.model_dump() | {"layers": 0})
