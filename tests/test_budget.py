import asyncio
from contextlib import nullcontext
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from fake_endpoint import KEY, FakeEndpoint, failure, reply, truncated
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from pydantic import SecretStr

from classifier.errors import (
    ConfigurationError,
    ModelBusyError,
    ModelUnreachableError,
    ReplyError,
)
from classifier.models.budget import Budgeted, BudgetError, Ledger
from classifier.models.endpoint import Endpoint, EndpointSettings
from classifier.models.estimate import Estimate
from classifier.models.pace import Pace, Paced
from classifier.models.prices import Rates, Tariff
from classifier.models.retry import Retry
from classifier.models.seam import Message, Reply, Request
from classifier.models.structured import Structured
from classifier.records import Usage

REQUEST = Request((Message("user", "word " * 90),), max_tokens=50)
# one USD for each token, so that the sums can be read
TARIFF = Tariff("m", "e", "test", lambda *_: Rates(*[Decimal(1_000_000)] * 3))
MOST = 150  # 90 + 10 of overhead + 50


class Words:
    """Counts a token a word."""

    exact = True

    async def count(self, texts):
        return [len(text.split()) for text in texts]


def used(prompt=100, completion=0):
    return Usage(calls=1, prompt_tokens=prompt, completion_tokens=completion)


class Script:
    """Plays usages and errors in order, then `usage`; `gate` holds its calls back."""

    def __init__(self, *steps, usage=None, gate=None):
        self.steps, self.calls, self.gate = list(steps), 0, gate
        self.usage = usage or used()

    async def ask(self, request):
        self.calls += 1
        await (self.gate.wait() if self.gate else asyncio.sleep(0))
        step = self.steps.pop(0) if self.steps else self.usage
        if isinstance(step, BaseException):
            raise step
        return Reply("hi", "stop", step)


def budgeted(script, ledger, **more):
    return Budgeted(script, TARIFF, ledger, Estimate(Words(), overhead_tokens=10), **more)


def ask(script, ledger, times=1, **more):
    async def work():
        model = budgeted(script, ledger, **more)
        asked = (model.ask(REQUEST) for _ in range(times))
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(work())


def spent(ledger):
    return ledger.account.spent


def test_the_real_usage_takes_the_place_of_the_estimate():
    ledger = Ledger(Decimal(1000))
    ask(Script(used(100, 20)), ledger)
    account = ledger.account
    assert (account.spent, account.reserved, account.calls) == (120, 0, 1)
    assert (account.estimated, account.actual, account.assumed) == (MOST, 120, 0)


def test_the_worst_case_is_reserved_while_a_call_runs():
    async def work():
        gate, ledger = asyncio.Event(), Ledger(Decimal(1000))
        task = asyncio.create_task(budgeted(Script(gate=gate), ledger).ask(REQUEST))
        await asyncio.sleep(0.01)
        during = ledger.account.reserved
        gate.set()
        await task
        return during, ledger.account.reserved

    assert asyncio.run(work()) == (MOST, 0)


def test_what_does_not_fit_is_not_sent():
    script, ledger = Script(), Ledger(Decimal(MOST - 1))
    (error,) = ask(script, ledger)
    assert isinstance(error, BudgetError)
    assert not error.retryable
    assert script.calls == spent(ledger) == ledger.account.reserved == 0
    assert "may cost 150 USD" in str(error)
    assert "0 of 149 USD spent" in str(error)
    assert "--max-cost" in str(error)


def test_what_just_fits_is_sent():
    (answer,) = ask(Script(), Ledger(Decimal(MOST)))
    assert answer.text == "hi"


def test_callers_wait_for_what_others_do_not_need():
    script, ledger = Script(usage=used(10)), Ledger(Decimal(300))
    answers = ask(script, ledger, times=16)
    assert [a.text for a in answers if isinstance(a, Reply)] == ["hi"] * 16
    assert spent(ledger) == 160


def test_at_the_cap_all_calls_end_before_the_first_refusal():
    ledger, seen = Ledger(Decimal(500)), []

    class Watching(Script):
        async def ask(self, request):
            assert not seen
            return await super().ask(request)

    async def one(model):
        try:
            await model.ask(REQUEST)
        except BudgetError:
            seen.append(ledger.account.reserved)
            raise

    async def work():
        model = budgeted(Watching(usage=used(100)), ledger)
        return await asyncio.gather(*(one(model) for _ in range(20)), return_exceptions=True)

    results = asyncio.run(work())
    assert seen == [0] * 16
    assert results.count(None) == 4
    assert spent(ledger) == 400


def test_a_run_taken_up_again_knows_what_it_spent():
    ledger = Ledger(Decimal(1000), spent=Decimal(900))
    (error,) = ask(Script(), ledger)
    assert isinstance(error, BudgetError)
    ledger = Ledger(Decimal(1100), spent=Decimal(900))
    ask(Script(), ledger)
    assert (spent(ledger), ledger.account.actual) == (1000, 100)


