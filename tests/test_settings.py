import pytest

from classifier.confidence import taxonomy_of
from classifier.errors import ConfigurationError
from classifier.settings import load_settings, openai_environment


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder to run in, and no settings in the environment."""
    import os

    for name in [n for n in os.environ if n.startswith(("CLASSIFIER_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, text):
    (folder / "classifier.toml").write_text(text, encoding="utf-8")


def refused(**flags):
    with pytest.raises(ConfigurationError) as error:
        load_settings(**flags)
    return str(error.value)


def test_the_defaults_keep_everything_on_the_machine():
    settings = load_settings()
    assert (settings.model, settings.base_url, settings.taxonomy) == ("embedded", None, "fail")


def test_flags_over_environment_over_file_over_defaults(folder, monkeypatch):
    write(folder, 'model = "file"\ntaxonomy = "file"\nthreads = 3\n')
    monkeypatch.setenv("CLASSIFIER_MODEL", "environment")
    monkeypatch.setenv("CLASSIFIER_TAXONOMY", "environment")
    settings = load_settings(model="flag")
    told = (settings.model, settings.taxonomy, settings.threads, settings.tries)
    assert told == ("flag", "environment", 3, 6)


def test_a_flag_that_was_not_given_is_none(monkeypatch):
    monkeypatch.setenv("CLASSIFIER_MODEL", "environment")
    assert load_settings(model=None).model == "environment"


def test_a_flag_may_be_false(folder):
    write(folder, "cache = true\n")
    assert load_settings(cache=False).cache is False


def test_an_unknown_key_of_the_file_is_refused(folder):
    write(folder, 'modle = "x"\n')
    message = refused()
    assert "'modle'" in message
    assert "classifier.toml" in message
    assert "base_url" in message


def test_an_unknown_flag_is_refused():
    assert "'modle'" in refused(modle="x")


@pytest.mark.parametrize("line", ['api_key = "sk-secret"', '[openai]\napi_key = "sk-secret"'])
def test_a_secret_in_the_file_is_refused_and_not_repeated(folder, line):
    write(folder, line)
    message = refused()
    assert "OPENAI_API_KEY" in message
    assert "sk-secret" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("context", 511),
        ("context", "many"),
        ("concurrency", 0),
        ("concurrency", 257),
        ("threads", 0),
        ("tries", 0),
        ("total_seconds", -1),
        ("timeout", 0),
        ("timeout", float("nan")),
        ("timeout", float("inf")),
        ("model", ""),
        ("cache", "perhaps"),
    ],
)
def test_a_bad_value_is_named(name, value):
    message = refused(**{name: value})
    assert f"'{name}'" in message
    assert str(value) in message
    assert f"CLASSIFIER_{name.upper()}" in message


def test_every_bad_value_is_named():
    message = refused(context=1, tries=0)
    assert "'context'" in message
    assert "'tries'" in message


def test_a_bad_value_of_the_environment_is_named(monkeypatch):
    monkeypatch.setenv("CLASSIFIER_CONTEXT", "lots")
    assert "'lots'" in refused()


@pytest.mark.parametrize("content", [b"model = ", b"\xff\xfe", b'model = "\xe9"'])
def test_a_file_that_cannot_be_read_is_named(folder, content):
    (folder / "classifier.toml").write_bytes(content)
    assert "classifier.toml cannot be read" in refused()


def test_no_setting_can_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load_settings().model = "x"


def test_the_key_comes_from_the_environment_and_is_not_shown(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://here/v1")
    key, base_url = openai_environment()
    assert (key.get_secret_value(), base_url) == ("sk-secret", "http://here/v1")
    assert "secret" not in repr(key)


def test_no_key_is_an_empty_one():
    key, base_url = openai_environment()
    assert (key.get_secret_value(), base_url) == ("", None)


def test_the_open_fields_are_asked_unless_they_are_switched_off(monkeypatch):
    assert load_settings().fields is True
    monkeypatch.setenv("CLASSIFIER_FIELDS", "false")
    assert load_settings().fields is False
    assert load_settings(fields=True).fields is True


def test_switched_off_the_taxonomy_has_none():
    assert taxonomy_of(load_settings(fields=False)).postmortem is None
    assert taxonomy_of(load_settings()).postmortem is not None
