"""Batch runs against a server on loopback that fails in every way; the counts always add up."""

from __future__ import annotations

import random
import resource
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from batching import Endpoint, about, adds_up, batch, row, rows, table, where
from cli_tools import Shell
from cooking import READS, kitchen
from fake_endpoint import (
    Answer,
    completion,
    failure,
    hang,
    html,
    reply,
    reset,
    truncated,
)

from classifier.batch.folder import RunFolder

COUNT = 8
SHARE = 0.3


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return kitchen(tmp_path, monkeypatch, capsys)


def sometimes(fault: Answer) -> Callable[[dict[str, Any]], Answer]:
    """The fault for three requests of ten, an answer for the others."""
    chance = random.Random(4)
    return lambda body: fault if chance.random() < SHARE else READS(body)


PASSING = {
    "429": failure(429, "slow down"),
    "429 with Retry-After": failure(429, "slow down", headers={"retry-after-ms": "100"}),
    "500": failure(500, "oh"),
    "503": failure(503, "overloaded", headers={"retry-after-ms": "10"}),
    "timeout": hang(),
    "reset": reset(),
}
LASTING = {
    "truncated JSON": truncated(),
    "wrong content type": html(),
    "no choices": completion([]),
    "length": reply('{"course": {', finish_reason="length"),
    "content filter": reply("", finish_reason="content_filter"),
    "refusal": reply(None, refusal="I cannot help with that."),
}


@pytest.mark.parametrize("name", PASSING)
def test_three_replies_of_ten_fail_and_are_asked_again(shell: Shell, name: str) -> None:
    with Endpoint(default=sometimes(PASSING[name])) as endpoint:
        where_to = ("--out", "run", "--timeout", "2", "--tries", "12")
        ran = batch(shell, endpoint, table(shell.folder, rows(COUNT)), *where_to)
    assert ran.code == 0, ran.err
    ran.said(f"{COUNT} inputs = {COUNT} reports + 0 failures + 0 unread.")
    adds_up(shell.folder / "run", COUNT)


@pytest.mark.parametrize("name", LASTING)
def test_three_replies_of_ten_cannot_be_used(shell: Shell, name: str) -> None:
    behaviour = [sometimes(LASTING[name])]
    with Endpoint(default=lambda body: behaviour[0](body)) as endpoint:
        ran = batch(shell, endpoint, table(shell.folder, rows(COUNT)), "--out", "run")
        ran.said(f"{COUNT} inputs = ")
        adds_up(shell.folder / "run", COUNT)
        behaviour[0] = READS
        assert shell.run("batch", "retry", "run").code == 0
    assert adds_up(shell.folder / "run", COUNT)[1] == {}


@pytest.mark.parametrize(
    "name", ["429", "500", "timeout", "reset", "wrong content type", "refusal"]
)
def test_one_article_always_fails(shell: Shell, name: str) -> None:
    fault = (PASSING | LASTING)[name]
    with Endpoint(default=where("number 3.", fault, READS)) as endpoint:
        where_to = ("--out", "run", "--timeout", "2", "--tries", "2")
        ran = batch(shell, endpoint, table(shell.folder, rows(COUNT)), *where_to)
    ran.complained(f"{COUNT} inputs = {COUNT - 1} reports + 1 failure + 0 unread.", code=1)
    _, failed = adds_up(shell.folder / "run", COUNT)
    assert failed == {"r03": "ask" if name in PASSING else "answer"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (failure(401, "Incorrect API key"), "Check the API key"),
        (failure(404, "no model m"), "Check that the model 'm' exists"),
        (failure(429, "spent", code="insufficient_quota"), "The quota is spent"),
        (failure(503, "overloaded"), "answered 503"),
        (html(), "is not a chat completion"),
        (hang(), "did not answer within 0.3 s"),
    ],
)
def test_an_endpoint_that_never_answers_stops_the_run(
    shell: Shell, answer: Answer, said: str
) -> None:
    with Endpoint(default=answer) as endpoint:
        seconds = "0.3" if answer.hang else "20"
        where_to = ("--out", "run", "--tries", "1", "--timeout", seconds)
        ran = batch(shell, endpoint, table(shell.folder, rows(60)), *where_to)
        assert len(endpoint.requests) < 60
    ran.complained("Stopped: ", said, "Run the same command again to go on.", code=1)
    assert (shell.folder / "run" / "failures.jsonl").read_bytes() == b""


def test_a_misspelt_model_stops_the_run_before_the_next_incident(shell: Shell) -> None:
    gone = failure(404, "The model `m` does not exist", code="model_not_found")
    with Endpoint(default=gone) as endpoint:
        ran = batch(shell, endpoint, table(shell.folder, rows(60)), "--out", "run")
        assert len(endpoint.requests) < 60
    ran.complained("has no model 'm'", "--model", code=2)
    assert (shell.folder / "run" / "failures.jsonl").read_bytes() == b""


