import asyncio
import json
import os

import pytest

import classifier
from classifier.api import classify, classify_async
from classifier.errors import ConfigurationError, InputError, ModelAccessError, TaxonomyError
from classifier.models.seam import Message, Request
from classifier.records import Article, Incident
from tests.fake_endpoint import KEY, FakeEndpoint, failure, reply
from tests.scripted import RECIPES, TEXT, plays, recipes

TAXONOMY = recipes()
CAKE = {"course": ["dessert"], "baked": ["baked"], "garnish": ["fruit"], "heat": ["fierce"]}


@pytest.fixture(autouse=True)
def _bare(tmp_path, monkeypatch):
    """No settings but a key in the environment, no weights, and no folder of the user's."""
    for name in [n for n in os.environ if n.startswith(("CLASSIFIER_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CLASSIFIER_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def answers(body):
    """Plays the recipes by the prompt: each category that it asks is in it."""
    text = body["messages"][-1]["content"]
    names = [n for n in TAXONOMY.categories if f"Question {n}:" in text]
    request = Request((Message("user", ""),), 9, schema={"properties": dict.fromkeys(names)})
    return reply(plays(TAXONOMY, CAKE, ["plums and cream"])(request))


@pytest.fixture
def endpoint():
    with FakeEndpoint(default=answers) as endpoint:
        yield endpoint


def run(endpoint, source, **settings):
    given = {"cache": False, "tries": 1, "model": "gpt-5", "taxonomy": TAXONOMY, **settings}
    return classify(source, base_url=endpoint.url, **given)


def test_it_is_what_the_package_offers():
    assert classifier.classify is classify


def test_a_file(endpoint, tmp_path):
    (tmp_path / "cake.txt").write_text(TEXT)
    report = run(endpoint, str(tmp_path / "cake.txt"))
    assert report.categories["course"].options == ("dessert",)
    assert report.incident.articles[0].title or report.incident.id


def test_a_path(endpoint, tmp_path):
    (tmp_path / "cake.txt").write_text(TEXT)
    assert run(endpoint, tmp_path / "cake.txt").categories["baked"].options == ("baked",)


@pytest.mark.parametrize(
    ("source", "identifier", "count"),
    [
        (Article(id="7", text=TEXT), "7", 1),
        ([Article(id="7", text=TEXT), Article(id="8", text="More.")], "7", 2),
        (Incident(id="cake", articles=(Article(id="7", text=TEXT),)), "cake", 1),
    ],
)
def test_what_is_in_memory(endpoint, source, identifier, count):
    report = run(endpoint, source)
    assert (report.incident.id, len(report.incident.articles)) == (identifier, count)


def test_quotes_are_pinned(endpoint):
    report = run(endpoint, Article(id="7", text=TEXT))
    [evidence] = report.categories["garnish"].findings[0].evidence
    assert TEXT[evidence.start : evidence.end] == "plums and cream"


def test_inside_a_running_loop(endpoint):
    async def notebook():
        return run(endpoint, Article(id="7", text=TEXT))

    assert asyncio.run(notebook()).categories["heat"].options == ("fierce",)


def test_asynchronously(endpoint):
    work = classify_async(Article(id="7", text=TEXT), taxonomy=TAXONOMY, model="gpt-5",
                          base_url=endpoint.url, cache=False)  # fmt: skip
    assert asyncio.run(work).incident.id == "7"


def test_the_second_run_is_free(endpoint, tmp_path):
    settings = {"cache": True, "cache_path": tmp_path / "replies.sqlite"}
    first = run(endpoint, Article(id="7", text=TEXT), **settings)
    sent = len(endpoint.requests)
    second = run(endpoint, Article(id="7", text=TEXT), **settings)
    assert len(endpoint.requests) == sent == first.provenance.usage.calls
    assert second.provenance.usage.cache_hits == sent
    assert (second.provenance.usage.calls, second.provenance.usage.prompt_tokens) == (0, 0)
    assert second.categories == first.categories


@pytest.mark.parametrize("formats", [("json_object", "text"), ("text",)])
def test_an_endpoint_that_takes_no_schema(formats):
    with FakeEndpoint(default=answers, formats=formats) as endpoint:
        report = run(endpoint, Article(id="7", text=TEXT), concurrency=1)
    assert report.categories["heat"].options == ("fierce",)


def test_chatter_around_the_answer_is_put_up_with():
    def chatty(body):
        text = json.loads(answers(body).body)["choices"][0]["message"]["content"]
        return reply(f"Gladly!\n```json\n{text}\n```\nAnything else?")

    with FakeEndpoint(default=chatty) as endpoint:
        assert run(endpoint, Article(id="7", text=TEXT)).categories["baked"].options == ("baked",)


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_reply_that_cannot_be_used_fails_its_categories(reason):
    with FakeEndpoint(default=reply("{", finish_reason=reason)) as endpoint:
        report = run(endpoint, Article(id="7", text=TEXT))
    assert {d.status for d in report.categories.values()} == {"failed"}
    assert report.provenance.usage.calls == len(endpoint.requests) == 4
    assert report.provenance.usage.prompt_tokens == 28


def test_a_wrong_key_stops_it_and_makes_no_noise(tmp_path, capfd, caplog):
    text = "The cake rises in a hot oven today. " * 20_000
    with (
        FakeEndpoint(default=answers, key="another") as endpoint,
        pytest.raises(ModelAccessError, match="Check the API key"),
    ):
        run(endpoint, Article(id="7", text=text), cache=True, cache_path=tmp_path / "c.sqlite")
    assert len(endpoint.requests) <= 8
    assert caplog.text == ""
    assert "never retrieved" not in capfd.readouterr().err


def test_the_scored_method_without_log_probabilities_fails_with_the_reason():
    with FakeEndpoint(default=reply('{"a": true}')) as endpoint:
        report = run(endpoint, Article(id="7", text=TEXT), method="embedded")
    assert "no log-probabilities" in report.categories["diet"].reason


def test_a_taxonomy_may_be_a_folder(endpoint):
    report = run(endpoint, Article(id="7", text=TEXT), taxonomy=str(RECIPES))
    assert report.provenance.taxonomy == "recipes 3"


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"taxonomy": "no-such"}, ConfigurationError, "no taxonomy 'no-such'"),
        ({"method": "no-such"}, ConfigurationError, "no method 'no-such'"),
        ({"context": 600}, ConfigurationError, "larger --context"),
        ({"modle": "x"}, ConfigurationError, "no setting 'modle'"),
        ({"model": "embeded"}, ConfigurationError, "Allowed: embedded"),
        ({"tries": 0}, ConfigurationError, "'tries'"),
    ],
)
def test_a_mistake_sends_nothing(endpoint, settings, error, message):
    with pytest.raises(error, match=message):
        run(endpoint, Article(id="7", text=TEXT), **settings)
    assert endpoint.requests == []


