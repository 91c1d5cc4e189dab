"""Embeddings: what a server tells of each token becomes the mean of each passage."""

import asyncio
import json

import numpy as np
import pytest
from pytest_httpserver import HTTPServer

from classifier.errors import ConfigurationError, ReplyError
from classifier.models import catalogue
from classifier.models.embedded import EmbeddedServer
from classifier.models.embedder import Embedder, ServerEmbeddings
from classifier.models.gguf import layers_of, shortened
from classifier.models.seam import EMBEDDING_TOKENS, Message, Reply, Request, Spans
from classifier.models.stateful import Stateful
from tests.test_gguf import written


def served(httpserver: HTTPServer, pieces, states=None, *, calls=1):
    """A server with these tokens, the state of each of which is its number and that times ten."""
    told = [{"id": n, "piece": piece} for n, piece in enumerate(pieces)]
    given = [[n, 10 * n] for n in range(len(pieces))] if states is None else states
    httpserver.expect_request("/tokenize").respond_with_json({"tokens": told})
    httpserver.expect_request("/embeddings").respond_with_json([{"embedding": given}])
    return httpserver.url_for("/v1")


def embedded(url, text, *spans):
    async def asked() -> Reply:
        async with ServerEmbeddings(url, "k") as routes:
            return await routes.embed(text, Spans(2, spans))

    return asyncio.run(asked())


def test_a_passage_is_the_mean_of_its_tokens(httpserver):
    url = served(httpserver, ["The", " door", " fell", ".", " Why", "?"])
    reply = embedded(url, "The door fell. Why?", (0, 14), (15, 19), (4, 8))
    assert reply.embeddings == ((1.5, 15.0), (4.5, 45.0), (1.0, 10.0))
    assert (reply.usage.calls, reply.usage.prompt_tokens) == (1, 6)


def test_characters_of_several_bytes_and_tokens_of_half_a_character(httpserver):
    first, second = list("é".encode())
    url = served(httpserver, ["caf", [first], [second], " à", " 5"])
    reply = embedded(url, "café à 5", (3, 4), (5, 6), (7, 8))
    assert reply.embeddings == ((1.5, 15.0), (3.0, 30.0), (4.0, 40.0))


def test_a_space_that_a_tokenizer_puts_first_is_not_counted(httpserver):
    url = served(httpserver, [" The", " door"])
    assert embedded(url, "The door", (0, 3), (4, 8)).embeddings == ((0.0, 0.0), (1.0, 10.0))


def test_what_lies_behind_the_window_is_not_read(httpserver):
    url = served(httpserver, ["a"] * (EMBEDDING_TOKENS + 1), [[1.0]] * EMBEDDING_TOKENS)
    text = "a" * (EMBEDDING_TOKENS + 1)
    reply = embedded(url, text, (0, 9), (EMBEDDING_TOKENS, EMBEDDING_TOKENS + 1))
    assert reply.embeddings == ((1.0,), ())
    asked = json.loads(httpserver.log[-1][0].data)
    assert len(asked["input"]) == EMBEDDING_TOKENS


def test_a_text_without_tokens_has_no_embeddings(httpserver):
    assert embedded(served(httpserver, []), "", (0, 0)).embeddings == ((),)


@pytest.mark.parametrize(
    ("pieces", "states", "problem"),
    [
        (["a"], [[1.0], [2.0], [3.0, 4.0]], "A state for each token was expected"),
        (["a"], [["no"]], "A state for each token was expected"),
        (["a"], [[None]], "A state for each token was expected"),
        (["b"], [[1.0]], "cannot be told apart"),
        ([None], [[1.0]], "Tokens with their pieces was expected"),
    ],
)
def test_a_server_that_tells_something_else(httpserver, pieces, states, problem):
    with pytest.raises(ReplyError, match=problem):
        embedded(served(httpserver, pieces, states), "a", (0, 1))


class Reads:
    """An embedder that notes what it is asked."""

    def __init__(self):
        self.asked = []

    async def embed(self, request):
        self.asked.append(request)
        return Reply("", "stop", embeddings=((1.0,),))


def test_a_request_for_embeddings_goes_to_the_embedder():
    reads = Reads()
    request = Request((Message("user", "a"),), max_tokens=1, embed=Spans(2, ((0, 1),)))
    reply = asyncio.run(Stateful(None, None, reads).ask(request))
    assert (reply.embeddings, reads.asked) == (((1.0,),), [request])


class Counting(Embedder):
    """An embedder whose servers are names, and which notes when one is made."""

    def __init__(self, *given, problem=None):
        super().__init__(*given)
        self.made, self.problem = [], problem

    def _entered(self, path):
        self.made.append(path)
        if self.problem and len(self.made) == 1:
            raise self.problem
        return EmbeddedServer(path)


def copied(tmp_path, *, folder=True, problem=None, before=False):
    """Where the server of two layers was started from, each time."""
    path = written(tmp_path / "w.gguf")
    if before:
        shortened(tmp_path, "d" * 64, 2).write_bytes(b"damaged")

    async def asked():
        async with Counting(path, "d" * 64, tmp_path if folder else None, problem=problem) as made:
            await asyncio.gather(made._server(2), made._server(2))
            return made.made

    return asyncio.run(asked())


def test_two_that_ask_at_once_share_a_server(tmp_path):
    assert copied(tmp_path) == [shortened(tmp_path, "d" * 64, 2)]


def test_a_copy_that_does_not_load_is_made_anew(tmp_path):
    made = copied(tmp_path, problem=ConfigurationError("damaged"), before=True)
    assert made == [shortened(tmp_path, "d" * 64, 2)] * 2
    assert layers_of(made[0]) == 2


def test_without_a_folder_the_copy_is_temporary(tmp_path):
    [made] = copied(tmp_path, folder=False)
    assert made.parent.name.startswith("classifier-")
    assert not made.parent.exists()


def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path):
    (tmp_path / "w").mkdir()
    path, place = written(tmp_path / "w" / "w.gguf"), tmp_path / "file"
    place.write_text("")

    async def asked():
        async with Counting(path, "d" * 64, place) as made:
            await made._server(2)
            return made.made

    [made] = asyncio.run(asked())
    assert made.parent.name.startswith("classifier-")


def test_layers_that_cannot_be_had_are_a_mistake_of_configuration(tmp_path):
    (tmp_path / "w.gguf").write_bytes(b"GGUF")

    async def asked():
        async with Embedder(tmp_path / "w.gguf", "d" * 64, tmp_path) as embedder:
            await embedder.embed(Request((Message("user", "a"),), 1, embed=Spans(2, ())))

    with pytest.raises(ConfigurationError, match="cannot be read as a GGUF file"):
        asyncio.run(asked())


@pytest.mark.weights
def test_the_real_layers_tell_passages_apart(small_weights, tmp_path):
    """Of two sentences, the one about the same thing is the nearer one."""
    digest = catalogue.find("qwen2.5-coder-0.5b").sha256
    layers = layers_of(small_weights) * 4 // 7
    texts = ["Hackers stole passwords.", "Intruders took login data.", "The soup needs more salt."]
    text, spans = " ".join(texts), ((0, 24), (25, 51), (52, 77))

    async def asked():
        async with Embedder(small_weights, digest, tmp_path) as embedder:
            return await embedder.embed(
                Request((Message("user", text),), 1, embed=Spans(layers, spans))
            )

    rows = np.array(asyncio.run(asked()).embeddings)
    rows -= rows.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert rows[0] @ rows[1] > rows[0] @ rows[2]
    assert shortened(tmp_path, digest, layers).stat().st_size < small_weights.stat().st_size
