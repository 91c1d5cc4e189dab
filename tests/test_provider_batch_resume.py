"""Batches are taken up again after the process died, and nothing is paid twice."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import PosixPath
from typing import ClassVar

import pytest
from batch_asking import Asked, echo, question, texts
from fake_batches import STEPS, FakeBatches
from fake_endpoint import KEY, failure, reply

from classifier.errors import ConfigurationError, InputError
from classifier.models.batch_api import BatchApi
from classifier.models.batch_parts import BatchLeftError
from classifier.models.batch_record import BatchRecord

PLANNED, UPLOADED, CREATED, ENDED = 1, 2, 3, 4
SLOW = (*STEPS[:2], *["in_progress"] * 10_000)
PROCESS = """
import asyncio, sys
from pathlib import Path
from batch_asking import Asked
class Server: url = sys.argv[1]
Asked(Path(sys.argv[2])).ask(Server, "a", "b")
"""


@pytest.fixture
def asked(tmp_path):
    return Asked(tmp_path)


@pytest.fixture
def died(asked):
    """A server and a process that died with this many lines in its record."""
    servers = []

    def begin(lines, *asks, answer=echo, **more):
        server = FakeBatches(answer, **more)
        servers.append(server.__enter__())
        asked.ask(server, *(asks or "ab"))
        asked.keep(lines)
        return server

    yield begin
    for server in servers:
        server.__exit__()


def test_each_step_is_noted_before_the_next(asked):
    with FakeBatches(echo) as server:
        asked.ask(server, "a", "b")
    assert asked.states() == ["planned", "uploaded", "created", "ended", "used"]
    first, *_, last = [json.loads(line) for line in asked.record.read_text().splitlines()]
    assert [len(i) for i in first["ids"]] == [32, 32]
    assert last["place"] == server.url
    assert KEY not in asked.record.read_text()


@pytest.mark.parametrize("lines", [UPLOADED, CREATED, ENDED])
def test_the_batch_of_a_dead_process_is_taken_up(asked, died, lines):
    server = died(lines)
    assert texts(asked.ask(server, "a", "b")) == ["a", "b"]
    assert len(server.batches) == 1
    assert len(server.executed) == 2


def test_a_batch_that_was_never_made_is_made_anew(asked, died):
    server = died(UPLOADED)
    server.batches.clear()
    assert texts(asked.ask(server, "a", "b")) == ["a", "b"]
    assert "lost" in asked.states()
    assert len(server.batches) == 1


def test_a_batch_is_found_behind_many_others(asked, died):
    server = died(UPLOADED)
    server.batches += [
        type(server.batches[0])(f"other_{n}", "f", {}, 1_800_000_001, []) for n in range(150)
    ]
    assert texts(asked.ask(server, "a", "b")) == ["a", "b"]
    assert server.count("GET /v1/batches") > 2
    assert len(server.executed) == 2


def test_only_what_is_new_is_sent(asked, died):
    server = died(CREATED)
    assert texts(asked.ask(server, "c", "b", "a")) == ["c", "b", "a"]
    assert [b["messages"][0]["content"] for b in server.executed] == ["a", "b", "c"]


def test_a_step_under_way_is_noted_before_the_record_is_closed(asked, monkeypatch):
    note, begun = BatchRecord.note, threading.Event()

    def slow(*given, **more):
        begun.set()
        time.sleep(0.1)
        note(*given, **more)

    async def leave(server):
        async with asked.open(server) as model:
            asking = asyncio.create_task(model.ask(question("a")))
            await asyncio.to_thread(begun.wait)
        await asyncio.gather(asking, return_exceptions=True)
        return asked.states()

    monkeypatch.setattr(BatchRecord, "note", slow)
    with FakeBatches(echo) as server:
        assert asyncio.run(leave(server)) == ["planned"]


def test_a_question_that_comes_late_is_answered_from_the_ended_batch(asked, died):
    async def work(server):
        async with asked.open(server) as model:
            return [(await model.ask(question(t))).text for t in "ab"]

    server = died(CREATED)
    assert asyncio.run(work(server)) == ["a", "b"]
    assert len(server.executed) == 2


def test_what_failed_in_the_recorded_batch_is_sent_again(asked, died):
    server = died(CREATED, *"abc", expire_after=None)
    name = server.batches[0].output
    server.files[name] = b"".join(server.files[name].splitlines(keepends=True)[:2])
    server.batches[0].counts = (3, 2, 0)
    assert texts(asked.ask(server, *"abc")) == list("abc")
    assert len(server.executed) == 4


def test_a_batch_whose_files_are_gone_is_asked_again(asked, died):
    server = died(CREATED)
    del server.files[server.batches[0].output]
    assert texts(asked.ask(server, "a", "b")) == ["a", "b"]
    assert len(server.executed) == 4


def test_a_used_batch_is_not_taken_up(asked):
    with FakeBatches(echo) as server:
        asked.ask(server, "a")
        assert texts(asked.ask(server, "a")) == ["a"]
        assert len(server.batches) == 2


def test_what_nobody_asked_for_stays_in_the_record(asked, died):
    server = died(CREATED)
    assert texts(asked.ask(server, "a")) == ["a"]
    assert "used" not in asked.states()
    assert texts(asked.ask(server, "b")) == ["b"]
    assert len(server.executed) == 2


def test_a_full_queue_does_not_wait_for_a_recorded_batch_that_nobody_asked_for(asked, died):
    server = died(CREATED)
    server.refusals = [[{"code": "token_limit_exceeded", "message": "Enqueued token limit"}]]
    assert texts(asked.ask(server, "c", "d")) == ["c", "d"]
    assert not any("go on at" in said for said in asked.said)


def test_a_torn_last_line_of_the_record_is_set_aside(asked, died):
    server = died(CREATED)
    with asked.record.open("a") as file:
        file.write('{"part": "x", "sta')
    assert texts(asked.ask(server, "a", "b")) == ["a", "b"]
    assert len(server.executed) == 2
    assert "sta" in asked.record.with_name("torn.jsonl").read_text()


def test_a_broken_record_is_named(asked, died):
    server = died(CREATED)
    asked.record.write_text("?\n" + asked.record.read_text())
    error, _ = asked.ask(server, "a", "b")
    assert isinstance(error, InputError)
    assert "batches.jsonl:1" in str(error)


def test_batches_of_another_endpoint_are_left_alone(asked, died):
    died(CREATED)
    with FakeBatches(echo) as other:
        assert texts(asked.ask(other, "a", "b")) == ["a", "b"]
        assert len(other.executed) == 2


def test_a_batch_that_nobody_there_knows_is_an_error(asked, died):
    server = died(CREATED)
    server.batches.clear()
    error, _ = asked.ask(server, "a", "b")
    assert isinstance(error, ConfigurationError)
    assert "batch_0" in str(error)
    assert "paid for, again" in str(error)


def test_stopping_leaves_the_batch_and_says_how_to_go_on(asked):
    async def work(server):
        way = asked.open(server)
        async with way as model:
            task = asyncio.create_task(model.ask(question("a")))
            await asked.until("created")
            way.options.stop.set()
            with pytest.raises(BatchLeftError, match="same command again"):
                await task

    with FakeBatches(echo, steps=SLOW) as server:
        asyncio.run(work(server))
        assert server.count("POST /v1/batches/") == 0
        assert "batch_0" in asked.said[-1]
        assert "Nothing is lost" in asked.said[-1]
        server.batches[0].steps = []
        assert texts(asked.ask(server, "a")) == ["a"]
        assert len(server.executed) == 1


def stopped(asked, server, until):
    """What is said of a work that is stopped at this moment."""

    async def work():
        way = asked.open(server)
        async with way as model:
            task = asyncio.create_task(model.ask(question("a")))
            await until()
            way.options.stop.set()
            with pytest.raises(BatchLeftError):
                await task
        return asked.said[-1:]

    return asyncio.run(work())


@pytest.mark.parametrize(("state", "told"), [("created", "batch_0"), ("uploaded", "")])
def test_a_batch_is_told_of_though_the_record_is_ahead(asked, monkeypatch, state, told):
    note = BatchRecord.note

    def slow(self, part, given, **more):
        note(self, part, given, **more)
        time.sleep(0.2 if given == state else 0)

    monkeypatch.setattr(BatchRecord, "note", slow)
    with FakeBatches(echo, steps=SLOW) as server:
        said = stopped(asked, server, lambda: asked.until(state))
    assert told in "".join(said)
    assert bool(said) is bool(told)


def test_a_batch_that_may_have_been_made_is_told_of(asked, monkeypatch):
    create, made = BatchApi.create, asyncio.Event()

    async def slow(self, *given):
        await create(self, *given)
        made.set()
        await asyncio.sleep(60)

    monkeypatch.setattr(BatchApi, "create", slow)
    with FakeBatches(echo, steps=SLOW) as server:
        [said] = stopped(asked, server, made.wait)
    assert said.startswith(f"A batch was just being made at {server.url}; it may go on there.")


def test_an_endpoint_that_is_away_too_long_is_left_and_taken_up_later(asked):
    script = {"GET /v1/batches/": [failure(503, "away")] * 5}
    with FakeBatches(echo, script=script) as server:
        (error,) = asked.ask(server, "a", patience=0)
        assert isinstance(error, BatchLeftError)
        script.clear()
        assert texts(asked.ask(server, "a")) == ["a"]
        assert len(server.executed) == 1


def test_cancelling_leaves_the_batch_too(asked):
    async def work(server):
        async with asked.open(server) as model, asyncio.timeout(5):
            task = asyncio.create_task(model.ask(question("a")))
            await asked.until("created")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    with FakeBatches(echo, steps=SLOW) as server:
        asyncio.run(work(server))
        server.batches[0].steps = []
        assert texts(asked.ask(server, "a")) == ["a"]
        assert len(server.executed) == 1


def test_a_killed_process_loses_nothing(asked):
    with FakeBatches(echo, steps=SLOW) as server:
        command = [sys.executable, "-c", PROCESS, server.url, str(asked.record.parent)]
        with subprocess.Popen(command, cwd="tests", stderr=subprocess.DEVNULL) as process:
            while not asked.record.exists() or "created" not in asked.states():
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
        server.batches[0].steps = []
        assert texts(asked.ask(server, "a", "b")) == ["a", "b"]
        assert len(server.executed) == 2


def test_a_reply_that_cannot_be_used_is_asked_anew_after_an_orderly_end(asked):
    answers = [reply("x", finish_reason="length"), reply("good")]
    with FakeBatches(lambda _: answers.pop(0)) as server:
        asked.ask(server, "a")
        assert texts(asked.ask(server, "a")) == ["good"]


class SlowPath(PosixPath):
    """A path that takes a while to open, and counts how often it was."""

    opened: ClassVar = []

    def open(self, *given, **more):
        self.opened.append(self.name)
        time.sleep(0.02)
        return super().open(*given, **more)


def test_steps_that_are_noted_at_once_open_the_record_once(tmp_path):
    record = BatchRecord(SlowPath(tmp_path / "batches.jsonl"), "here")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: record.note(str(n), "used"), range(4)))
    record.close()
    assert SlowPath.opened == ["batches.jsonl"]
    assert len(record.path.read_text().splitlines()) == 4
