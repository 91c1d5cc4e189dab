"""Opens the model that the settings name: the one place where the wrappers are put together."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from importlib.metadata import version
from pathlib import Path

from pydantic import SecretStr

from classifier.errors import ConfigurationError
from classifier.models.batch_parts import BatchOptions
from classifier.models.budget import Budgeted, Lease, Ledger
from classifier.models.cache import Cached, Kept, ResponseCache, identity_of
from classifier.models.endpoint import OPENAI_URL, Endpoint, EndpointSettings
from classifier.models.estimate import Estimate
from classifier.models.pace import Pace, Paced, PaceLimits
from classifier.models.prices import LOCAL, Overrides, capped_tariff, load_overrides, tariff
from classifier.models.provider_batch import ProviderBatches
from classifier.models.retry import Retry, RetryPolicy
from classifier.models.seam import Model, ModelInfo, OpenModel
from classifier.models.structured import Structured
from classifier.settings import Settings, openai_environment
from classifier.tokens import Remembering, TiktokenCounter, TokenCounter

EMBEDDED_CONTEXT = 12_288
HOSTED_CONTEXT = 32_768
HOSTED_CONCURRENCY = 8
# All questions that an incident can ask at once should go into the same batch.
BATCH_CONCURRENCY = 64


@dataclass(frozen=True)
class Notices:
    """Where to say what happens: `say` for a sentence, `progress` for (done, total, text)."""

    say: Callable[[str], None] = lambda _: None
    progress: Callable[[int, int, str], None] = lambda _done, _total, _text: None


@dataclass(frozen=True)
class Shared:
    """What a model has in place of its own where many processes ask as one: who makes its pace,
    and where its ledger leases money.
    """

    pace: Callable[[PaceLimits], Pace] = Pace
    lease: Lease | None = None


def is_local(name: str) -> bool:
    """Whether the model runs in this process: `embedded`, `embedded:NAME`, `gguf:PATH`."""
    return name == "embedded" or name.startswith(("embedded:", "gguf:"))


def method_name(settings: Settings) -> str:
    """The taxonomy's method to ask the settings' model by, known before it is opened."""
    return settings.method or ("embedded" if is_local(settings.model) else "hosted")


@asynccontextmanager
async def open_model(
    settings: Settings,
    notices: Notices | None = None,
    ledger: Ledger | None = None,
    batches: BatchOptions | None = None,
    shared: Shared | None = None,
) -> AsyncIterator[OpenModel]:
    """A model that is ready to answer, for the life of the context.

    What its calls cost is kept in `ledger`, and held to the ledger's cap. `batches` says where the
    record of batches lies, for the way through them (`settings.via`). Raises `ConfigurationError`
    for a model that there is not, for a missing key and for a cap on a model without a price, and
    `WeightsError` where the embedded model's weights cannot be had.
    """
    notices = notices or Notices()
    async with AsyncExitStack() as stack:
        _refuse_without_batches(settings, batches)
        if is_local(settings.model):
            found = await _found_here(settings, notices, stack)
        else:
            found = _found_hosted(settings)
        cache = ResponseCache(settings.cache_path, warn=notices.say) if settings.cache else None
        kept = _kept(found.info, cache)
        if settings.via == "direct" or batches is None:
            model = await _asked_directly(found, settings, ledger, shared or Shared(), kept, stack)
        else:
            model = await _asked_in_batches(found, settings, notices, ledger, batches, kept, stack)
        if cache is not None:
            stack.callback(cache.close)
            model = Cached(model, cache, identity_of(found.info))
        # the questions are counted again for each incident
        yield OpenModel(model, found.info, Remembering(found.counter))


_Wrap = Callable[[Model], Model]


@dataclass(frozen=True)
class _Found:
    """Where the model is asked, what it is, and who counts its tokens; `wrapped` has it answer
    what its endpoint alone does not.
    """

    at: EndpointSettings
    info: ModelInfo
    counter: TokenCounter
    wrapped: _Wrap = lambda model: model


async def _found_here(settings: Settings, notices: Notices, stack: AsyncExitStack) -> _Found:
    from classifier.models.embedded import EmbeddedServer, ServerStates, ServerTokens
    from classifier.models.embedder import Embedder
    from classifier.models.gguf import layers_of
    from classifier.models.stateful import Stateful
    from classifier.models.weights import models_folder

    if settings.base_url and "base_url" in settings.model_fields_set:
        raise ConfigurationError(
            f"The model {settings.model!r} runs in this process and has no --base-url. Name the "
            "endpoint's model with --model, or leave --base-url out."
        )
    name, path, digest = _weights(settings.model, notices)
    context, slots = settings.context or EMBEDDED_CONTEXT, settings.concurrency or 1
    server = stack.enter_context(
        EmbeddedServer(path, context_tokens=context, threads=settings.threads, slots=slots)
    )
    counter = await stack.enter_async_context(ServerTokens(server.base_url, server.api_key))
    info = ModelInfo(
        name=name,
        method=method_name(settings),
        context_tokens=context,
        concurrency=slots,
        digest=digest,
        endpoint="embedded",
        software=f"xllamacpp {version('xllamacpp')}",
        states=True,
        layers=layers_of(path),
        sequential=True,
    )
    routes = ServerStates(
        # one after the other: together they would share the time that each of them has
        server.base_url,
        server.api_key,
        concurrency=1,
        timeout=settings.timeout,
    )
    states = await stack.enter_async_context(routes)
    at = EndpointSettings(name, server.base_url, SecretStr(server.api_key), settings.timeout)
    embedder = await stack.enter_async_context(
        Embedder(
            path,
            digest,
            # a copy of a file of one's own would stay there, and nobody would know of it
            None if settings.model.startswith("gguf:") else models_folder(),
            threads=settings.threads,
            timeout=settings.timeout,
        )
    )
    return _Found(at, info, counter, partial(Stateful, states=states, embedder=embedder))


def _found_hosted(settings: Settings) -> _Found:
    key, base_url = openai_environment()
    url = settings.base_url or base_url or OPENAI_URL
    _refuse_misspelt(settings.model, url)
    at = EndpointSettings(settings.model, url, key, settings.timeout)
    if not key.get_secret_value() and _is_openai(at.place):
        raise ConfigurationError(
            f"The model {settings.model!r} is asked for at {url}, and OPENAI_API_KEY is not set. "
            "Set it, name another endpoint with --base-url, or use --model embedded, which needs "
            "no key."
        )
    info = ModelInfo(
        name=settings.model,
        method=method_name(settings),
        context_tokens=settings.context or HOSTED_CONTEXT,
        concurrency=settings.concurrency
        or (HOSTED_CONCURRENCY if settings.via == "direct" else BATCH_CONCURRENCY),
        endpoint=at.place,
    )
    counter = TiktokenCounter(settings.model)
    return _Found(at, info, counter)


async def _asked_directly(
    found: _Found,
    settings: Settings,
    ledger: Ledger | None,
    shared: Shared,
    kept: _Wrap,
    stack: AsyncExitStack,
) -> Model:
    info = found.info
    pace = shared.pace(
        PaceLimits(
            info.concurrency,
            settings.requests_per_minute,
            settings.tokens_per_minute,
            settings.total_seconds,
        )
    )
    endpoint = await stack.enter_async_context(Endpoint(found.at, pace.observe))
    estimate = Estimate(found.counter, info.overhead_tokens)
    answering = found.wrapped(Structured(endpoint))
    paid = _budgeted(answering, info, settings, ledger, estimate, shared.lease)
    policy = RetryPolicy(tries=settings.tries, total_seconds=settings.total_seconds)
    # a call has its place until its reply is kept: whoever is killed loses no more than the places
    return Retry(Paced(kept(paid), pace, estimate), policy, clock=pace.own_time)


async def _asked_in_batches(
    found: _Found,
    settings: Settings,
    notices: Notices,
    ledger: Ledger | None,
    options: BatchOptions,
    kept: _Wrap,
    stack: AsyncExitStack,
) -> Model:
    """Neither paced nor retried here: batches have limits and tries of their own."""
    options = replace(options, tries=settings.tries)
    batches = await stack.enter_async_context(ProviderBatches(found.at, options, notices.say))
    endpoint = await stack.enter_async_context(Endpoint(found.at, post=batches.post))
    estimate = Estimate(found.counter, found.info.overhead_tokens)
    return kept(_budgeted(Structured(endpoint), found.info, settings, ledger, estimate))


def _refuse_without_batches(settings: Settings, batches: BatchOptions | None) -> None:
    if settings.via == "direct":
        return
    if is_local(settings.model):
        raise ConfigurationError(
            f"The model {settings.model!r} runs on this machine and has no batch API. Leave out "
            f"--via {settings.via}, or name a model at an endpoint with --model."
        )
    if batches is None:
        raise ConfigurationError(
            f"--via {settings.via} keeps the record of its batches in a run folder, and there is "
            "none here. Use `classifier batch ... --out RUN`, or leave it out."
        )


def _kept(info: ModelInfo, cache: ResponseCache | None) -> _Wrap:
    if cache is None:
        return lambda model: model
    return lambda model: Kept(model, cache, identity_of(info))


def price_factor(settings: Settings, endpoint: str) -> Decimal:
    """What to multiply the prices at the endpoint with: OpenAI's batches cost half.

    What another provider's batches cost is not known here, so its full price counts.
    """
    host = endpoint.partition("://")[2].partition("/")[0].lower()
    openai = host == "api.openai.com" or host.endswith(".api.openai.com")
    return Decimal("0.5") if openai and settings.via == "openai-batch" else Decimal(1)


def _budgeted(
    model: Model,
    info: ModelInfo,
    settings: Settings,
    ledger: Ledger | None,
    estimate: Estimate,
    lease: Lease | None = None,
) -> Model:
    """The model with the ledger before it; where it has no price, or is free, it stays alone."""
    if ledger is None or info.endpoint == LOCAL:
        return model
    overrides = load_overrides(settings.prices) if settings.prices else Overrides()
    find = tariff if ledger.account.cap is None else capped_tariff
    factor = price_factor(settings, info.endpoint)
    found = find(info.name, info.endpoint, overrides, factor=factor)
    return Budgeted(model, found, ledger, estimate, lease=lease) if found else model


def _weights(model: str, notices: Notices) -> tuple[str, Path, str]:
    """The name, file and digest of a local model; pulls the weights of a pinned one."""
    from classifier.models import catalogue, weights

    folder = weights.models_folder()
    kind, _, rest = model.partition(":")
    if kind == "gguf":
        path = Path(rest).expanduser()
        if not path.is_file():
            raise ConfigurationError(
                f"There is no file {rest!r} for --model {model!r}. Give the path of a GGUF file, "
                "or use --model embedded."
            )
        return path.name, path, weights.digest_of(path, folder)
    entry = catalogue.find(rest or "embedded")
    path_or_none = weights.installed(entry, folder)
    if path_or_none is None:
        notices.say(
            f"Pulling {entry.name} ({entry.size / 1e9:.1f} GB, {entry.licence}), once, "
            f"into {folder}"
        )
        path_or_none = weights.pull(entry, folder, notices.progress)
    return entry.name, path_or_none, entry.sha256


def _is_openai(url: str) -> bool:
    return url.partition("://")[2].lower().startswith("api.openai.com")


def _refuse_misspelt(name: str, url: str) -> None:
    """A slip in `embedded` must not send an article to a service."""
    head = name.partition(":")[0].strip().lower()
    # other endpoints, such as llama.cpp's server, name a model by its file
    is_file = head.endswith(".gguf") and _is_openai(url)
    slip = difflib.get_close_matches(head, ["embedded", "gguf"], cutoff=0.75)
    if is_file or slip or head.startswith(("embedded", "gguf")):
        raise ConfigurationError(
            f"There is no model {name!r}. Allowed: embedded, embedded:NAME, gguf:PATH, or the "
            "name of a model at an endpoint; nothing was sent."
        )
