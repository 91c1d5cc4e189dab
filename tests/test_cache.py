import asyncio
import dataclasses
import resource
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.errors import ModelBusyError, ReplyError
from classifier.models.cache import Cached, Kept, ResponseCache, request_key
from classifier.models.seam import Message, Reply, Request, Spans, TokenLogprobs
from classifier.records import Usage

REQUEST = Request((Message("user", "Hello"),), max_tokens=50, schema={"type": "object"})
LOGPROBS = (TokenLogprobs("hi", {"hi": -0.1, "ho": float("-inf")}),)
REPLY = Reply("hi \ud800", "stop", Usage(calls=1, prompt_tokens=9), LOGPROBS)


class Counting:
    """A model that counts its calls, and waits for `gate` if it has one."""

    def __init__(self, answer=REPLY, gate=None):
        self.calls, self.answer, self.gate = 0, answer, gate

    async def ask(self, request):
        self.calls += 1
        if self.gate:
            await self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def told():
    return []


@pytest.fixture
def cache(tmp_path, told):
    cache = ResponseCache(tmp_path / "folder" / "responses.sqlite", warn=told.append, patience=0.05)
    yield cache
    cache.close()


def cached(cache, model, identity):
    return Cached(Kept(model, cache, identity), cache, identity)


def ask(cache, model, request=REQUEST, **identity):
    return asyncio.run(cached(cache, model, {"model": "m"} | identity).ask(request))


def test_the_second_answer_is_free(cache, told):
    model = Counting()
    assert ask(cache, model) == REPLY
    assert ask(cache, model) == dataclasses.replace(REPLY, usage=Usage(cache_hits=1))
    assert (model.calls, told) == (1, [])


def test_it_outlives_its_object(cache):
    ask(cache, Counting())
    again = ResponseCache(cache.path, warn=print)
    assert again.get(request_key({"model": "m"}, REQUEST)) == REPLY
    again.close()


def test_another_identity_is_another_question(cache):
    model = Counting()
    ask(cache, model, digest="a")
    ask(cache, model, digest="b")
    assert model.calls == 2


def test_failures_are_not_kept(cache):
    model = Counting(ReplyError("empty"))
    for _ in range(2):
        with pytest.raises(ReplyError):
            ask(cache, model)
    assert model.calls == 2


def test_info_and_clear(cache):
    assert (cache.info().entries, cache.info().oldest) == (0, None)
    cache.put("a", REPLY)
    cache.put("b", REPLY)
    info = cache.info()
    assert (info.path, info.entries) == (cache.path, 2)
    assert info.bytes > 0
    assert cache.clear() == 2
    assert cache.get("a") is None


def test_a_reply_that_cannot_be_read_is_asked_again(cache):
    cache.put("a", REPLY)
    with sqlite3.connect(cache.path) as other:
        other.execute("UPDATE replies SET reply = '{\"text\": 3'")
    other.close()
    assert cache.get("a") is None


def damage_header(path):
    path.write_bytes(b"this is not a database" * 400)


def damage_page(path):
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 4096)


def other_version(path):
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()


def other_tables(path):
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE replies")
    other.close()


@pytest.mark.parametrize("damage", [damage_header, damage_page, other_version, other_tables])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(cache, told, damage):
    cache.put("a", REPLY)
    cache.close()
    damage(cache.path)
    assert cache.get("a") is None
    cache.put("a", REPLY)
    assert cache.get("a") == REPLY
    assert cache.path.with_name("responses.sqlite.damaged").exists()
    assert len(told) == 1
    assert "damaged" in told[0]


def test_an_empty_file_is_begun(cache, told):
    cache.path.parent.mkdir()
    cache.path.touch()
    cache.put("a", REPLY)
    assert (cache.get("a"), told) == (REPLY, [])


