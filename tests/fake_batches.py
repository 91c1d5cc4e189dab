"""A provider's Files and Batches endpoints on loopback, as OpenAI's guide describes them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fake_endpoint import KEY, Answer, Served, failure, reply

EXPIRED = {
    "code": "batch_expired",
    "message": "This request could not be executed before the completion window expired.",
}
STEPS = ("validating", "in_progress", "finalizing")


@dataclass
class Held:
    """A batch as the server holds it; it goes one step further each time it is looked at."""

    id: str
    input_file: str
    metadata: Mapping[str, str]
    created: int
    steps: list[str]
    end: str = "completed"
    status: str = "validating"
    output: str | None = None
    errors_file: str | None = None
    counts: tuple[int, int, int] = (0, 0, 0)
    errors: list[dict[str, Any]] | None = None

    def as_json(self) -> dict[str, Any]:
        errors = self.errors and {"object": "list", "data": self.errors}
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "errors": errors,
            "input_file_id": self.input_file,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.output,
            "error_file_id": self.errors_file,
            "created_at": self.created,
            "expires_at": self.created + 86400,
            "request_counts": dict(zip(("total", "completed", "failed"), self.counts, strict=True)),
            "metadata": dict(self.metadata),
        }


@dataclass
class FakeBatches(Served):
    """Answers each line with `answer(body)`; use it as a context manager.

    `expire_after` lines the batch expires; `refusals` are errors of the next batches, instead of
    their execution; `strange` outcomes are of requests that nobody made. `script` has answers by
    "METHOD /path", used up before anything is done; with `lost` (same keys, counts) it is done and
    the connection breaks before the answer. `torn` downloads end in the middle without an error.
    """

    answer: Callable[[dict[str, Any]], Answer] = lambda _: reply("ok")
    expire_after: int | None = None
    refusals: list[list[dict[str, Any]]] = field(default_factory=list)
    strange: int = 0
    script: dict[str, list[Answer]] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    torn: int = 0
    limits: tuple[int, int] = (50_000, 200_000_000)
    steps: Sequence[str] = STEPS
    key: str = KEY

    def __post_init__(self) -> None:
        self.seen: list[str] = []
        self.files: dict[str, bytes] = {}
        self.batches: list[Held] = []
        self.executed: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self.url = self.listen(_handler(self))

    def count(self, start: str) -> int:
        """How many requests came in whose "METHOD /path" begins so."""
        return sum(1 for seen in self.seen if seen.startswith(start))

    def take(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to a request."""
        with self._lock:
            place = f"{method} {urlsplit(path).path}"
            self.seen.append(place)
            if headers.get("authorization") != f"Bearer {self.key}":
                return failure(401, "Incorrect API key provided", code="invalid_api_key")
            key = next((k for k in self.script if place.startswith(k) and self.script[k]), None)
            if key is not None:
                return self.script[key].pop(0)
            answer = self._done(method, path, headers, body)
            if self.lost.get(place, 0) > 0:
                self.lost[place] -= 1
                return Answer(answer.body, cut=True)
            return answer

    def _done(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(path).path.removeprefix("/v1/").split("/")
        match method, parts:
            case "POST", ["files"]:
                return self._uploaded(headers, body)
            case "POST", ["batches"]:
                return self._created(json.loads(body))
            case "GET", ["batches"]:
                return self._listed(parse_qs(urlsplit(path).query))
            case "GET", ["batches", name]:
                held = next((b for b in self.batches if b.id == name), None)
                return _json(self._looked(held)) if held else failure(404, "No batch found")
            case "GET", ["files", name, "content"] if name in self.files:
                return self._content(self.files[name])
        return failure(404, f"Invalid URL ({method} {path})")

    def _uploaded(self, headers: Mapping[str, str], body: bytes) -> Answer:
        head = f"Content-Type: {headers['content-type']}\r\n\r\n".encode()
        form = message_from_bytes(head + body, policy=HTTP)
        fields = {p.get_param("name", header="content-disposition"): p for p in form.iter_parts()}
        if fields["purpose"].get_content().strip() != "batch":
            return failure(400, "Invalid purpose", param="purpose")
        if not str(fields["file"].get_filename()).endswith(".jsonl"):
            return failure(400, "Invalid file format for Batch API. Must be .jsonl")
        name = f"file-{len(self.files)}"
        self.files[name] = fields["file"].get_payload(decode=True)
        return _json({"id": name, "object": "file", "purpose": "batch", "status": "processed"})

    def _created(self, given: dict[str, Any]) -> Answer:
        if given["input_file_id"] not in self.files:
            return failure(400, f"Cannot find file {given['input_file_id']}", param="file_id")
        assert (given["endpoint"], given["completion_window"]) == ("/v1/chat/completions", "24h")
        assert all(len(k) <= 64 and len(v) <= 512 for k, v in given["metadata"].items())
        number = len(self.batches)
        held = Held(
            f"batch_{number}",
            given["input_file_id"],
            given["metadata"],
            1_800_000_000 + number,
            list(self.steps),
        )
        self.batches.append(held)
        return _json(held.as_json())

    def _listed(self, query: Mapping[str, list[str]]) -> Answer:
        newest = self.batches[::-1]
        ids = [b.id for b in newest]
        start = ids.index(query["after"][0]) + 1 if "after" in query else 0
        page = newest[start : start + int(query.get("limit", ["20"])[0])]
        more = start + len(page) < len(newest)
        return _json({"object": "list", "data": [b.as_json() for b in page], "has_more": more})

    def _looked(self, held: Held) -> dict[str, Any]:
        if held.steps:
            held.status = held.steps.pop(0)
        elif held.status != held.end:
            self._execute(held)
        return held.as_json()

    def _execute(self, held: Held) -> None:
        data = self.files[held.input_file]
        errors = self.refusals.pop(0) if self.refusals else self._invalid(data)
        if errors:
            held.status = held.end = "failed"
            held.errors = errors
            return
        lines = [json.loads(line) for line in data.splitlines()]
        most = len(lines) if self.expire_after is None else self.expire_after
        done = [self._outcome(line) for line in lines[:most]]
        late = [_outcome(line["custom_id"], None, EXPIRED) for line in lines[most:]]
        good = [o for o in done if o["response"]["status_code"] == 200]
        bad = [o for o in done if o["response"]["status_code"] != 200]
        more = [_outcome(f"not-asked-{n}", 200, None) for n in range(self.strange)]
        held.counts = (len(lines), len(good), len(bad))
        held.output = self._stored(good[::-1] + more)
        held.errors_file = self._stored((bad + late)[::-1])
        held.status = held.end = "expired" if late else held.end

    def _invalid(self, data: bytes) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in data.splitlines()]
        ids = [line["custom_id"] for line in lines]
        if not lines or len(lines) > self.limits[0] or len(data) > self.limits[1]:
            return [{"code": "invalid_file", "message": "too large, or empty", "line": None}]
        if len({line["body"]["model"] for line in lines}) > 1:
            return [{"code": "mismatched_model", "message": "one model a batch", "line": 2}]
        if len(set(ids)) < len(ids):
            return [{"code": "duplicate_custom_id", "message": "not unique", "line": 2}]
        assert all((line["method"], line["url"]) == ("POST", _URL) for line in lines)
        return []

    def _outcome(self, line: dict[str, Any]) -> dict[str, Any]:
        self.executed.append(line["body"])
        answer = self.answer(line["body"])
        return _outcome(line["custom_id"], answer.status, None, json.loads(answer.body))

    def _stored(self, outcomes: list[dict[str, Any]]) -> str | None:
        if not outcomes:
            return None
        name = f"file-{len(self.files)}"
        self.files[name] = b"".join(json.dumps(o).encode() + b"\n" for o in outcomes)
        return name

    def _content(self, data: bytes) -> Answer:
        if self.torn > 0:
            self.torn -= 1
            data = data[: len(data) // 2]
        return Answer(data, content_type="application/octet-stream")


_URL = "/v1/chat/completions"


def _json(value: object) -> Answer:
    return Answer(json.dumps(value).encode())


def _outcome(
    name: str, status: int | None, error: dict[str, Any] | None, body: object = None
) -> dict[str, Any]:
    response = None if status is None else {"status_code": status, "request_id": "r", "body": body}
    return {"id": f"batch_req_{name}", "custom_id": name, "response": response, "error": error}


def _handler(server: FakeBatches) -> type[BaseHTTPRequestHandler]:
    from fake_endpoint import _handler as plain

    class Handler(plain(server)):  # type: ignore[misc, arg-type]
        def do_POST(self) -> None:  # noqa: N802 - its name in http.server
            self._take("POST", self._body())

        def do_GET(self) -> None:  # noqa: N802
            self._take("GET", b"")

        def _take(self, method: str, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = server.take(method, self.path, headers, body)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self._send(answer)

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers["Content-Length"]))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

    return Handler
