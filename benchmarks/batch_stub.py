"""A server on loopback that answers chat completions at once, or after a set delay.

It runs in a process of its own and does as little as it can: it finds the schema in the request's
bytes, and says of each category that its first option applies, with a quote that stands in every
article that `article` makes. The prompt is not read.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

KEY = "stub"
QUOTE = "The update had not been tested, and every terminal stopped at once."
PARAGRAPH = (
    "The company said that engineers were looking into what went wrong, and that customers would "
    "be told as soon as more was known. Some of them had waited for hours. "
)
_FORMAT = b'"response_format":'
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PROMPT_TOKENS, _WRITTEN = 2000, 400


def article(number: int, characters: int) -> dict[str, Any]:
    """A row of a table: an article of about so many characters, unlike those of other numbers."""
    text = f"Terminals of shop {number} went dark on Tuesday. {QUOTE} "
    text += PARAGRAPH * (1 + max(0, characters - len(text)) // len(PARAGRAPH))
    day = f"{2010 + number % 15}-{1 + number % 12:02}-{1 + number % 28:02}"
    return {"id": f"a{number}", "title": f"Shop {number} stops", "published": day, "text": text}


def fitting(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    """A value that the schema allows; the first option that is met applies, by the quote."""
    if "$ref" in schema:
        return fitting(known[schema["$ref"].rpartition("/")[2]], known)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        made = {n: fitting(s, known) for n, s in schema.get("properties", {}).items()}
        return _first_applies(made)
    if schema.get("type") == "array":
        return [""] * schema.get("minItems", 0)
    return False if schema.get("type") == "boolean" else "The articles do not say."


def _first_applies(made: dict[str, Any]) -> dict[str, Any]:
    first = next(iter(made.values()), None)
    if isinstance(first, dict) and "applies" in first:
        why = "The vendor's own update carried the fault to all terminals."
        first |= {"quotes": [QUOTE], "rationale": why, "applies": True}
    return made


def completion(response_format: Mapping[str, Any]) -> bytes:
    """A chat completion whose message follows the schema of the format."""
    schema = response_format["json_schema"]["schema"]
    said = json.dumps(fitting(schema, schema.get("$defs", {})))
    message = {"role": "assistant", "content": said, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    usage = {"prompt_tokens": _PROMPT_TOKENS, "completion_tokens": _WRITTEN}
    whole = {
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "created": 1_800_000_000,
        "model": "stub",
        "choices": [choice],
        "usage": usage | {"total_tokens": _PROMPT_TOKENS + _WRITTEN},
    }
    return json.dumps(whole).encode()


class _Answers:
    """Replies as HTTP carries them, each made once for a format."""

    def __init__(self) -> None:
        self._made: dict[bytes, bytes] = {}

    def to(self, body: bytes) -> bytes:
        asked = body[body.rindex(_FORMAT) :]
        if asked not in self._made:
            given, _ = json.JSONDecoder().raw_decode(asked[len(_FORMAT) :].decode())
            said = completion(given)
            head = (
                f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(said)}"
            )
            self._made[asked] = head.encode() + b"\r\n\r\n" + said
        return self._made[asked]


class _Talk(asyncio.Protocol):
    """One connection: requests one after the other, each answered after the delay."""

    def __init__(self, answers: _Answers, delay: float) -> None:
        self._answers = answers
        self._delay = delay
        self._come = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._come += data
        while (end := self._come.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._come, 0, end + 2)
            whole = end + 4 + int(length[1] if length else 0)
            if len(self._come) < whole:
                return
            answer = self._answers.to(bytes(self._come[end + 4 : whole]))
            del self._come[:whole]
            asyncio.get_running_loop().call_later(self._delay, self._say, answer)

    def _say(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def serve(delay: float) -> None:
    """Serve for ever; the port is the one line on standard output."""
    answers = _Answers()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Talk(answers, delay), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def stub(delay: float = 0.0) -> Iterator[str]:
    """The base URL of a running stub that waits `delay` seconds before each answer."""
    command = [sys.executable, __file__, str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            if not port:
                raise SystemExit("the stub did not start")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
