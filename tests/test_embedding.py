"""Sentences on their way to their embeddings: windows that fit, and what becomes of the rest."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.asking.embedding import embed_sentences
from classifier.embeddings import Embeddings
from classifier.errors import ModelUnreachableError, ReplyError
from classifier.models.seam import EMBEDDING_TOKENS, Reply
from classifier.records import Article, Evidence
from tests.scripted import Scripted, Words

TEXT = (
    "The door fell open in the night. Nobody had locked it before.\n\nA thief came in by it later."
)


def lengths(request):
    """Each passage's embedding is its length, and where it begins in its window."""
    spans = request.embed.spans
    return Reply("", "stop", embeddings=tuple((float(b - a), float(a)) for a, b in spans))


def embed(model, *articles):
    work = embed_sentences(articles, 3, Words(), model.ask)
    return asyncio.run(work).of


def one(text=TEXT, identifier="1", title="Door"):
    return Article(id=identifier, text=text, title=title)


def sentence(start, end, identifier="1"):
    return Evidence(
        article_id=identifier, quote="x" * (end - start), start=start, end=end, match="exact"
    )


def test_each_sentence_is_read_where_it_stands_behind_the_title():
    model = Scripted(lengths)
    found = embed(model, one())
    assert found == {TEXT[:32]: (32, 5), TEXT[33:61]: (28, 38), TEXT[63:91]: (28, 68)}
    [request] = model.history
    assert request.messages[0].content == f"Door\n{TEXT}"
    assert request.embed.layers == 3


def test_a_long_article_is_read_in_windows_that_fit():
    text = " ".join(f"Sentence number {n} has some seven words here." for n in range(99))
    model = Scripted(lengths)
    assert len(embed(model, one(text, title="A title of five words"))) == 99
    sizes = [len(r.messages[0].content.split()) for r in model.history]
    assert len(sizes) == 4
    assert max(sizes) <= EMBEDDING_TOKENS


@given(st.lists(st.text(" .\nab\u00e9\U0001f600", max_size=60), max_size=9))
def test_a_span_is_its_sentence_in_the_window(parts):
    text = "\n".join(parts) or "a"
    model = Scripted(lengths)
    found = embed(model, one(text, title="\u00e9"))
    shown = {
        request.messages[0].content[a:b]
        for request in model.history
        for a, b in request.embed.spans
    }
    assert shown == set(found)


def test_articles_are_read_apart():
    model = Scripted(lengths)
    embed(model, one(), one(identifier="2", title="Other"))
    assert [r.messages[0].content[:5] for r in model.history] == ["Door\n", "Other"]


def test_a_window_without_a_reply_is_left_out():
    assert embed(Scripted([ReplyError("no")]), one()) == {}


def test_a_model_that_is_away_ends_it():
    with pytest.raises(ModelUnreachableError):
        embed(Scripted([ModelUnreachableError("gone")]), one())


def test_a_passage_that_was_not_read_has_no_embedding():
    short = Reply("", "stop", embeddings=((1.0,), ()))
    assert embed(Scripted([short]), one()) == {TEXT[:32]: (1.0,)}


def test_what_stands_between_two_sentences_takes_room_too():
    items = "\n".join(f"- item {n}" for n in range(150))
    text = f"The first sentence stands before a list.\n{items}\nThe last one stands behind it."
    model = Scripted(lengths)
    assert len(embed(model, one(text))) == 2
    assert max(len(r.messages[0].content.split()) for r in model.history) < 20


def test_a_title_leaves_room_for_sentences():
    class Costly(Words):
        async def count(self, texts):
            return [3 * len(text) for text in texts]

    model = Scripted(lengths)
    work = embed_sentences([one(title="w" * 500)], 3, Costly(), model.ask)
    assert len(asyncio.run(work).of) == 3
    assert all(len(r.messages[0].content) < 80 for r in model.history)


def test_what_was_not_read_is_counted():
    read = Embeddings({"x" * 30: (1.0, 0.0)})
    assert read.missing([sentence(0, 30), sentence(0, 31)]) == 1


def test_longer_sentences_weigh_more_in_the_mean():
    read = Embeddings({"x" * 30: (1.0, 0.0), "x" * 10: (0.0, 4.0)})
    assert read.mean([sentence(0, 30), sentence(30, 40)]) == (0.75, 1.0)
    assert read.mean([sentence(0, 30), sentence(50, 99)]) == (1.0, 0.0)
    assert read.mean([sentence(50, 99)]) == ()


def test_what_was_not_read_is_as_the_mean():
    read = Embeddings({"x" * 30: (1.0, 0.0)})
    assert read.rows([sentence(0, 30), sentence(1, 2)], (7, 8)).tolist() == [[1, 0], [7, 8]]
    assert read.rows([], (7, 8)).shape == (0, 2)
