"""What an endpoint takes, learned from what it refuses: parameters, and formats of the reply.

JSON is asked for in the strictest way that it takes: schema, then JSON mode, then plain text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

from classifier.errors import ConfigurationError, ModelRequestError
from classifier.models.seam import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from classifier.models.seam import Reply, Request

_REFUSAL = re.compile(
    r"response[_ ]?format|json[_ ]?schema|json[_ ]?object|json mode|structured output"
    r"|\bgrammar\b|\bschema\b",
    re.IGNORECASE,
)
_ORDER = "Answer with one JSON object, and nothing else, that follows this JSON Schema:\n"


@dataclass(frozen=True)
class Dialect:
    """The parameters that the endpoint takes: all but those that it `refused` so far.

    The length is sent as the first of `lengths` that was not refused. `most_top` is the largest
    `top_logprobs`, if there is a known limit.
    """

    lengths: tuple[str, str] = ("max_tokens", "max_completion_tokens")
    most_top: int | None = None
    refused: frozenset[str] = frozenset()

    def parameters(self, request: Request) -> dict[str, Any]:
        """The request's numbers, as the endpoint takes them."""
        length = next(n for n in (*self.lengths, "max_tokens") if n not in self.refused)
        optional: dict[str, Any] = {"temperature": request.temperature, "seed": request.seed}
        if request.top_logprobs and not self.refused & {"logprobs", "top_logprobs"}:
            top = min(request.top_logprobs, self.most_top or request.top_logprobs)
            optional |= {"logprobs": True, "top_logprobs": top}
        taken = {n: v for n, v in optional.items() if n not in self.refused}
        return {length: request.max_tokens, **taken}

    def without(self, name: str) -> Dialect | None:
        """The dialect that does without a parameter; None where the parameter is needed."""
        refused = self.refused | {name}
        return None if refused.issuperset(self.lengths) else replace(self, refused=refused)


_UNSUPPORTED = re.compile(
    r"unsupported|not? (?:longer )?support|unrecogni[sz]ed|unknown|unexpected|not permitted"
    r"|not allowed|extra (?:inputs|fields)|only the default|instead|not available",
    re.IGNORECASE,
)


def refused_parameter(error: ModelRequestError, sent: Mapping[str, Any]) -> str | None:
    """The sent parameter that the endpoint does not know or support, if that is its complaint.

    A value out of range is none: the parameter is supported, and the caller must learn of it.
    """
    if not _UNSUPPORTED.search(str(error)):
        return None
    if error.parameter:
        return next((n for n in sent if n == error.parameter.rpartition(".")[2]), None)
    return next((n for n in sent if re.search(rf"\b{n}\b", str(error))), None)


class Mode(IntEnum):
    """The ways to ask for JSON, the strictest first."""

    SCHEMA = 0
    JSON = 1
    PLAIN = 2


class Sender(Protocol):
    """What `Structured` needs of an endpoint."""

    @property
    def strict(self) -> bool:
        """Whether the endpoint takes only the part of JSON Schema that `strict` leaves."""
        ...

    async def send(
        self, request: Request, response_format: Mapping[str, Any] | None = None
    ) -> Reply:
        """Answer the request's messages in the given format, or raise a `ModelError`."""
        ...


class Structured:
    """The innermost model: an endpoint, asked in the strictest mode that it takes.

    A refused mode is given up for the life of the object. `Reply.text` of a request with a schema
    is the JSON object alone; `logprobs` are those of all that was written.
    """

    def __init__(self, endpoint: Sender, mode: Mode = Mode.SCHEMA) -> None:
        self._endpoint = endpoint
        self.mode = mode

    async def ask(self, request: Request) -> Reply:
        """Answer the request, or raise a `ModelError`."""
        if request.schema is None:
            return await self._endpoint.send(request)
        while True:
            mode = self.mode
            try:
                reply = await self._ask_in(mode, request, request.schema)
            except ModelRequestError as error:
                if mode is Mode.PLAIN or not speaks_of_format(error):
                    raise
                self.mode = max(self.mode, Mode(mode + 1))
            else:
                return replace(reply, text=extract_json(reply.text))

    async def _ask_in(self, mode: Mode, request: Request, schema: Mapping[str, Any]) -> Reply:
        if mode is Mode.SCHEMA:
            return await self._endpoint.send(request, schema_format(schema, self._endpoint.strict))
        told = replace(request, messages=with_schema(request.messages, schema))
        return await self._endpoint.send(told, JSON_FORMAT if mode is Mode.JSON else None)


