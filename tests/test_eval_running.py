"""Tests of what is asked of the gold, and of runs over it that fail in part, stop and go on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from cli_tools import clean_environment
from cooking import (
    READS,
    SWAP,
    asked,
    copied,
    gold,
    incident,
    reader,
    reading,
    swapped,
    with_another_text,
)
from fake_endpoint import Answer, FakeEndpoint, failure
from scripted import Scripted, opened, plays, recipes

from classifier.batch.folder import RunFolder
from classifier.errors import (
    ClassifierError,
    ConfigurationError,
    ModelAccessError,
    ModelRequestError,
    ReplyError,
)
from classifier.models.opening import Notices
from classifier.models.seam import Request
from classifier.settings import Settings, load_settings
from classifier.taxonomy import Taxonomy, load_taxonomy
from eval.gold import Gold
from eval.prediction_files import load_predictions
from eval.predictions import Predictions, from_reports
from eval.running import Kept, Scope, ask_gold, classify_gold, run_gold

RECIPES = recipes()
ALL = ["course", "diet", "garnish", "baked", "heat"]


def classified(script: Any, of: Gold, *, method: str = "hosted", **scope: Any) -> tuple[Kept, Any]:
    """What the scripted model's answers to the gold were, and the model."""
    model, kept = Scripted(script), Kept()
    taxonomy = Scope(**scope).of(RECIPES)
    failed = asyncio.run(classify_gold(of, taxonomy, opened(model, method=method), kept, Notices()))
    assert failed == len(kept.failures)
    return kept, model


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ((), ALL),
        (("diet",), ["diet"]),
        (("heat",), ["baked", "heat"]),
        (("garnish", "diet", "garnish"), ["course", "diet", "garnish"]),
    ],
)
def test_a_scope_is_the_named_categories_and_their_gates(
    names: tuple[str, ...], chosen: list[str]
) -> None:
    assert sorted(Scope(names).of(RECIPES).categories) == sorted(chosen)


def test_a_scope_keeps_the_order_of_the_taxonomy() -> None:
    kept = list(Scope(("heat", "diet", "course")).of(RECIPES).categories)
    assert kept == [name for name in RECIPES.categories if name in kept]


def test_a_category_that_there_is_not_is_named_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"no category .desert.\. Allowed: course, "):
        Scope(("diet", "desert")).of(RECIPES)


def test_explained_or_not_is_a_part_of_every_method() -> None:
    assert all(m.explain for m in Scope().of(RECIPES).methods.values())
    assert not any(m.explain for m in Scope(explain=False).of(RECIPES).methods.values())


def test_gold_and_predictions_keep_what_is_asked() -> None:
    scope = Scope(("heat",))
    narrow = scope.gold(gold(4), scope.of(RECIPES))
    assert {*narrow.incidents[0].labels} == {"baked", "heat"}
    kept, _ = classified(reader, gold(4))
    told = scope.predictions(from_reports(kept.reports, "x"), scope.of(RECIPES)).items["r00"]
    assert {*told.options} == {*told.status} == {"baked", "heat"}


def test_without_a_named_category_strange_labels_stay_to_be_refused() -> None:
    odd = Gold((incident(0, labels={"colour": ("red",)}),), "odd")
    assert Scope().gold(odd, RECIPES) is odd
    kept, _ = classified(reader, gold(1))
    told = from_reports(kept.reports, "x")
    assert Scope().predictions(told, RECIPES) is told


def test_every_incident_is_answered_by_what_it_says() -> None:
    kept, _ = classified(reader, gold(6))
    told = from_reports(kept.reports, "x").items
    for one in gold(6).incidents:
        assert {c: o or () for c, o in one.labels.items()} == dict(told[one.id].options)


def test_only_what_is_in_the_scope_is_asked() -> None:
    _, model = classified(reader, gold(6), categories=("heat",))
    assert {name for names in model.asked for name in names} == {"baked", "heat"}


def test_options_are_explained_only_where_that_is_wanted() -> None:
    plan = plays(RECIPES, {"course": ["main"]})
    kept, model = classified(plan, gold(1), method="embedded")
    bare, quick = classified(plan, gold(1), method="embedded", explain=False)
    assert all(r.top_logprobs for r in quick.history)
    assert len(model.history) > len(quick.history)
    options = [r.reports[0].categories["course"].options for r in (kept, bare)]
    assert options == [("main",), ("main",)]


def test_an_incident_that_is_refused_is_a_failure_and_the_next_goes_on() -> None:
    def script(request: Request) -> Any:
        return ModelRequestError("too long") if "number 1." in str(request) else reader(request)

    kept, _ = classified(script, gold(3))
    assert kept.failures == {"r01": "ask: too long"}
    assert [r.incident.id for r in kept.reports] == ["r00", "r02"]


