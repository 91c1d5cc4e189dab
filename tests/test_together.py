"""What many wait for is done together: each gets its own outcome, come what may."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from classifier.models.together import Together


class Doubling:
    """Doubles numbers; keeps what it was given at a time."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        time.sleep(0.01)
        if 13 in numbers:
            raise ValueError("not 13")
        return [2 * n for n in numbers]


def test_what_comes_up_meanwhile_is_done_together() -> None:
    doubling = Doubling()

    async def work() -> list[int]:
        together = Together(doubling)
        first = asyncio.create_task(together.do(1))
        await asyncio.sleep(0.002)
        return [await first, *await asyncio.gather(*map(together.do, (2, 3, 4)))]

    assert asyncio.run(work()) == [2, 4, 6, 8]
    assert len(doubling.batches) <= 3


def test_an_error_goes_to_those_who_asked_and_to_no_later_one() -> None:
    async def work() -> int:
        together = Together(Doubling())
        with pytest.raises(ValueError, match="not 13"):
            await together.do(13)
        return await together.do(5)

    assert asyncio.run(work()) == 10


def test_what_was_asked_for_is_done_though_its_asker_is_cancelled() -> None:
    doubling = Doubling()

    async def work() -> int:
        together = Together(doubling)
        given_up = asyncio.create_task(together.do(1))
        await asyncio.sleep(0)
        given_up.cancel()
        return await together.do(2)

    assert asyncio.run(work()) == 4
    assert [one for batch in doubling.batches for one in batch] == [1, 2]
