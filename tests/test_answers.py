import json

import pytest

from classifier.answers import UnusableAnswerError, read_object, read_typed, typed_schema
from classifier.models.structured import strict
from classifier.taxonomy import Category, load_taxonomy
from tests.scripted import option, recipes, typed

RECIPES = recipes()
METHOD = RECIPES.methods["hosted"]
DIET, COURSE, BAKED = (RECIPES.categories[n] for n in ("diet", "course", "baked"))


def read(category, given):
    return read_typed({category.name: given}, category, METHOD)


def refused(category, given):
    with pytest.raises(UnusableAnswerError) as error:
        read(category, given)
    return str(error.value)


def test_a_fitting_answer_is_read():
    given = {**typed(DIET, "meat"), "meat": option(True, " a duck ", "", rationale=" It quacks. ")}
    answer = read(DIET, given)
    assert (answer.applied, answer.unknown, answer.failure) == (("meat",), False, None)
    assert (answer.options[0].quotes, answer.options[0].rationale) == (("a duck",), "It quacks.")


def test_unknown_is_read():
    assert read(DIET, typed(DIET)).unknown


def test_a_true_or_false_category_may_be_false():
    answer = read(BAKED, {**typed(BAKED), "unknown": False})
    assert (answer.applied, answer.unknown) == ((), False)


def test_unknown_beside_an_option_is_refused():
    assert "unknown is true although meat applies" in refused(
        DIET, {**typed(DIET, "meat"), "unknown": True}
    )


def test_two_options_of_a_category_that_takes_one_are_refused():
    assert "only one option may apply" in refused(COURSE, typed(COURSE, "main", "dessert"))


def test_a_missing_category_is_named():
    with pytest.raises(UnusableAnswerError, match="'diet' is missing"):
        read_typed({}, DIET, METHOD)


def test_a_missing_option_is_named():
    given = typed(DIET, "meat")
    del given["vegan"]
    assert "vegan: Field required" in refused(DIET, given)


@pytest.mark.parametrize("place", ["category", "option"])
def test_an_extra_key_is_refused(place):
    given = typed(DIET, "meat")
    (given if place == "category" else given["meat"])["extra"] = 1
    assert "extra" in refused(DIET, given)


def test_the_names_of_our_own_fields_are_extra_keys():
    assert "o0" in refused(DIET, {**typed(DIET), "o0": option()})


@pytest.mark.parametrize("value", ["true", 1, None, [True]])
def test_a_truth_value_is_a_boolean(value):
    assert "applies" in refused(DIET, {**typed(DIET), "meat": {**option(), "applies": value}})


def test_more_quotes_than_allowed_are_refused():
    assert "at most 2" in refused(DIET, {**typed(DIET), "meat": option(True, "a", "b", "c")})


def test_a_rationale_much_longer_than_asked_is_refused():
    assert "at most 400" in refused(DIET, {**typed(DIET), "meat": option(rationale="a" * 401)})


def test_half_a_character_is_refused():
    with pytest.raises(UnusableAnswerError, match="surrogates"):
        read_object(r'{"a": "\ud800"}')
    assert read_object(r'{"a": "\ud83d\ude00"}') == {"a": "😀"}


def test_what_was_not_asked_is_not_read():
    value = {"diet": typed(DIET, "meat"), "course": "nonsense"}
    assert read_typed(value, DIET, METHOD).applied == ("meat",)


def test_the_error_stays_short_whatever_the_answer_holds():
    given = {**typed(DIET), **{"x" * 10_000 + str(n): n for n in range(50)}}
    assert len(refused(DIET, given)) < 1000


@pytest.mark.parametrize("text", ["", "no", "{", "[1]", "null", '"a"', "[" * 100_000, "1" * 5000])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(UnusableAnswerError, match="JSON") as error:
        read_object(text)
    assert len(str(error.value)) < 200


def test_a_huge_object_is_read():
    assert len(read_object(json.dumps({str(n): "x" * 100 for n in range(10_000)}))) == 10_000


@pytest.mark.parametrize("name", ["fail", "recipes"])
def test_the_schema_passes_strict_mode_unchanged_in_shape(name):
    taxonomy = load_taxonomy("fail") if name == "fail" else RECIPES
    schema = strict(typed_schema(list(taxonomy.categories.values()), METHOD))
    assert list(schema["properties"]) == schema["required"] == list(taxonomy.categories)
    objects = [d for d in schema["$defs"].values() if d["type"] == "object"]
    assert all(d["additionalProperties"] is False for d in objects)
    assert all(d["required"] == list(d["properties"]) for d in objects)


def test_every_reference_of_the_schema_leads_somewhere():
    text = json.dumps(schema := typed_schema(list(RECIPES.categories.values()), METHOD))
    names = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert names == set(schema["$defs"])


def test_the_schema_has_the_options_in_order_with_unknown_last():
    schema = typed_schema([DIET], METHOD)
    assert list(schema["$defs"]["diet"]["properties"]) == [*DIET.names, "unknown"]
    assert list(schema["$defs"]["Option"]["properties"]) == ["quotes", "rationale", "applies"]


def test_the_schema_is_the_same_each_time():
    twice = [json.dumps(typed_schema([DIET, COURSE], METHOD)) for _ in range(2)]
    assert twice[0] == twice[1]


@pytest.mark.parametrize("name", ["Option", "Answers", "model_config", "_Strict", "schema", "copy"])
def test_no_name_of_a_category_or_option_gets_in_the_way(name):
    name = name.lstrip("_")
    given = {"letter": "a", "definition": "x"}
    category = Category(name=name, label="x", question="x", options=[{"name": name, **given}])  # pyright: ignore
    schema = typed_schema([category, DIET], METHOD)
    assert list(schema["properties"]) == [name, "diet"]
    assert read(category, {name: option(True), "unknown": False}).applied == (name,)
