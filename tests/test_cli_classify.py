"""`classifier classify` against a real server on loopback: what is printed and said."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from cli_tools import QUOTE, TEXT, Shell, clean_environment, fitting, started
from fake_endpoint import Behaviour, FakeEndpoint, failure, hang, html, reply, reset, truncated

from classifier.errors import ModelError
from classifier.models.cache import Cached, ResponseCache
from classifier.models.seam import Reply, Request
from classifier.records import Report

FAIL_COUNT = 16
# The open fields but for the title, which stands over the report.
FIELD_COUNT = 11
ONCE = ("--tries", "1")


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    clean_environment(monkeypatch, tmp_path)
    return Shell(tmp_path, capsys)


def test_a_report_is_data_on_stdout_alone(shell: Shell) -> None:
    with FakeEndpoint(default=fitting({"software"})) as endpoint:
        ran = shell.classify(endpoint, shell.write(), "-f", "json")
    made = Report.model_validate_json(ran.out)
    assert (ran.code, ran.err, made.incident.id) == (0, "", "train")
    [finding] = [f for f in made.categories["dimension"].findings if f.applies]
    assert (finding.option, finding.evidence[0].start) == ("software", TEXT.index(QUOTE))


def test_text_has_no_colour_on_a_pipe(shell: Shell) -> None:
    with FakeEndpoint(default=fitting({"software"})) as endpoint:
        ran = shell.classify(endpoint, shell.write())
    assert "Dimension (Hardware/Software): software\n" in ran.out
    assert f"“{QUOTE}” [train:" in ran.out
    assert "\x1b" not in ran.out


def test_a_second_run_comes_from_the_cache(shell: Shell) -> None:
    with FakeEndpoint(default=fitting()) as endpoint:
        first = shell.classify(endpoint, shell.write(), "-f", "page")
        sent = len(endpoint.requests)
        assert shell.classify(endpoint, "train.txt", "-f", "page") == first
        assert len(endpoint.requests) == sent > 0


def test_one_source_is_an_object_and_several_are_an_array(shell: Shell) -> None:
    with FakeEndpoint(default=fitting()) as endpoint:
        one = shell.classify(endpoint, shell.write("a.txt"), "-f", "json")
        two = shell.classify(endpoint, "a.txt", shell.write("b.txt"), "-f", "json")
    assert json.loads(one.out)["incident"]["id"] == "a"
    assert [r["incident"]["id"] for r in json.loads(two.out)] == ["a", "b"]


def test_several_are_an_array_also_where_one_is_broken(shell: Shell) -> None:
    with FakeEndpoint(default=fitting()) as endpoint:
        ran = shell.classify(endpoint, shell.write("a.txt"), "none.txt", "-f", "json")
    assert [r["incident"]["id"] for r in json.loads(ran.out)] == ["a"]
    assert ran.code == 1
    ran.said("Error: none.txt: no such file")


def test_standard_input(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    with FakeEndpoint(default=fitting()) as endpoint:
        ran = shell.classify(endpoint, "-", "--id", "7", "--title", "Trains", "-f", "page")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "Incident: Trains")


def test_a_closed_standard_input(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with FakeEndpoint(default=fitting()) as endpoint:
        assert shell.classify(endpoint, shell.write()).code == 0
    shell.run("classify", "-").complained("standard input: there is none. Name a file")


def test_sources_join_into_one_incident(shell: Shell) -> None:
    with FakeEndpoint(default=fitting()) as endpoint:
        names = (shell.write("a.txt"), shell.write("b.txt", TEXT + " More."))
        ran = shell.classify(endpoint, *names, "--incident", "i7", "-f", "json")
    incident = json.loads(ran.out)["incident"]
    assert (ran.code, incident["id"]) == (0, "i7")
    assert [a["id"] for a in incident["articles"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (failure(404, "The model `m` does not exist"), "Check that the model 'm' exists there"),
        (failure(401, "Incorrect API key: sk-test-0123456789"), "Check the API key"),
        (failure(429, "spent", code="insufficient_quota"), "The quota is spent"),
        (failure(503, "overloaded"), "It may answer later (after 1 tries"),
        (html("<html>\x1b[31mlog in</html>"), "train: no answer for"),
    ],
)
def test_an_endpoint_that_refuses(shell: Shell, behaviour: Behaviour, said: str) -> None:
    with FakeEndpoint(default=behaviour) as endpoint:
        ran = shell.classify(endpoint, shell.write(), *ONCE)
    assert ran.code == 1
    ran.said(said)


def test_a_wrong_key_is_not_printed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-987654321")
    with FakeEndpoint() as endpoint:
        ran = shell.classify(endpoint, shell.write())
        assert len(endpoint.requests) <= 8
    ran.complained("answered 401", "Check the API key", code=1)
    assert "987654321" not in ran.err


def test_a_refused_connection_ends_at_once(shell: Shell) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        begun = time.monotonic()
        ran = shell.run("classify", shell.write(), "-m", "m", "--base-url", url, *ONCE)
    ran.complained(f"{url} cannot be reached", "Check base_url", code=1)
    assert time.monotonic() - begun < 3


def test_a_timeout_is_named(shell: Shell) -> None:
    with FakeEndpoint(default=hang()) as endpoint:
        ran = shell.classify(endpoint, shell.write(), *ONCE, "--timeout", "0.2")
    ran.complained("did not answer within 0.2 s", code=1)


@pytest.mark.parametrize("text", ["I am sorry, Dave.", "{}", "[1]", '{"dimension": 7}', "{" * 99])
def test_a_model_that_talks_nonsense(shell: Shell, text: str) -> None:
    with FakeEndpoint(default=reply(text)) as endpoint:
        ran = shell.classify(endpoint, shell.write(), "-f", "json")
    statuses = [d["status"] for d in json.loads(ran.out)["categories"].values()]
    assert (ran.code, statuses) == (1, ["failed"] * FAIL_COUNT)
    ran.said("train: no answer for recurring, phase", "the report says why")


def test_what_fits_is_kept_beside_what_failed(shell: Shell) -> None:
    def behave(body: dict[str, object]) -> object:
        answer = fitting()(body)
        return reply("nonsense") if "dimension" in json.dumps(body["response_format"]) else answer

    with FakeEndpoint(default=behave) as endpoint:
        ran = shell.classify(endpoint, shell.write(), "-f", "json")
    statuses = {n: d["status"] for n, d in json.loads(ran.out)["categories"].items()}
    assert (ran.code, statuses["dimension"], statuses["domain"]) == (1, "failed", "unknown")


def test_a_broken_connection_is_retried(shell: Shell) -> None:
    with FakeEndpoint(reset(), default=fitting()) as endpoint:
        assert shell.classify(endpoint, shell.write(), "--tries", "2").code == 0


def test_a_connection_that_stays_broken(shell: Shell) -> None:
    with FakeEndpoint(default=reset()) as endpoint:
        ran = shell.classify(endpoint, shell.write(), *ONCE)
    ran.complained("cannot be reached", "(after 1 tries", code=1)


def test_a_reply_cut_in_the_middle_is_a_failed_category(shell: Shell) -> None:
    with FakeEndpoint(default=truncated()) as endpoint:
        ran = shell.classify(endpoint, shell.write(), *ONCE)
    assert (ran.code, ran.out.count(": failed")) == (1, FAIL_COUNT + FIELD_COUNT)
    ran.said("train: no answer for")


def test_no_fields_asks_the_categories_alone(shell: Shell) -> None:
    with FakeEndpoint(default=fitting()) as endpoint:
        with_them = shell.classify(endpoint, shell.write(), "-f", "json")
        sent = len(endpoint.requests)
        without = shell.classify(endpoint, "train.txt", "-f", "json", "--no-fields")
    assert len(json.loads(with_them.out)["fields"]) == FIELD_COUNT + 1
    assert (json.loads(without.out)["fields"], len(endpoint.requests)) == ({}, sent)


def test_one_incident_that_is_refused_stops_no_other(shell: Shell) -> None:
    def behave(body: dict[str, object]) -> object:
        long = "LONG" in json.dumps(body["messages"])
        return failure(400, "maximum context length is 9 tokens") if long else fitting()(body)

    names = (shell.write("a.txt", TEXT + " LONG."), shell.write("b.txt"))
    with FakeEndpoint(default=behave) as endpoint:
        ran = shell.classify(endpoint, *names, "-f", "json")
    assert (ran.code, [r["incident"]["id"] for r in json.loads(ran.out)]) == (1, ["b"])
    ran.said("Error: a: ", "maximum context length")


def test_what_was_finished_is_printed_when_the_endpoint_goes(shell: Shell) -> None:
    def behave(body: dict[str, object]) -> object:
        late = "LATE" in json.dumps(body["messages"])
        return failure(429, "spent", code="insufficient_quota") if late else fitting()(body)

    names = [shell.write("a.txt"), *(shell.write(f"{n}.txt", TEXT + f" LATE {n}") for n in "bc")]
    with FakeEndpoint(default=behave) as endpoint:
        ran = shell.classify(endpoint, *names, "-f", "json")
    assert (ran.code, [r["incident"]["id"] for r in json.loads(ran.out)]) == (1, ["a"])
    ran.said("Not classified: b, c", "The quota is spent")


@pytest.mark.parametrize("form", ["text", "json", "markdown", "page"])
def test_nothing_foreign_steers_the_terminal(shell: Shell, form: str) -> None:
    evil = "\x1b[31mred\x9b1m\u202e"
    article = {"id": f"i{evil}", "title": f"t{evil}", "text": f"{TEXT} {evil}"}
    name = shell.write("a.json", json.dumps(article))
    with FakeEndpoint(default=fitting({"software"}, evil, evil)) as endpoint:
        ran = shell.classify(endpoint, name, "-f", form)
    assert {c for c in ran.out + ran.err if not c.isprintable() and c != "\n"} == set()


@pytest.mark.parametrize(
    ("form", "title"), [("page", "Incident: ??\n"), ("json", "\\ud83d\\ude86")]
)
def test_an_unencodable_report_is_printed(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, form: str, title: str
) -> None:
    ascii_alone = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", ascii_alone)
    with FakeEndpoint(default=fitting()) as endpoint:
        ran = shell.classify(endpoint, shell.write(), "-f", form, "--title", "é🚆")
    printed = ascii_alone.buffer.getvalue().decode()
    assert (ran.code, title in printed) == (0, True)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("name", "value", "coloured"),
    [("NO_COLOR", "1", False), ("NO_COLOR", "", True), ("TERM", "dumb", False)],
)
def test_colours_on_a_terminal(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str, value: str, coloured: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    with FakeEndpoint(default=fitting({"software"})) as endpoint:
        shell.classify(endpoint, shell.write())
    assert ("\x1b[" in terminal.getvalue()) is coloured


def test_progress_on_a_terminal_leaves_stdout_alone(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    with FakeEndpoint(default=fitting()) as endpoint:
        ran = shell.classify(endpoint, shell.write(), "-f", "page")
    assert ran.out.startswith("Incident: ")
    assert "train: " in terminal.getvalue()


def test_a_closed_pipe_is_no_traceback(shell: Shell) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with FakeEndpoint(default=fitting()) as endpoint:
        at = ("-m", "m", "--base-url", endpoint.url)
        process = started("classify", shell.write(), *at, stdout=writing)
        os.close(writing)
        assert process.communicate(timeout=20)[1] == ""


@pytest.mark.parametrize("command", ["schema", "taxonomy show"])
def test_a_closed_pipe_of_another_command(shell: Shell, command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = started(*command.split(), stdout=writing)
    os.close(writing)
    assert process.communicate(timeout=20)[1] == ""


def test_ctrl_c(shell: Shell) -> None:
    with FakeEndpoint(default=hang()) as endpoint:
        process = started("classify", shell.write(), "-m", "m", "--base-url", endpoint.url)
        while not endpoint.requests:
            time.sleep(0.02)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (130, "")
    assert err == "Interrupted. What was answered is in the cache: run it again to go on.\n"
    assert time.monotonic() - begun < 3


def test_ctrl_c_prints_what_is_finished(shell: Shell) -> None:
    names = (shell.write("a.txt"), shell.write("b.txt", TEXT + " SECOND"))

    first = threading.Lock()

    def behave(body: dict[str, object]) -> object:
        if "SECOND" in json.dumps(body["messages"]):
            if first.acquire(blocking=False):  # two calls come at once, and a second ^C is harder
                os.kill(process.pid, signal.SIGINT)
            return hang()
        return fitting()(body)

    with FakeEndpoint(default=behave) as endpoint:
        at = ("-m", "m", "--base-url", endpoint.url, "-f", "json")
        process = started("classify", *names, *at)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, len(json.loads(out))) == (130, 1)
    assert "Interrupted." in err


def test_a_call_that_fails_while_it_is_cancelled_is_no_traceback(shell: Shell) -> None:
    class Stubborn:
        async def ask(self, request: Request) -> Reply:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise ModelError("gone") from None
            return Reply("", "stop")

    async def cancelled() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
        cached = Cached(Stubborn(), ResponseCache(shell.folder / "c.sqlite", warn=print), {})
        asker = asyncio.create_task(cached.ask(Request((), max_tokens=1)))
        await asyncio.sleep(0.1)
        asker.cancel()
        await asyncio.sleep(0.1)
        gc.collect()

    lost: list[object] = []
    asyncio.run(cancelled())
    assert lost == []
