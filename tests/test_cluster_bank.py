"""What a cluster leases from one place: rates and money hold for all workers together."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from virtual_time import now, virtually

from classifier.batch import parts
from classifier.batch.account import KeptLedger, load_books
from classifier.batch.cluster.bank import LOST, Bank
from classifier.batch.cluster.messages import News, Stop
from classifier.batch.cluster.till import LeasedLedger, SharedPace, Till
from classifier.errors import ClassifierError, ModelQuotaError
from classifier.models.pace import PaceLimits

USD = Decimal


def bank_in(folder: Path, cap: str | None = None, **limits: float) -> Bank:
    return Bank(str(folder), PaceLimits(**limits), cap and USD(cap), USD(0), clock=now)


async def opened(bank: Bank) -> Bank:
    assert await bank.open() == ""
    return bank


def paces(bank: Bank, count: int, at_once: int = 4) -> list[SharedPace]:
    tills = [Till(bank, str(n)) for n in range(count)]
    return [SharedPace(PaceLimits(at_once), till) for till in tills]


async def sending(pace: SharedPace, tokens: float, sent: list[float], count: int) -> None:
    """So many calls, one after the other, of a second each; `sent` gets their times."""
    for _ in range(count):
        await pace.enter(tokens)
        sent.append(now())
        await asyncio.sleep(1)
        pace.leave(tokens, tokens, well=True)


def busiest_minute(sent: list[float]) -> int:
    return max(sum(begin <= at < begin + 60 for at in sent) for begin in sent)


def sent_by_three(bank: Bank, tokens: float, count: int) -> list[float]:
    sent: list[float] = []

    async def work() -> None:
        calls = [sending(p, tokens, sent, count) for p in paces(bank, 3) for _ in range(4)]
        await asyncio.gather(*calls)

    virtually(work)
    return sent


def test_requests_a_minute_hold_for_all_workers(tmp_path: Path) -> None:
    sent = sent_by_three(bank_in(tmp_path, requests_per_minute=120), 10, 30)
    assert len(sent) == 360
    assert 110 <= busiest_minute(sent) <= 120


def test_tokens_a_minute_hold_for_all_workers(tmp_path: Path) -> None:
    sent = sent_by_three(bank_in(tmp_path, tokens_per_minute=12_000), 100, 30)
    assert 110 <= busiest_minute(sent) <= 120


def test_what_one_worker_learns_from_headers_holds_for_all(tmp_path: Path) -> None:
    bank, sent = bank_in(tmp_path), list[float]()
    headers = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "60"}

    async def work() -> None:
        one, other = paces(bank, 2)
        one.observe(200, headers)
        await sending(one, 1, [], 1)  # its next ticket takes the news along
        await asyncio.gather(*(sending(other, 1, sent, 50) for _ in range(4)))

    virtually(work)
    assert busiest_minute(sent) <= 61


def test_a_pause_that_one_worker_is_told_holds_for_all(tmp_path: Path) -> None:
    bank, sent = bank_in(tmp_path), list[float]()

    async def work() -> None:
        one, other = paces(bank, 2)
        one.pause(30)
        await one._till.tell()
        await sending(other, 1, sent, 1)

    virtually(work)
    assert sent[0] >= 30


def test_a_spent_quota_refuses_all(tmp_path: Path) -> None:
    bank = bank_in(tmp_path)

    async def work() -> None:
        one, other = paces(bank, 2)
        one.stop(ModelQuotaError("spent for today"))
        await one._till.tell()
        with pytest.raises(ModelQuotaError, match="spent for today"):
            await other.enter(1)

    virtually(work)


def test_what_was_taken_and_not_sent_is_given_back(tmp_path: Path) -> None:
    bank, sent = bank_in(tmp_path, tokens_per_minute=600), list[float]()

    async def work() -> None:
        (pace,) = paces(bank, 1)
        await pace.enter(600)
        pace.give_back(600)
        await sending(pace, 5, sent, 1)

    virtually(work)
    assert sent[0] < 2


def test_standing_in_the_cluster_s_line_is_no_time_of_a_retry(tmp_path: Path) -> None:
    bank = bank_in(tmp_path, requests_per_minute=1)

    async def work() -> tuple[float, float]:
        till = Till(bank, "a")
        pace = SharedPace(PaceLimits(4), till)
        pace._clock = now
        await pace.enter(1)
        begun = pace.own_time()
        await pace.enter(1)
        return pace.own_time() - begun, now()

    own, real = virtually(work)
    assert own == pytest.approx(0, abs=0.01)
    assert real > 50


def test_a_call_that_is_cancelled_in_line_takes_no_slot(tmp_path: Path) -> None:
    bank, sent = bank_in(tmp_path, requests_per_minute=6), list[float]()

    async def work() -> None:
        (pace,) = paces(bank, 1, at_once=1)
        await sending(pace, 1, [], 1)
        waiting = asyncio.create_task(pace.enter(1))
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.sleep(0)
        await sending(pace, 1, sent, 1)

    virtually(work)
    assert len(sent) == 1


def test_many_in_line_take_one_message(tmp_path: Path) -> None:
    bank, messages = bank_in(tmp_path), list[int]()

    class Counting:
        async def tickets(self, worker: str, news: News, tokens: list[float]) -> Any:
            messages.append(len(tokens))
            await asyncio.sleep(0.01)
            return await bank.tickets(worker, news, tokens)

    async def work() -> None:
        pace = SharedPace(PaceLimits(64), Till(Counting(), "a"))  # type: ignore[arg-type]
        await asyncio.gather(*(sending(pace, 1, [], 1) for _ in range(64)))

    virtually(work)
    assert sum(messages) == 64
    assert len(messages) <= 2


def test_leases_stay_under_the_cap_and_unused_money_comes_back(tmp_path: Path) -> None:
    async def work() -> None:
        bank = await opened(bank_in(tmp_path, "1"))
        one, other = (Till(bank, name) for name in "ab")
        assert (await one.lease(USD("0.2"), USD("0.8"), wait=True)).amount == USD("0.8")
        assert (await other.lease(USD("0.1"), USD("0.8"), wait=False)).amount == USD("0.1")
        waiting = asyncio.create_task(other.lease(USD("0.5"), USD("0.5"), wait=True))
        await asyncio.sleep(0.1)
        assert (await one.tell()).recall
        one.news.unneeded = USD("0.6")
        await one.tell()
        assert (await waiting).amount == USD("0.5")
        assert load_books(tmp_path).total == USD("0.8")

    virtually(work)


def test_settling_replaces_what_was_leased_by_what_it_cost(tmp_path: Path) -> None:
    async def work() -> None:
        bank = await opened(bank_in(tmp_path, "1"))
        till = Till(bank, "a")
        await till.lease(USD("0.4"), USD("0.8"), wait=True)
        till.news.settled += [(USD("0.4"), USD("0.1")), (USD("0.4"), None)]
        await till.tell()
        account = (await bank.look(0, complete=False, halted=0)).account
        assert (account.spent, account.reserved, account.assumed) == (USD("0.5"), 0, USD("0.4"))
        assert account.calls == 2

    virtually(work)


def test_a_worker_that_died_is_not_waited_for(tmp_path: Path) -> None:
    async def work() -> float:
        bank = await opened(bank_in(tmp_path, "1"))
        await Till(bank, "dead").lease(USD("0.9"), USD("0.9"), wait=True)
        assert (await Till(bank, "a").lease(USD("0.5"), USD("0.5"), wait=True)).amount == 0
        assert load_books(tmp_path).total == USD("0.9")
        return now()

    assert LOST <= virtually(work) < LOST + 5


def test_the_purse_is_filled_for_several_calls_and_emptied(tmp_path: Path) -> None:
    async def work() -> None:
        bank = await opened(bank_in(tmp_path, "10"))
        purse = LeasedLedger(Till(bank, "a"), capped=True, calls=4)
        assert not purse.reserve(USD("0.5"))
        assert await purse.lease(USD("0.5"))
        assert all(purse.reserve(USD("0.5")) for _ in range(4))
        assert load_books(tmp_path).total >= 2
        purse.settle(USD("0.5"), USD("0.3"))
        await asyncio.sleep(0.1)
        purse.give_back()
        await purse._till.tell()
        books = load_books(tmp_path)
        assert (books.spent, books.reserved) == (USD("0.3"), USD("1.5"))

    virtually(work)


def test_two_purses_at_the_cap_do_not_wait_for_each_other(tmp_path: Path) -> None:
    async def work() -> list[bool]:
        bank = await opened(bank_in(tmp_path, "1"))
        purses = [LeasedLedger(Till(bank, n), capped=True, calls=1) for n in "ab"]
        for purse in purses:
            assert await purse.lease(USD("0.4"))
        return await asyncio.gather(*(purse.lease(USD("0.8")) for purse in purses))

    assert sorted(virtually(work)) == [False, True]


def test_a_stop_is_told_to_all(tmp_path: Path) -> None:
    async def work() -> None:
        bank = await opened(bank_in(tmp_path))
        await bank.stop(Stop("the disk is full"))
        assert (await Till(bank, "a").tell()).halted == 1
        assert (await bank.look(0, complete=False, halted=2)).stopped == Stop("the disk is full")
        assert (await Till(bank, "a").tell()).halted == 2

    virtually(work)


def test_an_account_that_another_start_took_over_spends_nothing_more(tmp_path: Path) -> None:
    stale, fresh = KeptLedger(USD(5)), KeptLedger(USD(5))
    stale.keep_in(tmp_path)
    assert stale.reserve(USD(2))
    fresh.keep_in(tmp_path)
    assert fresh.account.spent == 2
    with pytest.raises(ClassifierError, match="taken over"):
        stale.reserve(USD(1))
    assert load_books(tmp_path).total == 2
    stale.close()
    fresh.close()


def test_a_bank_without_its_account_leases_nothing_and_stops(tmp_path: Path) -> None:
    async def work() -> None:
        bank = await opened(bank_in(tmp_path, "5"))
        KeptLedger(USD(5)).keep_in(tmp_path)
        assert (await Till(bank, "a").lease(USD(1), USD(1), wait=True)).amount == 0
        assert "taken over" in bank._stopped.reason

    virtually(work)


def line(id_: str) -> str:
    return json.dumps({"id": id_}) + "\n"


def test_parts_come_in_the_order_of_the_starts(tmp_path: Path) -> None:
    parts.prepare(tmp_path)
    names = ["000002-9-a", "000001-77-b", "000010-1-c"]
    for name in [*names, "000003-../x", "7-1-a", "000004-A"]:
        (tmp_path / "parts" / f"{name.replace('/', '_')}-reports.jsonl").write_text(line(name))
    (tmp_path / "parts" / "000011-1-c-failures.jsonl").touch()
    found = [path.name[:8] for path in parts.files(tmp_path, "reports.jsonl")[1:]]
    assert found == ["000001-7", "000002-9", "000010-1"]
    assert parts.next_start(tmp_path) == 12
    assert len(parts.of_start(tmp_path, 2, "reports.jsonl")) == 1
