"""GGUF files: how many layers they hold, and a file of the first ones; written and read by gguf."""

from concurrent.futures import ThreadPoolExecutor

import gguf
import numpy as np
import pytest

from classifier.errors import ConfigurationError
from classifier.models.gguf import layers_of, shorten, shortened

LAYERS = 4


def written(path, *, layers=LAYERS, count=LAYERS, alignment=None, architecture="llama"):
    """A model of so many layers; each tensor is full of a number of its own."""
    writer = gguf.GGUFWriter(path, architecture)
    if alignment:
        writer.add_custom_alignment(alignment)
    if count is not None:
        writer.add_block_count(count)
    writer.add_token_list(["a", "b", "crash"])
    writer.add_array("some.numbers", [1, 2, 3])
    writer.add_bool("some.flag", val=True)
    writer.add_tensor("token_embd.weight", np.full((3, 32), 9, np.float32))
    writer.add_tensor("output.weight", np.full((3, 32), 8, np.float32))
    for n in range(layers):
        writer.add_tensor(f"blk.{n}.attn_q.weight", np.full((5, 32), n, np.float32))
        writer.add_tensor(f"blk.{n}.attn_q.bias", np.full(3, n, np.float32))
    writer.add_tensor("output_norm.weight", np.full(32, 7, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def tensors(path):
    """Name -> shape and the one number that it is full of."""
    told = {}
    for tensor in gguf.GGUFReader(path).tensors:
        [number] = np.unique(tensor.data)
        told[tensor.name] = (tuple(int(n) for n in tensor.shape), int(number))
    return told


def test_a_file_says_how_many_layers_it_has(tmp_path):
    assert layers_of(written(tmp_path / "w.gguf")) == LAYERS


@pytest.mark.parametrize("alignment", [None, 64])
def test_the_first_layers_are_kept_as_they_stand(tmp_path, alignment):
    path, target = written(tmp_path / "w.gguf", alignment=alignment), tmp_path / "new" / "s.gguf"
    shorten(path, target, 2)
    whole, short = tensors(path), tensors(target)
    assert layers_of(target) == 2
    assert short == {name: whole[name] for name in whole if name in short}
    gone = {"output.weight", *(f"blk.{n}.attn_q.{w}" for n in (2, 3) for w in ("weight", "bias"))}
    assert whole.keys() - short.keys() == gone


def test_all_other_fields_are_kept(tmp_path):
    shorten(written(tmp_path / "w.gguf"), tmp_path / "s.gguf", 1)
    fields = gguf.GGUFReader(tmp_path / "s.gguf").fields
    assert fields["some.numbers"].contents() == [1, 2, 3]
    assert fields["tokenizer.ggml.tokens"].contents() == ["a", "b", "crash"]


@pytest.mark.parametrize("layers", [0, LAYERS + 1])
def test_layers_that_there_are_not_are_refused(tmp_path, layers):
    path = written(tmp_path / "w.gguf")
    with pytest.raises(ConfigurationError, match=f"has 4 layers, and {layers} of them"):
        shorten(path, tmp_path / "s.gguf", layers)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_does_not_count_its_layers_has_none(tmp_path):
    assert layers_of(written(tmp_path / "w.gguf", count=None)) == 0


@pytest.mark.parametrize("kept", [0, 3, 20, 60, 150])
def test_a_file_that_is_cut_short_is_refused(tmp_path, kept):
    path = written(tmp_path / "w.gguf")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ConfigurationError, match=r"w\.gguf.*cannot be read as a GGUF file"):
        layers_of(path)


def test_what_is_no_gguf_is_refused(tmp_path):
    (tmp_path / "w.gguf").write_bytes(b"PK" + bytes(100))
    with pytest.raises(ConfigurationError, match="does not begin like one"):
        layers_of(tmp_path / "w.gguf")


def test_a_place_that_cannot_be_written_is_the_callers_matter(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        shorten(written(tmp_path / "w.gguf"), tmp_path / "file" / "s.gguf", 1)


def test_several_may_write_the_same_copy_at_once(tmp_path):
    path, target = written(tmp_path / "w.gguf"), tmp_path / "s.gguf"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: shorten(path, target, 2), range(8)))
    assert sorted(tmp_path.iterdir()) == [target, path]
    assert layers_of(target) == 2


@pytest.mark.parametrize("architecture", ["gemma3n", "orion"])
def test_an_architecture_that_was_not_tried_has_no_first_layers(tmp_path, architecture):
    assert layers_of(written(tmp_path / "w.gguf", architecture=architecture)) == 0


def test_the_place_of_the_layers_names_the_model(tmp_path):
    assert shortened(tmp_path, "ab" * 32, 16) == tmp_path / "abababababababab.first-16.gguf"
