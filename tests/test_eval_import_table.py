"""Labels from a table in CSV. All texts are invented."""

import csv
import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.articles.cleaning import clean, is_blank
from classifier.errors import InputError
from classifier.taxonomy import load_taxonomy
from eval.gold import load_gold, save_gold
from eval.importing import read_table
from tests.scripted import recipes

RECIPES = recipes()
ROW = {
    "id": "cake",
    "text": "Plums, and\ncream.",
    "Course": "dessert",
    "Diet": "meat|vegan with changes",
    "Garnish": "unknown",
    "Baked": "",
    "Heat": "",
}


def table(*rows, delimiter=",", columns=None):
    out = io.StringIO()
    names = columns or list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(out, names, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def read(text, taxonomy=RECIPES):
    return read_table(text if isinstance(text, bytes) else text.encode(), "gold.csv", taxonomy)


def refused(text):
    with pytest.raises(InputError) as error:
        read(text)
    return str(error.value)


def outcome(text):
    """Whether it is gold, or an error that names the file."""
    try:
        return bool(read(text))
    except InputError as error:
        return "gold.csv" in str(error)


def test_a_row_is_an_incident():
    more = {"title": "Cake", "published": "2020-02-03", "source": "The Example", "notes": "Sweet."}
    (incident,) = read(table(ROW | more))
    (article,) = incident.articles
    assert (incident.id, incident.notes, article.id) == ("cake", "Sweet.", "cake")
    assert (article.title, article.published) == ("Cake", date(2020, 2, 3))
    assert article.text == "Plums, and\ncream."
    assert incident.labels == {
        "course": ("dessert",),
        "diet": ("meat", "vegan_with_changes"),
        "garnish": ("unknown",),
        "baked": (),
        "heat": None,
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiters_and_charsets(delimiter, charset):
    text = table(
        ROW | {"text": "Zwetschgenkuchen für alle; oder, nun ja, für viele."}, delimiter=delimiter
    )
    (incident,) = read(text.encode(charset))
    assert incident.articles[0].text.startswith("Zwetschgenkuchen für alle; oder,")
    assert incident.labels["diet"] == ("meat", "vegan_with_changes")


@pytest.mark.parametrize("quote", ["id", "all"])
def test_quoted_headers_do_not_mislead_about_the_delimiter(quote):
    header, _, rest = table(ROW, delimiter=";").partition("\r\n")
    names = header.split(";") if quote == "all" else ["id"]
    for name in names:
        header = header.replace(name, f'"{name}"', 1)
    assert read(f"{header}\r\n{rest}")[0].id == "cake"


@pytest.mark.parametrize("cell", ["meat|vegan", "vegan;meat", " meat , vegan ", "Meat\nVEGAN|"])
def test_options_are_divided_in_several_ways(cell):
    assert read(table(ROW | {"Diet": cell}))[0].labels["diet"] == ("meat", "vegan")


@pytest.mark.parametrize(
    ("cell", "label"),
    [("", ()), ("no", ()), ("FALSE", ()), ("yes", ("baked",)), ("Baked", ("baked",)),
     ("unknown", ("unknown",))],
)  # fmt: skip
def test_true_or_false(cell, label):
    heat = "fierce" if label == ("baked",) else "cold kitchen"
    assert read(table(ROW | {"Baked": cell, "Heat": heat}))[0].labels["baked"] == label


def test_the_opposite_of_a_true_or_false_category_is_false():
    fail = load_taxonomy("fail")
    (incident,) = read(table({"id": 1, "text": "A text.", "cps": "digital"}), fail)
    assert incident.labels == {"cps": ()}


def test_rows_with_one_id_are_the_articles_of_one_incident():
    other = {"id": "pie", "text": "A pie."}
    rows = ROW, ROW | other, ROW | {"text": "More of it.", "article": "x"}
    cake, pie = read(table(*rows))
    assert [(a.id, a.text[:4]) for a in cake.articles] == [("cake-1", "Plum"), ("x", "More")]
    assert pie.articles[0].text == "A pie."


def test_articles_of_one_incident_have_one_label():
    message = refused(table(ROW, ROW | {"text": "More.", "Diet": "vegan"}))
    assert "row 3: diet is not as in row 2" in message


def test_annotators_who_agree():
    rows = (ROW | {"annotator": name, "notes": name.upper()} for name in ("ann", "bob"))
    (incident,) = read(table(*rows))
    assert len(incident.articles) == 1
    assert incident.annotators == {"ann": incident.labels, "bob": incident.labels}
    assert incident.notes == "ann: ANN\nbob: BOB"


def test_annotators_who_differ_need_a_row_that_decides():
    rows = [ROW | {"annotator": "ann"}, ROW | {"annotator": "bob", "Diet": "vegan"}]
    message = refused(table(*rows))
    assert "the labels differ: diet (ann: meat, vegan_with_changes; bob: vegan)" in message
    assert "add a row without an annotator" in message
    (incident,) = read(table(*rows, ROW | {"annotator": "", "Diet": "meat"}))
    assert incident.labels["diet"] == ("meat",)
    assert incident.annotators["bob"]["diet"] == ("vegan",)


def test_one_text_with_two_titles():
    rows = [ROW | {"annotator": n, "title": n} for n in ("ann", "bob")]
    assert "row 3: has the text of row 2 and another title" in refused(table(*rows))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"Diet": "meat|veggan"}, "row 2, column 'Diet': 'veggan' is no option of diet (did you "),
        ({"Diet": "x"}, "'x' is no option of diet. Write meat, vegan, vegan_with_changes, unkno"),
        ({"Diet": " "}, "row 2, column 'Diet': diet is empty"),
        ({"Diet": "unknown|meat"}, "meat, unknown cannot stand together"),
        ({"Baked": "no|baked"}, "baked, no cannot stand together"),
        ({"Garnish": ""}, "row 2: garnish is empty, and course is dessert"),
        ({"text": " "}, "row 2: text is ' '"),
        ({"Diet": "meat|" * 2001}, "has 10005 characters, and options have 10000 at most"),
        ({"id": ""}, "row 2: 'id' is empty"),
        ({"published": "2/3/2020"}, "published is '2/3/2020'. Write YYYY-MM-DD"),
    ],
)  # fmt: skip
def test_wrong_cells(change, says):
    assert says in refused(table(ROW | change))


