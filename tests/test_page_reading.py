"""Report pages as reports, and back: the seed's letter by letter, others by hypothesis."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports import FAIL, provenance, report
from scripted import recipes

from classifier.errors import InputError
from classifier.pages import read_report_page
from classifier.records import (
    ArticleRef,
    Decision,
    FieldAnswer,
    Finding,
    IncidentRef,
    Item,
    Report,
)
from classifier.render.page import to_page
from classifier.taxonomy import OpenField, Postmortem, Taxonomy

SEED = Path(__file__).parents[2] / "shared" / "seed" / "000_a18f95dd12cf0c26.txt"
needs_seed = pytest.mark.skipif(not SEED.is_file(), reason="../shared has the seed page")
POSTMORTEM = Postmortem(
    title="At the table",
    heading="name",
    fields=(
        OpenField(name="name", label="Name", question="?", kind="text", group="a"),
        OpenField(name="served", label="Served", question="?", kind="time", group="a"),
        OpenField(name="tools", label="Tools", question="?", group="a"),
        OpenField(name="hints", label="Hints", question="?", group="a", infer=True),
        OpenField(name="taste", label="Taste", question="?", kind="text", group="a"),
        OpenField(name="hidden", label="Hidden", question="?", group="a", page=False),
    ),
)
KITCHEN = recipes().model_copy(update={"postmortem": POSTMORTEM})
TOOLS = "What the cook needs is: 1. An oven, version 2. A tin [7]. 2. A whisk"
PAGE = """Incident: A plum cake

Published Date: 2020-02-03

At the table
Served 1. It was served in May 2019 [7]. 2. Again in June [7][8].
Tools What the cook needs is: 1. An oven, version 2. A tin [7]. 2. A whisk
Hints 1. (inferred) Use ripe plums. 2. Sieve the flour [8].
Taste Sour, and 1. sweet

On the plate

What Which Why
Course dessert (c) It ends the meal [7].
Diet meat, vegan_with_changes Said of both. (m) Lard is in it [7]. (v) Nothing (w) else is.
Garnish unknown The recipe leaves it open.

In the oven

What Which Why
Baked baked (a) An hour in the oven [7].
Heat fierce None

Sources
[7] Plums https://news.example/plums
[8] Cakes of a newspaper

