"""Open fields of several chunks: items merged, the same words once, failures told."""

from __future__ import annotations

import pytest
from cooking import cookbook

from classifier.gathering import gather
from classifier.records import Evidence, FieldAnswer, Item
from classifier.taxonomy import OpenField

POSTMORTEM = cookbook().postmortem
assert POSTMORTEM is not None
NAME, SEASON, TRICKS, COURSE = POSTMORTEM.fields
UNKNOWN = FieldAnswer(status="unknown")
FAILED = FieldAnswer(status="failed", reason="not valid JSON")


def answered(
    *texts: str, reason: str | None = None, article: str = "1", **more: bool
) -> FieldAnswer:
    evidence = Evidence(article_id=article, quote="plums", start=0, end=5, match="exact")
    items = (Item(text=t, articles=(article,), evidence=(evidence,), **more) for t in texts)
    return FieldAnswer(status="answered", items=tuple(items), reason=reason)


def texts(field: OpenField, *answers: FieldAnswer) -> list[str]:
    return [item.text for item in gather(field, answers).items]


def test_the_items_of_all_chunks_stand_in_their_order() -> None:
    assert texts(COURSE, answered("Stir.", "Bake."), UNKNOWN, answered("Serve.")) == [
        "Stir.", "Bake.", "Serve.",
    ]  # fmt: skip


def test_the_same_words_are_one_item_with_the_quotes_of_both() -> None:
    [found] = gather(COURSE, [answered("Stir, well."), answered("stir  WELL", article="2")]).items
    assert found.text == "Stir, well."
    assert found.articles == ("1", "2")
    assert [e.article_id for e in found.evidence] == ["1", "2"]


def test_the_same_item_twice_in_one_chunk_is_one() -> None:
    assert texts(COURSE, answered("Stir.", "Stir")) == ["Stir."]


def test_items_without_any_word_are_kept_apart() -> None:
    assert texts(COURSE, answered("?!", "…")) == ["?!", "…"]


@pytest.mark.parametrize(("first", "second", "both"), [(True, False, False), (True, True, True)])
def test_what_one_chunk_states_is_not_inferred(first: bool, second: bool, both: bool) -> None:
    [found] = gather(
        TRICKS, [answered("Rest.", inferred=first), answered("Rest.", inferred=second)]
    ).items
    assert found.inferred is both


def test_of_a_text_the_first_chunk_that_says_something_counts() -> None:
    assert texts(NAME, UNKNOWN, FAILED, answered("Plum cake"), answered("Pie")) == ["Plum cake"]


def test_nothing_said_is_unknown() -> None:
    assert gather(COURSE, [UNKNOWN, UNKNOWN]) == UNKNOWN


def test_a_failure_among_silence_is_a_failure() -> None:
    found = gather(COURSE, [UNKNOWN, FAILED])
    assert (found.status, found.reason) == ("failed", "1 of 2 chunks failed: not valid JSON")


def test_the_only_chunk_fails_in_its_own_words() -> None:
    assert gather(COURSE, [FAILED]) == FAILED


def test_a_chunk_that_failed_is_told_beside_what_others_say() -> None:
    found = gather(SEASON, [FAILED, answered("In July.", reason="no date")])
    assert found.status == "answered"
    assert found.reason == "1 of 2 chunks failed: not valid JSON; no date"
