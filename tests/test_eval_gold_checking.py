import time
from datetime import date
from pathlib import Path

import pytest

from classifier.taxonomy import load_taxonomy
from eval.gold import Gold, GoldIncident, GoldReason, load_gold, save_gold
from eval.gold_checking import check_gold
from tests.scripted import recipes

SEEDS = Path(__file__).parent.parent / "seeds"
FAIL31 = Path(__file__).parent.parent.parent / "shared" / "fail31" / "taxonomy"
RECIPES = recipes()
TODAY = date(2026, 1, 1)

GOOD = {
    "course": ("main",),
    "diet": ("unknown",),
    "garnish": None,
    "baked": ("baked",),
    "heat": ("gentle",),
}
WORDS = "The quick cook bakes a heavy pie for every guest who comes to the old inn at night"
WHY = {
    name: {option: GoldReason(rationale="So.", quotes=("bakes a",)) for option in options or ()}
    for name, options in GOOD.items()
}


def labelled(
    id_: str = "a", text: str = WORDS, article: str = "", **fields: object
) -> GoldIncident:
    articles = [
        {"id": article or f"{id_}-1", "text": text, "published": fields.pop("published", None)}
    ]
    given_ = {"id": id_, "articles": articles, "labels": GOOD, "reasons": WHY}
    return GoldIncident.model_validate(given_ | fields)


def findings(*incidents: GoldIncident) -> list[tuple[str, str, str]]:
    found = check_gold(Gold(incidents, "GOLD"), RECIPES, today=TODAY)
    return [(f.check, f.category, f.message) for f in found]


def relabelled(**labels: object) -> list[tuple[str, str]]:
    kept = {name: options for name, options in (GOOD | labels).items() if options != "left out"}
    found = findings(labelled(labels=kept, reasons={}))
    return [(check, category) for check, category, _ in found if check != "unexplained"]


def test_good_gold_has_no_findings():
    assert findings(labelled()) == []


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"diet": ["fish"]}, [("label-outside", "diet")]),
        ({"drink": ["ale"]}, [("label-outside", "drink")]),
        ({"diet": "left out"}, [("no-label", "diet")]),
        ({"diet": []}, [("no-label", "diet")]),
        ({"diet": ["meat", "meat"]}, [("label-twice", "diet")]),
        ({"diet": ["unknown", "meat"]}, [("unknown-with-options", "diet")]),
        ({"diet": ["vegan", "meat"]}, [("pair-excludes-itself", "diet")]),
        ({"diet": None}, [("gate", "diet")]),
        ({"course": ["main", "starter"]}, [("several-of-one", "course")]),
        ({"baked": [], "heat": None}, []),
        ({"baked": [], "heat": ["gentle"]}, [("gate", "heat")]),
        ({"baked": ["unknown"], "heat": ["unknown"]}, [("gate", "heat")]),
        ({"baked": ["unknown"], "heat": None}, []),
        ({"heat": None}, [("gate", "heat")]),
        ({"baked": "left out", "heat": None}, [("no-label", "baked")]),
    ],
)
def test_labels_that_do_not_fit(labels, expected):
    assert relabelled(**labels) == expected


def test_a_category_that_nobody_labelled_is_a_warning_and_not_scored():
    labels = {name: options for name, options in GOOD.items() if name != "diet"}
    found = check_gold(Gold((labelled(labels=labels, reasons={}),), "GOLD"), RECIPES, today=TODAY)
    told = {(f.check, f.category): f.severity for f in found}
    assert told["no-label", "diet"] == "warning"


def test_an_annotator_is_held_to_the_same_rules_and_may_leave_out_categories():
    [found] = findings(labelled(annotators={"ann": {"diet": ["fish"], "course": ["main"]}}))
    assert found[:2] == ("label-outside", "diet")
    assert found[2].startswith(
        "annotator 'ann': no option 'fish'; allowed are meat, vegan, vegan_w"
    )


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("heavy pie", True),
        ("heavy\n  pie", True),
        ("a heavy pie for\tevery guest", True),
        ("Heavy pie", False),
        ("heavy … guest", False),
        (" ", False),
    ],
)
def test_a_quote_stands_in_its_article_but_for_white_space(quote, found):
    text = WORDS.replace("every guest", "every \nguest")
    reasons = WHY | {"course": {"main": GoldReason(rationale="So.", quotes=(quote,))}}
    checks = [f[0] for f in findings(labelled(text=text, reasons=reasons))]
    assert checks == ([] if found else ["quote-not-found"])


def test_a_quote_may_stand_in_any_article_of_its_incident_and_in_no_other():
    two = [{"id": "1", "text": "Alone."}, {"id": "2", "text": WORDS}]
    other = labelled("b", text="Something else is told here.")
    assert findings(labelled(articles=two)) == []
    assert {f[0] for f in findings(labelled(), other)} == {"quote-not-found"}