def test_every_wrong_row_and_cell_is_told():
    message = refused(table(ROW | {"Diet": "x", "Course": "y"}, ROW, ROW | {"Heat": "z"}))
    assert [line[:15] for line in message.splitlines()] == [
        "gold.csv: row 2",
        "gold.csv: row 2",
        "gold.csv: row 4",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,text,Diet,Diat\n", "'Diat' is no column that is known (did you mean diet?)"),
        ("id,text,Diet,diet\n", "has diet twice"),
        ("id,Diet\n1,meat\n", "lacks text"),
        ("id,text\n1,meat\n", "lacks a column for a category"),
        ("id,text,Diet\n", "has no rows"),
        ("id,text,Diet\n1,A\n", "row 2: has 2 cells, and the header has 3"),
        ('id,text,Diet\n1,"A,meat\n', "not CSV (unexpected end of data)"),
        ("", "is empty"),
        (b"PK\0\0", "looks binary"),
    ],
)
def test_wrong_tables(text, says):
    assert says in refused(text)


def test_formulas_are_text_and_big_cells_are_read():
    limit = csv.field_size_limit()
    formula = '=HYPERLINK("https://example.org")' + "a" * 200_000
    (incident,) = read(table(ROW | {"id": "@SUM(A1)", "text": formula}))
    assert (incident.id, incident.articles[0].text) == ("@SUM(A1)", formula)
    assert csv.field_size_limit() == limit


def test_what_is_read_can_be_kept(tmp_path):
    rows = (ROW | {"annotator": n, "notes": "A\u2028B: #"} for n in ("ann", "b: {", "no"))
    (incident,) = read(table(*rows))
    save_gold(incident, tmp_path / "cake.yaml")
    assert load_gold(tmp_path).incidents == (incident,)


def test_blank_rows_are_no_rows():
    assert len(read(table(ROW) + ",,,,,,\r\n\r\n")) == 1


VISIBLE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.just("\n"))


@given(
    VISIBLE.filter(lambda text: not is_blank(text)),
    st.lists(st.sampled_from(RECIPES.categories["diet"].names), min_size=1),
    st.sampled_from(",;\t"),
    st.sampled_from("|;,"),
)
def test_what_is_written_is_read(text, diet, delimiter, between):
    (incident,) = read(table(ROW | {"text": text, "Diet": between.join(diet)}, delimiter=delimiter))
    assert incident.articles[0].text == clean(text)
    assert set(incident.labels["diet"]) == set(diet)


@given(st.text(st.sampled_from('id,text;Diet\t\n\r"|meat\ufeff'), max_size=60))
def test_any_text_ends_in_gold_or_an_error(text):
    assert outcome("id,text,Diet\n" + text)