def test_a_locked_file_is_done_without_and_told_once(cache, told):
    cache.put("a", REPLY)
    other = sqlite3.connect(cache.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(2):
        cache.put("b", REPLY)
    other.close()
    assert cache.get("a") == REPLY
    assert len(told) == 1
    assert "locked" in told[0]


@pytest.mark.parametrize("make", ["folder", "file above"])
def test_a_place_that_cannot_be_used_is_no_failure(tmp_path, told, make):
    path = tmp_path / "place" / "responses.sqlite"
    if make == "folder":
        path.mkdir(parents=True)
    else:
        path.parent.touch()
    cache = ResponseCache(path, warn=told.append)
    assert ask(cache, Counting()) == REPLY
    assert len(told) == 1
    assert str(path) in told[0]


FULL_DISK = """
import resource, sys
from pathlib import Path
from classifier.models.cache import ResponseCache
from classifier.models.seam import Reply
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
told = []
cache = ResponseCache(Path(sys.argv[1]), warn=told.append)
cache.put("small", Reply("hi", "stop"))
for n in range(3):
    cache.put(f"big {n}", Reply("x" * 300_000, "stop"))
print(len(told), cache.get("small").text)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no limit to set")
def test_a_full_disk_is_no_failure(tmp_path):
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "c.sqlite")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "hi"]


WRITER = """
import sys
from pathlib import Path
from classifier.models.cache import ResponseCache
from classifier.models.seam import Reply
cache = ResponseCache(Path(sys.argv[1]), warn=sys.exit)
for n in range(50):
    cache.put(f"{sys.argv[2]} {n}", Reply("x" * 1000, "stop"))
"""


def test_two_processes_write_at_once(cache, told):
    commands = [[sys.executable, "-c", WRITER, str(cache.path), name] for name in "ab"]
    writers = [subprocess.Popen(command) for command in commands]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert (cache.info().entries, told) == (100, [])


def test_a_file_that_another_process_is_creating_is_waited_for(tmp_path, told):
    cache = ResponseCache(tmp_path / "c.sqlite", warn=told.append)
    with closing(sqlite3.connect(cache.path, isolation_level=None, check_same_thread=False)) as db:
        db.execute("BEGIN IMMEDIATE")
        leaves = threading.Timer(0.2, db.execute, ["COMMIT"])
        leaves.start()
        cache.put("k", REPLY)
        leaves.join()
    assert (cache.get("k"), told) == (REPLY, [])


async def together(cached, gate, times=3):
    tasks = [asyncio.create_task(cached.ask(REQUEST)) for _ in range(times)]
    await asyncio.sleep(0.05)
    gate.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_identical_requests_in_flight_are_asked_once(cache):
    gate = asyncio.Event()
    model = Counting(gate=gate)
    replies = asyncio.run(together(Cached(model, cache, {}), gate))
    assert model.calls == 1
    assert sum((r.usage for r in replies), Usage()) == REPLY.usage + Usage(cache_hits=2)


def test_a_failure_in_flight_reaches_all_and_is_paid_once(cache):
    gate = asyncio.Event()
    model = Counting(ModelBusyError("busy", usage=Usage(calls=1)), gate)
    errors = asyncio.run(together(Cached(model, cache, {}), gate))
    assert [error.usage for error in errors] == [Usage(calls=1), None, None]
    assert model.calls == 1


def test_one_who_leaves_does_not_take_the_others_along(cache):
    async def run(cached, gate):
        first, second = (asyncio.create_task(cached.ask(REQUEST)) for _ in range(2))
        await asyncio.sleep(0.05)
        first.cancel()
        await asyncio.sleep(0)
        gate.set()
        return await second

    gate = asyncio.Event()
    assert asyncio.run(run(Cached(Counting(gate=gate), cache, {}), gate)).text == REPLY.text


def test_the_call_ends_with_its_last_asker(cache):
    async def run(cached):
        task = asyncio.create_task(cached.ask(REQUEST))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert asyncio.run(run(Cached(Counting(gate=asyncio.Event()), cache, {}))) == 1


CHANGES = {
    "messages": (Message("user", "Hello!"),),
    "max_tokens": 51,
    "schema": {"type": "array"},
    "temperature": 0.5,
    "seed": 1,
    "top_logprobs": 1,
    "state": True,
    "embed": Spans(2, ((0, 1),)),
}


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Request)])
def test_every_field_of_a_request_counts(field):
    changed = dataclasses.replace(REQUEST, **{field: CHANGES[field]})
    assert request_key({}, changed) != request_key({}, REQUEST)


requests = st.builds(
    Request,
    st.lists(st.builds(Message, st.sampled_from(["system", "user"]), st.text()), max_size=3).map(
        tuple
    ),
    st.integers(1, 9),
    st.none() | st.dictionaries(st.text(), st.integers(), max_size=2),
    st.sampled_from([0.0, 0.5]),
    st.integers(0, 2),
    st.integers(0, 2),
)
identities = st.dictionaries(st.text(), st.text() | st.none() | st.integers(), max_size=3)


@given(requests, requests)
def test_different_requests_have_different_keys(one, other):
    same = one == other and list(one.schema or ()) == list(other.schema or ())
    assert (request_key({}, one) == request_key({}, other)) == same


@given(identities, identities)
def test_different_identities_have_different_keys(one, other):
    assert (request_key(one, REQUEST) == request_key(other, REQUEST)) == (one == other)


@given(identities)
def test_the_order_of_an_identity_does_not_count(identity):
    turned = dict(reversed(identity.items()))
    assert request_key(turned, REQUEST) == request_key(identity, REQUEST)


def test_the_order_of_a_schema_does_count():
    one = dataclasses.replace(REQUEST, schema={"a": 1, "b": 2})
    other = dataclasses.replace(REQUEST, schema={"b": 2, "a": 1})
    assert request_key({}, one) != request_key({}, other)


def test_what_cannot_be_a_key_is_named():
    with pytest.raises(TypeError, match="cache key cannot hold"):
        request_key({"model": object()}, REQUEST)
