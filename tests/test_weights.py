"""Weights from an address: resumed, checked, replaced by the next source."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from werkzeug import Response

from classifier.errors import ConfigurationError, WeightsError
from classifier.models import catalogue, weights
from classifier.models.catalogue import Entry, UrlSource
from classifier.models.gguf import shortened

if TYPE_CHECKING:
    from pytest_httpserver import HTTPServer
    from werkzeug import Request

BODY = bytes(range(256)) * 40
SIZE = len(BODY)


def entry_for(*urls: str, body: bytes = BODY) -> Entry:
    return Entry(
        name="tiny",
        filename="tiny.gguf",
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        licence="Apache-2.0",
        page="https://example.org/tiny",
        sources=tuple(map(UrlSource, urls)),
    )


def ranged(request: Request) -> Response:
    """A server that honours Range."""
    start = int(request.headers.get("Range", "bytes=0-")[6:-1])
    if not start:
        return Response(BODY)
    span = f"bytes {start}-{SIZE - 1}/{SIZE}"
    return Response(BODY[start:], 206, {"Content-Range": span})


def broken(request: Request) -> Response:
    """A chunked answer that ends after half of what was asked for."""
    whole = ranged(request)
    data = whole.get_data()
    half = Response(iter([data[: len(data) // 2 + 1]]), whole.status_code, whole.headers)
    half.headers.pop("Content-Length", None)
    return half


def pull(entry: Entry, folder: Path) -> Path:
    return weights.pull(entry, folder, pause=0)


def test_pull_downloads_and_names_the_file(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/w").respond_with_data(BODY)
    entry = entry_for(httpserver.url_for("/w"))
    path = pull(entry, tmp_path / "new")
    assert path.read_bytes() == BODY
    assert weights.installed(entry, tmp_path / "new") == path
    assert sorted(p.name for p in path.parent.iterdir()) == ["pull.lock", "tiny.gguf"]


def test_pull_reports_progress(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/w").respond_with_data(BODY)
    seen: list[tuple[int, int, str]] = []
    weights.pull(entry_for(httpserver.url_for("/w")), tmp_path, lambda *a: seen.append(a))
    assert (SIZE, SIZE, "downloading") in seen
    assert seen[-1] == (SIZE, SIZE, "checking the digest")


def test_a_part_is_resumed(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/w").respond_with_handler(ranged)
    (tmp_path / "tiny.gguf.part").write_bytes(BODY[:1000])
    assert pull(entry_for(httpserver.url_for("/w")), tmp_path).read_bytes() == BODY
    assert httpserver.log[0][0].headers["Range"] == "bytes=1000-"


def test_an_interrupt_keeps_what_arrived(httpserver: HTTPServer, tmp_path: Path) -> None:
    def interrupt(done: int, total: int, text: str) -> None:
        raise KeyboardInterrupt

    httpserver.expect_request("/w").respond_with_handler(ranged)
    entry = entry_for(httpserver.url_for("/w"))
    with pytest.raises(KeyboardInterrupt):
        weights.pull(entry, tmp_path, interrupt)
    assert (tmp_path / "tiny.gguf.part").stat().st_size > 0
    assert pull(entry, tmp_path).read_bytes() == BODY


def test_a_server_that_ignores_range_starts_over(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/w").respond_with_data(BODY)
    (tmp_path / "tiny.gguf.part").write_bytes(b"x" * 1000)
    assert pull(entry_for(httpserver.url_for("/w")), tmp_path).read_bytes() == BODY


def test_a_refused_range_starts_over(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_ordered_request("/w").respond_with_data(b"", 416)
    httpserver.expect_ordered_request("/w").respond_with_data(BODY)
    (tmp_path / "tiny.gguf.part").write_bytes(b"x" * 1000)
    assert pull(entry_for(httpserver.url_for("/w")), tmp_path).read_bytes() == BODY


def test_a_cut_connection_is_taken_up(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_ordered_request("/w").respond_with_handler(broken)
    httpserver.expect_ordered_request("/w").respond_with_handler(broken)
    httpserver.expect_ordered_request("/w").respond_with_handler(ranged)
    assert pull(entry_for(httpserver.url_for("/w")), tmp_path).read_bytes() == BODY
    assert len(httpserver.log) == 3


def test_a_connection_that_brings_nothing_more_is_given_up(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    def stuck(request: Request) -> Response:
        return Response(iter([b""]), 206, {"Content-Range": f"bytes 9-{SIZE - 1}/{SIZE}"})

    httpserver.expect_request("/w").respond_with_handler(stuck)
    (tmp_path / "tiny.gguf.part").write_bytes(BODY[:9])
    with pytest.raises(WeightsError, match="4 times in a row"):
        pull(entry_for(httpserver.url_for("/w")), tmp_path)
    assert (tmp_path / "tiny.gguf.part").read_bytes() == BODY[:9]


def test_a_server_that_never_keeps_its_word_is_given_up(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    def fickle(request: Request) -> Response:
        return Response(b"", 416) if "Range" in request.headers else broken(request)

    httpserver.expect_request("/w").respond_with_handler(fickle)
    with pytest.raises(WeightsError, match="times in a row"):
        pull(entry_for(httpserver.url_for("/w")), tmp_path)


def test_a_wrong_digest_goes_on_to_the_next_source(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/bad").respond_with_data(b"y" * SIZE)
    httpserver.expect_request("/good").respond_with_data(BODY)
    entry = entry_for(httpserver.url_for("/bad"), httpserver.url_for("/good"))
    assert pull(entry, tmp_path).read_bytes() == BODY
    assert "Range" not in httpserver.log[1][0].headers


def test_all_failures_are_named(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/bad").respond_with_data(b"y" * SIZE)
    httpserver.expect_request("/gone").respond_with_data(b"", 404)
    entry = entry_for(*map(httpserver.url_for, ("/bad", "/gone")), "http://127.0.0.1:1/refused")
    with pytest.raises(WeightsError) as caught:
        pull(entry, tmp_path)
    for part in (entry.sha256, "answers 404", "/gone", "ConnectError", entry.page, "models pull"):
        assert part in str(caught.value)
    assert not (tmp_path / "tiny.gguf.part").exists()


def test_a_body_of_another_length_is_refused(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/w").respond_with_data(BODY + b"more")
    with pytest.raises(WeightsError, match=f"offers {SIZE + 4} bytes, {SIZE} were expected"):
        pull(entry_for(httpserver.url_for("/w")), tmp_path)


def test_an_endless_body_is_cut_off(httpserver: HTTPServer, tmp_path: Path) -> None:
    blocks = [BODY] * 3
    httpserver.expect_request("/w").respond_with_handler(lambda _: Response(iter(blocks)))
    with pytest.raises(WeightsError, match=f"more than {SIZE} bytes"):
        pull(entry_for(httpserver.url_for("/w")), tmp_path)
    assert not (tmp_path / "tiny.gguf.part").exists()


def test_another_range_than_asked_for_is_refused(httpserver: HTTPServer, tmp_path: Path) -> None:
    headers = {"Content-Range": f"bytes 0-{SIZE - 1}/{SIZE}"}
    httpserver.expect_request("/w").respond_with_data(BODY, 206, headers)
    (tmp_path / "tiny.gguf.part").write_bytes(BODY[:1000])
    with pytest.raises(WeightsError, match="with the range 'bytes 0-"):
        pull(entry_for(httpserver.url_for("/w")), tmp_path)


def test_a_redirect_on_loopback_is_followed(httpserver: HTTPServer, tmp_path: Path) -> None:
    moved = {"Location": httpserver.url_for("/w")}
    httpserver.expect_request("/old").respond_with_data(b"", 302, moved)
    httpserver.expect_request("/w").respond_with_data(BODY)
    assert pull(entry_for(httpserver.url_for("/old")), tmp_path).read_bytes() == BODY


def test_a_plain_http_source_elsewhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="only https is followed"):
        pull(entry_for("http://example.org/w"), tmp_path)


def test_what_is_there_is_checked_and_kept(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(BODY)
    assert pull(entry_for(), tmp_path).read_bytes() == BODY
    assert not (tmp_path / "pull.lock").exists()


def test_a_damaged_file_is_pulled_again(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/w").respond_with_data(BODY)
    (tmp_path / "tiny.gguf").write_bytes(b"z" * SIZE)
    assert pull(entry_for(httpserver.url_for("/w")), tmp_path).read_bytes() == BODY


def test_a_disk_too_small_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    huge = replace(entry_for("http://127.0.0.1:1/w"), size=10**18)
    with pytest.raises(WeightsError, match=r"No space left.*1000000000000000000 bytes are needed"):
        pull(huge, tmp_path)


LIMITED = """
import resource, sys
from pathlib import Path
from tests.test_weights import entry_for, pull
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
pull(entry_for(sys.argv[1]), Path(sys.argv[2]))
"""


def test_a_write_that_fails_keeps_what_arrived(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/w").respond_with_handler(ranged)
    url = httpserver.url_for("/w")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, url, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert "Free the rest" in done.stderr.splitlines()[-1]
    assert 0 < (tmp_path / "tiny.gguf.part").stat().st_size <= 4096
    assert pull(entry_for(url), tmp_path).read_bytes() == BODY


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightsError, match="CLASSIFIER_MODELS_DIR"):
        pull(entry_for(), tmp_path / "file" / "models")


def test_a_second_puller_says_so(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    with (tmp_path / "pull.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(WeightsError, match="Another process"):
            pull(entry_for(), tmp_path)


def test_verify_names_both_digests(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"z" * SIZE)
    with pytest.raises(WeightsError) as caught:
        weights.verify(path, entry_for())
    assert hashlib.sha256(path.read_bytes()).hexdigest() in str(caught.value)
    assert entry_for().sha256 in str(caught.value)


def test_remove_deletes_the_file_and_its_parts(tmp_path: Path) -> None:
    names = ("tiny.gguf", "tiny.gguf.part", "tiny.gguf.wheels.json", "other.gguf")
    copies = [shortened(tmp_path, entry_for().sha256, n).name for n in (1, 12)]
    for name in (*names, *copies, f"{copies[0]}.abcd.new"):
        (tmp_path / name).write_bytes(b"1")
    assert len(weights.remove(entry_for(), tmp_path)) == 6
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other.gguf", "pull.lock"]
    assert weights.remove(entry_for(), tmp_path / "nowhere") == []


def test_listing_says_what_is_there(tmp_path: Path) -> None:
    part = tmp_path / f"{catalogue.DEFAULT.filename}.part"
    part.write_bytes(b"12345")
    listed = {item.entry.name: item for item in weights.listing(tmp_path)}
    assert listed[catalogue.DEFAULT.name].resumable == 5
    assert all(item.path is None for item in listed.values())


def test_the_folder_comes_from_the_environment(tmp_path: Path) -> None:
    assert weights.models_folder({"CLASSIFIER_MODELS_DIR": str(tmp_path)}) == tmp_path
    assert weights.models_folder({}).parts[-2:] == ("fail-classifier", "models")


def test_a_digest_is_remembered_until_the_file_changes(tmp_path: Path) -> None:
    path, folder = tmp_path / "own.gguf", tmp_path / "models"
    path.write_bytes(b"one")
    digest = weights.digest_of(path, folder)
    assert digest == hashlib.sha256(b"one").hexdigest()
    cache = folder / "digests.json"
    cache.write_text(json.dumps(dict.fromkeys(json.loads(cache.read_text()), "kept")))
    assert weights.digest_of(path, folder) == "kept"
    path.write_bytes(b"other")
    assert weights.digest_of(path, folder) == hashlib.sha256(b"other").hexdigest()


@pytest.mark.parametrize("text", ["[1, 2", "[1]", "7", "{}"])
def test_a_broken_digest_cache_is_no_obstacle(tmp_path: Path, text: str) -> None:
    (tmp_path / "digests.json").write_text(text)
    (tmp_path / "own.gguf").write_bytes(b"one")
    assert weights.digest_of(tmp_path / "own.gguf", tmp_path)[:4] == "7692"


def test_a_file_that_is_not_there_has_no_digest(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.gguf.*No such file.*gguf:PATH"):
        weights.digest_of(tmp_path / "none.gguf", tmp_path)


def test_find_knows_names_and_aliases() -> None:
    assert catalogue.find("embedded") is catalogue.find("qwen2.5-coder-1.5b") is catalogue.DEFAULT
    with pytest.raises(ConfigurationError, match=r"'gpt'.*qwen2\.5-coder-0\.5b"):
        catalogue.find("gpt")


def test_the_catalogue_is_whole() -> None:
    assert [entry.default for entry in catalogue.ENTRIES].count(True) == 1
    for entry in catalogue.ENTRIES:
        assert len(entry.sha256) == 64
        assert entry.sources[0].url.startswith(entry.page)  # type: ignore[union-attr]
