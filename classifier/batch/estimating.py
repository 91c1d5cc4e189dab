"""What a run would ask, take and cost: rehearsed with the real prompts, and nothing sent."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from classifier.calibration import CategoryFit, Fit, Weights
from classifier.errors import ClassifierError, ConfigurationError
from classifier.models.cache import ResponseCache, default_path, identity_of, request_key
from classifier.models.estimate import Estimate
from classifier.models.seam import Reply, TokenLogprobs
from classifier.pipeline import classify_incident
from classifier.records import UNKNOWN, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.calibration import Calibration
    from classifier.models.prices import Tariff
    from classifier.models.seam import OpenModel, Request
    from classifier.records import Incident
    from classifier.settings import Settings
    from classifier.taxonomy import Taxonomy

SAMPLE = 200
"""So many incidents are rehearsed; for more of them the rest is reckoned from these."""

_NORMAL = 1.96  # of a normal distribution, 95% lie so many deviations around the mean
_SETTLED = 9.0  # the log-odds of what is as good as certain
Gates = Set[tuple[str, str]]
_SURE = {True: math.log(0.99), False: math.log(0.01)}


@dataclass(frozen=True)
class Load:
    """What a number of calls takes. `written` are reply tokens; `usd` is None without a price."""

    chunks: float = 0
    calls: float = 0
    cache_hits: float = 0
    prompt_tokens: float = 0
    written: float = 0
    usd: float | None = 0


_FIGURES = ("chunks", "calls", "cache_hits", "prompt_tokens", "written", "usd")


@dataclass(frozen=True)
class Rehearsed:
    """One incident: `least` are its first calls where no gate opens and replies are short;
    `most` are those where every gate is open, every reply is as long as allowed, and each call is
    asked again once.
    """

    least: Load
    most: Load


class Rehearsal:
    """A model that sends nothing: it answers from the cache, else makes an answer up.

    A made-up answer fits what is asked. Of a `generous` one every option holds that leads to
    further calls; of another none does. What a calibration decides is `settled` in the same way.
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        model: OpenModel,
        cache: ResponseCache | None,
        tariff: Tariff | None,
        *,
        generous: bool,
    ) -> None:
        self._gates = gates_of(taxonomy)
        opposites = {c.opposite.name for c in taxonomy.categories.values() if c.opposite}
        self._never = opposites | {UNKNOWN}
        self._counter = model.counter
        margin = 0.25 if generous else 0.0
        self._estimate = Estimate(model.counter, model.info.overhead_tokens, margin)
        self._identity = identity_of(model.info)
        self._cache = cache
        self._tariff = tariff
        self._generous = generous
        self.load = Load(usd=None if tariff is None else 0)

    async def ask(self, request: Request) -> Reply:
        """The reply in the cache, or one that is made up; what it would take is added to `load`."""
        found = self._cached(request)
        if found is not None:
            self.load = replace(self.load, cache_hits=self.load.cache_hits + 1)
            return replace(found, usage=Usage(cache_hits=1))
        reply = self._made_up(request)
        await self._add(request, reply)
        return reply

    def _cached(self, request: Request) -> Reply | None:
        return self._cache.get(request_key(self._identity, request)) if self._cache else None

    async def _add(self, request: Request, reply: Reply) -> None:
        prompt = await self._estimate.prompt(request)
        asked_once = request.state or request.embed
        if self._generous and not asked_once:  # again, behind the reply and what is wrong with it
            sizes = [
                (prompt, request.max_tokens),
                (prompt + request.max_tokens, request.max_tokens),
            ]
        else:
            [written] = await self._counter.count([reply.text])
            sizes = [(prompt, written)]
        for asked, written in sizes:
            load, cost = self.load, self._price(asked, written)
            self.load = replace(
                load,
                calls=load.calls + 1,
                prompt_tokens=load.prompt_tokens + asked,
                written=load.written + written,
                usd=None if cost is None or load.usd is None else load.usd + float(cost),
            )

    def _price(self, prompt: int, written: int) -> Decimal | None:
        if self._tariff is None:
            return None
        if self._generous:
            return self._tariff.most(prompt, written)
        usage = Usage(calls=1, prompt_tokens=prompt, completion_tokens=written)
        return self._tariff.price(usage)

    def _made_up(self, request: Request) -> Reply:
        if request.state or request.embed:
            return Reply("", "stop")
        schema = request.schema or {}
        if request.top_logprobs:
            held = {n: self._generous and n not in self._never for n in schema["properties"]}
            tokens = tuple(_tokens(held))
            return Reply("".join(t.token for t in tokens), "stop", logprobs=tokens)
        value = _fitting(schema, schema.get("$defs", {}))
        for category, option in self._gates if self._generous else ():
            if option in value.get(category, ()):
                value[category] |= {UNKNOWN: False}
                value[category][option] |= {"applies": True}
        return Reply(json.dumps(value), "stop")


def _tokens(held: Mapping[str, bool]) -> list[TokenLogprobs]:
    """A JSON object of true and false, as tokens that are nearly sure of themselves."""
    said: list[TokenLogprobs] = []
    for number, (name, holds) in enumerate(held.items()):
        text = f"{', ' if number else '{'}{json.dumps(name)}: "
        said.append(TokenLogprobs(text, {text: -0.01}))
        chances = {"true": _SURE[holds], "false": _SURE[not holds]}
        said.append(TokenLogprobs("true" if holds else "false", chances))
    return [*said, TokenLogprobs("}", {"}": -0.01})]


