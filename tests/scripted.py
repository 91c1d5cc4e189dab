"""A model that plays a script, and builders of what it says: no test here needs a network."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from classifier.answers import Answer, OptionAnswer
from classifier.asking import AskContext
from classifier.asking.context import Meter
from classifier.chunking import Chunk
from classifier.grounding import Locator
from classifier.models.seam import ModelInfo, OpenModel, Reply, Request, TokenLogprobs
from classifier.records import UNKNOWN, Article, Part, Usage
from classifier.taxonomy import Category, Taxonomy, load_taxonomy

RECIPES = Path(__file__).parent / "data" / "taxonomies" / "recipes"
USAGE = Usage(calls=1, prompt_tokens=100, cached_tokens=10, completion_tokens=20)
TEXT = "The cake rises in a hot oven. Serve it with plums and cream! The plums must be very ripe."

Said = Reply | Exception | str
Script = Callable[[Request], Said] | Sequence[Said]


def recipes() -> Taxonomy:
    """The second taxonomy: course, diet, garnish (gated), baked (boolean), heat (gated)."""
    return load_taxonomy(RECIPES)


class Scripted:
    """Plays a queue of replies, or a function of the request; `history` keeps the requests."""

    def __init__(self, script: Script, *, pause: float | None = None) -> None:
        self.history: list[Request] = []
        self.most_at_once = 0
        self._script = script if callable(script) else list(script)
        self._pause = pause
        self._running = 0

    async def ask(self, request: Request) -> Reply:
        """The next reply of the script; an exception in it is raised."""
        self.history.append(request)
        self._running += 1
        self.most_at_once = max(self.most_at_once, self._running)
        try:
            if self._pause is not None:
                await asyncio.sleep(self._pause)
            return self._next(request)
        finally:
            self._running -= 1

    def _next(self, request: Request) -> Reply:
        said = self._script(request) if callable(self._script) else self._script.pop(0)
        if isinstance(said, Exception):
            raise said
        return Reply(said, "stop", USAGE) if isinstance(said, str) else said

    @property
    def asked(self) -> list[tuple[str, ...]]:
        """The properties of the schema of each request: categories, or options."""
        return [tuple((r.schema or {})["properties"]) for r in self.history]


class Words:
    """Counts words: a tokenizer that a test can reckon with."""

    exact = True

    async def count(self, texts: Sequence[str]) -> list[int]:
        """The words of each text."""
        return [len(text.split()) for text in texts]


def opened(
    model: Scripted,
    *,
    method: str = "hosted",
    context: int = 30_000,
    concurrency: int = 1,
    sequential: bool = False,
) -> OpenModel:
    """The scripted model as the pipeline takes it; a word is a token."""
    info = ModelInfo(
        name="scripted",
        method=method,
        context_tokens=context,
        concurrency=concurrency,
        sequential=sequential,
    )
    return OpenModel(model, info, Words())


def article(text: str = TEXT, identifier: str = "1") -> Article:
    """An article."""
    return Article(id=identifier, text=text, title="Cake")


def chunk_of(*articles: Article) -> Chunk:
    """A chunk with the whole of each article."""
    return Chunk(0, tuple(Part(article_id=a.id, start=0, end=len(a.text)) for a in articles))


def asking(
    model: Scripted, *articles: Article, taxonomy: Taxonomy | None = None, method: str = "hosted"
) -> AskContext:
    """What `ask_typed` and `ask_scored` take."""
    taxonomy = taxonomy or recipes()
    by_id = {a.id: a for a in articles or (article(),)}
    locator = Locator(list(by_id.values()))
    return AskContext(model, taxonomy, taxonomy.methods[method], by_id, locator, Meter())


def option(applies: bool = False, *quotes: str, rationale: str = "") -> dict[str, Any]:
    """What a typed answer says of one option."""
    return {"quotes": list(quotes), "rationale": rationale, "applies": applies}


def typed(category: Category, *holding: str, quotes: Sequence[str] = ()) -> dict[str, Any]:
    """A typed answer to one category: the options in `holding` apply; none is unknown."""
    given = {
        name: option(
            name in holding, *(quotes if name in holding else ()), rationale=f"About {name}."
        )
        for name in category.names
    }
    return {**given, UNKNOWN: not holding}


def typed_reply(
    taxonomy: Taxonomy, holding: Mapping[str, Sequence[str]], quotes: Sequence[str] = ()
) -> str:
    """The JSON of a typed answer to several categories."""
    answers = {
        name: typed(taxonomy.categories[name], *names, quotes=quotes)
        for name, names in holding.items()
    }
    return json.dumps(answers)


def alternatives(true: float) -> dict[str, float]:
    """The log-probabilities of `true` and `false`."""
    chances = {" true": true, " false": 1 - true}
    return {word: math.log(p) if p else -math.inf for word, p in chances.items()}


def scored_reply(
    probabilities: Mapping[str, float], *, indent: int | None = None, pattern: str = r"\s*\w+|\W"
) -> Reply:
    """A scored answer, with the tokens that `pattern` cuts it into."""
    text = json.dumps({n: p >= 0.5 for n, p in probabilities.items()}, indent=indent)
    tokens = [TokenLogprobs(t, {t: -0.1}) for t in re.findall(pattern, text, re.DOTALL)]
    chances = iter(probabilities.values())
    marked = [
        TokenLogprobs(t.token, alternatives(next(chances)))
        if t.token.strip() in ("true", "false")
        else t
        for t in tokens
    ]
    return Reply(text, "stop", USAGE, tuple(marked))


def answer(category: str, *holding: str, unknown: bool = False, **surety: float) -> Answer:
    """A chunk's answer; `surety` gives confidences by option."""
    names = dict.fromkeys((*holding, *surety))
    options = tuple(
        OptionAnswer(n, n in holding, f"About {n}.", confidence=surety.get(n)) for n in names
    )
    return Answer(category, options, unknown=unknown)


def plays(
    taxonomy: Taxonomy,
    holding: Mapping[str, Sequence[str]] | None = None,
    quotes: Sequence[str] = (),
) -> Callable[[Request], Said]:
    """A script that answers whatever is asked, by either method; all else is unknown."""
    told = dict(holding or {})
    by_options = {frozenset(c.judged): c for c in taxonomy.categories.values()}

    def play(request: Request) -> Said:
        asked = tuple((request.schema or {})["properties"])
        if request.top_logprobs:
            category = by_options[frozenset(asked)]
            holds = told.get(category.name, ())
            chances = {n: 0.9 if n in holds else 0.1 for n in category.names}
            rest = 0.95 if category.opposite is None and not holds else 0.05
            beside = dict.fromkeys(category.judged[len(category.names) :], rest)
            return scored_reply({**chances, **beside})
        if "$defs" in (request.schema or {}) and "beginning" in (request.schema or {})["$defs"]:
            first = (request.schema or {})["$defs"]["beginning"]["enum"][0]
            said = {n: {"quote": first, "rationale": f"{n} is in it."} for n in asked}
            return json.dumps(said)
        if asked == ("quotes",):
            count = (request.schema or {})["properties"]["quotes"]["minItems"]
            return json.dumps({"quotes": [""] * count})
        return typed_reply(taxonomy, {n: told.get(n, ()) for n in asked}, quotes)

    return play
