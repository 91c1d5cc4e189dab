"""The run folder: made, taken up, refused, torn, killed, and read.

Run as a program, this file forks writers for the tests that kill them: see `fork_writers`.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports import full, report

from classifier.batch.folder import FAILURES, REPORTS, TORN, RunFolder
from classifier.batch.manifest import Manifest, differences
from classifier.errors import ClassifierError, ConfigurationError, InputError
from classifier.records import ModelRef

MANIFEST = Manifest(
    created=datetime(2026, 11, 1, 20, 0, tzinfo=UTC),
    versions={"classifier": "0.1.0", "python": "3.11.9"},
    taxonomy="fail 1",
    taxonomy_sha256="1" * 64,
    prompts_sha256="2" * 64,
    model=ModelRef(name="small", digest="4" * 64, endpoint="https://models.example/v1"),
    method="hosted",
    parameters={"groups": (("a", "b"), ("c",)), "decoding": {"temperature": 0.0}},
    settings={"text": "body"},
    input_fingerprint="3" * 64,
)
LATER = MANIFEST.model_copy(update={"created": datetime(2026, 11, 2, 7, 0, tzinfo=UTC)})
POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks, and limits files")


def small(number: int | str, title: str = "A failure"):
    return report(id_=str(number), title=title).model_copy(update={"categories": {}})


def changed(**fields):
    return MANIFEST.model_copy(update=fields)


def taken_up(folder: Path, manifest: Manifest = MANIFEST):
    return RunFolder.create_or_resume(folder, manifest)


def written(folder: Path, *ids: int | str) -> RunFolder:
    with taken_up(folder) as run:
        for one in ids:
            run.append_report(small(one))
    return RunFolder.open(folder)


def ids_of(run: RunFolder) -> list[str]:
    return [r.incident.id for r in run.reports()]


# Making, going on, refusing


def test_a_run_is_made_with_its_manifest_and_read_back(tmp_path):
    with taken_up(tmp_path / "runs" / "one") as run:
        run.append_report(full())
        run.append_failure("2", "read", "it is empty")
    read = RunFolder.open(tmp_path / "runs" / "one")
    assert differences(read.manifest, MANIFEST) == []
    assert read.manifest.created == MANIFEST.created
    assert list(read.reports()) == [full()]
    assert [(f.id, f.stage, f.reason) for f in read.failures()] == [("2", "read", "it is empty")]
    assert (read.done(), read.torn()) == ({"80997"}, 0)


def test_a_run_goes_on_where_only_the_time_and_python_differ(tmp_path):
    written(tmp_path, 1)
    newer = LATER.model_copy(update={"versions": {"classifier": "0.1.0", "python": "3.13.1"}})
    with taken_up(tmp_path, newer) as run:
        run.append_report(small(2))
        assert run.done() == {"1", "2"}
        assert run.manifest.created == MANIFEST.created


def test_the_time_of_creation_is_kept_in_utc():
    there = datetime(2026, 11, 1, 22, 0, tzinfo=timezone(timedelta(hours=2)))
    fields = MANIFEST.model_dump() | {"created": there}
    assert Manifest(**fields).created.isoformat() == "2026-11-01T20:00:00+00:00"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model": ModelRef(name="large")}, "model: was 'small', is now 'large'"),
        ({"model": ModelRef(name="small")}, f"weights of the model: was '{'4' * 64}', is now not"),
        ({"method": "embedded"}, "method: was 'hosted', is now 'embedded'"),
        ({"taxonomy_sha256": "9"}, f"taxonomy_sha256: was '{'1' * 64}', is now '9'"),
        ({"parameters": {}}, "parameters.decoding.temperature: was 0.0, is now not set"),
        ({"settings": {"text": "lead"}}, "settings.text: was 'body', is now 'lead'"),
        ({"versions": {"classifier": "0.2.0"}}, "classifier: was '0.1.0', is now '0.2.0'"),
        ({"input_fingerprint": "5"}, f"input: was '{'3' * 64}', is now '5'"),
    ],
)
def test_other_settings_are_refused_and_each_is_named(tmp_path, fields, said):
    written(tmp_path, 1)
    with pytest.raises(ConfigurationError, match="another --out") as caught:
        taken_up(tmp_path, changed(**fields))
    assert said in str(caught.value)
    assert written(tmp_path, 2).done() == {"1", "2"}


def test_all_differences_are_named_at_once():
    found = differences(MANIFEST, changed(method="embedded", input_fingerprint="5"))
    assert [one.split(":")[0] for one in found] == ["method", "input"]


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match=r"'letters\.txt' and has no manifest"):
        taken_up(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["letters.txt"]


def test_a_file_is_refused(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(ConfigurationError, match="is no folder"):
        taken_up(tmp_path / "run")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        taken_up(tmp_path / "run" / "below")


def test_what_a_kill_leaves_before_the_manifest_is_there_is_no_obstacle(tmp_path):
    (tmp_path / "run.lock").write_text("4711\n")
    (tmp_path / "manifest.json.new").write_text('{"schema_ver')
    assert written(tmp_path, 1).done() == {"1"}


def test_a_manifest_alone_is_an_empty_run(tmp_path):
    written(tmp_path)
    (tmp_path / REPORTS).unlink()
    (tmp_path / FAILURES).unlink()
    run = RunFolder.open(tmp_path)
    assert (run.done(), ids_of(run), list(run.failures()), run.torn()) == (set(), [], [], 0)
    assert {p.name for p in tmp_path.iterdir()} == {"manifest.json", "run.lock"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ('{"schema_version": 2}', "schema_version: Input should be 1"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_broken_manifest_is_named(tmp_path, text, said):
    (tmp_path / "manifest.json").write_text(text)
    for start in (RunFolder.open, taken_up):
        with pytest.raises(ConfigurationError, match=said) as caught:
            start(tmp_path)
        assert str(tmp_path / "manifest.json") in str(caught.value)


def test_a_folder_without_a_run_cannot_be_read(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigurationError, match="is no run folder"):
            RunFolder.open(folder)
    assert list(tmp_path.iterdir()) == []


# What readers are told


def test_the_last_report_of_an_id_wins(tmp_path):
    with taken_up(tmp_path) as run:
        for id_, title in [("1", "first"), ("2", "only"), ("1", "second")]:
            run.append_report(small(id_, title))
    read = RunFolder.open(tmp_path)
    assert [r.incident.title for r in read.reports()] == ["only", "second"]
    assert read.done() == {"1", "2"}


def test_a_report_outdoes_failures_and_the_last_failure_wins(tmp_path):
    with taken_up(tmp_path) as run:
        for id_, reason in [("1", "busy"), ("2", "busy"), ("2", "gone"), ("x" * 300, "long")]:
            run.append_failure(id_, "ask", reason)
        run.append_report(small(1))
        run.append_failure("1", "ask", "asked again, and failed")
    found = [(f.id, f.reason) for f in RunFolder.open(tmp_path).failures()]
    assert found == [("2", "gone"), ("x" * 300, "long")]


def test_a_reader_sees_what_a_writer_has_appended_so_far(tmp_path):
    with taken_up(tmp_path) as run:
        run.append_report(small(1))
        reading = RunFolder.open(tmp_path).reports()
        run.append_report(small(2))
        assert [r.incident.id for r in reading] == ["1"]
        assert RunFolder.open(tmp_path).done() == {"1", "2"}


def test_threads_append_without_losing_a_line(tmp_path):
    with taken_up(tmp_path) as run, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: run.append_report(small(number)), range(100)))
    assert RunFolder.open(tmp_path).done() == {str(n) for n in range(100)}


@pytest.mark.parametrize("text", ["a\ud800b", "\udcff", "\\\udc80", "é\n\u2028\r\0 \U0001f600"])
def test_any_text_is_one_line_of_utf_8_and_comes_back(tmp_path, text):
    with taken_up(tmp_path) as run:
        run.append_report(small(text, text))
        run.append_failure(text, "read", text)
    read = RunFolder.open(tmp_path)
    assert (tmp_path / REPORTS).read_bytes().decode("utf-8").count("\n") == 1
    assert [r.incident.title for r in read.reports()] == [text]
    assert read.done() == {text}
    assert list(read.failures()) == []


def test_a_path_that_is_no_text_can_stand_in_the_settings(tmp_path):
    odd = changed(settings={"input": "caf\udce9.csv"})
    taken_up(tmp_path, odd).close()
    with taken_up(tmp_path, odd) as run:
        assert run.manifest.settings == {"input": "caf\udce9.csv"}


def test_reading_holds_one_report_at_a_time(tmp_path):
    with taken_up(tmp_path) as run:
        for number in range(30):
            run.append_report(small(number, "x" * 200_000))
    tracemalloc.start()
    try:
        assert sum(1 for _ in RunFolder.open(tmp_path).reports()) == 30
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


# Torn and broken lines


@pytest.mark.parametrize("piece", [b'{"schema_version":1,"inc', b'{"a"\n', b"\0\0\0", b"{}", b"\n"])
@pytest.mark.parametrize("name", [REPORTS, FAILURES])
def test_a_torn_last_line_is_skipped_then_set_aside(tmp_path, name, piece):
    with taken_up(tmp_path) as run:
        run.append_report(small(1))
        run.append_failure("2", "ask", "busy")
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole + piece)
    read = RunFolder.open(tmp_path)
    assert (ids_of(read), [f.id for f in read.failures()], read.torn()) == (["1"], ["2"], 1)
    assert not (tmp_path / TORN).exists()
    taken_up(tmp_path).close()
    assert (tmp_path / name).read_bytes() == whole
    assert (tmp_path / TORN).read_bytes() == piece.removesuffix(b"\n") + b"\n"
    assert read.torn() == 1


def test_a_torn_line_longer_than_a_block_is_cut_off_whole(tmp_path):
    written(tmp_path, 1)
    with (tmp_path / REPORTS).open("ab") as file:
        file.write(b'{"incident": "' + b"x" * 200_000)
    assert written(tmp_path, 2).done() == {"1", "2"}
    assert (tmp_path / TORN).stat().st_size > 200_000


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"schema_version":1,"incident":{"id":"7', "not JSON"),
        (b"", "not JSON"),
        (b"\xff\xfe\xff", "cannot be used"),
        (b'{"incident": {}}', r"incident\.id: Field required"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_broken_line_in_the_middle_is_named(tmp_path, line, said):
    run = written(tmp_path, 1, 2)
    first, second = (tmp_path / REPORTS).read_bytes().splitlines()
    (tmp_path / REPORTS).write_bytes(b"\n".join([first, line, second, b""]))
    for reading in (run.done, run.reports, run.failures):
        with pytest.raises(InputError, match=said) as caught:
            reading()
        assert f"{REPORTS}:2:" in str(caught.value)


def test_a_line_that_is_json_and_no_report_is_named_though_it_is_the_last(tmp_path):
    run = written(tmp_path, 1)
    with (tmp_path / REPORTS).open("ab") as file:
        file.write(b'{"incident": {"id": "2"}}\n')
    taken_up(tmp_path).close()
    with pytest.raises(InputError, match=rf"{REPORTS}:2: .*Field required"):
        list(run.reports())


def test_a_broken_failure_is_named(tmp_path):
    run = written(tmp_path, 1)
    (tmp_path / FAILURES).write_bytes(b'{"id":"2","stage":"ask"}\n')
    with pytest.raises(InputError, match=rf"{FAILURES}:1: .*reason: Field required"):
        list(run.failures())


TEARS = st.tuples(st.lists(st.integers(0, 9), max_size=4), st.floats(0, 1), st.sampled_from([0, 9]))


@settings(max_examples=40, deadline=None)
@given(st.lists(TEARS, min_size=1, max_size=4))
def test_whatever_is_torn_off_the_complete_lines_are_read_back(steps):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for ids, share, zeros in steps:
            written(folder, *ids)
            data = (folder / REPORTS).read_bytes()
            left = data[: round(share * len(data))]
            (folder / REPORTS).write_bytes(left + bytes(zeros))
            whole = [json.loads(one)["incident"]["id"] for one in left.split(b"\n")[:-1]]
            last_of_each = list(dict.fromkeys(reversed(whole)))[::-1]
            assert ids_of(RunFolder.open(folder)) == last_of_each
            assert written(folder).done() == set(whole)


# Writers in other processes


class Writers:
    """Forks writers, one at a time, and reads what each acknowledges."""

    def __init__(self) -> None:
        self._forker = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = 0

    def begin(self, folder: Path, limit: int | None = None) -> None:
        self.kill()
        self._forker.stdin.write(json.dumps([str(folder), limit]) + "\n")
        self._forker.stdin.flush()
        self.pid = int(self.line())

    def line(self) -> str:
        return self._forker.stdout.readline().strip()

    def kill(self) -> list[str]:
        """What a writer that still runs has acknowledged, and that was not heard yet."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        return self.rest()

    def rest(self) -> list[str]:
        heard = list(iter(self.line, "ended")) if self.pid else []
        self.pid = 0
        return heard

    def close(self) -> None:
        self.kill()
        self._forker.communicate()