def test_replies_that_cannot_be_used_fail_their_categories_alone() -> None:
    def script(request: Request) -> Any:
        return ReplyError("no choices") if "Question baked" in str(request) else reader(request)

    kept, _ = classified(script, gold(1))
    status = {name: d.status for name, d in kept.reports[0].categories.items()}
    assert (status["baked"], status["heat"], status["course"]) == ("failed", "failed", "answered")


def test_an_endpoint_that_cannot_be_used_stops_everything() -> None:
    with pytest.raises(ModelAccessError):
        classified([ModelAccessError("a wrong key")], gold(3))


def test_twin_articles_are_a_failure_of_that_incident() -> None:
    twins = incident(0).articles * 2
    odd = incident(0).model_copy(update={"articles": twins})
    kept, _ = classified(reader, Gold((odd, incident(1)), "x"))
    assert list(kept.failures) == ["r00"]
    assert [r.incident.id for r in kept.reports] == ["r01"]


def test_progress_names_the_incident_and_how_far_it_is() -> None:
    told: list[str] = []
    notices = Notices(progress=lambda done, total, text: told.append(f"{done}/{total} {text}"))
    asyncio.run(classify_gold(gold(2), RECIPES, opened(Scripted(reader)), Kept(), notices))
    assert told[0].partition("/")[2].startswith("5 1/2 r00: ")
    assert any(line.startswith("5/5 2/2 r01: ") for line in told)


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    clean_environment(monkeypatch, tmp_path)
    return tmp_path


def settings(endpoint: FakeEndpoint, **more: Any) -> Settings:
    return load_settings(model="m", base_url=endpoint.url, tries=1, **more)


def ran(
    endpoint: FakeEndpoint, folder: Path, of: Gold, taxonomy: Taxonomy = RECIPES, **more: Any
) -> tuple[int, list[str]]:
    """The failures of a run over the gold, and what was said."""
    said: list[str] = []
    notices = Notices(say=said.append)
    failed = asyncio.run(run_gold(of, taxonomy, settings(endpoint, **more), folder, notices))
    return failed, said


def test_a_run_is_a_folder_that_can_be_scored(at_home: Path) -> None:
    with FakeEndpoint(default=READS) as endpoint:
        failed, said = ran(endpoint, at_home / "run", gold(3))
        calls = len(endpoint.requests)
    cost = f"{7 * calls} prompt tokens, {3 * calls} written."
    assert (failed, said) == (0, [f"{calls} calls, 0 answered from the cache, {cost}"])
    told = load_predictions(at_home / "run")
    assert set(told.items) == {"r00", "r01", "r02"}
    manifest = RunFolder.open(at_home / "run").manifest
    assert (manifest.model.name, manifest.input_fingerprint) == (
        "m",
        gold(3).articles_fingerprint,
    )


def test_what_failed_is_asked_again_and_what_is_done_is_not(at_home: Path) -> None:
    folder, refused = at_home / "run", ["number 1."]
    with FakeEndpoint(default=reading(refused=refused)) as endpoint:
        failed, said = ran(endpoint, folder, gold(3), cache=False)
        assert (failed, said[0][:5], [*load_predictions(folder).failures]) == (1, "r01: ", ["r01"])
        refused.clear()
        sent = len(endpoint.requests)
        failed, said = ran(endpoint, folder, gold(3), cache=False)
    assert (failed, said[0]) == (0, "Going on: 2 of 3 are done already.")
    assert all("number 1." in str(body) for body in endpoint.bodies[sent:])
    told = load_predictions(folder)
    assert (len(told.items), told.failures) == (3, {})


def test_a_finished_run_is_not_asked_again(at_home: Path) -> None:
    with FakeEndpoint(default=READS) as endpoint:
        ran(endpoint, at_home / "run", gold(2), cache=False)
        sent = len(endpoint.requests)
        assert ran(endpoint, at_home / "run", gold(2), cache=False)[0] == 0
        assert len(endpoint.requests) == sent


def test_a_run_that_died_in_the_middle_goes_on(at_home: Path) -> None:
    with FakeEndpoint(default=READS) as endpoint:
        ran(endpoint, at_home / "run", gold(3), cache=False)
        reports = at_home / "run" / "reports.jsonl"
        lines = reports.read_bytes().splitlines(keepends=True)
        reports.write_bytes(lines[0] + lines[1][:100])
        _, said = ran(endpoint, at_home / "run", gold(3), cache=False)
    assert said[0] == "Going on: 1 of 3 are done already."
    assert len(load_predictions(at_home / "run").items) == 3


def test_other_labels_do_not_make_another_run(at_home: Path) -> None:
    relabelled = Gold(tuple(incident(n, labels={"diet": ("vegan",)}) for n in range(2)), "x")
    with FakeEndpoint(default=READS) as endpoint:
        ran(endpoint, at_home / "run", gold(2))
        sent = len(endpoint.requests)
        assert ran(endpoint, at_home / "run", relabelled)[0] == 0
        assert len(endpoint.requests) == sent


