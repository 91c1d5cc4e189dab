"""The way through batches where models are opened: cache, budget, factor, and what is refused."""

import asyncio
from decimal import Decimal

import pytest
from batch_asking import echo, question
from fake_batches import FakeBatches
from fake_endpoint import KEY

from classifier.errors import BudgetError, ConfigurationError
from classifier.models.batch_parts import BatchOptions
from classifier.models.budget import Ledger
from classifier.models.opening import open_model, price_factor
from classifier.settings import load_settings

FAST = {"settle": 0.05, "first_look": 0.01, "longest_look": 0.01}


@pytest.fixture(autouse=True)
def _bare(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)


def ask(server, folder, *texts, ledger=None, **flags):
    settings = load_settings(
        model="gpt-fake",
        base_url=server.url,
        via="openai-batch",
        cache_path=folder / "cache.sqlite",
        **flags,
    )
    options = BatchOptions(folder / "batches.jsonl", **FAST)

    async def work():
        async with open_model(settings, None, ledger, options) as opened:
            return await asyncio.gather(*[opened.model.ask(question(t)) for t in texts])

    return asyncio.run(work())


def test_replies_of_batches_go_into_the_cache(tmp_path):
    with FakeBatches(echo) as server:
        ask(server, tmp_path, "a", "b")
        again = ask(server, tmp_path, "b", "a")
        assert len(server.batches) == 1
    assert [(r.text, r.usage.cache_hits) for r in again] == [("b", 1), ("a", 1)]


def test_the_ledger_counts_what_batches_used(tmp_path):
    prices = tmp_path / "prices.toml"
    prices.write_text('["gpt-fake"]\ninput = 1000\noutput = 1000\n')
    ledger = Ledger(Decimal(1))
    with FakeBatches(echo) as server:
        ask(server, tmp_path, "a", "b", ledger=ledger, prices=prices)
    assert (ledger.account.calls, ledger.account.actual) == (2, Decimal("0.02"))
    assert ledger.account.reserved == 0


def test_at_the_cap_nothing_is_uploaded(tmp_path):
    prices = tmp_path / "prices.toml"
    prices.write_text('["gpt-fake"]\ninput = 1000\noutput = 1000\n')
    with FakeBatches(echo) as server, pytest.raises(BudgetError, match="--max-cost"):
        ask(server, tmp_path, "a", ledger=Ledger(Decimal("0.001")), prices=prices)
    assert server.seen == []


@pytest.mark.parametrize(
    ("via", "endpoint", "factor"),
    [
        ("openai-batch", "https://api.openai.com/v1", "0.5"),
        ("openai-batch", "https://eu.api.openai.com/v1", "0.5"),
        ("openai-batch", "https://batches.example/v1", "1"),
        ("openai-batch", "https://xapi.openai.com.example/v1", "1"),
        ("direct", "https://api.openai.com/v1", "1"),
    ],
)
def test_only_a_known_discount_counts(via, endpoint, factor):
    assert price_factor(load_settings(via=via), endpoint) == Decimal(factor)


def refused(options=None, **flags):
    async def work():
        async with open_model(load_settings(via="openai-batch", **flags), batches=options):
            pass

    with pytest.raises(ConfigurationError) as error:
        asyncio.run(work())
    return str(error.value)


def test_a_model_on_this_machine_has_no_batches(tmp_path):
    assert "runs on this machine" in refused(BatchOptions(tmp_path / "b.jsonl"), model="embedded")


def test_a_record_is_needed():
    assert "--out RUN" in refused(model="gpt-5")


def test_another_way_is_named_with_what_is_allowed():
    with pytest.raises(ConfigurationError, match="'direct' or 'openai-batch'"):
        load_settings(via="post")
