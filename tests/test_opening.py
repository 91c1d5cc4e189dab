import asyncio
import os
import time

import pytest

from classifier.errors import ConfigurationError
from classifier.models.cache import ResponseCache
from classifier.models.opening import Notices, is_local, open_model
from classifier.models.seam import Message, Request
from classifier.settings import load_settings
from tests.fake_endpoint import KEY, FakeEndpoint, reply

REQUEST = Request((Message("user", "Hello"),), max_tokens=9)


@pytest.fixture(autouse=True)
def _bare(tmp_path, monkeypatch):
    """No settings in the environment or in a file, and no weights."""
    for name in [n for n in os.environ if n.startswith(("CLASSIFIER_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLASSIFIER_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)


def opened(ask=False, **flags):
    async def work():
        async with open_model(load_settings(cache=False, tries=1, **flags), Notices()) as model:
            return model.info, (await model.model.ask(REQUEST)).text if ask else ""

    return asyncio.run(work())


def refused(**flags):
    with pytest.raises(ConfigurationError) as error:
        opened(**flags)
    return str(error.value)


@pytest.mark.parametrize("name", ["embedded", "embedded:qwen", "gguf:/a/b.gguf"])
def test_what_runs_here(name):
    assert is_local(name)


@pytest.mark.parametrize("name", ["gpt-5", "Embedded", "gguf", "x/embedded"])
def test_what_does_not(name):
    assert not is_local(name)


@pytest.mark.parametrize(
    "name",
    [
        *("embeded", "Embedded", "EMBEDDED", "imbedded", "embedded ", " embedded", "embed"),
        *("embedded-qwen", "embedded_qwen3-1.7b", "embedded/qwen", "embeded:qwen", "Embedded:x"),
        *("gguf", "GGUF:/a.gguf", "ggfu:/a.gguf", "gguf-/a.gguf"),
    ],
)
def test_a_slip_in_the_name_sends_nothing(name, monkeypatch):
    with FakeEndpoint(default=reply("no")) as endpoint:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert "Allowed: embedded" in refused(model=name, base_url=endpoint.url)
        assert endpoint.requests == []


def test_a_file_without_gguf_before_it_does_not_go_to_openai(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert "gguf:PATH" in refused(model="/models/qwen.gguf")


def test_an_endpoint_may_name_a_model_by_its_file():
    with FakeEndpoint(default=reply("yes"), key=None) as endpoint:
        assert opened(ask=True, model="qwen.gguf", base_url=endpoint.url)[1] == "yes"


@pytest.mark.parametrize(
    "base_url", [None, "https://api.openai.com/v1/", "HTTPS://API.OPENAI.COM/v1"]
)
def test_openai_without_a_key_is_refused(base_url):
    message = refused(model="gpt-5", base_url=base_url)
    assert "OPENAI_API_KEY is not set" in message
    assert "--model embedded" in message


@pytest.mark.parametrize("base_url", ["ftp://x", "here", "http://user:pw@here/v1"])
def test_a_base_url_that_is_none_is_refused(base_url):
    message = refused(model="gpt-5", base_url=base_url)
    assert "base_url" in message
    assert "pw" not in message


def test_another_endpoint_needs_no_key():
    with FakeEndpoint(default=reply("yes"), key=None) as endpoint:
        info, said = opened(ask=True, model="llama", base_url=endpoint.url)
    assert (info.name, info.method, info.endpoint, said) == ("llama", "hosted", endpoint.url, "yes")


def test_the_environment_names_the_endpoint(monkeypatch):
    with FakeEndpoint(default=reply("yes")) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        assert opened(ask=True, model="gpt-5")[1] == "yes"
        assert endpoint.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_the_flag_is_over_the_environment(monkeypatch):
    with FakeEndpoint(default=reply("yes"), key=None) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        assert opened(ask=True, model="gpt-5", base_url=endpoint.url)[1] == "yes"


def test_the_embedded_model_has_no_base_url():
    assert "has no --base-url" in refused(base_url="http://127.0.0.1:9/v1")


def test_the_embedded_model_does_not_mind_the_environment_of_openai(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert "no file" in refused(model="gguf:/nowhere.gguf")


@pytest.mark.parametrize("path", ["/nowhere/x.gguf", "", "."])
def test_a_file_that_is_not_there_is_named(path):
    message = refused(model=f"gguf:{path}")
    assert repr(path) in message
    assert "--model embedded" in message


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "x.gguf").write_bytes(b"GGUF is not all that it takes")
    assert "x.gguf" in refused(model=f"gguf:{tmp_path / 'x.gguf'}")


def test_an_embedded_model_that_there_is_not_is_refused():
    assert "no-such" in refused(model="embedded:no-such")


def test_settings_shape_the_model():
    info, _ = opened(
        model="llama", base_url="http://127.0.0.1:9/v1", method="embedded", context=2048,
        concurrency=3,
    )  # fmt: skip
    assert (info.method, info.context_tokens, info.concurrency) == ("embedded", 2048, 3)


def test_opening_sends_nothing():
    with FakeEndpoint() as endpoint:
        opened(model="gpt-5", base_url=endpoint.url)
        assert endpoint.requests == []


def test_a_call_has_its_place_until_its_reply_is_kept(tmp_path, monkeypatch):
    asked = []

    class Slow(ResponseCache):
        def put_many(self, replies):
            time.sleep(0.2)  # long enough for another call, had it a place
            asked.append(len(endpoint.requests))
            return super().put_many(replies)

    async def both():
        settings = load_settings(
            model="m", base_url=endpoint.url, concurrency=1, cache_path=tmp_path / "c.sqlite"
        )
        async with open_model(settings) as model:
            requests = [Request((Message("user", text),), max_tokens=9) for text in "ab"]
            await asyncio.gather(*map(model.model.ask, requests))

    monkeypatch.setattr("classifier.models.opening.ResponseCache", Slow)
    with FakeEndpoint(default=reply("yes"), key=None) as endpoint:
        asyncio.run(both())
    assert asked == [1, 2]