@pytest.fixture(scope="module")
def writers():
    forking = Writers()
    yield forking
    forking.close()


def fork_writers() -> None:
    """For each folder on standard input: fork a writer, which says its id; say when it ended."""
    for line in sys.stdin:
        folder, limit = json.loads(line)
        pid = os.fork()
        if not pid:
            os.write(1, b"%d\n" % os.getpid())
            write(Path(folder), limit)
            os._exit(0)
        os.waitpid(pid, 0)
        os.write(1, b"ended\n")


def write(folder: Path, limit: int | None) -> None:
    """Append reports, and acknowledge each, for ever or until the disk seems full."""
    import resource

    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    with taken_up(folder) as run:
        for number in itertools.count(len(run.done())):
            try:
                run.append_report(small(number))
            except ClassifierError as error:
                os.write(1, f"{error}\n{RunFolder.open(folder).torn()} torn\n".encode())
                break
            os.write(1, b"%d\n" % number)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        run.append_report(small("after"))


@POSIX
def test_thirty_kills_lose_nothing_that_was_acknowledged(tmp_path, writers):
    moments = random.Random(4)
    held = 0
    for _ in range(30):
        writers.begin(tmp_path / "run")
        heard = [writers.line() for _ in range(moments.randrange(6))]
        time.sleep(moments.uniform(0, 0.008) * (moments.random() < 0.7))
        acknowledged = held + len(heard + writers.kill())
        if not (tmp_path / "run" / "manifest.json").exists():
            assert acknowledged == 0
            continue
        run = RunFolder.open(tmp_path / "run")
        held = len(run.done())
        assert run.done() == {str(n) for n in range(held)}
        assert acknowledged <= held <= acknowledged + 1
    assert ids_of(run) == [str(n) for n in range(held)]
    assert held > 30