def test_a_broken_taxonomy_is_named(endpoint, tmp_path):
    (tmp_path / "taxonomy.yaml").write_text("name: broken\n")
    with pytest.raises(TaxonomyError, match=r"taxonomy\.yaml"):
        run(endpoint, Article(id="7", text=TEXT), taxonomy=str(tmp_path))


@pytest.mark.parametrize("source", [[], (), 7, None, b"bytes", ["a.txt"], {"text": "x"}, [None]])
def test_what_is_no_article_is_refused(endpoint, source):
    with pytest.raises(InputError, match="article"):
        run(endpoint, source)
    assert endpoint.requests == []


def test_a_file_that_is_not_there(endpoint):
    with pytest.raises(InputError, match=r"nowhere\.txt"):
        run(endpoint, "nowhere.txt")


def test_a_file_with_two_incidents(endpoint, tmp_path):
    lines = [json.dumps({"id": i, "text": TEXT}) for i in ("1", "2")]
    (tmp_path / "two.jsonl").write_text("\n".join(lines))
    with pytest.raises(InputError, match="holds 2 incidents"):
        run(endpoint, tmp_path / "two.jsonl")


def test_an_endpoint_that_breaks_down_is_an_error():
    with (
        FakeEndpoint(default=failure(400, "no")) as endpoint,
        pytest.raises(classifier.errors.ModelRequestError),
    ):
        run(endpoint, Article(id="7", text=TEXT))
