"""The benchmarks of batch runs: what their stub answers, and what they measure, without a clock."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from cooking import incident
from scripted import Scripted, opened, plays, recipes

from classifier.answers import read_typed, typed_schema
from classifier.models.embedded import EmbeddedServer
from classifier.models.structured import schema_format
from classifier.records import Incident
from classifier.taxonomy import Taxonomy, load_taxonomy

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

import batch_corpus
import batch_stub
import embedded_slots
from batch_overhead import Stretch


@pytest.mark.parametrize("taxonomy", [recipes(), load_taxonomy()], ids=lambda t: t.name)
def test_the_stub_answers_every_category_by_a_quote(taxonomy: Taxonomy) -> None:
    categories, method = tuple(taxonomy.categories.values()), taxonomy.methods["hosted"]
    body = batch_stub.completion(schema_format(typed_schema(categories, method), strictly=False))
    said = json.loads(json.loads(body)["choices"][0]["message"]["content"])
    answers = [read_typed(said, category, method) for category in categories]
    assert all(a.applied == (c.names[0],) for a, c in zip(answers, categories, strict=True))
    assert all(o.quotes[0] in batch_stub.article(7, 900)["text"] for a in answers for o in a.options
               if o.applies)  # fmt: skip


def test_a_stretch_counts_what_lies_between_its_steps() -> None:
    stretch = Stretch(2, 4)
    for calls in (1, 5, 3, 4, 9):
        stretch.step(calls)
    assert stretch.lap is not None
    assert stretch.lap.calls == 7


def test_a_run_is_finished_but_for_one_report(tmp_path: Path) -> None:
    reports = tmp_path / "reports.jsonl"
    reports.write_text('{"incident": {"id": "a0"}}\n{"incident": {"id": "a2"}}\n')
    batch_corpus.finish_but_one(reports, 5)
    ids = [json.loads(line)["incident"]["id"] for line in reports.read_text().splitlines()]
    assert ids == ["a0", "a2", "a1", "a3"]


def test_so_many_articles_at_a_time_are_classified() -> None:
    model = Scripted(plays(recipes(), {}), pause=0.001)
    given = [Incident(id=i.id, articles=i.articles) for i in (incident(0), incident(1))]
    incidents = embedded_slots.repeated(given, 5)
    work = embedded_slots.classified(incidents, recipes(), opened(model, method="embedded"), 2)
    took = asyncio.run(work)
    assert (took.at_once, took.reports, model.most_at_once) == (2, 5, 2)
    assert len({i.id for i in incidents}) == 5


def test_each_slot_has_the_whole_context(tmp_path: Path) -> None:
    fake = SimpleNamespace(
        CommonParams=lambda: SimpleNamespace(model=SimpleNamespace()),
        llama_pooling_type=SimpleNamespace(LLAMA_POOLING_TYPE_LAST=3),
    )
    params = EmbeddedServer(tmp_path / "w", context_tokens=1000, slots=4)._parameters(fake)
    assert (params.n_parallel, params.n_ctx) == (4, 4000)
