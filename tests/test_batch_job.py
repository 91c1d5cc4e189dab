"""How many incidents and calls at a time a batch command makes of its settings."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from classifier.batch.inputs import InputOptions
from classifier.batch.job import SLOTS, Job, at_once, opening_settings
from classifier.models.seam import ModelInfo
from classifier.settings import Settings

OPTIONS = InputOptions(today=date(2026, 1, 2))


@pytest.mark.parametrize(
    ("given", "at_once", "slots"),
    [
        ({}, None, SLOTS),
        ({}, 2, 2),
        ({}, 99, SLOTS),
        ({"concurrency": 3}, 2, 3),
        ({"model": "gpt"}, 2, None),
        ({"model": "gguf:large.gguf"}, 2, None),
    ],
)
def test_a_model_here_has_a_slot_for_each_incident(
    given: dict[str, Any], at_once: int | None, slots: int | None
) -> None:
    job = Job((), OPTIONS, Settings(**{"model": "embedded", **given}), at_once=at_once)
    assert opening_settings(job).concurrency == slots


@pytest.mark.parametrize(("sequential", "incidents", "calls"), [(True, 4, 1), (False, 6, 4)])
def test_in_its_slot_an_incident_has_one_call_at_a_time(
    sequential: bool, incidents: int, calls: int
) -> None:
    info = ModelInfo("m", "embedded", 1000, concurrency=4, sequential=sequential)
    job = Job((), OPTIONS, Settings(model="embedded"))
    assert (at_once(job, info), info.calls_each) == (incidents, calls)