@pytest.mark.parametrize("what", ["gold", "text", "taxonomy", "categories", "explain"])
def test_a_folder_of_another_run_is_refused_and_stays(at_home: Path, what: str) -> None:
    other: dict[str, Any] = {
        "gold": (gold(3), RECIPES),
        "text": (Gold((incident(0), with_another_text(incident(1))), "gold"), RECIPES),
        "taxonomy": (gold(2), recipes_with_a_change(at_home)),
        "categories": (gold(2), Scope(("diet",)).of(RECIPES)),
        "explain": (gold(2), Scope(explain=False).of(RECIPES)),
    }
    with FakeEndpoint(default=READS) as endpoint:
        ran(endpoint, at_home / "run", gold(2))
        before = kept_files(at_home / "run")
        sent = len(endpoint.requests)
        with pytest.raises(ConfigurationError, match="begun with other settings"):
            ran(endpoint, at_home / "run", *other[what])
        assert (len(endpoint.requests), kept_files(at_home / "run")) == (sent, before)


def recipes_with_a_change(folder: Path) -> Taxonomy:
    return load_taxonomy(copied(folder / "recipes", ("diet", "Who can eat it?", "Who may?")))


def kept_files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def answers(
    endpoint: FakeEndpoint, *versions: tuple[str, Taxonomy], of: Gold
) -> tuple[list[Predictions], list[str]]:
    said: list[str] = []
    told = asyncio.run(ask_gold(of, versions, settings(endpoint), Notices(say=said.append)))
    return told, said


def test_the_second_version_is_asked_what_changed_alone(at_home: Path) -> None:
    changed = load_taxonomy(swapped(at_home / "changed", *SWAP))
    with FakeEndpoint(default=READS) as endpoint:
        (old, new), said = answers(endpoint, ("old", RECIPES), ("new", changed), of=gold(3))
        calls = list(asked(endpoint.bodies))
    assert sum("course" in names for names in calls) == 6
    assert (old.source, new.source) == ("old", "new")
    assert new.items["r00"].options["course"] == ("main",)
    assert [line.partition(":")[0] for line in said] == ["old", "new"]
    assert ", 0 answered from the cache" in said[0]
    assert f"new: 3 calls, {len(calls) - 6} answered from the cache" in said[1]


def test_each_incident_is_asked_of_every_version_in_turn(at_home: Path) -> None:
    texts: list[str] = []
    notices = Notices(progress=lambda _done, _total, text: texts.append(text.rpartition(":")[0]))
    with FakeEndpoint(default=READS) as endpoint:
        versions = [("old", RECIPES), ("new", RECIPES)]
        asyncio.run(ask_gold(gold(2), versions, settings(endpoint), notices))
    turns = [f"{name}: {place}" for place in ("1/2 r00", "2/2 r01") for name in ("old", "new")]
    assert list(dict.fromkeys(texts)) == turns


def test_an_incident_may_fail_in_one_version_alone(at_home: Path) -> None:
    def behave(body: dict[str, Any]) -> Answer:
        mine = all(text in str(body) for text in ("Say when in", "number 1."))
        return failure(400, "not for me") if mine else reading()(body)

    changed = load_taxonomy(copied(at_home / "new", ("course", "When in", "Say when in")))
    with FakeEndpoint(default=behave) as endpoint:
        (old, new), _ = answers(endpoint, ("old", RECIPES), ("new", changed), of=gold(2))
    assert (set(old.items), old.failures) == ({"r00", "r01"}, {})
    assert (set(new.items), set(new.failures)) == ({"r00"}, {"r01"})


def test_a_version_without_any_report_is_no_version_to_judge(at_home: Path) -> None:
    changed = load_taxonomy(copied(at_home / "new", ("course", "When in", "Say when in")))
    with (
        FakeEndpoint(default=reading(refused=["Say when in"])) as endpoint,
        pytest.raises(ClassifierError, match=r"Of new, no incident came to a report \(ask: .*400"),
    ):
        answers(endpoint, ("old", RECIPES), ("new", changed), of=gold(2))


def test_a_method_that_a_version_lacks_is_named_before_anything_is_sent(at_home: Path) -> None:
    hosted = {"hosted": RECIPES.methods["hosted"]}
    bare = RECIPES.model_copy(update={"methods": hosted})
    with FakeEndpoint(default=READS) as endpoint:
        asking = ask_gold(
            gold(2),
            [("old", RECIPES), ("new", bare)],
            settings(endpoint, method="embedded"),
            Notices(),
        )
        with pytest.raises(ConfigurationError, match="has no method 'embedded'"):
            asyncio.run(asking)
        with pytest.raises(ConfigurationError, match="has no method 'none'"):
            ran(endpoint, at_home / "run", gold(2), method="none")
        assert endpoint.requests == []
    assert not (at_home / "run").exists()