def test_a_dearer_hour_that_begins_meanwhile_does_not_count():
    hours = (datetime(2026, 11, 20, hour, tzinfo=UTC) for hour in range(24))
    rising = Tariff(
        "m", "e", "test", lambda _, at: Rates(*[Decimal(at.hour + 1) * 10**6] * 3),
        clock=lambda: next(hours),
    )  # fmt: skip
    ledger = Ledger()
    asyncio.run(Budgeted(Script(), rising, ledger, Estimate(Words(), 10)).ask(REQUEST))
    assert (ledger.account.estimated, spent(ledger)) == (MOST, 100)


def test_without_a_cap_it_only_counts():
    ledger = Ledger()
    ask(Script(), ledger, times=50)
    assert (spent(ledger), ledger.account.cap) == (5000, None)
    assert str(ledger) == "5000 USD spent, 0 reserved"


UNKNOWN = MOST


@pytest.mark.parametrize(
    ("step", "cost"),
    [
        (ReplyError("cut", usage=used(100, 50)), 150),
        (ReplyError("no completion", usage=Usage(calls=1)), UNKNOWN),
        (ReplyError("unreadable"), UNKNOWN),
        (ModelBusyError("429"), 0),
        (ModelBusyError("500 that tells", usage=used(7)), 7),
        (ModelUnreachableError("timeout"), UNKNOWN),
        (Usage(calls=1), UNKNOWN),
        (Usage(calls=1, prompt_tokens=-1000, completion_tokens=1), UNKNOWN),
        (Usage(calls=1, prompt_tokens=10**30), 10**30),
        (ZeroDivisionError(), UNKNOWN),
        (asyncio.CancelledError(), UNKNOWN),
    ],
)
def test_what_a_call_costs(step, cost):
    ledger = Ledger(Decimal(1000))
    with nullcontext() if isinstance(step, Usage) else pytest.raises(type(step)):
        asyncio.run(budgeted(Script(step), ledger).ask(REQUEST))
    assert spent(ledger) == cost
    assert ledger.account.reserved == 0


def test_what_was_never_sent_is_free():
    error, ledger = ModelUnreachableError("refused"), Ledger(Decimal(1000))
    error.sent = False
    ask(Script(error), ledger)
    assert (spent(ledger), ledger.account.calls) == (0, 1)


def test_what_is_assumed_is_told_apart():
    ledger = Ledger()
    ask(Script(Usage(calls=1), used(100)), ledger, times=2)
    assert (ledger.account.actual, ledger.account.assumed) == (250, 150)


def test_a_caller_who_leaves_while_waiting_costs_nothing():
    async def work():
        gate, ledger = asyncio.Event(), Ledger(Decimal(200))
        script = Script(gate=gate)
        model = budgeted(script, ledger)
        first, second = (asyncio.create_task(model.ask(REQUEST)) for _ in range(2))
        await asyncio.sleep(0.01)
        second.cancel()
        gate.set()
        await asyncio.gather(first, second, return_exceptions=True)
        return script.calls, ledger.account

    calls, account = asyncio.run(work())
    assert (calls, account.spent, account.reserved) == (1, 100, 0)


def test_a_call_that_begins_while_a_lease_is_asked_for_ends_before_the_cap_is_told():
    small = Request((Message("user", "word"),), max_tokens=50)

    async def work():
        asked, gate = asyncio.Event(), asyncio.Event()

        async def lease(_amount):
            asked.set()
            await asyncio.sleep(0.02)
            return False

        model = budgeted(Script(gate=gate), Ledger(Decimal(100)), lease=lease)
        large = asyncio.create_task(model.ask(REQUEST))
        await asked.wait()
        begun = asyncio.create_task(model.ask(small))
        await asyncio.sleep(0.06)
        early = large.done()
        gate.set()
        return early, *await asyncio.gather(large, begun, return_exceptions=True)

    early, large, begun = asyncio.run(work())
    assert (early, type(large), begun.text) == (False, BudgetError, "hi")


def lease_from(shared, ledger, chunk):
    async def lease(amount):
        granted = max(amount, chunk)
        if not shared.reserve(granted):
            return False
        ledger.grant(granted)
        return True

    return lease


def test_leases_of_many_workers_keep_the_one_cap():
    shared = Ledger(Decimal(2000))

    async def work():
        own = [Ledger(Decimal(0)) for _ in range(3)]
        models = [budgeted(Script(), o, lease=lease_from(shared, o, Decimal(400))) for o in own]
        asked = (models[n % 3].ask(REQUEST) for n in range(60))
        results = await asyncio.gather(*asked, return_exceptions=True)
        return results, sum(map(spent, own))

    results, total = asyncio.run(work())
    assert {type(r) for r in results} == {Reply, BudgetError}
    assert 1000 <= total <= 2000
    assert total == 100 * sum(isinstance(r, Reply) for r in results)


