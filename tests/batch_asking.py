"""Asking through a provider's batches in a test: without waiting, with a record in a folder."""

import asyncio
import json

from fake_endpoint import KEY, reply
from pydantic import SecretStr

from classifier.models.batch_parts import BatchOptions
from classifier.models.endpoint import Endpoint, EndpointSettings
from classifier.models.provider_batch import ProviderBatches
from classifier.models.seam import Message, Request
from classifier.models.structured import Structured


async def no_time(_seconds):
    await asyncio.sleep(0.005)


class Asked:
    """Asks through `server` with a record in `folder`; each `ask` is a start of its own."""

    def __init__(self, folder):
        self.record, self.said = folder / "batches.jsonl", []

    def ask(self, server, *texts, key=KEY, **options):
        return asyncio.run(self._ask(server, [question(t) for t in texts], key, options))

    def ask_all(self, server, requests, **options):
        return asyncio.run(self._ask(server, requests, KEY, options))

    async def _ask(self, server, requests, key, options):
        async with self.open(server, key, **options) as model:
            asked = [model.ask(r) for r in requests]
            return await asyncio.gather(*asked, return_exceptions=True)

    def open(self, server, key=KEY, **options):
        return _Open(server, BatchOptions(self.record, **options), key, self.said.append)

    async def until(self, state):
        while not self.record.exists() or self.states()[-1:] != [state]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def states(self):
        return [json.loads(line)["state"] for line in self.record.read_text().splitlines()]

    def keep(self, lines):
        """Cut the record, as a kill does."""
        kept = self.record.read_text().splitlines(keepends=True)[:lines]
        self.record.write_text("".join(kept))


class _Open:
    def __init__(self, server, options, key, say):
        at = EndpointSettings("gpt-fake", server.url, SecretStr(key), timeout=10)
        self.options = options
        self.batches = ProviderBatches(at, options, say, sleep=no_time)
        self.endpoint = Endpoint(at, post=self.batches.post)

    async def __aenter__(self):
        await self.batches.__aenter__()
        return Structured(self.endpoint)

    async def __aexit__(self, *why):
        await self.endpoint.aclose()
        await self.batches.__aexit__(*why)


def question(text, **more):
    return Request((Message("user", text),), max_tokens=50, **more)


def echo(body):
    """A reply that says what the user said."""
    return reply(body["messages"][-1]["content"])


def texts(replies):
    return [getattr(r, "text", r) for r in replies]