Back to List
"""


def read(text: str = PAGE, taxonomy: Taxonomy = KITCHEN, name: str = "p.txt") -> Report:
    return read_report_page(text.encode(), name, taxonomy)


def shown(page: str) -> list[str]:
    return [line for line in page.splitlines() if line]


def refused(text: str, taxonomy: Taxonomy = KITCHEN) -> str:
    with pytest.raises(InputError) as error:
        read(text, taxonomy)
    return str(error.value)


@needs_seed
def test_the_seed_page_comes_back_letter_by_letter() -> None:
    page = SEED.read_text("utf-8")
    assert shown(to_page(read(page, FAIL, SEED.name), FAIL)) == shown(page)


@needs_seed
def test_the_seed_page_as_a_report() -> None:
    made = read(SEED.read_text("utf-8"), FAIL, SEED.name)
    assert (made.incident.id, made.incident.published) == (SEED.stem, date(2019, 2, 13))
    assert made.incident.title.startswith("Exposed Database of Chinese")
    assert made.categories["consequence"].options == ("property", "theoretical_consequence")
    assert [f.option for f in made.categories["behaviour"].findings if f.applies] == ["other"]
    assert len(made.categories["behaviour"].findings) == 6
    assert made.categories["perception"].status == "not_applicable"
    assert made.provenance.model.name == "unknown"


@needs_seed
def test_the_open_fields_of_the_seed_page() -> None:
    made = read(SEED.read_text("utf-8"), FAIL, SEED.name)
    labels = {f.label: made.fields.get(f.name) for f in FAIL.postmortem.fields}
    assert labels["Timeline"].items[0].articles == ("80997",)
    assert labels["Timeline"].items[0].text.endswith("happened in July 2019.")
    assert labels["System"].lead.endswith("reported in Article 80997 is:")
    assert [len(labels[x].items) for x in ("Impacts", "Preventions", "Fixes")] == [5, 4, 3]


def test_a_page_of_another_taxonomy_comes_back() -> None:
    assert to_page(read(), KITCHEN) == PAGE


def test_options_paragraphs_and_what_stands_before_them() -> None:
    diet = read().categories["diet"]
    assert diet.options == ("meat", "vegan_with_changes")
    assert [(f.option, f.applies, f.rationale) for f in diet.findings] == [
        ("meat", True, "Lard is in it [7]."),
        ("vegan", False, "Nothing"),
        ("vegan_with_changes", True, "else is."),
    ]
    assert diet.rationale.startswith("Said of both. (m)")


def test_a_row_without_letters_has_its_text_as_the_rationale() -> None:
    garnish = read().categories["garnish"]
    assert (garnish.status, garnish.options) == ("unknown", ("unknown",))
    assert (garnish.rationale, garnish.findings) == ("The recipe leaves it open.", ())


def test_items_with_their_citations() -> None:
    fields = read().fields
    first, second = fields["served"].items
    assert (first.text, first.articles) == ("It was served in May 2019.", ("7",))
    assert (second.text, second.articles) == ("Again in June [7][8].", ("7", "8"))
    assert fields["tools"].lead == "What the cook needs is:"
    oven, whisk = fields["tools"].items
    assert oven == Item(text="An oven, version 2. A tin.", articles=("7",))
    assert whisk == Item(text="A whisk")


def test_what_is_inferred_and_what_is_one_text() -> None:
    fields = read().fields
    assert [i.inferred for i in fields["hints"].items] == [True, False]
    assert fields["taste"].items == (Item(text="Sour, and 1. sweet"),)
    assert fields["name"].items == (Item(text="A plum cake"),)


def test_sources_are_articles_without_a_text() -> None:
    plums, cakes = read().incident.articles
    assert (plums.id, plums.title, plums.url) == ("7", "Plums", "https://news.example/plums")
    assert (cakes.title, cakes.sha256, cakes.published) == ("Cakes of a newspaper", None, None)


def test_one_source_was_published_on_the_day_of_the_page() -> None:
    [only] = read(PAGE.replace("[8] Cakes of a newspaper\n", "")).incident.articles
    assert only.published == date(2020, 2, 3)


@pytest.mark.parametrize(
    ("said", "status", "lead"),
    [
        ("unknown", "unknown", ""),
        ("Unknown. Nobody says.", "unknown", "Unknown. Nobody says."),
        ("None", "unknown", "None"),
        ("A whisk and a bowl", "answered", "A whisk and a bowl"),
        ("failed: the reply was cut", "failed", ""),
    ],
)
def test_a_field_without_items(said: str, status: str, lead: str) -> None:
    page = PAGE.replace(TOOLS, said)
    tools = read(page).fields["tools"]
    assert (tools.status, tools.lead, tools.items) == (status, lead, ())
    assert to_page(read(page), KITCHEN) == page


def test_items_may_stand_on_their_own_lines() -> None:
    page = PAGE.replace(" 2. Again", "\n2. Again")
    assert read(page) == read()


@pytest.mark.parametrize("number", range(2, 4))
def test_a_gate_follows_from_what_it_opens(number: int) -> None:
    closed = to_page(report(), FAIL)
    assert read(closed, FAIL).categories["cps"].options == ()
    opened = closed.replace("Perception None None", "Perception sensor (a) It failed.")
    assert read(opened, FAIL).categories["cps"].options == ("cps",)


def test_failed_and_needs_review() -> None:
    page = PAGE.replace("Heat fierce None", "Heat needs review the confidence is 0.4")
    heat = read(page.replace("dessert (c) It", "failed (c) It")).categories["heat"]
    course = read(page.replace("dessert (c) It", "failed (c) It")).categories["course"]
    assert (heat.status, heat.reason) == ("needs_review", "the confidence is 0.4")
    assert (course.status, [f.applies for f in course.findings]) == ("failed", [False])
    assert to_page(read(page), KITCHEN) == page


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Incident: A plum cake", "A plum cake", "p.txt: is no report page"),
        ("2020-02-03", "in May", "p.txt:3: 'in May' is not a date. Write YYYY-MM-DD"),
        ("\nAt the table", "\nNonsense\nAt the table", "p.txt:5: 'Nonsense' is in no part"),
        ("Tools What", "Tool What", "p.txt:7: 'Tool What the cook needs"),
        ("Tools What", "Served What", "p.txt:7: Served is there twice"),
        ("Taste Sour, and 1. sweet", "Taste", "p.txt:9: Taste is empty"),
        ("dessert", "desert", "p.txt:14: 'desert' is no option of course (did you mean"),
        ("Heat fierce None", "Heat", "p.txt:22: Heat has an empty Option cell"),
        ("In the oven", "On the stove", "has no section 'In the oven'"),
        ("[8] Cakes", "Cakes", "p.txt:26: 'Cakes of a newspaper' is no source"),
        ("[8] Cakes", "[7] Cakes", "p.txt:26: [7] is there twice"),
        ("Back to List", "Back to List\nMore", "p.txt:29: 'More' stands behind 'Back to List'"),
    ],
)
def test_wrong_pages_name_the_line(old: str, new: str, says: str) -> None:
    assert says in refused(PAGE.replace(old, new, 1))


def test_all_mistakes_are_told_together() -> None:
    said = refused(PAGE.replace("dessert", "desert").replace("Tools", "Tool"))
    assert [line.split(": ")[0] for line in said.splitlines()] == ["p.txt:7", "p.txt:14"]


def test_a_taxonomy_without_open_fields_says_what_has_no_place() -> None:
    bare = KITCHEN.model_copy(update={"postmortem": None})
    assert "is in no part of the page that the taxonomy 'recipes' has" in refused(PAGE, bare)


@pytest.mark.parametrize("text", ["", "\0\0", " " * 2_000_001, "Incident: x", "%PDF-1.7"])
def test_what_is_no_page(text: str) -> None:
    assert refused(text).startswith("p.txt")


@pytest.mark.parametrize("filling", ["1. a ", "2. ", "(a) ", "[7] ", "[", "] ", "1. 2. 3. ", "x,"])
def test_a_hostile_page_is_read_in_linear_time(filling: str) -> None:
    many = filling * (1_500_000 // len(filling))
    page = PAGE.replace("What the cook needs is:", many).replace(
        "(c) It ends", f"(c) {many[:9999]}"
    )
    begun = time.process_time()
    try:
        read(page)
    except InputError as error:
        assert "p.txt" in str(error)  # noqa: PT017 - either outcome is right
    assert time.process_time() - begun < 8


def test_too_many_items_are_refused() -> None:
    many = " ".join(f"{n}. It." for n in range(1, 502))
    page = PAGE.replace(TOOLS, many)
    assert "p.txt:7: Tools has 501 items, and 500 are allowed" in refused(page)


# Pages made from reports

LETTERS = st.text(
    st.sampled_from("ab (c)[7]1.2:,;\n\u202e\x00é日🚆 ") | st.characters(codec="utf-8"), max_size=30
)
TEXTS = LETTERS | st.sampled_from(
    ["(a) x", "1. x 2. y", "None", "unknown", "failed", "needs review x", "x [7].", "[7, 8] [9].",
     "(inferred) x", ", x", "cold kitchen", "no", "(b)", "1.", "x (a) (b) y. (c) z"]
)  # fmt: skip


def decisions(taxonomy: Taxonomy) -> st.SearchStrategy[dict[str, Decision]]:
    return st.fixed_dictionaries({n: decision(c.names) for n, c in taxonomy.categories.items()})


def decision(names: tuple[str, ...]) -> st.SearchStrategy[Decision]:
    finding = st.builds(Finding, option=st.sampled_from(names), applies=st.booleans(),
                        rationale=TEXTS, evidence=st.just(()))  # fmt: skip
    findings = st.lists(finding, max_size=3).map(tuple)
    options = st.lists(st.sampled_from(names), unique=True, max_size=3).map(tuple)
    more = {"rationale": TEXTS, "findings": findings, "merge": st.none()}
    return st.one_of(
        st.builds(Decision, options=options, status=st.just("answered"),
                  reason=st.none() | TEXTS, **more),
        st.builds(Decision, options=st.just(("unknown",)), status=st.just("unknown"),
                  reason=st.none() | TEXTS, **more),
        st.builds(Decision, options=st.just(()), reason=st.none() | TEXTS,
                  status=st.sampled_from(["not_applicable", "failed", "needs_review"]), **more),
    )  # fmt: skip


ITEMS = st.builds(
    Item, text=TEXTS.filter(bool), articles=st.lists(st.sampled_from(["7", "8"])).map(tuple),
    evidence=st.just(()), inferred=st.booleans(), when=st.none(),
)  # fmt: skip
ANSWERS = st.builds(
    FieldAnswer, status=st.sampled_from(["answered", "unknown", "failed"]), lead=TEXTS,
    items=st.lists(ITEMS, max_size=4).map(tuple), reason=st.none() | TEXTS,
)  # fmt: skip
SOURCES = st.lists(
    st.builds(ArticleRef, id=st.sampled_from(["7", "8", "a]b", "nyt x"]), title=TEXTS,
              source=TEXTS, url=TEXTS, published=st.none(), sha256=st.none()),
    unique_by=lambda a: a.id, max_size=3,
).map(tuple)  # fmt: skip


def reports(taxonomy: Taxonomy) -> st.SearchStrategy[Report]:
    postmortem = taxonomy.postmortem
    names = [f.name for f in postmortem.fields] if postmortem else []
    incident = st.builds(IncidentRef, id=st.just("i"), title=TEXTS, articles=SOURCES,
                         published=st.none() | st.dates())  # fmt: skip
    return st.builds(
        Report, schema_version=st.just(1), incident=incident, categories=decisions(taxonomy),
        fields=st.dictionaries(st.sampled_from(names), ANSWERS) if names else st.just({}),
        audit=st.just(()), provenance=st.just(provenance()),
    )  # fmt: skip


@pytest.mark.parametrize("taxonomy", [FAIL, KITCHEN, recipes()], ids=["fail", "kitchen", "recipes"])
def test_pages_of_reports_come_back(taxonomy: Taxonomy) -> None:
    @settings(max_examples=100, deadline=None)
    @given(reports(taxonomy))
    def check(made: Report) -> None:
        page = to_page(made, taxonomy)
        assert to_page(read(page, taxonomy), taxonomy) == page

    check()