JSON_FORMAT: Mapping[str, Any] = {"type": "json_object"}


def schema_format(schema: Mapping[str, Any], strictly: bool) -> dict[str, Any]:
    """The `response_format` of JSON Schema mode: `strict` for OpenAI, else the whole schema."""
    body = {"schema": strict(schema), "strict": True} if strictly else {"schema": dict(schema)}
    return {"type": "json_schema", "json_schema": {"name": "answer", **body}}


def speaks_of_format(error: ModelRequestError) -> bool:
    """Whether the endpoint refused the format of the reply, rather than anything else."""
    return bool(_REFUSAL.search(error.parameter or str(error)))


def with_schema(messages: tuple[Message, ...], schema: Mapping[str, Any]) -> tuple[Message, ...]:
    """The messages, with the schema at the end of the user's last one (or in one of its own)."""
    told = _ORDER + json.dumps(schema, ensure_ascii=False)
    for place in range(len(messages) - 1, -1, -1):
        if messages[place].role == "user":
            content = f"{messages[place].content}\n\n{told}"
            return (*messages[:place], Message("user", content), *messages[place + 1 :])
    return (*messages, Message("user", told))


def extract_json(text: str) -> str:
    """The JSON object in a text: all of it, or the longest one among chatter and code fences.

    The text comes back as it is where there is none: its reader can then say what is wrong.
    """
    if _is_json(text):
        return text
    best, start = "", text.find("{")
    while start >= 0:
        end = _object_end(text, start)
        best = max(best, text[start:end], key=len)
        start = text.find("{", max(end, start + 1))
    return best or text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _object_end(text: str, start: int) -> int:
    """Where the object that begins at `start` ends; `start` itself if there is none."""
    try:
        return json.JSONDecoder().raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return start


# The keywords of OpenAI's strict mode, as its guide to structured outputs lists them (2026-11).
# Lengths of strings are left out: it takes them for some models only.
_KEPT = frozenset(
    {
        *("type", "properties", "required", "additionalProperties", "items", "anyOf"),
        *("enum", "const", "$ref", "$defs", "definitions", "title", "description"),
        *("pattern", "format", "multipleOf", "minimum", "maximum"),
        *("exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"),
    }
)
_NAMED = ("properties", "$defs", "definitions")


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as OpenAI's strict mode takes it; the given one is not changed.

    Every property is required and no other allowed; keywords that strict mode refuses are left
    out, so that a reply must still be validated against the whole schema. Raises
    `ConfigurationError` for a map with free keys, which strict mode cannot express.
    """
    return _strict(schema, "#")


def _strict(schema: Mapping[str, Any], place: str) -> dict[str, Any]:
    schema = _united(schema)
    kept = {k: _strict_value(k, v, f"{place}/{k}") for k, v in schema.items() if k in _KEPT}
    if "$ref" in kept and len(kept) > 1:  # a reference must stand alone
        kept = {"anyOf": [{"$ref": kept.pop("$ref")}], **kept}
    if _is_object(schema):
        _refuse_map(schema, place)
        kept["additionalProperties"] = False
        kept["required"] = list(kept.setdefault("properties", {}))
    return kept


def _strict_value(keyword: str, value: Any, place: str) -> Any:
    if keyword in _NAMED:
        return {name: _strict(part, f"{place}/{name}") for name, part in value.items()}
    if keyword == "anyOf":
        return [_strict(part, f"{place}/{n}") for n, part in enumerate(value)]
    return _strict(value, place) if keyword == "items" else value


def _united(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with `oneOf` as `anyOf`, and a single `allOf` in place."""
    united = dict(schema)
    if "oneOf" in united:
        united["anyOf"] = united.pop("oneOf")
    parts = united.pop("allOf", ())
    return {**parts[0], **united} if len(parts) == 1 else united


def _is_object(schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("type")
    return kinds == "object" or (isinstance(kinds, list) and "object" in kinds)


def _refuse_map(schema: Mapping[str, Any], place: str) -> None:
    if schema.get("additionalProperties") not in (None, False) or not schema.get("properties"):
        raise ConfigurationError(
            f"the schema at {place} is a map with free keys, which OpenAI's strict mode does not "
            "take: name its properties, or use a list of objects with a name"
        )
