"""Gold of several annotators in one: what they share, what they differ in, whose is whose."""

from __future__ import annotations

import pytest
from cooking import incident, with_another_text

from classifier.errors import InputError
from eval.gold import Gold, GoldIncident, GoldReason
from eval.merging import merge


def by(name: str, number: int = 0, **changed: object) -> GoldIncident:
    """A recipe as somebody labelled it; `changed` are labels, `...` leaves one out."""
    one = incident(number)
    labels = {c: o for c, o in (dict(one.labels) | changed).items() if o is not ...}
    reasons = {"course": {o: GoldReason(rationale=name, quotes=(name,)) for o in labels["course"]}}
    given = {"labels": labels, "reasons": reasons, "annotators": {name: labels}, "notes": name}
    return one.model_copy(update=given)


def merged(*incidents: GoldIncident) -> tuple[list[GoldIncident], list[tuple[str, str]]]:
    found = merge([Gold((one,), f"GOLD{n}") for n, one in enumerate(incidents)])
    return list(found.incidents), list(found.apart)


def test_labels_are_kept_where_all_who_gave_one_agree():
    [one], apart = merged(by("ann", diet=...), by("bob", heat=("fierce",)))
    assert apart == [("r00", "heat")]
    assert dict(one.labels) == {
        "course": ("starter",), "garnish": None, "baked": ("baked",), "diet": ("meat",)
    }  # fmt: skip
    assert one.annotators["bob"]["heat"] == ("fierce",)
    assert "diet" not in one.annotators["ann"]


def test_the_order_of_options_is_no_difference():
    [one], apart = merged(by("ann", diet=("meat", "vegan")), by("bob", diet=("vegan", "meat")))
    assert (apart, one.labels["diet"]) == ([], ("meat", "vegan"))


def test_reasons_are_those_of_labels_that_are_kept():
    [one], _ = merged(by("ann"), by("bob"))
    assert one.reasons == {
        "course": {"starter": GoldReason(rationale="ann", quotes=("ann", "bob"))}
    }
    assert one.notes == "ann\nbob"
    [other], _ = merged(by("ann"), by("bob", course=("main",)))
    assert other.reasons == {}


def test_incidents_of_one_person_alone_are_there_too():
    found, apart = merged(by("ann", 1), by("bob", 0))
    assert ([one.id for one in found], apart) == (["r00", "r01"], [])


def test_gold_without_annotators_is_that_of_its_folder():
    plain = by("ann").model_copy(update={"annotators": {}})
    [one], _ = merged(plain, by("bob"))
    assert list(one.annotators) == ["GOLD0", "bob"]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (with_another_text(by("bob")), "its articles are not those of GOLD0"),
        (by("ann", diet=("vegan",)), "'ann' labelled this incident in another file too"),
        (
            by("bob", course=("main",), diet=..., garnish=..., baked=..., heat=...),
            "agree on no category",
        ),
    ],
)
def test_what_cannot_be_put_together(other, why):
    first = by(
        "ann",
        **({} if "agree" not in why else dict.fromkeys(["diet", "garnish", "baked", "heat"], ...)),
    )
    with pytest.raises(InputError, match=why):
        merged(first, other)
