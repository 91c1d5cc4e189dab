import json
import socket
import tomllib
from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
import pytest
from genai_prices import data_snapshot
from hypothesis import given
from hypothesis import strategies as st

from classifier.errors import ConfigurationError
from classifier.models import prices
from classifier.models.prices import (
    LOCAL,
    Overrides,
    Rates,
    Tariff,
    capped_tariff,
    load_overrides,
    price_of,
    tariff,
)
from classifier.records import Usage

OPENAI = "https://api.openai.com/v1"
GOOGLE = "https://generativelanguage.googleapis.com/v1beta/openai"
USAGE = Usage(calls=1, prompt_tokens=1000, cached_tokens=400, completion_tokens=100)


def library_price(model, endpoint, **usage):
    priced = genai_prices.calc_price(genai_prices.Usage(**usage), model, provider_api_url=endpoint)
    return priced.total_price


@pytest.mark.parametrize("model", ["gpt-4.1-mini", "gpt-5-mini", "o3", "gpt-4o-2024-11-20"])
def test_a_call_costs_what_the_library_says(model):
    expected = library_price(
        model, OPENAI, input_tokens=1000, cache_read_tokens=400, output_tokens=100
    )
    assert price_of(USAGE, model, OPENAI) == expected > 0


def test_new_tokens_count_as_written_to_a_cache_where_that_costs_more():
    expected = library_price(
        "gpt-5.6-sol", OPENAI,
        input_tokens=1000, cache_read_tokens=400, cache_write_tokens=600, output_tokens=100,
    )  # fmt: skip
    assert price_of(USAGE, "gpt-5.6-sol", OPENAI) == expected


def test_cached_tokens_are_priced_as_such():
    uncached = USAGE.model_copy(update={"cached_tokens": 0})
    assert price_of(USAGE, "gpt-5-mini", OPENAI) < price_of(uncached, "gpt-5-mini", OPENAI)


@pytest.mark.parametrize("tokens", [1000, 300_000])
def test_long_prompts_have_their_own_price(tokens):
    usage = Usage(calls=1, prompt_tokens=tokens, completion_tokens=10)
    expected = library_price("gemini-2.5-pro", GOOGLE, input_tokens=tokens, output_tokens=10)
    assert price_of(usage, "gemini-2.5-pro", GOOGLE) == expected


def test_many_short_prompts_are_no_long_one():
    one = Usage(calls=1, prompt_tokens=30_000, completion_tokens=10)
    ten = Usage(calls=10, prompt_tokens=300_000, completion_tokens=100)
    price = price_of(one, "gemini-2.5-pro", GOOGLE)
    assert price_of(ten, "gemini-2.5-pro", GOOGLE) == 10 * price


def test_a_fee_for_each_call_counts():
    at = "https://api.perplexity.ai"
    free = Usage(calls=0, prompt_tokens=1000, completion_tokens=100)
    fee = price_of(USAGE, "sonar", at) - price_of(free, "sonar", at)
    assert fee == library_price("sonar", at, input_tokens=1, output_tokens=0) - Decimal("0.000001")


@pytest.mark.parametrize(
    ("model", "endpoint"),
    [
        ("no-such-model", OPENAI),
        ("gpt-5-mini", "http://127.0.0.1:8080/v1"),
        ("text-embedding-3-small", OPENAI),
        ("whisper-1", OPENAI),
        ("", OPENAI),
    ],
)
def test_an_unpriced_model_has_no_price_and_no_cap(model, endpoint):
    assert price_of(USAGE, model, endpoint) is None
    with pytest.raises(ConfigurationError, match="--max-cost cannot hold") as caught:
        capped_tariff(model, endpoint)
    assert repr(model) in str(caught.value)
    assert endpoint in str(caught.value)


