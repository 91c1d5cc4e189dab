"""Classify from Python: one function for notebooks and scripts, and the asynchronous one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

from classifier.articles import ReadOptions, read_incidents
from classifier.confidence import as_asked, least_confidence
from classifier.errors import InputError
from classifier.methods import method_of
from classifier.models.opening import Notices, method_name, open_model
from classifier.pipeline import classify_incident
from classifier.records import Article, Incident, Report
from classifier.settings import load_settings
from classifier.taxonomy import Taxonomy, load_taxonomy

T = TypeVar("T")

Source = str | os.PathLike[str] | Article | Sequence[Article] | Incident


def classify(source: Source, *, taxonomy: str | Taxonomy | None = None, **settings: Any) -> Report:
    """The report of one incident.

    `source` is a file or URL that holds one incident, an `Article`, several articles that report
    the same failure, or an `Incident`. `taxonomy` is a loaded taxonomy, the name of one that
    ships, or a folder. `settings` are those of `classifier.settings.Settings`, such as `model`,
    `base_url` and `cache`; without them the embedded model answers and nothing leaves the machine.

    Raises the errors of `classifier.errors`: `InputError`, `ConfigurationError`, `WeightsError`,
    `ModelError`. Works where an event loop runs already, as in a notebook.
    """
    return _run(classify_async(source, taxonomy=taxonomy, **settings))


async def classify_async(
    source: Source, *, taxonomy: str | Taxonomy | None = None, **settings: Any
) -> Report:
    """The same as `classify`, for asynchronous code."""
    chosen = load_settings(**settings)
    given = (
        taxonomy if isinstance(taxonomy, Taxonomy) else load_taxonomy(taxonomy or chosen.taxonomy)
    )
    loaded = as_asked(given, chosen)
    incident = await asyncio.to_thread(_incident, source, allow_private=chosen.allow_private)
    method_of(loaded, method_name(chosen))
    async with open_model(chosen, Notices()) as model:
        least = least_confidence(chosen, loaded, model.info)
        return await classify_incident(incident, loaded, model, least_confidence=least)


def _incident(source: Source, *, allow_private: bool) -> Incident:
    if isinstance(source, Incident):
        return source
    if isinstance(source, Article):
        return Incident(id=source.id, articles=(source,))
    if isinstance(source, (str, os.PathLike)):
        return _read(os.fspath(source), allow_private=allow_private)
    articles = tuple(source) if isinstance(source, Iterable) else (source,)
    if not articles:
        raise InputError("There is no article to classify. Give at least one.")
    if strange := [a for a in articles if not isinstance(a, Article)]:
        raise InputError(
            f"{strange[0]!r:.80} is no article. Give a path or URL, an Article, several of one "
            "incident, or an Incident."
        )
    return Incident(id=articles[0].id, articles=articles)


def _read(source: str, *, allow_private: bool) -> Incident:
    today = datetime.now(UTC).date()
    reading = read_incidents([source], ReadOptions(today=today, allow_private=allow_private))
    for _, error in reading.failures:
        raise error
    if len(reading.incidents) != 1:
        raise InputError(
            f"{source!r} holds {len(reading.incidents)} incidents; classify takes one. "
            "Read them with classifier.articles.read_incidents and classify each."
        )
    return reading.incidents[0]


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as beside:
        return beside.submit(asyncio.run, work).result()
