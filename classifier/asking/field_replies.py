"""The JSON that carries the answers to a group of open fields: its schema, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    create_model,
)

from classifier.answers import UnusableAnswerError, exactly
from classifier.asking.items import Said
from classifier.asking.sentences import CHOICE, choosing
from classifier.taxonomy import Method, OpenField

_CLUE_CHARACTERS = 60


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


@lru_cache(256)
def full_schema(fields: tuple[OpenField, ...], method: Method) -> dict[str, Any]:
    """Field -> a text, or items with quotes, text and, where asked for, clue and inferred.

    It is made once, and must not be changed.
    """
    types: dict[str, Any] = {
        f"f{i}": (_type(f, method), Field(alias=f.name)) for i, f in enumerate(fields)
    }
    answers = create_model("Answers", __base__=_Strict, **types)
    whole: dict[str, Any] = answers.model_json_schema(by_alias=True)
    return whole


def short_schema(fields: Sequence[OpenField], beginnings: Sequence[str]) -> dict[str, Any]:
    """The same with one quote an item, which is the beginning of a sentence."""
    return choosing(exactly({f.name: _short(f) for f in fields}), beginnings)


def _short(field: OpenField) -> dict[str, Any]:
    text = {"type": "string", "maxLength": field.most_characters}
    if field.kind == "text":
        return text
    clue = {"clue": {"type": "string", "maxLength": _CLUE_CHARACTERS}}
    item: dict[str, Any] = {
        "text": {**text, "minLength": 3},
        **(clue if field.kind == "time" else {}),
        "quote": CHOICE,
        **({"inferred": {"type": "boolean"}} if field.infer else {}),
    }
    return {"type": "array", "items": exactly(item), "maxItems": field.most_items}


def read_field(value: Mapping[str, Any], field: OpenField, method: Method) -> tuple[Said, ...]:
    """The statements of one field out of a reply, none where it is unknown.

    Raises `UnusableAnswerError`.
    """
    if field.name not in value:
        raise UnusableAnswerError(f"the field {field.name!r} is missing")
    try:
        read = _adapter(field, method).validate_python(value[field.name])
    except ValidationError as error:
        raise UnusableAnswerError(f"{field.name}: {_explained(error)}") from error
    if isinstance(read, str):
        return (Said(read.strip()),) if read.strip() else ()
    return tuple(map(_said, read))


def _said(item: Any) -> Said:
    given = item.quotes if hasattr(item, "quotes") else [item.quote]
    quotes = dict.fromkeys(q for q in (quote.strip() for quote in given) if q)
    clue = getattr(item, "clue", "").strip()
    return Said(item.text, tuple(quotes), clue, getattr(item, "inferred", False))


@lru_cache(256)
def _adapter(field: OpenField, method: Method) -> TypeAdapter[Any]:
    return TypeAdapter(_type(field, method), config=ConfigDict(strict=True))


@lru_cache(256)
def _type(field: OpenField, method: Method) -> Any:
    """What a reply holds for a field; a text may be twice as long as was asked for."""
    most = 2 * field.most_characters
    if field.kind == "text":
        return Annotated[str, StringConstraints(max_length=most)]
    quotes = (Annotated[list[str], Field(max_length=method.quotes_per_option)], ...)
    parts: dict[str, Any] = {"quote": (str, ...)} if is_short(method) else {"quotes": quotes}
    if field.kind == "time":
        parts["clue"] = (Annotated[str, StringConstraints(max_length=200)], ...)
    text = StringConstraints(min_length=1, max_length=most, strip_whitespace=True)
    parts["text"] = (Annotated[str, text], ...)
    if field.infer:
        parts["inferred"] = (bool, ...)
    item = create_model(f"{field.name}_item", __base__=_Strict, **parts)
    return Annotated[list[item], Field(max_length=field.most_items)]


def is_short(method: Method) -> bool:
    """Whether fields are asked as a small model takes them: one quote, chosen from a list."""
    return method.decide == "scored"


def _explained(error: ValidationError) -> str:
    details = error.errors()[:3]
    return "; ".join(f"{'.'.join(map(str, d['loc']))[:150]}: {d['msg'][:150]}" for d in details)
