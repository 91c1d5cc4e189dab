import asyncio
import time
import tracemalloc
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifier.chunking import cut, sentences
from classifier.errors import ConfigurationError
from classifier.neutral import neutral
from classifier.records import Article, Incident
from classifier.tokens import TiktokenCounter


@dataclass
class Letters:
    """One token a character; `joined` tokens more for every text of several words."""

    joined: int = 0
    exact: bool = True
    calls: int = 0

    async def count(self, texts):
        self.calls += 1
        return [len(t) + (self.joined if " " in t.strip() else 0) for t in texts]


class Words(Letters):
    async def count(self, texts):
        return [len(t.split()) for t in texts]


def incident(*texts):
    articles = tuple(Article(id=str(i), text=t) for i, t in enumerate(texts))
    return Incident(id="i", articles=articles)


def passages(texts, budget, counter=None, frame=lambda _: ""):
    chunks = asyncio.run(cut(incident(*texts), counter or Letters(), budget, frame))
    return [[texts[int(p.article_id)][p.start : p.end] for p in c.parts] for c in chunks]


def shown(text, start=0, end=None):
    return [text[a:b] for a, b in sentences(text, start, end)]


TEXTS = st.lists(
    st.one_of(
        st.text(min_size=1, max_size=300),
        st.text(alphabet="ab .!?\n\t", min_size=1, max_size=400),
        st.text(alphabet="系统故障。！？ \n👩‍👩‍👧🔥é", min_size=1, max_size=300),
    ),
    min_size=1,
    max_size=4,
)


@settings(deadline=None)
@given(TEXTS, st.integers(1, 120), st.integers(0, 3))
def test_passages_cover_every_article_in_order_and_once(texts, budget, joined):
    chunks = asyncio.run(cut(incident(*texts), Letters(joined), budget))
    parts = [p for c in chunks for p in c.parts]
    for number, text in enumerate(texts):
        mine = [(p.start, p.end) for p in parts if p.article_id == str(number)]
        assert [a for a, _ in mine] == [0, *(b for _, b in mine[:-1])]
        assert mine[-1][1] == len(text)
        assert all(a < b for a, b in mine)
    assert [p.article_id for p in parts] == sorted(p.article_id for p in parts)
    assert [c.number for c in chunks] == list(range(len(chunks)))


@settings(deadline=None)
@given(TEXTS, st.integers(20, 120), st.integers(0, 5))
def test_every_chunk_is_within_its_budget_with_its_frames(texts, budget, joined):
    counter = Letters(joined)
    for chunk in passages(texts, budget, counter, lambda _: "12345678"):
        used = sum(8 + asyncio.run(counter.count([neutral(p)]))[0] for p in chunk)
        assert used <= budget


def test_joined_text_that_counts_more_than_its_pieces_is_made_shorter():
    text = "ab cd ef gh ij kl mn op"
    counter = Letters(joined=4)
    found = passages([text], 12, counter)
    counts = [asyncio.run(counter.count(chunk)) for chunk in found]
    assert all(sum(c) <= 12 for c in counts)
    assert "".join(p for chunk in found for p in chunk) == text


def test_forged_marks_count_as_they_stand_in_the_prompt():
    text = "<|a|> b. " * 20
    assert all(len(neutral(p)) <= 40 for [p] in passages([text], 40))


def test_whole_articles_stay_together():
    texts = ["a" * 40, "b" * 40, "c" * 40, "d" * 90]
    assert passages(texts, 100) == [["a" * 40, "b" * 40], ["c" * 40], ["d" * 90]]


def test_an_article_that_fits_alone_is_not_split_to_fill_a_chunk():
    assert passages(["One. Two.", "Three. Four."], 15) == [["One. Two."], ["Three. Four."]]


def test_the_end_of_a_long_article_shares_a_chunk_with_the_next():
    found = passages(["a" * 10 + "\n" + "b" * 5, "cc"], 11)
    assert found == [["a" * 10 + "\n"], ["b" * 5, "cc"]]


def test_paragraph_ends_come_before_sentence_ends():
    text = "One is. Two is.\n\nThree is. Four is."
    assert passages([text], 30) == [["One is. Two is.\n\n"], ["Three is. Four is."]]


def test_sentence_ends_come_before_word_ends():
    text = "One two three. Four five six. Seven."
    assert passages([text], 22) == [["One two three. "], ["Four five six. Seven."]]


def test_word_ends_come_before_characters():
    assert passages(["alpha beta gamma"], 11) == [["alpha beta"], [" gamma"]]


def test_a_word_that_is_too_long_is_cut_at_characters():
    found = passages(["x" * 100], 30)
    assert all(0 < len(p) <= 30 for [p] in found)


def test_a_character_that_is_too_much_stands_alone():
    assert passages(["abc"], 0) == [["a"], ["b"], ["c"]]


def test_a_frame_without_room_for_a_long_article_is_named():
    with pytest.raises(ConfigurationError, match=r"article '0' take 60 tokens.*room for 100"):
        passages(["a" * 500], 100, frame=lambda _: "f" * 60)


