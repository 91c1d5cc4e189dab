"""Whole incidents through batches: the same reports as directly, in a few batches for all."""

import asyncio
from datetime import date

import pytest
from batch_asking import Asked
from fake_batches import FakeBatches
from fake_endpoint import failure, reply

from classifier.models.seam import Message, Request
from classifier.pipeline import classify_incident
from classifier.records import Incident
from tests.scripted import TEXT, Scripted, article, opened, plays, recipes

RECIPES = recipes()
CAKE = {"course": ["dessert"], "baked": ["baked"], "garnish": ["fruit"], "heat": ["fierce"]}
TODAY = date(2026, 1, 2)
PLAY = plays(RECIPES, CAKE, ["plums and cream"])


def answer(body):
    """What the scripted model says, as an endpoint sends it."""
    messages = tuple(Message(m["role"], m["content"]) for m in body["messages"])
    schema = body["response_format"]["json_schema"]["schema"]
    return reply(PLAY(Request(messages, body["max_tokens"], schema)))


def flaky():
    """Every other request fails when it comes for the first time."""
    seen = []

    def one(body):
        text = str(body["messages"])
        if text not in seen:
            seen.append(text)
            if len(seen) % 2:
                return failure(500, "oops")
        return answer(body)

    return one


async def classified(model, number):
    incident = Incident(id=f"cake-{number}", articles=(article(f"Cake {number}. {TEXT}"),))
    return await classify_incident(
        incident, RECIPES, opened(model, concurrency=4), today=lambda: TODAY
    )


async def all_of(model, count=6):
    reports = await asyncio.gather(*[classified(model, n) for n in range(count)])
    return [r.model_dump(exclude={"provenance"}) for r in reports]


async def through(asked, server):
    async with asked.open(server) as model:
        return await all_of(model)


@pytest.mark.parametrize("behaviour", [answer, flaky()], ids=["well", "flaky"])
def test_reports_are_those_of_direct_calls(tmp_path, behaviour):
    with FakeBatches(behaviour) as server:
        reports = asyncio.run(through(Asked(tmp_path), server))
        assert reports == asyncio.run(all_of(Scripted(PLAY)))
        assert len(server.batches) < 10


def test_many_incidents_share_the_batches(tmp_path):
    with FakeBatches(answer) as server:
        asyncio.run(through(Asked(tmp_path), server))
        assert len(server.batches) <= 4  # not 6 incidents times their rounds
        assert len(server.executed) >= 12