def test_the_refusal_shows_a_file_that_would_do(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        capped_tariff('odd"né', OPENAI)
    example = str(caught.value).split(":\n")[1].split("\n(")[0]
    path = tmp_path / "p.toml"
    path.write_text(example)
    assert capped_tariff('odd"né', OPENAI, load_overrides(path)).rates().output == 2


def test_a_local_model_is_free_and_says_so():
    everything = Overrides("f", {"*": Rates(Decimal(1), Decimal(1), Decimal(1))})
    found = capped_tariff("qwen2.5-coder-1.5b", LOCAL, everything)
    assert (found.price(USAGE), found.most(9_000, 9_000)) == (0, 0)
    assert str(found) == "qwen2.5-coder-1.5b runs on this machine: nothing is paid"


def test_a_tariff_names_its_source():
    text = str(tariff("gpt-5-mini", OPENAI))
    assert "0.25 USD for a million prompt tokens, 0.025 cached, 2 written" in text
    assert f"genai-prices {genai_prices.__version__}" in text


def test_the_batch_factor():
    half = price_of(USAGE, "gpt-5-mini", OPENAI, factor=Decimal("0.5"))
    assert half * 2 == price_of(USAGE, "gpt-5-mini", OPENAI)
    assert "times 0.5" in str(tariff("gpt-5-mini", OPENAI, factor=Decimal("0.5")))


@pytest.mark.parametrize("factor", ["0", "-1", "1.5", "NaN", "Infinity"])
def test_an_impossible_factor_is_refused(factor):
    with pytest.raises(ConfigurationError, match="factor"):
        tariff("gpt-5-mini", OPENAI, factor=Decimal(factor))


def test_a_call_has_the_price_of_the_hour_in_which_it_begins():
    found = tariff("deepseek-reasoner", "https://api.deepseek.com")
    day, night = (datetime(2026, 11, 20, hour, 30, tzinfo=UTC) for hour in (12, 20))
    assert found.price(USAGE, day) > found.price(USAGE, night)
    assert found.most(1000, 100, day) > found.most(1000, 100, night)


counts = st.integers(-5, 10**9)


@given(counts, counts, counts, st.integers(-1, 50))
def test_no_usage_has_a_negative_price(prompt, cached, completion, calls):
    usage = Usage(
        calls=calls, prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion
    )
    assert price_of(usage, "gpt-5-mini", OPENAI) >= 0


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**5), st.integers(0, 10**5))
def test_no_call_costs_more_than_the_most(prompt, cached, completion, spare):
    rates = Rates(Decimal(1), Decimal(2), Decimal(3), Decimal("0.01"))
    found = Tariff("m", "e", "s", lambda *_: rates)
    usage = Usage(calls=1, prompt_tokens=prompt, cached_tokens=cached, completion_tokens=completion)
    assert found.price(usage) <= found.most(prompt, completion + spare)


TOML = """
["gpt-5-mini"]
input = 0.1
cached_input = 0.01
output = 0.7

["my-*"]
input = "1"
output = 2

["MY-big*"]
input = 3
output = 4
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="prices.toml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize("name", ["prices.toml", "prices.json"])
def test_the_override_wins_and_is_exact(write, name):
    text = TOML if name.endswith("toml") else json.dumps(tomllib.loads(TOML))
    overrides = load_overrides(write(text, name))
    price = price_of(USAGE, "GPT-5-mini", OPENAI, overrides)
    assert price == (600 * Decimal("0.1") + 400 * Decimal("0.01") + 100 * Decimal("0.7")) / 10**6
    assert name in str(tariff("gpt-5-mini", OPENAI, overrides))


def test_patterns_and_their_order(write):
    overrides = load_overrides(write(TOML))
    assert overrides.find("my-big-one") == Rates(Decimal(1), Decimal(1), Decimal(2))
    assert overrides.find("gpt-5") is None
    assert price_of(USAGE, "gpt-5", OPENAI, overrides) == price_of(USAGE, "gpt-5", OPENAI)


def test_a_name_wins_over_a_pattern(write):
    text = '["*"]\ninput = 1\noutput = 1\n["x"]\ninput = 2\noutput = 2\n'
    assert load_overrides(write(text)).find("x").input == 2


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ("input = -1\noutput = 1", "m.input"),
        ("input = nan\noutput = 1", "m.input"),
        ("input = 1\noutput = inf", "m.output"),
        ("input = 1\noutput = 1e300", "m.output"),
        ("input = 1\noutput = 10001", "m.output"),
        ('input = 1\noutput = "NaN"', "m.output"),
        ('input = 1\noutput = "cheap"', "m.output"),
        ("input = 1\noutput = true", "m.output"),
        ("input = 1\noutput = [1]", "m.output"),
        ("input = 1\noutput = 1\ncached_input = -0.1", "m.cached_input"),
        ("input = 1\noutput = 1\nprompt = 1", "m.prompt"),
        ("input = 1", "m.output"),
    ],
)
def test_a_price_that_is_none_is_named_with_its_file(write, row, key):
    path = write(f"[m]\n{row}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_overrides(path)
    assert str(path) in str(caught.value)
    assert repr(key) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.toml", "[m\n"), ("p.toml", b"\xff\xfe"), ("p.toml", "m = 3"), ("p.json", "[]"),
        ("p.json", "[" * 100_000), ("p.json", "{"), ("p.toml", f"[m]\ninput = {'9' * 5000}\n"),
        ("p.json", '{"m": {"input": NaN, "output": 1}}'),
        ("p.json", '{"m": {"input": 1, "input": 2, "output": 1}}'),
        ("p.toml", "[m]\ninput = 1\noutput = 1\n[M]\ninput = 2\noutput = 2\n"),
        ("p.toml", '[" "]\ninput = 1\noutput = 1\n'),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_by_name(write, name, text):
    path = write(text, name)
    with pytest.raises(ConfigurationError, match=name):
        load_overrides(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml"):
        load_overrides(tmp_path / "nowhere.toml")


def test_what_others_download_changes_nothing(monkeypatch):
    before = price_of(USAGE, "gpt-5-mini", OPENAI)
    empty = data_snapshot.DataSnapshot(providers=[], from_auto_update=True)
    monkeypatch.setattr(data_snapshot, "_custom_snapshot", empty)
    prices._bundled.cache_clear()
    assert price_of(USAGE, "gpt-5-mini", OPENAI) == before


def test_no_price_is_fetched(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a price was fetched")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert price_of(USAGE, "o3", OPENAI) > 0
