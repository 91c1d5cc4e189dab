"""The vectors of words, from files that the format's own library wrote."""

import gguf
import numpy as np
import pytest

from classifier.errors import ConfigurationError
from classifier.models.embeddings import Embeddings

TOKENS = ["a", "b", "c", "Ġcrash", "ĠFire", "lo", "ck"]
ROWS = np.arange(7 * 32, dtype=np.float32).reshape(7, 32) / 100


def written(path, *, table="token_embd.weight", kind=None, tokens=TOKENS):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_token_list(tokens)
    writer.add_array("some.numbers", [1, 2, 3])
    writer.add_bool("some.flag", val=True)
    writer.add_tensor("output.weight", np.ones((3, 32), np.float32))
    rows = ROWS if kind is None else gguf.quants.quantize(ROWS, kind)
    writer.add_tensor(table, rows, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def embeddings(tmp_path):
    return Embeddings(written(tmp_path / "w.gguf"))


@pytest.mark.parametrize("form", ["crash", "Crash", "CRASH"])
def test_a_word_is_its_token_in_any_case(embeddings, form):
    assert embeddings.word(form).tolist() == ROWS[3].tolist()


def test_a_word_with_a_capital_is_found(embeddings):
    assert embeddings.word("fire").tolist() == ROWS[4].tolist()


def test_a_longer_word_is_the_mean_of_its_longest_pieces(embeddings):
    assert np.allclose(embeddings.word("block"), ROWS[[1, 5, 6]].mean(axis=0))


def test_what_no_token_has_counts_nothing(embeddings):
    assert embeddings.dimensions == 32
    assert not embeddings.word("ж").any()
    assert np.allclose(embeddings.word("xbx"), ROWS[1])


def test_a_quantised_table_is_unpacked(tmp_path):
    kind = gguf.GGMLQuantizationType.Q8_0
    found = Embeddings(written(tmp_path / "w.gguf", kind=kind)).word("crash")
    assert np.allclose(found, ROWS[3], atol=0.01)


def test_a_model_without_a_table_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"w\.gguf.*has no token_embd"):
        Embeddings(written(tmp_path / "w.gguf", table="other.weight"))


@pytest.mark.parametrize("kept", [0, 3, 20, 60, 150])
def test_a_file_that_is_cut_short_is_refused(tmp_path, kept):
    path = written(tmp_path / "w.gguf")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ConfigurationError, match=r"w\.gguf.*cannot be read"):
        Embeddings(path)


def test_what_is_no_gguf_is_refused(tmp_path):
    (tmp_path / "w.gguf").write_bytes(b"PK" + bytes(100))
    with pytest.raises(ConfigurationError, match="does not begin like a GGUF file"):
        Embeddings(tmp_path / "w.gguf")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        Embeddings(tmp_path / "none.gguf")