def test_a_quota_that_is_spent_on_the_way(shell: Shell) -> None:
    spent = [False]

    def behave(body: dict[str, Any]) -> Answer:
        spent[0] = spent[0] or about(body) == "r05"
        return failure(429, "spent", code="insufficient_quota") if spent[0] else READS(body)

    name = table(shell.folder, rows(12))
    with Endpoint(default=behave) as endpoint:
        ran = batch(shell, endpoint, name, "--out", "run", "--at-once", "2")
        ran.complained("Stopped: ", "The quota is spent", code=1)
    with Endpoint(default=READS) as healthy:
        # the same address is a part of the settings, so that this one is another run
        batch(shell, healthy, name, "--out", "run").complained("endpoint: was")


class Door(socketserver.ThreadingTCPServer):
    """Forwards connections to a server, until it is shut: then they break, and new ones too."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, to: str, port: int = 0) -> None:
        self.to = ("127.0.0.1", int(to.rpartition(":")[2].partition("/")[0]))
        self.open: list[socket.socket] = []
        super().__init__(("127.0.0.1", port), _Through)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def shut(self) -> None:
        self.shutdown()
        self.server_close()
        for one in self.open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class _Through(socketserver.BaseRequestHandler):
    server: Door

    def handle(self) -> None:
        with socket.create_connection(self.server.to) as inside:
            self.server.open += [self.request, inside]
            back = threading.Thread(target=_pump, args=(inside, self.request), daemon=True)
            back.start()
            _pump(self.request, inside)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextmanager
def away_for(seconds: float, endpoint: Endpoint, after: int) -> Iterator[int]:
    """A port that leads to the endpoint; it is shut for so long after so many requests."""
    doors = [Door(endpoint.url)]
    port = doors[0].port

    def go_away() -> None:
        wait_for(endpoint, after)
        doors.pop().shut()
        time.sleep(seconds)
        doors.append(Door(endpoint.url, port))

    going = threading.Thread(target=go_away)
    going.start()
    try:
        yield port
    finally:
        going.join()
        doors.pop().shut()


def test_an_endpoint_that_goes_away_is_waited_for(shell: Shell) -> None:
    def slow(body: dict[str, Any]) -> Answer:
        time.sleep(0.05)
        return READS(body)

    with Endpoint(default=slow) as endpoint, away_for(2.5, endpoint, after=10) as port:
        url = f"http://127.0.0.1:{port}/v1"
        name = table(shell.folder, rows(30))
        ran = batch(shell, url, name, "--out", "run", "--tries", "1", "--concurrency", "2")
    assert ran.code == 0, ran.err
    ran.said("Waiting for it, 900 s at most", "The endpoint answers again")
    assert len(adds_up(shell.folder / "run", 30)[0]) == 30


def test_an_endpoint_that_stays_away_stops_the_run_and_it_goes_on(shell: Shell) -> None:
    name = table(shell.folder, rows(30))
    with Endpoint(default=READS) as endpoint:
        door = Door(endpoint.url)
        shutting = threading.Thread(target=lambda: (wait_for(endpoint, 6), door.shut()))
        shutting.start()
        at = (f"http://127.0.0.1:{door.port}/v1", name, "--out", "run", "--concurrency", "1")
        ran = batch(shell, *at, "--tries", "1", "--patience", "1")
        shutting.join()
        ran.complained("No incident gets an answer, and that for", "cannot be reached", code=1)
        door = Door(endpoint.url, door.port)
        assert batch(shell, *at).code == 0
        door.shut()
    assert len(adds_up(shell.folder / "run", 30)[0]) == 30


def wait_for(endpoint: Endpoint, requests: int) -> None:
    while len(endpoint.requests) < requests:
        time.sleep(0.005)


def test_duplicate_ids(shell: Shell) -> None:
    given = [*rows(3), row(1), row(2, text="Recipe number 2. It is served cold.")]
    with Endpoint(default=READS) as endpoint:
        ran = batch(shell, endpoint, table(shell.folder, given), "--out", "run")
    ran.complained("with the identical text", "with another text", code=1)
    assert len(adds_up(shell.folder / "run", 5)[1]) == 2


def test_an_article_of_50_megabytes(shell: Shell) -> None:
    huge = row(1, text=row(1)["text"] + " It is good." * 4_400_000)
    with Endpoint(default=READS) as endpoint:
        ran = batch(shell, endpoint, table(shell.folder, [row(0), huge, row(2)]), "--out", "run")
    ran.complained("3 inputs = 2 reports + 0 failures + 1 unread.", code=1)
    ran.said("has 52,800,", "--max-characters")
    adds_up(shell.folder / "run", 3)


def test_a_full_disk_stops_the_run_and_it_goes_on(shell: Shell) -> None:
    name = table(shell.folder, rows(12))
    with Endpoint(default=READS) as endpoint:
        # what is loaded once is written to temporary files, which need their room
        batch(shell, endpoint, table(shell.folder, rows(1), "one.jsonl"), "--out", "other")
        with little_room(12_000):
            ran = batch(shell, endpoint, name, "--out", "run", "--no-cache")
        ran.complained("Stopped: run/reports.jsonl cannot be written: File too large", code=1)
        assert 0 < len(list(RunFolder.open(shell.folder / "run").reports())) < 12
        assert batch(shell, endpoint, name, "--out", "run").code == 0
    assert len(adds_up(shell.folder / "run", 12)[0]) == 12


@contextmanager
def little_room(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: to who writes it, this is a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
