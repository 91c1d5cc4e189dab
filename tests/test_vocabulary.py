import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from classifier.vocabulary import Vocabulary

TEXTS = [
    "The router was patched, the maker said.",
    "The router stopped; a train was late.",
    "The train was late, and late again.",
    "A cake was eaten.",
    "Nobody said why.",
]


def test_the_weights_are_those_of_scikit_learn():
    ours = Vocabulary.of(TEXTS)
    theirs = TfidfVectorizer(
        sublinear_tf=True, token_pattern=r"[^\W\d_]{2,}", vocabulary=list(ours.idf)
    ).fit(TEXTS)
    for text in TEXTS[:3]:
        row = theirs.transform([text]).toarray()[0]
        told = ours.weigh(text)
        assert [told.get(w, 0.0) for w in ours.idf] == pytest.approx(row.tolist(), abs=1e-4)


def test_words_of_one_text_and_of_most_texts_are_left_out():
    assert list(Vocabulary.of(TEXTS).idf) == ["late", "router", "said", "the", "train"]


def test_a_text_without_known_words_weighs_nothing():
    assert Vocabulary.of(TEXTS).weigh("Ein Kuchen") == {}
    assert Vocabulary().weigh("anything") == {}


@given(st.text())
def test_whatever_the_text_the_weights_have_unit_length_or_there_are_none(text):
    told = Vocabulary.of(TEXTS).weigh(text)
    assert not told or math.hypot(*told.values()) == pytest.approx(1)
