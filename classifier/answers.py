"""What a chunk answers to a category, and the JSON that carries typed answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, create_model

from classifier.records import Evidence
from classifier.taxonomy import Category, Method


@dataclass(frozen=True)
class OptionAnswer:
    """What the model says about one option; `quotes` are its words, `evidence` where they stand."""

    option: str
    applies: bool
    rationale: str = ""
    quotes: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True)
class Answer:
    """What one chunk says about one category; `failure` says why there is no answer."""

    category: str
    options: tuple[OptionAnswer, ...] = ()
    unknown: bool = False
    failure: str | None = None

    @property
    def applied(self) -> tuple[str, ...]:
        """The names of the options that hold."""
        return tuple(o.option for o in self.options if o.applies)


class UnusableAnswerError(Exception):
    """The answer to a category does not fit; the message is for the model's second try."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def typed_schema(categories: Sequence[Category], method: Method) -> dict[str, Any]:
    """The JSON Schema of one typed answer: category -> option -> quotes, rationale, applies.

    It is made once, and must not be changed.
    """
    return _schema(tuple(categories), method)


# Making a model takes milliseconds, which each call would pay several times.
@lru_cache(256)
def _schema(categories: tuple[Category, ...], method: Method) -> dict[str, Any]:
    models = {f"c{i}": (_model(c, method), Field(alias=c.name)) for i, c in enumerate(categories)}
    answers = create_model("Answers", __base__=_Strict, **models)  # type: ignore[call-overload]
    schema: dict[str, Any] = answers.model_json_schema(by_alias=True)
    return schema


def exactly(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of an object with these properties, all of them and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def read_object(text: str) -> Mapping[str, Any]:
    """The JSON object in a reply; raises `UnusableAnswerError`."""
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()  # no report can hold half a character
    except (ValueError, RecursionError) as error:
        raise UnusableAnswerError(f"it is not valid JSON ({str(error)[:120]})") from error
    if not isinstance(value, dict):
        raise UnusableAnswerError("it is not a JSON object")
    return value


def read_typed(value: Mapping[str, Any], category: Category, method: Method) -> Answer:
    """The answer to one category out of a typed reply; raises `UnusableAnswerError`."""
    if category.name not in value:
        raise UnusableAnswerError(f"the category {category.name!r} is missing")
    try:
        read = _model(category, method).model_validate(value[category.name])
    except ValidationError as error:
        raise UnusableAnswerError(f"{category.name}: {_explain(error)}") from error
    options = tuple(_option(o.name, getattr(read, f"o{i}")) for i, o in enumerate(category.options))
    answer = Answer(category.name, options, unknown=bool(read.unknown))  # type: ignore[attr-defined]
    _check(answer, category)
    return answer


@lru_cache(256)
def _model(category: Category, method: Method) -> type[_Strict]:
    rationale = Annotated[str, StringConstraints(max_length=2 * method.rationale_characters)]
    reply = create_model(
        "Option",
        __base__=_Strict,
        quotes=(Annotated[list[str], Field(max_length=method.quotes_per_option)], ...),
        rationale=(rationale, ...),
        applies=(bool, ...),
    )
    fields: dict[str, Any] = {
        f"o{i}": (reply, Field(alias=option.name)) for i, option in enumerate(category.options)
    }
    return create_model(category.name, __base__=_Strict, **fields, unknown=(bool, ...))


def _option(name: str, read: Any) -> OptionAnswer:
    quotes = tuple(q for q in (quote.strip() for quote in read.quotes) if q)
    return OptionAnswer(name, read.applies, read.rationale.strip(), quotes)


def _check(answer: Answer, category: Category) -> None:
    applied = answer.applied
    if answer.unknown and applied:
        raise UnusableAnswerError(
            f"{category.name}: unknown is true although {', '.join(applied)} applies"
        )
    if category.select == "one" and len(applied) > 1:
        raise UnusableAnswerError(f"{category.name}: only one option may apply, not {applied}")


def _explain(error: ValidationError) -> str:
    details = error.errors()[:3]
    return "; ".join(f"{'.'.join(map(str, d['loc']))[:150]}: {d['msg'][:150]}" for d in details)
