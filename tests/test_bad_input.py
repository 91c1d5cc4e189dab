"""Bad input: every mistake is one readable message and the right exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_tools import TEXT, Shell, clean_environment, fitting
from fake_endpoint import FakeEndpoint

SPANISH = (
    "La empresa ferroviaria dijo el lunes que sus programas fallaron durante la mañana. Los "
    "trenes quedaron parados tres horas porque el sistema no conocía la fecha de aquel día."
)


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    clean_environment(monkeypatch, tmp_path)
    return Shell(tmp_path, capsys)


def refused(shell: Shell, *arguments: str) -> None:
    """Exit code 2 before anything was sent."""
    with FakeEndpoint() as endpoint:
        ran = shell.classify(endpoint, *arguments[:1])
        assert endpoint.requests == []
    ran.complained(*arguments[1:])


def test_a_missing_file(shell: Shell) -> None:
    refused(shell, "none.txt", "Error: none.txt: no such file. Check the name")


def test_a_folder(shell: Shell) -> None:
    refused(shell, ".", ".: is a folder. Name the files in it")


@pytest.mark.parametrize("text", ["", " \n\n", "\ufeff"])
def test_an_empty_file(shell: Shell, text: str) -> None:
    refused(shell, shell.write("empty.txt", text), "empty.txt: is empty", "give a file")


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\0\0\0", b"%PDF-1.7 abc", b"\0" * 100])
def test_a_binary_file(shell: Shell, data: bytes) -> None:
    refused(shell, shell.write("a.txt", data), "a.txt: looks binary", "save the text of a PDF")


def test_a_page_without_an_article(shell: Shell) -> None:
    page = "<!doctype html><html><body><nav><a href=/>Home</a></nav></body></html>"
    refused(shell, shell.write("menu.html", page), "menu.html: no article found on this page")


def test_broken_json_is_named_with_its_line(shell: Shell) -> None:
    refused(shell, shell.write("a.json", '{\n"id": 1,\n'), "a.json:3: column 1: not JSON")


def test_a_latin_1_file_is_read(shell: Shell) -> None:
    name = shell.write("latin.txt", SPANISH.encode("latin-1"))
    with FakeEndpoint(default=fitting()) as endpoint:
        ran = shell.classify(endpoint, name)
    assert ran.code == 0
    assert "mañana" in json.dumps(endpoint.bodies[0], ensure_ascii=False)


def test_another_language_is_classified_and_noted(shell: Shell) -> None:
    with FakeEndpoint(default=fitting()) as endpoint:
        ran = shell.classify(endpoint, shell.write(text=SPANISH), "-f", "json")
    [note] = [a for a in json.loads(ran.out)["audit"] if a["check"] == "language"]
    assert (ran.code, note["severity"]) == (0, "info")
    assert "'es'" in note["message"]


def test_a_date_in_the_future_is_an_audit_error(shell: Shell) -> None:
    with FakeEndpoint(default=fitting()) as endpoint:
        ran = shell.classify(endpoint, shell.write(), "--published", "2999-01-01", "-f", "json")
    [found] = [a for a in json.loads(ran.out)["audit"] if a["severity"] == "error"]
    assert (ran.code, found["check"]) == (0, "published-in-future")


def test_two_articles_of_one_id(shell: Shell) -> None:
    articles = [{"id": "a", "text": TEXT}, {"id": "a", "text": TEXT + " More."}]
    name = shell.write("two.json", json.dumps(articles))
    with FakeEndpoint(default=fitting()) as endpoint:
        ran = shell.classify(endpoint, name, "-f", "json")
    assert (ran.code, len(json.loads(ran.out))) == (1, 1)
    ran.said("two.json: [1]: the incident id 'a' is already that of two.json: [0]", "--incident a")


def test_two_articles_of_one_id_in_one_incident(shell: Shell) -> None:
    lines = [json.dumps({"id": "a", "text": text}) for text in (TEXT, TEXT + " More.")]
    name = shell.write("two.jsonl", "\n".join(lines))
    with FakeEndpoint(default=fitting()) as endpoint:
        ran = shell.classify(endpoint, name, "--incident", "i", "-f", "json")
    assert (ran.code, len(json.loads(ran.out)["incident"]["articles"])) == (1, 1)
    ran.said("Ids are unique within an incident")


@pytest.mark.parametrize("day", ["yesterday", "2019-02-30", "13.02.2019"])
def test_a_bad_publication_date(shell: Shell, day: str) -> None:
    ran = shell.run("classify", shell.write(), "--published", day)
    ran.complained(f"--published {day!r} is not a date. Write YYYY-MM-DD")


def test_a_bad_format(shell: Shell) -> None:
    ran = shell.run("classify", shell.write(), "--format", "pdf")
    ran.complained("'pdf'", "'text', 'json', 'markdown', 'page'")


@pytest.mark.parametrize("flag", ["--id", "--title", "--url", "--source"])
def test_a_detail_fits_one_article_only(shell: Shell, flag: str) -> None:
    ran = shell.run("classify", shell.write("a.txt"), shell.write("b.txt"), flag, "x")
    ran.complained(f"{flag}: these describe one article, and 2 sources are given")


def test_no_source(shell: Shell) -> None:
    shell.run("classify").complained("SOURCE")


@pytest.mark.parametrize("setting", ["tries=0", "context=7", "timeout=-1.5", "concurrency=999"])
def test_a_setting_out_of_range(shell: Shell, setting: str) -> None:
    name, value = setting.split("=")
    ran = shell.run("classify", shell.write(), f"--{name}", value)
    ran.complained(f"The setting {name!r} is {value!r}", f"CLASSIFIER_{name.upper()}")


def test_an_unknown_setting_in_the_file(shell: Shell) -> None:
    shell.write("classifier.toml", 'api_key = "sk-test-0123456789"\n')
    shell.run("classify", shell.write()).complained("no setting 'api_key'", "OPENAI_API_KEY")


def test_a_settings_file_that_is_no_toml(shell: Shell) -> None:
    shell.write("classifier.toml", "model = \n")
    shell.run("classify", shell.write()).complained("classifier.toml cannot be read")


def test_an_unknown_taxonomy(shell: Shell) -> None:
    ran = shell.run("classify", shell.write(), "--taxonomy", "fial")
    ran.complained("no taxonomy 'fial'. Allowed: fail", "or a folder that holds a taxonomy.yaml")


def test_a_broken_taxonomy(shell: Shell) -> None:
    (shell.folder / "own").mkdir()
    shell.write("own/taxonomy.yaml", "name: own\ntitel: x\n")
    ran = shell.run("classify", shell.write(), "--taxonomy", "own")
    ran.complained("own/taxonomy.yaml:2: titel: ", "Remove the key, or correct its spelling")


def test_an_unknown_method(shell: Shell) -> None:
    refused_method = ("--method", "guess")
    with FakeEndpoint() as endpoint:
        ran = shell.classify(endpoint, shell.write(), *refused_method)
        assert endpoint.requests == []
    ran.complained("no method 'guess'. Allowed: hosted, embedded")


@pytest.mark.parametrize("model", ["embeded", "embeddded", "embeded:qwen", "ggfu:/x.gguf"])
def test_a_misspelt_local_model_is_not_sent_anywhere(shell: Shell, model: str) -> None:
    ran = shell.run("classify", shell.write(), "--model", model)
    ran.complained(f"There is no model {model!r}. Allowed: embedded", "nothing was sent")


def test_an_unknown_embedded_model(shell: Shell) -> None:
    ran = shell.run("classify", shell.write(), "--model", "embedded:gpt")
    ran.complained("'gpt'", "qwen2.5-coder-1.5b")


def test_a_missing_gguf_file(shell: Shell) -> None:
    ran = shell.run("classify", shell.write(), "--model", "gguf:none.gguf")
    ran.complained("There is no file 'none.gguf'", "Give the path of a GGUF file")


def test_no_key(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    ran = shell.run("classify", shell.write(), "--model", "gpt-5")
    ran.complained("'gpt-5'", "OPENAI_API_KEY is not set", "--base-url", "--model embedded")


def test_a_key_with_a_line_break(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret-one\nsecret-two")
    ran = shell.run("classify", shell.write(), "--model", "gpt-5")
    ran.complained("the API key holds a space, a line break", "copy it again")
    assert "secret" not in ran.err


def test_a_password_in_the_address_is_not_printed(shell: Shell) -> None:
    url = "http://me:hidden@127.0.0.1/v1"
    ran = shell.run("classify", shell.write(), "--model", "m", "--base-url", url)
    ran.complained("base_url is", "give an http or https address")
    assert "hidden" not in ran.err


def test_a_hostile_file_name(shell: Shell) -> None:
    ran = shell.run("classify", "\x1b[31mred\u202etxt\n.txt")
    ran.complained("\\x1b[31mred\\u202etxt\\n.txt: no such file")


def test_a_title_that_is_no_text(shell: Shell) -> None:
    with FakeEndpoint(default=fitting()) as endpoint:
        ran = shell.classify(endpoint, shell.write(), "--title", "b\udcffd", "-f", "page")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "Incident: b?d")
