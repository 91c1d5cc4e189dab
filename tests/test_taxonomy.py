import shutil
import time
from pathlib import Path

import pytest

from classifier.errors import ConfigurationError, TaxonomyError
from classifier.resources import data_folder
from classifier.taxonomy import available, check_taxonomy, load_taxonomy
from classifier.taxonomy.yaml_lines import read_yaml

FAIL = {
    "recurring": "one_organization multiple_organization",
    "phase": "design operation",
    "boundary": "within_system outside_system",
    "nature": "non-human_actions human_actions",
    "dimension": "hardware software",
    "objective": "malicious non-malicious",
    "intent": "poor_decisions accidental_decisions",
    "capability": "development_incompetence accidental",
    "duration": "permanent temporary",
    "behaviour": "crash omission timing value byzantine other",
    "perception": "sensor actuator processing_unit network_communication embedded_software",
    "communication": "link_level connectivity_level",
    "application": "application",
    "consequence": "death harm basic property delay non-human no_consequence "
    "theoretical_consequence other",
    "domain": "information transportation natural_resources sales construction manufacturing "
    "utilities finance knowledge health entertainment government other",
    "cps": "cps",
}
LABELS = {
    "recurring": "Recurring",
    "phase": "Phase (Design/Operation)",
    "boundary": "Boundary (Internal/External)",
    "nature": "Nature (Human/Non-human)",
    "dimension": "Dimension (Hardware/Software)",
    "objective": "Objective (Malicious/Non-malicious)",
    "intent": "Intent (Poor/Accidental Decisions)",
    "capability": "Capability (Incompetence/Accidental)",
    "duration": "Duration",
    "behaviour": "Behaviour",
    "consequence": "Consequence",
    "domain": "Domain",
    "perception": "Perception",
    "communication": "Communication",
    "application": "Application",
}


def test_fail_has_the_sixteen_categories_in_the_order_of_the_page():
    assert list(load_taxonomy().categories) == list(FAIL)


@pytest.mark.parametrize("name", FAIL)
def test_fail_has_the_options_and_letters_of_its_paper(name):
    options = load_taxonomy().categories[name].options
    assert [o.name for o in options] == FAIL[name].split()
    assert "".join(o.letter for o in options) == "abcdefghijklm"[: len(options)]


@pytest.mark.parametrize("name", LABELS)
def test_fail_has_the_labels_of_the_page(name):
    assert load_taxonomy().categories[name].label == LABELS[name]


def test_fail_gates_three_categories_on_cps():
    categories = load_taxonomy().categories
    gates = {n: (c.gate.category, c.gate.option) for n, c in categories.items() if c.gate}
    assert gates == dict.fromkeys(["perception", "communication", "application"], ("cps", "cps"))


def test_fail_selects_any_but_in_two_categories():
    categories = load_taxonomy().categories.values()
    assert {c.name for c in categories if c.select == "boolean"} == {"cps", "application"}
    assert {c.select for c in categories} == {"any", "boolean"}


def test_fail_asks_cps_before_what_it_gates():
    first, second = load_taxonomy().waves()
    assert "cps" in {c.name for c in first}
    assert {c.name for c in second} == {"perception", "communication", "application"}


def test_fail_has_other_with_a_specification():
    for name in ("behaviour", "consequence", "domain"):
        assert load_taxonomy().categories[name].option("other").specify


def test_unknown_is_always_allowed():
    assert load_taxonomy().allowed("phase") == ("design", "operation", "unknown")


def test_fail_ships_and_has_no_mistakes():
    assert "fail" in available()
    assert check_taxonomy("fail") == []


HEADER = """\
name: mine
title: lost keys
version: 1
unknown: nobody says
sections:
  - title: Keys
    columns: [A, B, C]
    categories: [place, time]
methods:
  hosted: {decide: typed}
"""
PLACE = """\
name: place
label: Place
question: Where?
options:
  - name: home
    letter: a
    definition: at home
  - name: away
    letter: b
    definition: elsewhere
    excludes: [home]
"""
TIME = """\
name: time
label: Time
question: When?
gate: {category: place, option: home}
options:
  - name: day
    letter: a
    definition: by day
"""


