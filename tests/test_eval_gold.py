import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from classifier.errors import ClassifierError, ConfigurationError, InputError
from classifier.records import Article
from classifier.taxonomy.yaml_lines import read_yaml
from eval.gold import GoldIncident, GoldReason, load_gold, save_gold, to_yaml

YAML = """\
id: pie
articles:
  - id: pie-1
    published: 2019-02-13
    text: |-
      The pie is baked.

      It is served last.
labels:
  course: [dessert]
  baked: []
  heat: null
reasons:
  course:
    dessert: {rationale: It comes last., quotes: [served last]}
"""


def write(folder: Path, text: str = YAML, name: str = "pie.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path, kind: type[ClassifierError] = InputError) -> str:
    with pytest.raises(kind) as caught:
        load_gold(path)
    return str(caught.value).replace(str(path if path.is_dir() else path.parent), "GOLD")


def test_a_file_says_articles_labels_and_reasons(tmp_path):
    [incident] = load_gold(write(tmp_path)).incidents
    assert incident.articles[0].text == "The pie is baked.\n\nIt is served last."
    assert incident.articles[0].published == date(2019, 2, 13)
    assert incident.labels == {"course": ("dessert",), "baked": (), "heat": None}
    assert incident.reasons["course"]["dessert"].quotes == ("served last",)


def test_the_incident_is_what_a_model_may_see(tmp_path):
    [gold] = load_gold(
        write(tmp_path, YAML.replace("id: pie-1", "id: 7\n    title: Pie"))
    ).incidents
    assert gold.incident.model_dump(include={"id", "title"}) == {"id": "pie", "title": "Pie"}
    assert gold.incident.articles[0].id == "7"


def test_a_folder_is_read_by_id_and_its_other_files_are_let_be(tmp_path):
    write(tmp_path, YAML, "a.yml")
    write(tmp_path, json.dumps({"id": "ale", **plain()}), "b.json")
    write(tmp_path, "about", "README.md")
    write(tmp_path, "junk", ".hidden.yaml")
    gold = load_gold(tmp_path)
    assert [i.id for i in gold.incidents] == ["ale", "pie"]
    assert gold.files["ale"].endswith("b.json")
    assert [i.id for i in gold.only({"pie", "none"}).incidents] == ["pie"]


def plain(**changes: object) -> dict[str, object]:
    return {"articles": [{"id": "1", "text": "Ale."}], "labels": {"baked": ["baked"]}, **changes}


def test_keys_of_published_gold_are_ignored(tmp_path):
    extra = {"id": 5, "published": "2019-02-13", "fail_gpt35": {"baked": None}}
    [incident] = load_gold(write(tmp_path, json.dumps(extra | plain()), "a.json")).incidents
    assert incident.id == "5"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "labels:",
            "lables:",
            "lables is no key of gold; allowed are id, articles, labels, and perhaps reasons",
        ),
        ("id: pie\n", "", "GOLD/pie.yaml:1: id is missing, and must be a name of 1 to 200"),
        (
            "2019-02-13",
            "soon",
            "GOLD/pie.yaml:4: articles[0].published is 'soon', and must be a day",
        ),
        (
            "[dessert]",
            "dessert",
            "GOLD/pie.yaml:10: labels.course is 'dessert', and must be a list",
        ),
        ("[dessert]", "[no]", "GOLD/pie.yaml:10: labels.course[0] is False, and must be the name"),
        (
            "  course: [dessert]",
            "  7: [a]",
            "GOLD/pie.yaml:9: labels[7]: the key is not text; put it in quotes",
        ),
        (
            "rationale:",
            "why:",
            "reasons.course.dessert.why is no key of gold; allowed are rationale",
        ),
        ("reasons:", "reason:", "GOLD/pie.yaml:13: reason is no key of gold; allowed are id, "),
        ("baked: []", "course: []", "GOLD/pie.yaml:11: the key 'course' is given twice"),
        ("id: pie\n", "id: pie\n7: 8\n", "[7]: the key is not text; put it in quotes"),
        ("baked: []", "baked: [", "GOLD/pie.yaml:13: not valid YAML"),
        ("id: pie\n", "id: &x pie\nnotes: *x\n", "GOLD/pie.yaml:2: the alias *x is not allowed"),
        ("baked: []", "baked: " + "[" * 30 + "]" * 30, "nested deeper than 20 levels"),
        ("baked: []", "baked: !!python/name:os.system []", "could not determine a constructor"),
        ("    text: |-", "  - id: pie-1\n    text: |-", "articles[0].text is missing"),
    ],
)
def test_a_mistake_in_yaml_is_named_with_its_line(tmp_path, old, new, message):
    assert message in refused(write(tmp_path, YAML.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": {}, "articles": None, "id": None}, "(2 more mistakes there)."),
        ({"labels": {}}, "a.json: labels is empty, and must be a mapping of category to a list"),
        ({"articles": []}, "a.json: articles is empty, and must be a list of at least one article"),
        ({"articles": None}, "a.json: articles is None, and must be a list"),
        ({"articles": [{"id": "1", "text": ""}]}, "a.json: articles[0].text is '', and must be"),
        ({"articles": [{"id": "1", "text": "\ud800"}]}, "a.json: articles[0].text is"),
        ({"articles": [{"id": "1", "text": "a"}] * 2}, "the article id '1' is given twice"),
        (
            {"annotators": {"ann": {"baked": "x"}}},
            "annotators.ann.baked is 'x', and must be a list",
        ),
        (
            {"notes": None, "id": None},
            "id is None, and must be a name of 1 to 200 characters (1 more",
        ),
    ],
)
def test_a_mistake_in_json_is_one_sentence(tmp_path, changes, message):
    told = refused(write(tmp_path, json.dumps({"id": "a"} | plain(**changes)), "a.json"))
    assert message in told
    assert told.endswith(".")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"id": "a", "id": "b"}', "a.json: the key 'id' is given twice"),
        ('{"id": "a",\n "labels" 3}', "a.json: line 2, column 11: not JSON"),
        ("[1, 2]", "a.json: holds a list of 2, and gold is a mapping with id, articles, labels"),
        ('{"id": "a", "labels": {"x": null}}', "a.json: articles is missing, and must be a list"),
        (
            '{"id": "a", "articles": [{"id": 1, "text": "x"}]}',
            "a.json: labels is missing, and must be a mapping of category to a list of options",
        ),
        ("[" * 100_000, "a.json: is nested too deeply"),
        ('{"id": ' + "9" * 5000 + "}", "a.json: Exceeds the limit"),
    ],
)
def test_a_file_that_is_no_gold(tmp_path, text, message):
    assert message in refused(write(tmp_path, text, "a.json"))