@POSIX
def test_a_second_writer_is_refused_until_the_first_has_died(tmp_path, writers):
    writers.begin(tmp_path)
    writers.line()
    with pytest.raises(ConfigurationError, match=f"the process {writers.pid},") as caught:
        taken_up(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "0" in RunFolder.open(tmp_path).done()
    writers.kill()
    assert "mine" in written(tmp_path, "mine").done()


def test_a_second_writer_of_the_same_process_is_refused(tmp_path):
    with taken_up(tmp_path), pytest.raises(ConfigurationError, match=str(os.getpid())):
        taken_up(tmp_path)
    assert written(tmp_path, 1).done() == {"1"}


@POSIX
def test_where_the_disk_takes_no_more_the_folder_stays_whole(tmp_path, writers):
    writers.begin(tmp_path, limit=10_000)
    *acknowledged, said, torn = writers.rest()
    assert torn == "0 torn"
    assert str(tmp_path / REPORTS) in said
    assert "File too large" in said
    assert len(acknowledged) > 3
    run = RunFolder.open(tmp_path)
    assert (ids_of(run), run.torn()) == ([*acknowledged, "after"], 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_named(tmp_path):
    written(tmp_path)
    (tmp_path / FAILURES).unlink()
    (tmp_path / FAILURES).symlink_to("/dev/full")
    with taken_up(tmp_path) as run:
        with pytest.raises(ClassifierError, match=rf"{FAILURES} cannot .*No space left"):
            run.append_failure("1", "ask", "busy")
        run.append_report(small(1))
    assert RunFolder.open(tmp_path).done() == {"1"}


if __name__ == "__main__":
    fork_writers()
