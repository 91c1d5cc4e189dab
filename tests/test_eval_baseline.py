"""Tests of the baseline's file, and of what must fit before the gate compares with it."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import pytest
from cooking import gold, incident, predicted, with_another_text
from scripted import RECIPES as FOLDER
from scripted import recipes

from classifier.errors import ConfigurationError, InputError
from classifier.models.seam import ModelInfo
from classifier.taxonomy import Taxonomy
from eval.baseline import (
    Baseline,
    baseline_of,
    check_model,
    check_taxonomy,
    gold_of,
    load_baseline,
    save_baseline,
)
from eval.blame import line_digests
from eval.gold import Gold, GoldIncident
from eval.predictions import Predictions
from eval.running import Scope

RECIPES = recipes()
INFO = ModelInfo(name="m", method="hosted", context_tokens=9000, digest="d" * 64, endpoint="e")


def made(told: Predictions | None = None, taxonomy: Taxonomy = RECIPES) -> Baseline:
    return baseline_of(
        gold(3),
        told or predicted(gold(3)),
        taxonomy,
        INFO,
        model_setting="embedded:m",
        lines=line_digests(FOLDER),
    )


def test_it_reads_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "base.json"
    save_baseline(made(), path)
    assert load_baseline(path) == made()
    assert [f.name for f in path.parent.iterdir()] == ["base.json"]


def test_it_holds_what_the_gate_must_know() -> None:
    baseline = made()
    assert (baseline.taxonomy, baseline.model_setting, baseline.method) == (
        "recipes",
        "embedded:m",
        "hosted",
    )
    assert (baseline.model.name, baseline.model.digest) == ("m", INFO.digest)
    assert baseline.options["course"] == ("starter", "main", "dessert")
    assert list(baseline.incidents) == ["r00", "r01", "r02"]
    assert len(baseline.lines["categories/course.yaml"]) == 9
    assert baseline.explain


def test_its_answers_are_predictions_again() -> None:
    told = predicted(gold(3), {"r01": {"course": ("dessert",), "garnish": ("cream",)}})
    again = made(told).predictions
    assert again.source == "the baseline"
    assert {n: (dict(p.options), dict(p.status)) for n, p in again.items.items()} == {
        n: (dict(p.options), dict(p.status)) for n, p in told.items.items()
    }


def test_what_had_failed_is_a_failure_again() -> None:
    items = {n: p for n, p in predicted(gold(3)).items.items() if n != "r01"}
    again = made(Predictions(items, "x", {"r01": "too long"})).predictions
    assert (set(again.items), set(again.failures)) == ({"r00", "r02"}, {"r01"})


def test_it_says_whether_options_were_explained() -> None:
    assert not made(taxonomy=Scope(explain=False).of(RECIPES)).explain


def broken(baseline: Baseline, **changed: Any) -> str:
    return json.dumps(json.loads(baseline.model_dump_json()) | changed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no baseline: the file: Invalid JSON"),
        ("[1]", "is no baseline: the file: "),
        ('{"schema_version": 1}', "is no baseline: taxonomy: Field required"),
        (broken(made(), schema_version=2), "is no baseline: schema_version: "),
        (broken(made(), extra=1), "is no baseline: extra: "),
        (broken(made(), incidents=["r00"]), "is no baseline: incidents: "),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "base.json"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        load_baseline(path)
    assert str(error.value).startswith(f"{str(path)!r} {said}")
    assert str(error.value).endswith("Make one with `classifier eval bless`.")


@pytest.mark.parametrize("name", ["none.json", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"cannot be read: .* Make one with `classifier eval ble"):
        load_baseline(tmp_path / name)


def test_a_place_that_takes_no_file_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "base.json", tmp_path / "folder"):
        with pytest.raises(ConfigurationError, match=r"baseline '.*' cannot be written: "):
            save_baseline(made(), path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "mine"


def test_a_disk_that_is_full_leaves_the_old_baseline(tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    path.write_text("mine")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, old[1]))  # no file can grow beyond
    try:
        with pytest.raises(ConfigurationError, match="cannot be written: File too large"):
            save_baseline(made(), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert [(f.name, f.read_text()) for f in tmp_path.iterdir()] == [("base.json", "mine")]


def test_the_gold_of_the_baseline_is_picked_from_more() -> None:
    assert gold_of(made(), gold(9)).incidents == gold(3).incidents


def test_gold_that_is_not_the_baselines_is_refused_with_what_differs() -> None:
    labelled = incident(0, labels={"course": ("main",)})
    with pytest.raises(ConfigurationError) as error:
        gold_of(made(), Gold((labelled, incident(1)), "gold/new"))
    assert str(error.value).startswith(
        "The gold of gold/new is not the baseline's: r02 missing; r00 with another text or other "
        "labels."
    )


@pytest.mark.parametrize(
    "changed",
    [
        incident(0, labels={"course": ("main",)}),
        with_another_text(incident(0)),
    ],
)
def test_gold_with_another_text_or_label_is_refused(changed: GoldIncident) -> None:
    with pytest.raises(ConfigurationError, match=r"baseline's: r00 with another text or other"):
        gold_of(made(), Gold((changed, *gold(3).incidents[1:]), "gold"))


def test_what_changes_no_label_and_no_text_is_let_be() -> None:
    noted = incident(0, notes="I was not sure.")
    assert len(gold_of(made(), Gold((noted, *gold(3).incidents[1:]), "gold")).incidents) == 3


def test_another_taxonomy_is_refused() -> None:
    other = RECIPES.model_copy(update={"name": "soups"})
    with pytest.raises(ConfigurationError, match=r"taxonomy 'recipes', and 'soups' .*--taxonomy r"):
        check_taxonomy(made(), other)


def test_categories_that_went_or_have_other_options_are_refused() -> None:
    course = RECIPES.categories["course"]
    fewer = course.model_copy(update={"options": course.options[:2]})
    kept = {n: c for n, c in RECIPES.categories.items() if n not in ("garnish", "course")}
    changed = RECIPES.model_copy(update={"categories": {"course": fewer, **kept}})
    with pytest.raises(ConfigurationError, match=r"The options of course, garnish are not those"):
        check_taxonomy(made(), changed)


def test_new_wording_and_a_new_category_fit() -> None:
    heat = RECIPES.categories["heat"].model_copy(update={"name": "smell"})
    wider = RECIPES.model_copy(update={"categories": {**RECIPES.categories, "smell": heat}})
    check_taxonomy(made(), wider)


def other(**changed: Any) -> ModelInfo:
    values = {k: getattr(INFO, k) for k in ("name", "method", "context_tokens", "digest")}
    return ModelInfo(**values | changed)


def test_another_model_is_refused_by_name_and_by_weights() -> None:
    check_model(made(), other())
    with pytest.raises(ConfigurationError, match=r"answered by m .*, and n .* is asked now.*bless"):
        check_model(made(), other(name="n"))
    with pytest.raises(ConfigurationError, match=r"m \(weights dddddddddddd\), and m \(weights e"):
        check_model(made(), other(digest="e" * 64))


def test_models_at_an_endpoint_have_no_weights_to_name() -> None:
    hosted = made().model_copy(update={"model": made().model.model_copy(update={"digest": None})})
    with pytest.raises(ConfigurationError) as error:
        check_model(hosted, other(name="n", digest=None))
    assert "None" not in str(error.value)
