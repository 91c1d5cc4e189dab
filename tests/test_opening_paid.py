import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from classifier.errors import (
    BudgetError,
    ConfigurationError,
    ModelQuotaError,
    ModelUnreachableError,
)
from classifier.models.budget import Ledger
from classifier.models.opening import open_model
from classifier.models.seam import Message, Request
from classifier.settings import load_settings
from tests.fake_endpoint import KEY, FakeEndpoint, failure, reply

REQUEST = Request((Message("user", "Hello"),), max_tokens=9)
GONE = failure(429, "gone", code="insufficient_quota")


@pytest.fixture
def prices(tmp_path, monkeypatch):
    """A file that prices the model: a dollar for a million tokens."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    file = tmp_path / "prices.toml"
    file.write_text("[m]\ninput = 1\noutput = 1\n")
    return file


def ask(server, ledger=None, times=1, **flags):
    """What became of so many calls at once."""
    settings = load_settings(cache=False, model="m", base_url=server.url, tries=3, **flags)

    async def work():
        async with open_model(settings, None, ledger) as opened:
            calls = (opened.model.ask(replace(REQUEST, seed=n)) for n in range(times))
            return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(work())


def test_a_busy_endpoint_is_waited_for(prices):
    busy = failure(429, headers={"retry-after-ms": "50"})
    with FakeEndpoint(busy, default=reply("hi")) as server:
        assert [a.text for a in ask(server, times=4)] == ["hi"] * 4


def test_a_spent_quota_is_not_hammered(prices):
    with FakeEndpoint(default=GONE) as server:
        answers = ask(server, times=40)
        assert {type(a) for a in answers} == {ModelQuotaError}
        assert len(server.requests) <= 8


def test_a_cap_is_never_passed(prices):
    ledger = Ledger(Decimal("0.002"))
    with FakeEndpoint(default=reply("hi")) as server:
        answers = ask(server, ledger, times=400, prices=prices)
    assert sum(type(a) is BudgetError for a in answers) > 100
    assert Decimal("0.0019") < ledger.account.spent <= Decimal("0.002")


def test_a_cap_on_a_model_without_a_price_is_refused(prices):
    with FakeEndpoint() as server, pytest.raises(ConfigurationError, match="max-cost"):
        ask(server, Ledger(Decimal(1)))


def test_a_refused_connection_costs_nothing(prices):
    ledger = Ledger(Decimal(1))
    with FakeEndpoint() as gone:
        pass
    [error] = ask(gone, ledger, prices=prices)
    assert (type(error), error.sent) == (ModelUnreachableError, False)
    assert ledger.account.actual == 0
