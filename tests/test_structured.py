import asyncio
import copy
import json

import pytest
from fake_endpoint import KEY, FakeEndpoint, failure, reply
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

from classifier.errors import ConfigurationError, ModelRequestError
from classifier.models.endpoint import Endpoint, EndpointSettings
from classifier.models.seam import Message, Request
from classifier.models.structured import (
    Mode,
    Structured,
    extract_json,
    schema_format,
    strict,
    with_schema,
)

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
REQUEST = Request((Message("user", "Hello"),), max_tokens=50, schema=SCHEMA)
GOOD = reply('{"a": 1}')


def ask(server, request=REQUEST, times=1):
    async def run():
        settings = EndpointSettings("m", server.url, SecretStr(KEY))
        async with Endpoint(settings) as endpoint:
            model = Structured(endpoint)
            for _ in range(times):
                answer = await model.ask(request)
            return answer, model.mode

    return asyncio.run(run())


def test_a_schema_is_sent_whole():
    with FakeEndpoint(GOOD) as server:
        answer, mode = ask(server)
    assert (answer.text, mode) == ('{"a": 1}', Mode.SCHEMA)
    assert server.bodies[0]["response_format"]["json_schema"]["schema"] == SCHEMA


def test_no_schema_no_format():
    with FakeEndpoint(reply("Say {this}")) as server:
        answer, _ = ask(server, Request(REQUEST.messages, 50))
    assert answer.text == "Say {this}"
    assert "response_format" not in server.bodies[0]


def test_json_mode_where_schemas_are_refused_and_it_is_remembered():
    with FakeEndpoint(default=GOOD, formats=["json_object"]) as server:
        _, mode = ask(server, times=2)
    kinds = [body["response_format"]["type"] for body in server.bodies]
    assert (mode, kinds) == (Mode.JSON, ["json_schema", "json_object", "json_object"])
    assert json.dumps(SCHEMA) in server.bodies[1]["messages"][0]["content"]


def test_plain_text_last():
    said = reply('Sure!\n```json\n{"a": 2}\n```\nBye')
    with FakeEndpoint(said, formats=["text"]) as server:
        answer, mode = ask(server)
    assert (answer.text, mode) == ('{"a": 2}', Mode.PLAIN)
    assert "response_format" not in server.bodies[2]


@pytest.mark.parametrize("status", [400, 404, 422, 501])
def test_every_kind_of_refusal_is_understood(status):
    with FakeEndpoint(failure(status, "json_schema is not supported"), GOOD) as server:
        assert ask(server)[1] is Mode.JSON


def test_other_refusals_are_raised():
    refusal = failure(400, "the context is too long", param="messages")
    with FakeEndpoint(refusal) as server, pytest.raises(ModelRequestError, match="too long"):
        ask(server)


def test_a_refusal_of_plain_text_is_raised():
    with (
        FakeEndpoint(*[failure(400, "no grammar")] * 3) as server,
        pytest.raises(ModelRequestError, match="no grammar"),
    ):
        ask(server)
    assert len(server.bodies) == 3


def test_a_refused_parameter_and_a_refused_format_together():
    with FakeEndpoint(default=GOOD, formats=["text"], refuses=["max_tokens", "seed"]) as server:
        assert ask(server)[0].text == '{"a": 1}'


def test_the_schema_stands_in_the_users_last_message():
    said = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"))
    told = with_schema((*said, Message("assistant", "d")), SCHEMA)
    assert [m.content for m in (told[0], told[1], told[3])] == ["a", "b", "d"]
    assert told[2].content.startswith("c\n\nAnswer with one JSON object")


def test_without_a_user_the_schema_gets_its_own_message():
    assert with_schema((Message("system", "s"),), SCHEMA)[-1].role == "user"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
objects = st.dictionaries(st.text(max_size=6), values, min_size=1, max_size=4).map(json.dumps)
chatter = st.text(st.characters(exclude_characters="{}[]"), max_size=30)


@tried(max_examples=40)
@given(objects, chatter, chatter)
def test_an_object_is_found_among_chatter(found, before, after):
    assert extract_json(before + found + after).strip() == found
    assert extract_json(f"{before}\n```json\n{found}\n```{after}") == found


@given(st.text())
def test_any_text_is_survived(text):
    assert extract_json(text) in text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("no object", "no object"),
        ('{"a": ', '{"a": '),
        ('{not this} but {"a": {"b": "}"}} }', '{"a": {"b": "}"}}'),
        ('<think>{"x":1}</think>{"option": "yes"}', '{"option": "yes"}'),
        ("{" * 3000, "{" * 3000),
        ('{"a":' * 3000, '{"a":' * 3000),
    ],
)
def test_extract_json(text, found):
    assert extract_json(text) == found


class Item(BaseModel):
    name: str = Field(max_length=9, description="What it is called")


class Answer(BaseModel):
    item: Item = Field(description="The item")
    items: list[Item] = Field(default=[], max_length=3)
    note: str | None = None
    kind: str = Field("a", pattern="^[ab]$")


def test_strict_requires_all_and_allows_no_more():
    schema = strict(Answer.model_json_schema())
    assert schema["required"] == ["item", "items", "note", "kind"]
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Item"]["additionalProperties"] is False


def test_strict_leaves_out_what_is_refused():
    text = json.dumps(strict(Answer.model_json_schema()))
    assert "default" not in text
    assert "maxLength" not in text
    assert '"maxItems": 3' in text
    assert '"pattern": "^[ab]$"' in text


def test_a_reference_stands_alone():
    item = strict(Answer.model_json_schema())["properties"]["item"]
    assert item == {"anyOf": [{"$ref": "#/$defs/Item"}], "description": "The item"}


def test_one_of_and_all_of_become_what_strict_mode_takes():
    schema = {"oneOf": [{"type": "string"}, {"allOf": [{"type": "integer"}], "title": "n"}]}
    assert strict(schema) == {"anyOf": [{"type": "string"}, {"type": "integer", "title": "n"}]}


def test_strict_changes_nothing_in_place_and_is_idempotent():
    schema = Answer.model_json_schema()
    before = copy.deepcopy(schema)
    once = strict(schema)
    assert schema == before
    assert strict(once) == once


def test_a_property_may_be_called_like_a_keyword():
    schema = {"type": "object", "properties": {"default": {"type": "string", "minLength": 1}}}
    assert strict(schema)["properties"] == {"default": {"type": "string"}}


def test_a_map_with_free_keys_is_refused():
    schema = {"type": "object", "properties": {"m": {"type": "object"}}}
    with pytest.raises(ConfigurationError, match="#/properties/m"):
        strict(schema)


def test_only_openai_gets_strict():
    assert schema_format(SCHEMA, False)["json_schema"] == {"name": "answer", "schema": SCHEMA}
    assert schema_format(SCHEMA, True)["json_schema"]["strict"] is True
