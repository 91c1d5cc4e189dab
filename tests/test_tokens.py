import asyncio
import os

import pytest
import tiktoken

from classifier.tokens import (
    _CL100K,
    _O200K,
    TiktokenCounter,
    TokenCounter,
    encoding_of,
    load_encoding,
    make_whole,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ranks")


def count(model, folder, *texts):
    counter: TokenCounter = TiktokenCounter(model, folder)
    return asyncio.run(counter.count(texts))


def test_counts_come_without_the_network(folder):
    assert count("gpt-5", folder, "Hello, world!", "", "Störung") == [4, 0, 2]
    assert (folder / _O200K.name).is_file()


def test_special_tokens_are_ordinary_text(folder):
    assert count("gpt-4o", folder, "<|endoftext|>")[0] > 1


def test_lone_surrogates_are_counted(folder):
    assert count("gpt-4o", folder, "a\ud800b")[0] > 0


@pytest.mark.parametrize(
    ("model", "encoding", "exact"),
    [
        ("gpt-5-mini", "o200k_base", True),
        ("gpt-4-0613", "cl100k_base", True),
        ("gpt-oss-20b", "o200k_harmony", True),
        ("text-davinci-003", "o200k_base", False),
        ("qwen2.5-coder", "o200k_base", False),
    ],
)
def test_each_model_has_its_encoding(model, encoding, exact):
    assert encoding_of(model) == (encoding, exact)
    assert TiktokenCounter(model).exact is exact


@pytest.mark.parametrize("ranks", [_O200K, _CL100K])
def test_damaged_ranks_are_unpacked_again(tmp_path, ranks):
    path = make_whole(ranks, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    assert make_whole(ranks, tmp_path).read_bytes() == whole
    assert [p.name for p in tmp_path.iterdir()] == [ranks.name]


def test_the_environment_is_put_back(folder, monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "theirs")
    tiktoken.registry.ENCODINGS.pop("o200k_harmony", None)
    load_encoding("o200k_harmony", folder)
    assert os.environ["TIKTOKEN_CACHE_DIR"] == "theirs"


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    encoding = load_encoding("cl100k_base", tmp_path / "file" / "ranks")
    assert encoding.encode_ordinary("Hello") == [9906]


def test_the_counts_are_tiktokens_own(folder):
    text = "The outage began at 03:14 UTC. " * 50
    expected = len(load_encoding("o200k_base", folder).encode(text))
    assert count("gpt-5", folder, text) == [expected]


def test_a_million_spaces_are_counted() -> None:
    [count] = asyncio.run(TiktokenCounter("gpt-4o").count([" " * 1_000_000]))
    assert count > 0