def _fitting(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """The shortest value that the schema allows, in which nothing holds."""
    if "$ref" in schema:
        return _fitting(known[schema["$ref"].rpartition("/")[2]], known)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        made = {n: _fitting(s, known) for n, s in schema.get("properties", {}).items()}
        return made | {UNKNOWN: True} if UNKNOWN in made else made
    if schema.get("type") == "array":
        return [""] * schema.get("minItems", 0)
    return False if schema.get("type") == "boolean" else "-" * schema.get("minLength", 0)


def gates_of(taxonomy: Taxonomy) -> Gates:
    """The (category, option) that open other categories."""
    return {(c.gate.category, c.gate.option) for c in taxonomy.categories.values() if c.gate}


def settled(calibration: Calibration, gates: Gates | None) -> Calibration:
    """One that asks for the same, and is sure of every option: with `gates` all of them hold, those
    that open a gate before the others; without them none does.
    """
    weights = calibration.weights
    state, embedding = (
        (0.0,) * (len(read.mean) if read else 0) for read in (weights.state, weights.embedding)
    )

    def fit(category: str, option: str) -> Fit:
        sign = -1 if (gates is None) != (option == UNKNOWN) else 1
        first = (category, option) in (gates or ())
        return Fit(bias=sign * _SETTLED + first, weights=(), state=state, embedding=embedding)

    categories = {
        name: CategoryFit(inputs=(), options={option: fit(name, option) for option in of.options})
        for name, of in weights.categories.items()
    }
    sure = Weights(
        inputs=weights.inputs,
        categories=categories,
        state=weights.state,
        embedding=weights.embedding,
    )
    return calibration.model_copy(update={"weights": sure, "ranking": None})


class Rehearsing:
    """Rehearses incidents one by one; `close` it at the end."""

    def __init__(
        self, taxonomy: Taxonomy, model: OpenModel, settings: Settings, tariff: Tariff | None
    ) -> None:
        gates = gates_of(taxonomy)
        # a calibration would read the made-up scores in a way of its own
        self._taxonomies = {
            generous: taxonomy.model_copy(
                update={
                    "calibrations": tuple(
                        settled(c, gates if generous else None) for c in taxonomy.calibrations
                    )
                }
            )
            for generous in (False, True)
        }
        self._model = model
        self._tariff = tariff
        path = settings.cache_path or default_path()
        there = settings.cache and path.is_file()
        self._cache = ResponseCache(path, warn=lambda _: None) if there else None

    async def rehearse(self, incident: Incident) -> Rehearsed | None:
        """What the incident takes; None where it cannot be asked about.

        Raises `ConfigurationError` where the model's context has no room for an article.
        """
        try:
            return Rehearsed(
                await self._load(incident, generous=False),
                await self._load(incident, generous=True),
            )
        except ConfigurationError:
            raise
        except ClassifierError:
            return None

    async def _load(self, incident: Incident, *, generous: bool) -> Load:
        taxonomy = self._taxonomies[generous]
        rehearsal = Rehearsal(taxonomy, self._model, self._cache, self._tariff, generous=generous)
        model = replace(self._model, model=rehearsal)
        report = await classify_incident(incident, taxonomy, model)
        return replace(rehearsal.load, chunks=report.provenance.chunks)

    def close(self) -> None:
        """Close the cache."""
        if self._cache is not None:
            self._cache.close()


@dataclass(frozen=True)
class Range:
    """A figure for all incidents: the bounds are equal where it was counted."""

    low: float
    high: float


def totals(loads: Sequence[Load], incidents: int) -> dict[str, Range | None]:
    """The sum of each figure over all `incidents`, of which `loads` are the first.

    Where there are more incidents, the rest is taken to be like these: the range is the 95%
    prediction interval of their sum, mean +- 1.96 s sqrt(m^2 / n + m) for m of them after n.
    """
    return {name: _total([getattr(one, name) for one in loads], incidents) for name in _FIGURES}


def _total(values: Sequence[float | None], incidents: int) -> Range | None:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    total, rest = math.fsum(known), incidents - len(known)
    if rest <= 0 or not known:
        return Range(total, total)
    middle = total + rest * fmean(known)
    spread = stdev(known) if len(known) > 1 else 0.0
    half = _NORMAL * spread * math.sqrt(rest * rest / len(known) + rest)
    return Range(max(total, middle - half), middle + half)


@dataclass(frozen=True)
class Forecast:
    """What a run would take. `incidents` are those that are still to be asked about, of which
    `rehearsed` were gone through; `exact` says that tokens are counted by the model's own
    tokenizer. Limits are in a minute, None where none is given.
    """

    incidents: int
    rehearsed: int
    unread: int
    done: int
    failed: int
    exact: bool
    price: str | None
    least: Mapping[str, Range | None]
    most: Mapping[str, Range | None]
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None

    @property
    def counted(self) -> bool:
        """Whether every incident was gone through, so that nothing is extrapolated."""
        return self.rehearsed >= self.incidents

    @property
    def seconds(self) -> Range | None:
        """The seconds that the given limits make of it; None where there are none."""
        limited = self.requests_per_minute or self.tokens_per_minute
        if not limited:
            return None
        return Range(self._seconds(self.least, "low"), self._seconds(self.most, "high"))

    def _seconds(self, of: Mapping[str, Range | None], end: str) -> float:
        def size(name: str) -> float:
            return float(getattr(of[name], end))

        requests = size("calls") / (self.requests_per_minute or math.inf)
        tokens = size("prompt_tokens") + size("written")
        return 60 * max(requests, tokens / (self.tokens_per_minute or math.inf))