def test_an_empty_or_binary_file(tmp_path):
    assert "pie.yaml: is empty, and gold is a mapping" in refused(write(tmp_path, ""))
    (tmp_path / "pie.yaml").write_bytes(b"\xff\xfe\x00")
    assert refused(tmp_path / "pie.yaml") == "GOLD/pie.yaml: is not UTF-8 text. Save it as UTF-8."


def test_nothing_to_read(tmp_path):
    allowed = "Give a folder of .yaml, .yml, .json files, one incident a file, or one such file."
    assert refused(tmp_path) == f"GOLD: holds no gold. {allowed}"
    assert refused(tmp_path / "x.yaml") == f"GOLD/x.yaml: no such file or folder. {allowed}"
    assert (
        refused(write(tmp_path, "x", "a.txt")) == f"GOLD/a.txt: is no gold by its name. {allowed}"
    )


def test_two_incidents_with_one_id(tmp_path):
    write(tmp_path, YAML, "b.yaml")
    write(tmp_path, YAML, "a.yaml")
    told = "Two incidents have the id 'pie': GOLD/a.yaml and GOLD/b.yaml. Give each its own id."
    assert refused(tmp_path) == told


def test_the_fingerprint_knows_texts_and_labels_and_no_order(tmp_path):
    def fingerprint(old: str = "", new: str = "") -> str:
        return load_gold(write(tmp_path, YAML.replace(old, new, 1))).fingerprint

    same = [
        ("course: [dessert]\n  baked: []", "baked: []\n  course: [dessert]"),
        ("last.,", "so.,"),
    ]
    other = [("baked.", "raw."), ("[dessert]", "[main]"), ("[]", "null"), ("id: pie", "id: tart")]
    assert {fingerprint(*change) for change in same} == {fingerprint()}
    assert len({fingerprint(*change) for change in other} | {fingerprint()}) == 5


