"""Says what calls cost in USD: by an override file, else by the price list of genai-prices.

Both are read from this machine; no price is ever fetched.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from classifier.errors import ConfigurationError
from classifier.records import Usage

if TYPE_CHECKING:
    from pathlib import Path

    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelPrice, TieredPrices

LOCAL = "embedded"
"""The endpoint of a model that runs in this process (`ModelInfo.endpoint`): it costs nothing."""

MOST = Decimal(10_000)
"""The highest price taken for meant, in USD for a million tokens: one cent for a token."""

_MILLION = Decimal(1_000_000)
_ONE = Decimal(1)
_EXAMPLE = '["{model}"]\ninput = 0.25\ncached_input = 0.025\noutput = 2.00'


@dataclass(frozen=True)
class Rates:
    """USD for a million tokens of prompt, of prompt from the endpoint's cache, and of reply;
    `call` is USD for each call beside its tokens.
    """

    input: Decimal
    cached_input: Decimal
    output: Decimal
    call: Decimal = Decimal(0)

    def price(self, usage: Usage) -> Decimal:
        """The price of a usage; counts that cannot be (below 0, more cached than sent) are cut."""
        prompt = max(0, usage.prompt_tokens)
        cached = min(max(0, usage.cached_tokens), prompt)
        tokens = (prompt - cached) * self.input + cached * self.cached_input
        tokens += max(0, usage.completion_tokens) * self.output
        return tokens / _MILLION + max(0, usage.calls) * self.call


_FREE = Rates(Decimal(0), Decimal(0), Decimal(0))
_Find = Callable[[int, datetime], Rates]


@dataclass(frozen=True)
class Tariff:
    """What one model costs at one endpoint; `source` says who says so.

    `factor` scales all prices: 0.5 for a batch API at half the price. Prices may depend on the
    length of the prompt and on the hour in which a call begins: `at` (None: now). A usage of
    several calls is priced as so many calls of the mean length.
    """

    model: str
    endpoint: str
    source: str
    find: _Find
    factor: Decimal = _ONE
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        if not (self.factor.is_finite() and 0 < self.factor <= 1):
            raise ConfigurationError(
                f"The factor on prices is {self.factor}: give a number above 0 and up to 1."
            )

    def rates(self, prompt_tokens: int = 0, at: datetime | None = None) -> Rates:
        """The rates of a call of that length, before `factor`."""
        return self.find(prompt_tokens, at or self.clock())

    def price(self, usage: Usage, at: datetime | None = None) -> Decimal:
        """USD for the usage; prompt tokens from the endpoint's cache are priced as such."""
        mean = usage.prompt_tokens // max(1, usage.calls)
        return self.rates(mean, at).price(usage) * self.factor

    def most(
        self, prompt_tokens: int, completion_tokens: int, at: datetime | None = None
    ) -> Decimal:
        """USD that one call may cost at most: no token from a cache, unless that is dearer."""
        rates = self.rates(prompt_tokens, at)
        dearest = Rates(max(rates.input, rates.cached_input), _ONE, rates.output, rates.call)
        usage = Usage(calls=1, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
        return dearest.price(usage) * self.factor

    def __str__(self) -> str:
        if self.endpoint == LOCAL:
            return f"{self.model} runs on this machine: nothing is paid"
        rates = self.rates()
        scaled = f", times {self.factor}" if self.factor != 1 else ""
        return (
            f"{self.model}: {rates.input} USD for a million prompt tokens, {rates.cached_input} "
            f"cached, {rates.output} written{scaled} ({self.source})"
        )


@dataclass(frozen=True)
class Overrides:
    """Prices of an override file, in its order; names and patterns are in lower case."""

    source: str = ""
    rates: Mapping[str, Rates] = field(default_factory=dict)

    def find(self, model: str) -> Rates | None:
        """The rates of the model: by its name, else by the first pattern that it fits."""
        name = model.lower()
        fits = (p for p in self.rates if fnmatchcase(name, p))
        key = name if name in self.rates else next(fits, None)
        return None if key is None else self.rates[key]


def tariff(
    model: str, endpoint: str, overrides: Overrides | None = None, *, factor: Decimal = _ONE
) -> Tariff | None:
    """What the model costs at the endpoint (`ModelInfo.endpoint`); None where no price is known.

    A model on this machine is free. Otherwise the override file wins over genai-prices, which must
    know both the endpoint's address and the model: a name alone says nothing about a proxy.
    """
    if endpoint == LOCAL:
        return Tariff(model, endpoint, "runs on this machine", lambda *_: _FREE, factor)
    overrides = overrides or Overrides()
    if (given := overrides.find(model)) is not None:
        return Tariff(model, endpoint, overrides.source, lambda *_: given, factor)

    first = _listed(model, endpoint, 0, datetime.now(UTC))
    if first is None:
        return None

    def find(prompt_tokens: int, at: datetime) -> Rates:
        return _listed(model, endpoint, prompt_tokens, at) or first

    return Tariff(model, endpoint, f"genai-prices {version('genai-prices')}", find, factor)


def capped_tariff(
    model: str, endpoint: str, overrides: Overrides | None = None, *, factor: Decimal = _ONE
) -> Tariff:
    """What the model costs, for a run with a money cap.

    Raises `ConfigurationError` where no price is known: a cap that counts 0 would not hold.
    """
    found = tariff(model, endpoint, overrides, factor=factor)
    if found is None:
        raise ConfigurationError(
            f"The model {model!r} at {endpoint} has no known price, so --max-cost cannot hold. "
            "Give its price, in USD for a million tokens, in a TOML file named with --prices:\n"
            f"{_EXAMPLE.format(model=json.dumps(model)[1:-1])}\n"
            "(0 for a server of your own), or leave --max-cost out."
        )
    return found


def price_of(
    usage: Usage,
    model: str,
    endpoint: str,
    overrides: Overrides | None = None,
    *,
    factor: Decimal = _ONE,
) -> Decimal | None:
    """USD for the usage of the model at the endpoint; None where no price is known."""
    found = tariff(model, endpoint, overrides, factor=factor)
    return None if found is None else found.price(usage)


class _Given(BaseModel):
    """What the file says of one model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Decimal = Field(ge=0, le=MOST)
    cached_input: Decimal | None = Field(default=None, ge=0, le=MOST)
    output: Decimal = Field(ge=0, le=MOST)

    def rates(self) -> Rates:
        cached = self.input if self.cached_input is None else self.cached_input
        return Rates(self.input, cached, self.output)


def load_overrides(path: Path) -> Overrides:
    """The prices of a TOML or JSON file: name or pattern (`*`, `?`) of a model to `input`,
    `cached_input` (as `input` where left out) and `output`, in USD for a million tokens.

    Raises `ConfigurationError`, with the file and the key, for whatever else is in it.
    """
    try:
        given = TypeAdapter(dict[str, _Given]).validate_python(_read(path))
    except ValidationError as error:
        told = "\n".join(_explain(path, detail) for detail in error.errors(include_url=False))
        raise ConfigurationError(told) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"The prices in {str(path)!r} cannot be read: {error}. Give a TOML or JSON file such "
            f"as:\n{_EXAMPLE.format(model='gpt-5-mini')}"
        ) from error
    names = [name.strip().lower() for name in given]
    for name in names:
        if not name or names.count(name) > 1:
            raise ConfigurationError(
                f"{path}: the model {name!r} is {'named twice' if name else 'without a name'}. "
                "Name each model or pattern once; case does not count."
            )
    rates = {name: row.rates() for name, row in zip(names, given.values(), strict=True)}
    return Overrides(f"the file {path.name}", rates)


def _read(path: Path) -> Any:
    text = path.read_bytes().decode("utf-8-sig")
    if path.suffix.lower() == ".json":
        return json.loads(text, object_pairs_hook=_once)
    return tomllib.loads(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; of two prices for the same name nobody knows which was meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(n for n in names if names.count(n) > 1)!r} stands twice")
    return found


def _explain(path: Path, detail: Any) -> str:
    place = ".".join(map(str, detail["loc"])) or "the file"
    if detail["type"] == "extra_forbidden":
        return f"{path}: {place!r} is no price. Allowed: input, cached_input, output."
    if detail["type"] == "missing":
        return f"{path}: {place!r} is missing. Give it in USD for a million tokens."
    given, message = repr(detail["input"])[:80], str(detail["msg"])
    return (
        f"{path}: {place!r} is {given}: {message[:1].lower()}{message[1:]}. Allowed: 0 to {MOST} "
        "USD for a million tokens."
    )


@cache
def _bundled() -> DataSnapshot:
    """The list inside the package: the shared one may be replaced by what others download."""
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    return DataSnapshot(providers=providers, from_auto_update=False)


def _listed(model: str, endpoint: str, prompt_tokens: int, at: datetime) -> Rates | None:
    """The rates in the list of genai-prices, for a call of that length at that time."""
    try:
        _, found = _bundled().find_provider_model(model, None, None, endpoint)
    except LookupError:
        return None
    return _flat(found.get_prices(at), prompt_tokens)


def _flat(prices: ModelPrice, prompt_tokens: int) -> Rates | None:
    """The list's prices without tiers; None for a model that is not priced by tokens."""

    def at(key: str) -> Decimal | None:
        price: Decimal | TieredPrices | None = getattr(prices, key)
        if price is None or isinstance(price, Decimal):
            return price
        reached = [tier.price for tier in price.tiers if prompt_tokens > tier.start]
        return reached[-1] if reached else price.base

    prompt, output = at("input_mtok"), at("output_mtok")
    if prompt is None or output is None:
        return None
    read, write = at("cache_read_mtok"), at("cache_write_mtok")
    return Rates(
        # a usage does not say which tokens were written to a cache, so all new ones may have been
        input=prompt if write is None else max(prompt, write),
        cached_input=prompt if read is None else read,
        output=output,
        call=(at("requests_kcount") or Decimal(0)) / 1000,
    )