def test_a_large_frame_is_no_matter_for_an_article_that_fits():
    assert passages(["a" * 5], 100, frame=lambda _: "f" * 90) == [["a" * 5]]


@pytest.mark.parametrize(
    "text",
    [
        "Mr. Smith and Dr. Who met Gen. Lee vs. St. Paul today.",
        "The U.S. Army said so.",
        "The U.S. government said so.",
        "It cost 1.8m and was 5.9ft tall.",
        "Apple Inc. said it fixed v1.2.3 today.",
        "The author J. K. Rowling and George W. Bush met.",
        "At 5 a.m. on Monday it failed.",
        "At 5 a.m. Monday it failed.",
        "It failed on Dec. 5 at approx. 3 places, e.g. here, i.e. there.",
        "It was … well … broken.",
        "It was ... well ... broken.",
        '"Why did it fail?" he asked.',
        "“It failed!” she cried.",
        "Yahoo! said it was sorry.",
        "Item No. 5 failed.",
        "Visit example.com/a?b=c.d for more.",
    ],
)
def test_one_sentence_stays_one(text):
    assert shown(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It failed. It rose.", ["It failed.", "It rose."]),
        ("In the U.S. The army left.", ["In the U.S.", "The army left."]),
        ("He works at Apple Inc. It is big.", ["He works at Apple Inc.", "It is big."]),
        ("It failed at 5 p.m. The crew left.", ["It failed at 5 p.m.", "The crew left."]),
        ("“It failed.” Then it rose.", ["“It failed.”", "Then it rose."]),
        ("(It failed.) Then?! Now!", ["(It failed.)", "Then?!", "Now!"]),
        ("It broke... Then it rose.", ["It broke...", "Then it rose."]),
        ("¿Qué pasó? ¡Nada! Fin.", ["¿Qué pasó?", "¡Nada!", "Fin."]),
        ("系统故障。航班延误！真的？是", ["系统故障。", "航班延误！", "真的？", "是"]),
        ("「故障です。」社長は言った。", ["「故障です。」", "社長は言った。"]),
        ("सिस्टम विफल हुआ। कोई नहीं था।", ["सिस्टम विफल हुआ।", "कोई नहीं था।"]),
        ("هل تعطل؟ نعم تعطل.", ["هل تعطل؟", "نعم تعطل."]),
        ("A HEADING\nThe text.\n\n  More text ", ["A HEADING", "The text.", "More text"]),
        ("1. Install it.\n2. Run it.", ["1. Install it.", "2. Run it."]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_sentences_are_told_apart(text, expected):
    assert shown(text) == expected


def test_sentences_of_a_passage_stay_inside_it():
    text = "One is. Two is. Three is."
    assert shown(text, 4, 20) == ["is.", "Two is.", "Thre"]


@settings(deadline=None)
@given(st.one_of(st.text(max_size=300), st.text(alphabet="aB .!?\n”)1", max_size=300)))
def test_sentences_are_in_order_and_without_space_around(text):
    spans = sentences(text)
    assert all(text[a:b] == text[a:b].strip() != "" for a, b in spans)
    assert spans == sorted(spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    found = "".join(text[a:b] for a, b in spans)
    assert "".join(found.split()) == "".join(text.split())


def seconds(work):
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


@pytest.mark.parametrize("unit", [".", " ", "\n", "?!", '."', ".)", " .", "a", "A.", "\n ", "。"])
def test_no_run_of_characters_costs_its_square(unit):
    text = "x" + unit * (300_000 // len(unit)) + "y"
    assert seconds(lambda: sentences(text)) < 3


NEWS = "The system of the airline failed on Monday, and 1,000 people had to wait. " * 14
LONG = (NEWS + "\n\n") * 1000


def test_two_hundred_thousand_words_are_cut_in_bounded_memory():
    tracemalloc.start()
    took = seconds(lambda: passages([LONG], 9000, Letters()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * len(LONG)
    assert took < 6


def test_time_grows_with_the_text_not_with_its_square():
    short = seconds(lambda: passages([LONG[: len(LONG) // 8]], 300, Words()))
    assert seconds(lambda: passages([LONG], 300, Words())) < 8 * 4 * short + 1


def test_one_megabyte_without_spaces_is_cut_in_a_few_rounds():
    counter = Letters()
    found = passages(["x" * 1_000_000], 1000, counter)
    assert all(len(p) <= 1000 for [p] in found)
    assert counter.calls < 60


@settings(max_examples=20, deadline=None)
@given(TEXTS, st.integers(8, 60))
def test_real_tokens_stay_within_the_budget(texts, budget):
    counter = TiktokenCounter("gpt-5")
    for chunk in passages(texts, budget, counter):
        counts = asyncio.run(counter.count([neutral(p) for p in chunk]))
        assert sum(counts) <= budget or all(len(p) == 1 for p in chunk)


def test_two_hundred_thousand_words_of_real_tokens():
    counter = TiktokenCounter("gpt-5")
    asyncio.run(counter.count(["warm"]))
    assert seconds(lambda: passages([LONG], 4000, counter)) < 15
