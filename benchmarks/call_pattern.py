"""One article through the paper's call pattern and through ours, on the same embedded model.

    python benchmarks/call_pattern.py [ARTICLE] [--model embedded:NAME]

The paper's pattern asks two calls a category: gather the evidence from the articles, then decide
from what was gathered. Its service kept no prefix warm, so each of its calls is evaluated whole;
`--warm` lets it share prefixes as ours does. The prompts are in our words, the answers are free
text of at most 256 tokens a call. It asks each open field in a call of its own, with the articles;
ours asks them in groups. `--no-fields` leaves them out of both.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from openai import AsyncOpenAI

from classifier.articles import ReadOptions, read_incidents
from classifier.models import catalogue, weights
from classifier.models.embedded import EmbeddedServer
from classifier.models.opening import open_model
from classifier.pipeline import classify_incident
from classifier.records import Incident
from classifier.settings import load_settings
from classifier.taxonomy import Category, OpenField, Taxonomy, load_taxonomy

ARTICLE = Path(__file__).parent.parent / "seeds" / "ariane-501.yaml"
ANSWER_TOKENS = 256


@dataclass(frozen=True)
class Cost:
    """What one pattern spent; `sent` and `evaluated` are prompt tokens."""

    calls: int = 0
    sent: int = 0
    evaluated: int = 0
    written: int = 0
    seconds: float = 0.0
    peak_mb: float = 0.0

    def plus(self, usage: object) -> Cost:
        cached = usage.prompt_tokens_details.cached_tokens or 0  # type: ignore[attr-defined]
        sent = usage.prompt_tokens  # type: ignore[attr-defined]
        return replace(
            self,
            calls=self.calls + 1,
            sent=self.sent + sent,
            evaluated=self.evaluated + sent - cached,
            written=self.written + usage.completion_tokens,  # type: ignore[attr-defined]
        )


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class PaperPattern:
    """Two calls a category, one an open field, nothing shared, nothing verified."""

    def __init__(self, client: AsyncOpenAI, warm: bool) -> None:
        self.client = client
        self.warm = warm
        self.cost = Cost()

    async def ask(self, prompt: str) -> str:
        reply = await self.client.chat.completions.create(
            model="embedded",
            messages=[{"role": "user", "content": prompt}],
            max_tokens=ANSWER_TOKENS,
            temperature=0,
            extra_body={"cache_prompt": self.warm},
        )
        self.cost = self.cost.plus(reply.usage)
        return reply.choices[0].message.content or ""

    async def category(self, text: str, category: Category) -> None:
        options = "\n".join(f"{o.name}: {o.definition}" for o in category.options)
        gathered = await self.ask(
            f"{text}\n\nGather from these articles all that bears on this question: "
            f"{category.question}\n{options}"
        )
        await self.ask(
            f"{gathered}\n\nFrom this, decide which of these options hold, and give the reasons "
            f"for each: {category.question}\n{options}\nunknown: the articles do not say"
        )

    async def field(self, text: str, field: OpenField) -> None:
        listed = "" if field.kind == "text" else f" List at most {field.most_items}, and cite."
        await self.ask(f"{text}\n\nAnswer from these articles: {field.question}{listed}")


async def paper(incident: Incident, taxonomy: Taxonomy, model: str, warm: bool) -> Cost:
    entry = catalogue.find(model.partition(":")[2] or "embedded")
    path = weights.pull(entry, weights.models_folder())
    text = "\n\n".join(f"[{a.id}] {a.title}\n{a.text}" for a in incident.articles)
    with EmbeddedServer(path) as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key=server.api_key, timeout=900)
        async with client:
            pattern = PaperPattern(client, warm)
            begun = monotonic()
            for category in taxonomy.categories.values():
                await pattern.category(text, category)
            for field in taxonomy.postmortem.fields if taxonomy.postmortem else ():
                await pattern.field(text, field)
    return replace(pattern.cost, seconds=monotonic() - begun, peak_mb=peak_mb())


async def ours(incident: Incident, taxonomy: Taxonomy, model: str) -> Cost:
    async with open_model(load_settings(model=model, cache=False)) as opened:
        report = await classify_incident(incident, taxonomy, opened)
    usage = report.provenance.usage
    return Cost(
        usage.calls,
        usage.prompt_tokens,
        usage.prompt_tokens - usage.cached_tokens,
        usage.completion_tokens,
        report.provenance.seconds,
        peak_mb(),
    )


def table(rows: dict[str, Cost]) -> str:
    heads = ("", "calls", "sent", "evaluated", "written", "seconds", "peak MB")
    lines = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    for name, c in rows.items():
        cells = (c.calls, c.sent, c.evaluated, c.written, f"{c.seconds:.0f}", f"{c.peak_mb:.0f}")
        lines.append(f"| {name} | " + " | ".join(map(str, cells)) + " |")
    first, second = rows.values()
    fields = ("calls", "sent", "evaluated", "written", "seconds")
    ratios = " | ".join(f"{getattr(first, f) / getattr(second, f):.2f}" for f in fields)
    return "\n".join([*lines, f"| ours / paper | {ratios} | |"])


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("article", nargs="?", default=str(ARTICLE))
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--warm", action="store_true", help="let the paper's calls share prefixes")
    parser.add_argument("--no-fields", action="store_true", help="leave the open fields out")
    given = parser.parse_args()
    today = datetime.now(UTC).date()
    [incident] = read_incidents([given.article], ReadOptions(today=today)).incidents
    words = sum(len(a.text.split()) for a in incident.articles)
    print(f"{given.article}: {words} words, {given.model}")
    taxonomy = load_taxonomy()
    if given.no_fields:
        taxonomy = taxonomy.without_fields()
    mine = await ours(incident, taxonomy, given.model)
    theirs = await paper(incident, taxonomy, given.model, given.warm)
    print(table({"ours": mine, "paper": theirs}))


if __name__ == "__main__":
    asyncio.run(main())