def test_a_reason_is_for_what_is_chosen():
    of = {"why": GoldReason(rationale="So.", quotes=("bakes a",))}
    reasons = WHY | {
        "diet": {"unknown": of["why"]},
        "course": WHY["course"] | {"unknown": of["why"]},
    }
    [found] = findings(labelled(reasons=reasons))
    assert found[:2] == ("reason-without-label", "course")
    [found] = findings(labelled(reasons=WHY | {"garnish": {"fruit": of["why"]}}))
    assert found[2] == "a reason for 'fruit', which is not chosen; choose or remove it"


def test_what_is_not_explained_is_one_line():
    bare = WHY | {"course": {"main": GoldReason(rationale="So.")}, "baked": {}}
    [(check, category, message)] = findings(labelled(reasons=bare))
    assert (check, category) == ("unexplained", "")
    counts = "of 3 chosen options 1 have no rationale and 2 no quote"
    assert message == f"{counts}: course.main, baked.baked"


def test_a_date_in_the_future():
    assert findings(labelled(published="2026-01-01")) == []
    [found] = findings(labelled(published="2026-01-02"))
    assert found[2] == "article a-1 is dated 2026-01-02, after today, 2026-01-01"


def test_the_clock_is_asked_where_no_day_is_given():
    late = labelled(published=date.max)
    [found] = check_gold(Gold((late,), "GOLD"), RECIPES)
    assert (found.check, found.severity) == ("published-in-future", "error")


def test_an_article_id_belongs_to_one_incident():
    other = labelled("b", text="He bakes a pie. " * 3, article="a-1")
    [found] = findings(labelled(), other)
    assert found[0] == "article-id-twice"
    assert found[2].startswith("the article id 'a-1' is taken by incident 'a'")


@pytest.mark.parametrize(
    ("text", "check"),
    [
        (WORDS, "same-text"),
        (WORDS.upper() + " bakes a", "near-same-text"),
        (f"bakes a {WORDS} of May", "near-same-text"),
        (" ".join([*WORDS.split()[:10], "something wholly different in all the rest of it"]), None),
    ],
)
def test_texts_that_are_alike(text, check):
    found = [f for f in findings(labelled(), labelled("b", text=text)) if f[0] != "quote-not-found"]
    assert [f[0] for f in found] == ([check] if check else [])


def test_the_index_of_likeness_is_that_of_the_sets():
    words = [str(n) for n in range(17)]  # 13 runs of five
    texts = [" ".join(words), " ".join([*words[:13], "x", "y", "z", "v"])]  # 9 in common, of 17
    [found] = findings(*(labelled(i, t, reasons={}) for i, t in zip("ab", texts, strict=True)))[2:]
    assert found[0] == "near-same-text"
    assert "(Jaccard 0.53, over 0.5)" in found[2]


def test_articles_of_one_incident_may_be_alike():
    twins = [{"id": "1", "text": WORDS}, {"id": "2", "text": WORDS + " bakes a"}]
    assert findings(labelled(articles=twins)) == []


FISH = {"fish": GoldReason(rationale="So.", quotes=("bakes a",))}


def test_a_finding_says_where(tmp_path):
    path = tmp_path / "a.yaml"
    save_gold(labelled(labels=GOOD | {"diet": ["fish"]}, reasons=WHY | {"diet": FISH}), path)
    [found] = check_gold(load_gold(path), RECIPES, today=TODAY)
    assert str(found) == (
        f"{path}: error: diet: no option 'fish'; allowed are meat, vegan, vegan_with_changes, "
        "unknown [label-outside]"
    )


def test_the_seeds_have_no_errors():
    found = check_gold(load_gold(SEEDS), load_taxonomy("fail"))
    assert [str(f) for f in found if f.severity == "error"] == []


@pytest.mark.skipif(not FAIL31.is_dir(), reason="shared/fail31 is not here")
def test_fail31_is_gold_without_reasons_and_without_errors():
    gold = load_gold(FAIL31)
    found = check_gold(gold, load_taxonomy("fail"), today=TODAY)
    assert len(gold.incidents) == 16
    assert [(f.check, f.severity) for f in found] == [("unexplained", "warning")] * 16


def test_sixty_seeds_are_read_and_checked_fast(tmp_path):
    words = [f"w{n}" for n in range(900)]
    for number in range(76):
        text = " ".join(words[number:] + [f"{number}.{n}" for n in range(700)])
        save_gold(labelled(f"i{number}", f"He bakes a pie. {text}"), tmp_path / f"{number}.yaml")
    start = time.process_time()
    found = check_gold(load_gold(tmp_path), RECIPES, today=TODAY)
    assert time.process_time() - start < 4  # well under two seconds on an idle machine
    assert found == []