def test_saved_gold_is_neat(tmp_path):
    text = "The pie:\n\n  is baked. \n\tIt 'is' served – 😀."
    path = tmp_path / "pie.yaml"
    save_gold(gold_of(text, notes="It is said so. " * 9).model_copy(update={"id": "7"}), path)
    written = path.read_text("utf-8")
    assert written.startswith("id: '7'\narticles:\n  - id: pie-1\n    text: |-\n      The pie:\n\n")
    assert "\n        is baked. \n      \tIt 'is' served – 😀.\nlabels:\n" in written
    assert "\n  course: [dessert]\n  baked: []\n  heat: null\n" in written
    assert "\nnotes: >-\n  It is said so." not in written  # a space at its end would be lost
    assert list(tmp_path.iterdir()) == [path]


def test_long_notes_are_folded():
    assert "\nnotes: >-\n  It is so: It is so: " in to_yaml(
        gold_of("a", notes="It is so: " * 20 + "x")
    )


def gold_of(text: str, **more: object) -> GoldIncident:
    labels = {"course": ["dessert"], "baked": [], "heat": None}
    articles = [{"id": "pie-1", "text": text}]
    return GoldIncident.model_validate(
        {"id": "pie", "articles": articles, "labels": labels, **more}
    )


@pytest.mark.parametrize("name", ["pie.json", "pie"])
def test_gold_is_saved_as_yaml_alone(tmp_path, name):
    with pytest.raises(ConfigurationError, match="gold is written as YAML"):
        save_gold(gold_of("a"), tmp_path / name)


def test_gold_that_cannot_be_saved_leaves_what_was_there(tmp_path):
    with pytest.raises(ClassifierError, match=r"pie.yaml: cannot be written \(No such file"):
        save_gold(gold_of("a"), tmp_path / "none" / "pie.yaml")


_PIECES = [*"ab #:-'\"|>\t\n\r {}[]&*!%@`,?\0\a\\", "\x85", "\u2028", "\u2029", "\ufeff", "\ufffe"]
_PIECES += [
    "\xa0",
    "\xad",
    "\u202e",
    "😀",
    "é",
    "\n\n",
    "  ",
    "x: y",
    "- z",
    "---",
    "null",
    "no",
    "1",
]
TEXT = st.lists(st.sampled_from(_PIECES) | st.characters(exclude_categories=["Cs"]), max_size=30)
ANY = TEXT.map("".join)
SOME = TEXT.filter(bool).map("".join)
NAME = ANY.filter(lambda text: 0 < len(text) <= 200)
OPTIONS = st.none() | st.lists(ANY, max_size=2).map(tuple)
ARTICLE = st.builds(
    Article, id=NAME, text=SOME, title=ANY, published=st.none() | st.dates(), source=ANY, url=ANY
)
REASON = st.builds(GoldReason, rationale=ANY, quotes=st.lists(ANY, max_size=2).map(tuple))
INCIDENT = st.builds(
    GoldIncident,
    id=NAME,
    articles=st.lists(ARTICLE, min_size=1, max_size=2, unique_by=lambda a: a.id).map(tuple),
    labels=st.dictionaries(ANY, OPTIONS, min_size=1, max_size=3),
    reasons=st.dictionaries(ANY, st.dictionaries(ANY, REASON, max_size=2), max_size=1),
    annotators=st.dictionaries(ANY, st.dictionaries(ANY, OPTIONS, max_size=1), max_size=1),
    notes=ANY,
)
slow = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@slow
@given(INCIDENT)
@example(gold_of("ends in spaces  \n \n  begins with them\n\n"))
@example(gold_of("\n  begins with a line\u2028and another\x85"))
@example(gold_of("\ttab", notes="\ta\nb"))
def test_saved_gold_loads_back_equal(tmp_path_factory, incident):
    path = tmp_path_factory.mktemp("gold") / "a.yaml"
    save_gold(incident, path)
    assert load_gold(path).incidents == (incident,)


@slow
@given(INCIDENT)
def test_the_fast_reader_reads_what_the_slow_one_reads(tmp_path_factory, incident):
    path = tmp_path_factory.mktemp("gold") / "a.yaml"
    located = read_yaml("a", to_yaml(incident))
    save_gold(incident, path)
    assert located.problems == []
    assert GoldIncident.model_validate(located.data) == load_gold(path).incidents[0]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=9), inner, max_size=2)
    ),
    max_leaves=5,
)


@slow
@given(st.dictionaries(st.sampled_from(["id", *GoldIncident.model_fields, "x"]), VALUES))
def test_whatever_a_file_holds_it_is_gold_or_an_input_error(tmp_path_factory, fields):
    path = write(tmp_path_factory.mktemp("gold"), json.dumps(fields | {"notes": 3}), "a.json")
    with pytest.raises(InputError, match=r"a\.json: "):
        load_gold(path)