money = st.decimals(0, 30, places=12, allow_nan=False)


class Callers(RuleBasedStateMachine):
    """Callers reserve and settle in any order; no cap is ever exceeded, no cent lost."""

    amounts = Bundle("amounts")

    def __init__(self):
        super().__init__()
        self.cap, self.before = Decimal(100), Decimal(7)
        self.ledger = Ledger(self.cap, self.before)
        self.reserved = self.actual = Decimal(0)

    @rule(target=amounts, amount=money)
    def reserve(self, amount):
        fits = self.ledger.reserve(amount)
        room = self.cap - self.before - self.actual - self.reserved
        assert fits or amount > room - Decimal("1e-6")
        assert not fits or amount <= room
        self.reserved += amount if fits else 0
        return (amount, fits)

    @rule(of=consumes(amounts), share=st.decimals(0, 1, places=3))
    def settle(self, of, share):
        amount, fits = of
        if fits:
            self.ledger.settle(amount, amount * share)
            self.reserved -= amount
            self.actual += amount * share

    @invariant()
    def the_cap_holds(self):
        account = self.ledger.account
        assert account.spent + account.reserved <= self.cap
        assert abs(account.reserved - self.reserved) < Decimal("1e-6")
        assert abs(account.spent - self.before - self.actual) < Decimal("1e-6")


TestCallers = Callers.TestCase
TestCallers.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


class Watched(Ledger):
    """A ledger that notes the highest sum it ever held."""

    highest = Decimal(0)

    def reserve(self, amount):
        fits = super().reserve(amount)
        self.highest = max(self.highest, self.account.spent + self.account.reserved)
        return fits


@pytest.mark.parametrize("cap", [0, 149, 150, 777, 5000])
def test_concurrent_callers_keep_the_cap(cap):
    steps = [used(n % 140 + 1) for n in range(40)]
    steps[::5] = [ReplyError("cut", usage=used(150))] * 8
    steps[1::5] = [ModelUnreachableError("reset")] * 8
    ledger = Watched(Decimal(cap))
    ask(Script(*steps), ledger, times=64)
    assert ledger.highest <= cap
    assert ledger.account.reserved == 0


@pytest.mark.parametrize("cap", ["-1", "NaN", "Infinity", "1e30"])
def test_a_cap_that_is_none_is_refused(cap):
    with pytest.raises(ConfigurationError, match=r"--max-cost is"):
        Ledger(Decimal(cap))
    with pytest.raises(ConfigurationError, match="spent before"):
        Ledger(Decimal(1), spent=Decimal(cap))


def test_parts_of_a_billionth_count_as_a_whole_one():
    ledger = Ledger(Decimal("1e-9"))
    assert [ledger.reserve(Decimal("1e-12")) for _ in range(2)] == [True, False]


@pytest.mark.parametrize("amount", ["-1", "NaN"])
def test_no_one_can_put_money_back(amount):
    with pytest.raises(ValueError, match="0 or more"):
        Ledger(Decimal(1)).reserve(Decimal(amount))


def over_the_wire(ledger, *script):
    async def work(server, waits):
        async def sleep(seconds):
            waits.append(seconds)

        at = EndpointSettings("m", server.url, SecretStr(KEY))
        async with Endpoint(at) as endpoint:
            inner, estimate = Structured(endpoint), Estimate(Words(), 10)
            paced = Paced(Budgeted(inner, TARIFF, ledger, estimate), Pace(), estimate)
            return await Retry(paced, sleep=sleep).ask(REQUEST)

    with FakeEndpoint(*script) as server:
        return asyncio.run(work(server, []))


def test_retries_and_failures_are_paid_for():
    ledger = Ledger(Decimal(1000))
    answer = over_the_wire(ledger, failure(429), failure(503), reply("hi"))
    assert (answer.text, spent(ledger), ledger.account.calls) == ("hi", 10, 3)


def test_a_broken_reply_may_have_been_billed():
    ledger = Ledger(Decimal(1000))
    with pytest.raises(ReplyError):
        over_the_wire(ledger, truncated())
    assert (spent(ledger), ledger.account.assumed) == (MOST, MOST)


def test_the_cap_is_not_tried_again():
    ledger = Ledger(Decimal(10))
    with pytest.raises(BudgetError):
        over_the_wire(ledger, reply("hi"))


def test_a_configuration_mistake_costs_nothing():
    ledger = Ledger(Decimal(1000))
    with pytest.raises(ConfigurationError):
        asyncio.run(budgeted(Script(ConfigurationError("no batches here")), ledger).ask(REQUEST))
    assert (ledger.account.spent, ledger.account.reserved) == (0, 0)
