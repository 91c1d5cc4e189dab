"""Label Studio's export as gold: choices, marked passages, several people. Texts are invented."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.errors import ConfigurationError, InputError
from eval.importing import read_label_studio
from tests.scripted import recipes

RECIPES = recipes()
TEXT = "🍰 Plums,  and cream!\nIt has lard. Serve it “hot”."
CHOSEN = {"course": ["dessert"], "diet": ["meat"], "garnish": ["fruit"], "baked": []}


def choice(name, options):
    value = {"choices": options}
    return {"from_name": name, "to_name": "text", "type": "choices", "value": value}


def span(start, end, text, label, name="diet_quotes", kind="labels"):
    value = {"start": start, "end": end, kind: [label]} | ({} if text is None else {"text": text})
    return {"from_name": name, "to_name": "text", "type": kind, "value": value}


def annotation(*more, by=1, id_=11, cancelled=False, truth=False, **chosen):
    result = [choice(n, o) for n, o in (CHOSEN | chosen).items() if o]
    return {
        "id": id_,
        "completed_by": by,
        "result": [*result, *more],
        "was_cancelled": cancelled,
        "ground_truth": truth,
        "lead_time": 3.5,
    }


def task(*annotations, id_=5, **data):
    given = {"id": "cake", "text": TEXT, "title": "Cake"} | data
    return {"id": id_, "data": given, "annotations": list(annotations), "predictions": []}


def read(*tasks, categories=()):
    return read_label_studio(json.dumps(tasks).encode(), "out/export.json", RECIPES, categories)


def one(*annotations, **data):
    (incident,) = read(task(*annotations, **data))
    return incident


def refused(*tasks):
    with pytest.raises(InputError) as error:
        read(*tasks)
    return str(error.value)


def outcome(*tasks):
    """Whether it is gold, or an error that names the file."""
    try:
        return all(incident.labels for incident in read(*tasks))
    except InputError as error:
        return "out/export.json" in str(error)


def test_choices_are_labels():
    incident = one(annotation())
    (article,) = incident.articles
    assert (incident.id, article.id, article.title) == ("cake", "cake", "Cake")
    assert incident.labels == {
        "course": ("dessert",),
        "diet": ("meat",),
        "garnish": ("fruit",),
        "baked": (),
        "heat": None,
    }


def test_a_control_may_be_called_by_the_label_and_options_in_other_case():
    incident = one(annotation(choice("Diet", ["Vegan with changes"]), diet=[]))
    assert incident.labels["diet"] == ("vegan_with_changes",)


@pytest.mark.parametrize(
    ("by", "name"),
    [(3, "3"), ({"id": 3, "email": "a@example.org"}, "a@example.org"), ({"id": 3}, "3"),
     ("b@example.org", "b@example.org"), (None, "annotation 11")],
)  # fmt: skip
def test_annotators(by, name):
    incident = one(annotation(by=by))
    assert incident.annotators == {name: incident.labels}


def test_a_task_without_an_id_of_its_own_is_called_after_the_file():
    assert one(annotation(), id=None).id == "export-5"


def test_several_articles_in_one_task():
    parts = [{"id": "a", "text": TEXT}, {"id": "b", "text": "More of it."}]
    incident = one(annotation(span(None, None, "More", "meat")), articles=parts)
    assert [a.id for a in incident.articles] == ["a", "b"]
    assert incident.reasons["diet"]["meat"].quotes == ("More",)


@pytest.mark.parametrize(
    ("marked", "quote"),
    [
        (span(3, 8, "Plums", "meat"), "Plums"),  # 🍰 is two units, one character
        (span(3, 8, None, "meat"), "Plums"),
        (span(2, 7, "Plums", "meat"), "Plums"),  # counted in characters: the text decides
        (span(3, 20, "Plums, and cream!", "meat"), "Plums,  and cream!"),  # as shown
        (span(10, 24, "and cream!\\nIt", "meat"), "and cream!\nIt"),
        (span(0, 2, "🍰", "meat"), "🍰"),
        (span("/p[1]/text()[1]", "/p[1]/text()[1]", 'it "hot"', "meat", kind="hypertextlabels"),
         "it “hot”"),
        (span(3, 8, "Plums", "diet: meat", name="evidence"), "Plums"),
        (span(3, 8, "Plums", "Diet/Meat", name="evidence"), "Plums"),
    ],
)  # fmt: skip
def test_marked_passages_are_quotes(marked, quote):
    incident = one(annotation(marked))
    assert incident.reasons["diet"]["meat"].quotes == (quote,)
    assert quote in incident.articles[0].text


def test_a_choice_for_a_region_is_a_choice_and_a_quote():
    region = choice("diet", ["meat"])
    region["value"] |= {"start": 3, "end": 8, "text": "Plums"}
    incident = one(annotation(region, diet=[]))
    assert incident.labels["diet"] == ("meat",)
    assert incident.reasons["diet"]["meat"].quotes == ("Plums",)


def test_remarks_are_notes_and_other_controls_say_nothing():
    remark = {"from_name": "notes", "type": "textarea", "value": {"text": ["Not", "sure."]}}
    doubt = {"from_name": "doubt", "type": "textarea", "value": {"text": "A little."}}
    relation = {"from_id": "x", "to_id": "y", "type": "relation", "value": None}
    assert one(annotation(remark, doubt, relation)).notes == "Not\nsure.\ndoubt: A little."


def test_cancelled_annotations_are_left():
    incident = one(annotation(id_=1, diet=["vegan"], by=2, cancelled=True), annotation())
    assert incident.labels["diet"] == ("meat",)
    assert list(incident.annotators) == ["1"]


def test_people_who_agree():
    marked = span(3, 8, "Plums", "meat"), span(3, 8, "Plums", "meat")
    incident = one(annotation(marked[0]), annotation(marked[1], by=2, id_=12))
    assert incident.annotators == {"1": incident.labels, "2": incident.labels}
    assert incident.reasons["diet"]["meat"].quotes == ("Plums",)


def test_people_who_differ_are_told_and_not_outvoted():
    others = (annotation(by=n, id_=n) for n in (2, 3))
    message = refused(task(annotation(diet=["vegan"]), *others))
    assert "task 5: the labels differ: diet (1: vegan; 2: meat; 3: meat)" in message
    assert "ground truth" in message


def test_the_ground_truth_decides():
    incident = one(annotation(diet=["vegan"]), annotation(by=2, truth=True))
    assert incident.labels["diet"] == ("meat",)
    assert incident.annotators["1"]["diet"] == ("vegan",)


def test_one_person_twice():
    twice = annotation(diet=["vegan"]), annotation(by=1), annotation(by=2, truth=True)
    assert "'1' labelled it twice and differently" in refused(task(*twice))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (annotation(diet=["mete"]), "'mete' is no option of diet (did you mean meat?)"),
        (annotation(diet=[]), "annotation 11: diet is empty. Write one or more of meat"),
        (annotation(garnish=[]), "garnish is empty, and course is dessert"),
        (annotation(diet=["meat", "unknown"]), "meat, unknown cannot stand together"),
        (annotation(choice("diat", ["meat"])), "'diat' is no category that is asked (did you mean"),
        (annotation(span(3, 8, "Plums", "vegan")), "'Plums' is marked as vegan, which is not chos"),
        (annotation(span(3, 8, "Pears", "meat")), "passage 'Pears' stands in no article"),
        (annotation(span(3, 8, "Plums", "x", name="y")), "'y' is no category that is asked"),
        (annotation(span(3, 8, "Plums", ["meat"])), "'diet_quotes' has no list of labels"),
        (annotation({"from_name": "diet", "type": "rating", "value": {"rating": 3}}),
         "diet is answered with 'rating'"),
        (annotation(cancelled=True), "has no annotation that counts"),
    ],
)  # fmt: skip
def test_wrong_annotations(wrong, says):
    assert says in refused(task(wrong))


@pytest.mark.parametrize(
    ("tasks", "says"),
    [
        ([], "must be a list of tasks"),
        ([task(annotation(), text="/data/upload/1/cake.txt")], "the text is an address"),
        ([task(annotation(), text="")], "task 5: data: text is ''"),
        ([task(annotation()), task(annotation())], "two tasks have the id 'cake'"),
        ([{"id": 1, "text": TEXT, "diet": "meat", "annotator": 1}], "[0]: data: Field required"),
        (["cake"], "[0]: the task: "),
        ([task("cake")], "[0]: annotations.0: "),
    ],
)
def test_wrong_exports(tasks, says):
    assert says in refused(*tasks)


def test_a_project_that_asks_only_some_categories():
    (incident,) = read(task(annotation()), categories=list(CHOSEN))
    assert list(incident.labels) == ["course", "diet", "garnish", "baked"]
    with pytest.raises(ConfigurationError, match="'diat' is no category of recipes"):
        read(task(annotation()), categories=["diat"])


def test_twenty_mistakes_are_enough():
    message = refused(*(task(id_=n) for n in range(50)))
    assert len(message.splitlines()) == 21


def test_hostile_files():
    for data in (b"[" * 100_000, b"[1", b"\0\1\2", b'[{"id":' + b"9" * 5000 + b"}]", b"{}"):
        with pytest.raises(InputError, match="export"):
            read_label_studio(data, "export.json", RECIPES)


KEYS = st.sampled_from(["from_name", "type", "value", "choices", "labels", "start", "text", "id"])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(JUNK, JUNK, st.sampled_from(["choices", "labels", "textarea", "hypertextlabels"]))
def test_whatever_stands_in_a_result_ends_in_gold_or_an_error(value, name, kind):
    result = {"from_name": name, "type": kind, "value": value}
    assert outcome(task(annotation(result, by=value)))