@pytest.fixture
def folder(tmp_path):
    mine = tmp_path / "mine"
    (mine / "categories").mkdir(parents=True)
    shutil.copytree(data_folder("prompts") / "fail" / "wording", mine / "wording")
    (mine / "taxonomy.yaml").write_text(HEADER)
    (mine / "categories" / "place.yaml").write_text(PLACE)
    (mine / "categories" / "time.yaml").write_text(TIME)
    return mine


def edit(folder, file, old, new):
    path = folder / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def found(folder):
    return [
        (Path(p.file).relative_to(folder).as_posix(), p.line, p.message, p.mend)
        for p in check_taxonomy(folder)
    ]


def test_another_taxonomy_needs_no_code(folder):
    assert check_taxonomy(folder) == []
    assert list(load_taxonomy(folder).categories) == ["place", "time"]


PLACE_FILE, TIME_FILE = "categories/place.yaml", "categories/time.yaml"


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "message"),
    [
        (PLACE_FILE, "label: Place", "label: Place\nlabbel: x", 3, "labbel: extra inputs"),
        (PLACE_FILE, "label: Place", "label: Place\nname: place", 3, "'name' is given twice"),
        (PLACE_FILE, "letter: b", "letter: a", 9, "letter 'a' of 'away' is taken by 'home'"),
        (PLACE_FILE, "letter: b", "letter: B", 9, "options.1.letter: string should match"),
        (PLACE_FILE, "    definition: at home\n", "", 5, "options.0.definition: field required"),
        (PLACE_FILE, "definition: at home", "definition: ' '", 7, "should have at least 1"),
        (PLACE_FILE, "excludes: [home]", "excludes: [hom]", 11, "'away' excludes 'hom'"),
        (PLACE_FILE, "excludes: [home]", "excludes: [away]", 11, "'away' excludes 'away'"),
        (PLACE_FILE, "name: away", "name: unknown", 8, "'unknown' is always there"),
        (PLACE_FILE, "name: away", "name: home", 8, "'home' is there twice"),
        (PLACE_FILE, "question: Where?", "question: Where?\nselect: boolean", 5, "true-or-false"),
        (
            PLACE_FILE,
            "question: Where?",
            "question: Where?\nselect: some",
            4,
            "select: input should",
        ),
        (PLACE_FILE, "name: place", "name: spot", 1, "'spot' is not the file's"),
        (TIME_FILE, "option: home", "option: hotel", 4, "leads to nothing: place.hotel"),
        (TIME_FILE, "category: place", "category: plac", 4, "leads to nothing: plac.home"),
        (
            TIME_FILE,
            "category: place, option: home",
            "category: time, option: day",
            4,
            "leads back",
        ),
        (TIME_FILE, "name: day", "name: no", 6, "YAML reads it as False"),
        (TIME_FILE, "name: day", "name: on", 6, "YAML reads it as True"),
        (TIME_FILE, "name: day", "name: 12", 6, "YAML reads it as 12"),
        (TIME_FILE, "name: day", "name: 2024-01-02", 6, "YAML reads it as datetime.date"),
        (TIME_FILE, "name: day", "name: 2024-13-45", 1, "not valid YAML: month must be"),
        (TIME_FILE, "name: day", "name: ~", 6, "YAML reads it as None"),
        (TIME_FILE, "name: day", "name: [a]", 6, "YAML reads it as ['a']"),
        (TIME_FILE, "name: day", "name: day one", 6, "options.0.name: string should match"),
        (TIME_FILE, "label: Time", "no: 1", 1, "label: field required"),
        (TIME_FILE, "label: Time", "? [a, b]\n: 1", 2, "not valid YAML"),
        (TIME_FILE, "label: Time", "label: [", 3, "not valid YAML"),
        (TIME_FILE, "label: Time", "label: &x Time\nquestion: *x", 3, "alias *x"),
        (TIME_FILE, "label: Time", "\tlabel: Time", 2, "not valid YAML"),
        (TIME_FILE, "label: Time", "label: !!python/object:os.x {}", 2, "not valid YAML"),
        (TIME_FILE, "label: Time", "label: Ti\x07me", 1, "not valid YAML"),
        ("taxonomy.yaml", "[place, time]", "[place, tim]", 8, "no known category: 'tim'"),
        ("taxonomy.yaml", "[place, time]", "[place, time, place]", 8, "'place' is listed twice"),
        ("taxonomy.yaml", "version: 1", "version: 0", 3, "version: input should be greater"),
        ("taxonomy.yaml", "decide: typed", "decide: guess", 10, "methods.hosted.decide"),
        ("taxonomy.yaml", "hosted:", "1x:", 10, "should match pattern"),
        ("wording/score.jinja", "", "{{ categori.name }}\n", 1, "fills the variable 'categori'"),
        ("wording/score.jinja", "", "\n{{ category.nam }}", 2, "cannot be filled"),
        ("wording/score.jinja", "", "\n{% if %}", 2, "syntax:"),
        ("wording/score.jinja", "", "\n{{ category|upperr }}", 2, "syntax: No filter"),
        ("wording/score.jinja", "", "\n\n{% include 'x' %}", 3, "cannot be filled"),
        ("wording/score.jinja", "", "{{ category.__class__.__mro__ }}", 1, "cannot be filled"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(folder, file, old, new, line, message):
    edit(folder, file, old, new)
    problems = found(folder)
    where = [(f, n) for f, n, text, _ in problems if message in text]
    assert (file, line) in where, problems
    assert all(mend for *_, mend in problems)
    with pytest.raises(TaxonomyError, match=r"(?m)^/"):
        load_taxonomy(folder)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words\n", "3\n"])
@pytest.mark.parametrize("file", ["taxonomy.yaml", PLACE_FILE])
def test_a_file_that_is_no_mapping(folder, file, text):
    (folder / file).write_text(text)
    name = file.rsplit("/", 1)[-1]
    assert (file, 1, f"{name}: not a mapping of keys to values") in [p[:3] for p in found(folder)]


@pytest.mark.parametrize("file", ["taxonomy.yaml", PLACE_FILE, "wording/score.jinja"])
def test_a_file_that_is_no_text(folder, file):
    (folder / file).write_bytes(b"name: \xff\xfe")
    assert any(f == file and "cannot be read" in m for f, _, m, _ in found(folder))


def test_a_missing_template(folder):
    (folder / "wording" / "score.jinja").unlink()
    assert [p[:3] for p in found(folder)] == [
        ("wording/score.jinja", 1, "the template 'score' is missing")
    ]


def test_a_question_for_the_state_needs_the_beginning_of_its_answer(folder):
    (folder / "wording" / "state_start.jinja").unlink()
    assert [p[:3] for p in found(folder)] == [
        ("wording/state_start.jinja", 1, "the template 'state_start' is missing")
    ]
    (folder / "wording" / "state.jinja").unlink()
    assert found(folder) == []


@pytest.mark.parametrize(
    "file", ["wording/poem.jinja", "wording/score.j2", "wording/x.txt", "categories/x.yml"]
)
def test_a_file_that_nothing_reads(folder, file):
    (folder / file).write_text("hello")
    assert [(f, n) for f, n, *_ in found(folder)] == [(file, 1)]


@pytest.mark.parametrize("file", ["wording/README.md", "categories/._place.yaml", ".DS_Store"])
def test_notes_and_hidden_files_are_passed_over(folder, file):
    (folder / file).write_bytes(b"\xff")
    assert found(folder) == []


def test_no_categories(folder):
    shutil.rmtree(folder / "categories")
    assert any("has no categories" in m for _, _, m, _ in found(folder))


def test_a_category_in_no_section_is_asked_and_last(folder):
    edit(folder, "taxonomy.yaml", "[place, time]", "[time]")
    assert list(load_taxonomy(folder).categories) == ["time", "place"]


def test_a_category_in_two_sections_is_named_in_both(folder):
    more = "  - {title: More, columns: [A, B, C], categories: [time]}\nmethods:"
    edit(folder, "taxonomy.yaml", "methods:", more)
    assert [p[:3] for p in found(folder)] == [
        ("taxonomy.yaml", n, "category 'time' is listed twice") for n in (8, 9)
    ]


def test_a_circle_of_gates(folder):
    gate = "question: Where?\ngate: {category: time, option: day}"
    edit(folder, PLACE_FILE, "question: Where?", gate)
    assert {(f, n) for f, n, *_ in found(folder)} == {(PLACE_FILE, 4), (TIME_FILE, 4)}


def test_mistakes_in_several_files_are_named_in_one_go(folder):
    edit(folder, PLACE_FILE, "label: Place", "labbel: Place")
    edit(folder, TIME_FILE, "letter: a", "letter: a\n    excludes: [night]")
    edit(folder, "taxonomy.yaml", "[place, time]", "[place, tim]")
    edit(folder, "wording/reask.jinja", "error", "eror")
    files = [f for f, *_ in found(folder)]
    assert files.count(PLACE_FILE) == 2
    assert {TIME_FILE, "taxonomy.yaml", "wording/reask.jinja"} < set(files)
    assert len(files) == 5


def test_a_broken_category_is_not_reported_as_missing(folder):
    edit(folder, PLACE_FILE, "label: Place", "label: [")
    assert {f for f, *_ in found(folder)} == {PLACE_FILE}


def test_problems_name_files_as_the_folder_was_given(folder, monkeypatch):
    edit(folder, PLACE_FILE, "letter: b", "letter: a")
    edit(folder, "wording/reask.jinja", "error", "eror")
    monkeypatch.chdir(folder.parent)
    shown = [str(p).split(": ")[0] for p in check_taxonomy("mine")]
    assert shown == ["mine/categories/place.yaml:9", "mine/wording/reask.jinja:1"]


def bomb(levels):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize("text", [bomb(12), "[" * 50_000, "{a: " * 50_000, "- " * 50_000])
def test_a_yaml_bomb_is_refused_at_once(text):
    begun = time.perf_counter()
    assert len(read_yaml("x.yaml", text).problems) == 1
    assert time.perf_counter() - begun < 3


@pytest.mark.parametrize("name", ["nothing", "", "\0", "/etc"])
def test_a_taxonomy_that_is_not_there(name):
    with pytest.raises(ConfigurationError, match=r"Allowed: .*fail"):
        load_taxonomy(name)


@pytest.mark.parametrize("file", ["taxonomy.yaml", PLACE_FILE])
def test_the_digest_changes_with_any_content(folder, file):
    before = load_taxonomy(folder)
    (folder / file).write_text((folder / file).read_text() + "# more\n")
    after = load_taxonomy(folder)
    assert before.sha256 != after.sha256
    assert before.wording_sha256 == after.wording_sha256


def test_the_digest_of_the_wording_changes_with_its_content(folder):
    before = load_taxonomy(folder)
    edit(folder, "wording/reask.jinja", "again", "once more")
    after = load_taxonomy(folder)
    assert before.sha256 == after.sha256
    assert before.wording_sha256 != after.wording_sha256


def test_the_digests_do_not_depend_on_place_or_order_of_files(folder, tmp_path):
    other = tmp_path / "other"
    files = sorted((f for f in folder.rglob("*") if f.is_file()), reverse=True)
    for file in files:
        target = other / file.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    one, two = load_taxonomy(folder), load_taxonomy(other)
    assert (one.sha256, one.wording_sha256) == (two.sha256, two.wording_sha256)


def test_a_byte_order_mark_is_passed_over(folder):
    for file in ("taxonomy.yaml", "wording/reask.jinja"):
        (folder / file).write_bytes(b"\xef\xbb\xbf" + (folder / file).read_bytes())
    assert "\ufeff" not in load_taxonomy(folder).wording["reask"]
