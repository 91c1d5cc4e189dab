"""Report pages as gold: the seed's, our own, and those that are wrong. All texts are invented."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.errors import InputError
from classifier.records import Article
from classifier.render.page import to_page
from classifier.taxonomy import load_taxonomy
from eval.importing import read_page
from tests.reports import FALSE, answered, found, report
from tests.scripted import recipes

FAIL = load_taxonomy("fail")
RECIPES = recipes()
SEED = Path(__file__).parents[2] / "shared" / "seed" / "000_a18f95dd12cf0c26.txt"
needs_seed = pytest.mark.skipif(not SEED.is_file(), reason="the seed page is not here")
ARTICLES = (Article(id="7", text="Plums on a cake."),)
PAGE = """Incident: A plum cake

Published Date: 2020-02-03

On the plate

What Which Why
Course dessert (c) It ends the meal [7].
Diet meat, vegan_with_changes (m) Lard is in it [7]. (v) Nothing else is. (w) Oil would do. (x) No.
Garnish unknown The recipe leaves it open.

In the oven

What Which Why
Baked baked (a) An hour in the oven [7].
Heat fierce

Sources
[7] Plums

Back to List
"""


def read(text=PAGE, taxonomy=RECIPES, articles=ARTICLES, name="pages/p.txt"):
    (incident,) = read_page(text.encode(), name, taxonomy, articles)
    return incident


def refused(text=PAGE, **more):
    with pytest.raises(InputError) as error:
        read(text, **more)
    return str(error.value)


def outcome(text):
    """Whether it is gold, or an error that names the file."""
    try:
        return bool(read(text).labels)
    except InputError as error:
        return "pages/p.txt" in str(error)


@needs_seed
def test_the_seed_page():
    incident = read(SEED.read_text(), FAIL, (Article(id="80997", text="A database."),), SEED.name)
    assert incident.id == SEED.stem
    assert list(incident.labels) == list(FAIL.categories)
    assert incident.labels["recurring"] == ("one_organization",)
    assert incident.labels["nature"] == ("non-human_actions", "human_actions")
    assert incident.labels["consequence"] == ("property", "theoretical_consequence")
    assert incident.labels["cps"] == ()
    assert incident.labels["perception"] is incident.labels["application"] is None
    assert "Published Date: 2019-02-13" in incident.notes


@needs_seed
def test_the_reasons_of_the_seed_page():
    reasons = read(SEED.read_text(), FAIL, (Article(id="80997", text="A database."),)).reasons
    assert list(reasons["consequence"]) == ["property"]
    assert list(reasons["behaviour"]) == ["other"]
    assert reasons["behaviour"]["other"].rationale.startswith("other: The behavior of")
    assert list(reasons["phase"]) == ["design", "operation"]
    assert reasons["phase"]["design"].rationale.endswith("had spotted them [80997].")
    assert reasons["recurring"]["one_organization"].rationale.endswith("of people [80997].")


def test_another_taxonomy():
    assert read().labels == {
        "course": ("dessert",),
        "diet": ("meat", "vegan_with_changes"),
        "garnish": ("unknown",),
        "baked": ("baked",),
        "heat": ("fierce",),
    }


def test_paragraphs_of_chosen_options_alone_are_reasons():
    reasons = read().reasons
    assert {n: r.rationale for n, r in reasons["diet"].items()} == {
        "meat": "Lard is in it [7].",
        "vegan_with_changes": "Oil would do. (x) No.",
    }
    assert reasons["garnish"]["unknown"].rationale == "The recipe leaves it open."
    assert "heat" not in reasons


def test_a_letter_within_a_sentence_gives_way_to_one_that_opens_a_paragraph():
    text = PAGE.replace("Lard is in it [7].", "Unlike (w) it has lard.")
    reasons = read(text).reasons["diet"]
    assert reasons["meat"].rationale == "Unlike (w) it has lard."
    assert reasons["vegan_with_changes"].rationale == "Oil would do. (x) No."


def test_a_paragraph_may_stand_on_its_own_line():
    reasons = read(PAGE.replace(" (w) Oil", "\n(w) Oil")).reasons["diet"]
    assert reasons["vegan_with_changes"].rationale.startswith("Oil would do.")


def test_the_word_of_the_section_closes_a_gate():
    text = PAGE.replace("baked (a) An hour in the oven [7].", "no").replace(
        "Heat fierce", "Heat cold kitchen cold kitchen"
    )
    incident = read(text)
    assert (incident.labels["baked"], incident.labels["heat"]) == ((), None)
    assert "heat" not in incident.reasons


def test_our_own_page_comes_back():
    decided = report(
        phase=answered(found("design", "So it is"), found("operation")),
        cps=answered(found("cps")),
        perception=answered(found("sensor")),
        communication=FALSE.model_copy(update={"options": ("unknown",), "status": "unknown"}),
        application=answered(found("application")),
    )
    incident = read(to_page(decided, FAIL), FAIL, (Article(id="80997", text="A"),))
    assert incident.labels == {n: d.options for n, d in decided.categories.items()}
    assert incident.reasons["phase"]["design"].rationale == "So it is"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("meat, vegan", "meet, vegan", "'meet' is no option of diet (did you mean meat?). Write m"),
        ("unknown The", "unknown, fruit The", "fruit, unknown cannot stand together"),
        ("Garnish unknown", "Garnish None", "garnish is empty, and course is dessert"),
        ("Course dessert", "Course None", "'None' is no option of course"),
        ("Course dessert", "Course failed", "'failed' is no option of course"),
        ("baked (a) An hour in the oven [7].", "", "Baked has an empty Option cell"),
        ("Heat fierce", "", "'In the oven' has no row for Heat"),
        ("Heat fierce", "Heat fierce\nHeat gentle", "Heat is there twice"),
        ("Heat fierce", "Heat fierce\nColour red", "'Colour red' begins with no label"),
        ("In the oven", "On the stove", "p.txt:12: 'On the stove' begins with no label"),
        ("On the plate", "Beside the plate", "has no section 'On the plate'"),
    ],
)
def test_wrong_pages(old, new, says):
    assert says in refused(PAGE.replace(old, new, 1))


def test_a_wrong_option_names_its_line_and_all_mistakes_are_told():
    message = refused("\n\r\n" + PAGE.replace("dessert", "desert").replace("fierce", "hot"))
    first, second, *_ = message.splitlines()
    assert first.startswith("pages/p.txt:10: 'desert'")
    assert second.startswith("pages/p.txt:18: 'hot'")


def test_a_page_has_no_article_text():
    message = refused(articles=())
    assert "a report page carries no article text" in message
    assert "cites (7)" in message


def test_an_article_that_is_cited_is_missing():
    message = refused(articles=(Article(id="8", text="Plums."),))
    assert "cites 7, and the articles given are 8" in message
    assert "given twice" in refused(articles=ARTICLES * 2)


def test_what_one_gate_opens_and_closes_contradicts_itself():
    page = to_page(report(), FAIL).replace("Perception None", "Perception sensor")
    message = refused(page, taxonomy=FAIL, articles=(Article(id="80997", text="A"),))
    assert "communication, application does not apply, and perception does" in message


@pytest.mark.parametrize("text", ["", "<html><p>On the plate</p></html>", " " * 2_000_001])
def test_what_is_no_page(text):
    assert refused(text).startswith("pages/p.txt: ")


@given(st.lists(st.sampled_from(PAGE.split()), max_size=60), st.sampled_from(" \n\t"))
def test_shuffled_words_end_in_a_page_or_an_error(words, between):
    assert outcome(PAGE.replace("(w)", between.join(["", *words, ""]), 1))
