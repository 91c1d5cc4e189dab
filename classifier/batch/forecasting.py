"""Goes through the inputs of a run without asking: what it would take."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from classifier.batch.estimating import SAMPLE, Forecast, Rehearsed, Rehearsing, totals
from classifier.batch.inputs import Unread
from classifier.batch.job import known_of, look_at
from classifier.batch.worker import READ
from classifier.confidence import least_confidence
from classifier.models.opening import open_model, price_factor
from classifier.models.prices import tariff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from classifier.batch.job import Job, Opened
    from classifier.batch.known import Known
    from classifier.models.opening import Notices
    from classifier.records import Incident


async def forecast(job: Job, notices: Notices) -> Forecast:
    """What the job would take, without sending or writing anything.

    Raises the errors of `run_batch`, but for those of the folder that only writing tells.
    """
    begin = await asyncio.to_thread(look_at, job)
    begin.known = await asyncio.to_thread(known_of, begin)
    if begin.inputs.said:
        notices.say(begin.inputs.said)
    direct = job.settings.model_copy(update={"via": "direct"})  # nothing is sent, either way
    async with open_model(direct, notices) as model:
        least_confidence(job.settings, begin.taxonomy, model.info)
        factor = price_factor(job.settings, model.info.endpoint)
        price = tariff(model.info.name, model.info.endpoint, job.overrides, factor=factor)
        rehearsing = Rehearsing(begin.taxonomy, model, job.settings, price)
        with closing(rehearsing):
            found = await _rehearsed(begin, rehearsing, notices)
        return Forecast(
            incidents=found.incidents,
            rehearsed=len(found.loads),
            unread=found.unread,
            done=found.done,
            failed=found.failed,
            exact=model.counter.exact,
            price=None if price is None else str(price),
            least=totals([one.least for one in found.loads], found.incidents),
            most=totals([one.most for one in found.loads], found.incidents),
            requests_per_minute=job.settings.requests_per_minute,
            tokens_per_minute=job.settings.tokens_per_minute,
        )


@dataclass
class _Rehearsal:
    """What came out of going through the inputs without asking."""

    incidents: int = 0
    unread: int = 0
    done: int = 0
    failed: int = 0
    loads: list[Rehearsed] = field(default_factory=list)


async def _rehearsed(begin: Opened, rehearsing: Rehearsing, notices: Notices) -> _Rehearsal:
    found = _Rehearsal()
    stream = begin.inputs.stream()
    while len(found.loads) < SAMPLE:
        one = await asyncio.to_thread(_next_wanted, stream, begin.known, found)
        if one is None:
            break
        load = await rehearsing.rehearse(one)
        if load is None:
            found.incidents, found.failed = found.incidents - 1, found.failed + 1
            continue
        found.loads.append(load)
        notices.progress(len(found.loads), SAMPLE, "rehearsing")
    while await asyncio.to_thread(_next_wanted, stream, begin.known, found) is not None:
        pass
    return found


def _next_wanted(
    stream: Iterator[Incident | Unread], known: Known, found: _Rehearsal
) -> Incident | None:
    for one in stream:
        if isinstance(one, Unread):
            found.unread += 1
        elif one.id in known.done:
            found.done += 1
        elif known.failed.get(one.id, READ) != READ:
            found.failed += 1
        else:
            found.incidents += 1
            return one
    return None
