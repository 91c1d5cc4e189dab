import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier.errors import InputError
from classifier.records import ConfidenceOrigin, Usage
from classifier.render.json import to_json
from eval.prediction_files import load_predictions, load_stored_answers
from eval.predictions import EvidenceCount, Predictions, from_reports
from tests.reports import CLOSED, FAIL, FAILED, answered, found, full, lost, quoted, report

FAIL31 = Path(__file__).parent.parent.parent / "shared" / "fail31" / "taxonomy"
slow = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def line(id_: str = "a", **decisions: object) -> str:
    return report(id_=id_, **decisions).model_dump_json() + "\n"


def run_folder(folder: Path, reports: str = "", failures: str | None = None) -> Path:
    (folder / "manifest.json").write_text("{}")
    (folder / "reports.jsonl").write_text(reports)
    if failures is not None:
        (folder / "failures.jsonl").write_text(failures)
    return folder


def lines(folder: Path, *values: object) -> Path:
    path = folder / "answers.jsonl"
    texts = [v if isinstance(v, str) else json.dumps(v) for v in values]
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_predictions(path)
    return str(caught.value).replace(str(path if path.is_dir() else path.parent), "HERE")


# A report.


def test_a_report_says_options_status_and_reasons():
    whole = full()
    prediction = from_reports([whole], "memory").items["80997"]
    assert prediction.options["phase"] == ("design", "operation")
    assert prediction.options["nature"] == ("unknown",)
    assert prediction.options["perception"] == prediction.options["boundary"] == ()
    statuses = [prediction.status[c] for c in ("phase", "nature", "boundary", "perception")]
    assert statuses == ["answered", "unknown", "failed", "not_applicable"]
    assert prediction.rationale["recurring"]["multiple_organization"] == "No other firm is named."
    assert prediction.rationale["nature"] == {"unknown": "The articles do not say."}
    assert prediction.reason["boundary"] == whole.categories["boundary"].reason


def test_a_report_says_what_it_cost():
    prediction = from_reports([full()], "memory").items["80997"]
    assert prediction.seconds == 1.25
    cost = Usage(calls=5, cache_hits=1, prompt_tokens=700, completion_tokens=90)
    assert prediction.usage == cost


@pytest.mark.parametrize("calibrated", [True, False])
def test_a_report_has_confidences_where_a_model_gave_them(calibrated):
    phase = answered(found("design", confidence=0.8), found("operation", applies=False))
    origin = ConfidenceOrigin(source="logprobs", calibrated=calibrated)
    prediction = from_reports([report(phase=phase, confidence=origin)], "memory").items["80997"]
    assert prediction.confidence == {"phase": {"design": 0.8}}
    assert prediction.calibrated is calibrated


def test_evidence_is_counted_over_all_quotes_and_the_options_that_hold():
    phase = answered(found("design", evidence=(quoted(), lost())), found("operation"))
    duration = answered(
        found("permanent", evidence=(lost(),)),
        found("temporary", applies=False, evidence=(quoted(match="fuzzy"),)),
    )
    prediction = from_reports([report(phase=phase, duration=duration)], "memory").items["80997"]
    assert prediction.evidence == EvidenceCount(quotes=4, located=2, options=3, without_quote=2)


def test_neither_unknown_nor_failed_nor_closed_needs_evidence():
    prediction = from_reports([report(boundary=FAILED, perception=CLOSED)], "m").items["80997"]
    assert prediction.evidence == EvidenceCount(0, 0, 0, 0)


def test_reports_in_memory_give_what_their_file_gives(tmp_path):
    reports = [full(), report(id_="b")]
    path = run_folder(tmp_path, "".join(r.model_dump_json() + "\n" for r in reports))
    kept = from_reports(reports, "memory", {"b": "ask: it is busy", "c": "ask: it is busy"})
    assert load_predictions(path).items == kept.items
    assert kept.failures == {"c": "ask: it is busy"}


# A run folder.


def test_a_run_has_reports_and_failures(tmp_path):
    failed = {"id": "b", "stage": "ask", "reason": "it is busy"}
    found_ = load_predictions(run_folder(tmp_path, line("a"), json.dumps(failed) + "\n"))
    assert (list(found_.items), found_.failures) == (["a"], {"b": "ask: it is busy"})
    assert (found_.source, found_.notes) == (str(tmp_path), ())


def test_a_run_without_failures_has_no_such_file(tmp_path):
    assert load_predictions(run_folder(tmp_path, line("a"))).failures == {}


def test_the_later_of_two_reports_counts(tmp_path):
    twice = line("a", phase=answered(found("design"))) + line("a", phase=FAILED)
    [prediction] = load_predictions(run_folder(tmp_path, twice)).items.values()
    assert prediction.status["phase"] == "failed"


def test_an_incident_that_failed_and_was_taken_up_again_is_no_failure(tmp_path):
    failures = '{"id": "a", "stage": "ask", "reason": "busy"}\n{"id": "b"}\n'
    found_ = load_predictions(run_folder(tmp_path, line("a"), failures))
    assert found_.failures == {"b": "no reason given"}


def test_a_torn_last_line_is_skipped_and_told(tmp_path):
    path = run_folder(tmp_path, line("a") + line("b")[:500], '{"id": "c"}\n{"id": "d", "sta')
    found_ = load_predictions(path)
    assert (list(found_.items), list(found_.failures)) == (["a"], ["c"])
    told = [f"{tmp_path}/{name}:2" for name in ("reports.jsonl", "failures.jsonl")]
    assert list(found_.notes) == [f"{n}: the last line is torn, and was skipped" for n in told]


@slow
@given(st.data())
def test_wherever_a_run_is_killed_its_whole_lines_are_read(tmp_path_factory, data):
    text = line("a") + line("b")
    cut = data.draw(st.integers(len(line("a")), len(text)))
    found_ = load_predictions(run_folder(tmp_path_factory.mktemp("run"), text[:cut]))
    assert list(found_.items) == (["a", "b"] if cut >= len(text) - 1 else ["a"])
    assert bool(found_.notes) == (len(line("a")) < cut < len(text) - 1)


@pytest.mark.parametrize(
    ("reports", "failures", "message"),
    [
        ("", None, "HERE: is a run without a report. Let it finish, or give another run."),
        ("\n", '{"id": "a"}\n', "HERE: is a run without a report, and 1 failed."),
        (line()[:-30], None, "HERE: is a run without a report."),
        ("torn\n" + line(), None, "HERE/reports.jsonl:1: is not a report (invalid JSON"),
        ('{"id": "a"}\n' + line(), None, "HERE/reports.jsonl:1: is not a report (schema_version"),
        (line(), '{"stage": "ask"}\n', "HERE/failures.jsonl:1: is not a failure (id: field req"),
        (
            line().replace('"unknown"', '"x"', 2),
            None,
            "recurring.status: input should be 'answered'",
        ),
        (line().replace(":1,", ":2,", 1), None, "schema_version: input should be 1, not 2)"),
    ],
)
def test_a_run_that_cannot_be_read(tmp_path, reports, failures, message):
    assert message in refused(run_folder(tmp_path, reports, failures))


@pytest.mark.parametrize("name", ["manifest.json", "failures.jsonl"])
def test_a_run_that_has_just_begun(tmp_path, name):
    (tmp_path / name).write_text("")
    assert refused(tmp_path).startswith("HERE: is a run without a report.")


def test_the_reports_of_a_run_can_be_named_themselves(tmp_path):
    run = run_folder(tmp_path, line("a") + line("a", phase=FAILED) + line("b")[:99])
    found_ = load_predictions(run / "reports.jsonl")
    assert found_.items["a"].status["phase"] == "failed"
    assert len(found_.notes) == 1


# Reports as JSON.


def test_a_folder_of_reports(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.json").write_text(to_json(report(id_=name), FAIL))
    (tmp_path / "readme.txt").write_text("about")
    assert list(load_predictions(tmp_path).items) == ["a", "b"]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("names", [["a"], ["a", "b"]])
def test_a_file_with_a_list_of_reports(tmp_path, indent, names):
    path = tmp_path / "all.json"
    reports = [report(id_=name).model_dump(mode="json") for name in names]
    path.write_text(json.dumps(reports, indent=indent))
    assert list(load_predictions(path).items) == names


def test_a_file_with_a_report(tmp_path):
    path = tmp_path / "one.json"
    path.write_text("﻿" + to_json(full(), FAIL), encoding="utf-8")
    assert load_predictions(path).items == from_reports([full()], "").items


def test_two_reports_on_one_incident_are_both_named(tmp_path):
    for name in ("x", "y"):
        (tmp_path / f"{name}.json").write_text(line("a"))
    told = "Two predictions are for 'a': HERE/x.json and HERE/y.json. Remove one of them."
    assert refused(tmp_path) == told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            "all.json: is empty. Give a run folder, a folder or file of reports as JSON, or JSON L",
        ),
        ("[]", "all.json: is an empty list."),
        ("[\n1]", "all.json: [0]: is not a report (input should be a valid dictionary, not 1)."),
        ("nothing", "all.json: column 1: not JSON (Expecting value)."),
        ('{"a":\n 1}', "all.json: is not a report (schema_version: field required)."),
        (
            '[{"id": "a", "labels": {}}, {"id": "a", "labels": {}}]',
            "all.json: [0] and HERE/all.json",
        ),
        ("[" * 100_000, "all.json: is nested too deeply. Make it flat."),
    ],
)
def test_a_file_that_holds_no_reports(tmp_path, text, message):
    path = tmp_path / "all.json"
    path.write_text(text)
    assert message in refused(path)


def test_nothing_to_read(tmp_path):
    assert refused(tmp_path).startswith("HERE: holds no predictions. Give a run folder, ")
    assert refused(tmp_path / "x").startswith("HERE/x: no such file or folder. Give a run folder")
    (tmp_path / "x.json").write_bytes(b"\xff\xfe")
    assert refused(tmp_path / "x.json").endswith("x.json: is not UTF-8 text. Save it as UTF-8.")


# JSON Lines.


def test_lines_of_labels(tmp_path):
    labels = {"phase": ["design"], "nature": ["unknown"], "cps": [], "application": None}
    [prediction] = load_predictions(lines(tmp_path, {"id": 7, "labels": labels})).items.values()
    assert prediction.id == "7"
    assert prediction.options == {n: tuple(options or ()) for n, options in labels.items()}
    assert list(prediction.status.values()) == ["answered", "unknown", "answered", "not_applicable"]
    assert (prediction.evidence, prediction.usage, prediction.seconds) == (None, None, None)


def test_unknown_beside_options_is_kept_and_is_an_answer(tmp_path):
    path = lines(tmp_path, {"id": "a", "labels": {"phase": ["unknown", "design"]}})
    [prediction] = load_predictions(path).items.values()
    assert prediction.options == {"phase": ("unknown", "design")}
    assert prediction.status == {"phase": "answered"}


def test_lines_of_labels_with_probabilities(tmp_path):
    given_ = {"id": "a", "labels": {}, "probabilities": {"phase": {"design": 0.25, "operation": 1}}}
    [prediction] = load_predictions(lines(tmp_path, given_, "")).items.values()
    assert prediction.confidence == {"phase": {"design": 0.25, "operation": 1.0}}
    assert prediction.calibrated is False


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (
            {"id": "a", "labels": {}},
            "Two predictions are for 'a': HERE/answers.jsonl:1 and HERE/answ",
        ),
        ({"labels": {}}, "answers.jsonl:2: is not a prediction with id and labels (id: field req"),
        ({"id": "b"}, "answers.jsonl:2: is not a prediction with id and labels (labels: field req"),
        (
            {"id": "b", "labels": {"phase": "x"}},
            "(labels.phase: input should be a valid tuple, not 'x",
        ),
        ({"id": "b", "labels": {}, "x": 1}, "(x: extra inputs are not permitted, not 1)"),
        ('{"id": "b", "id": "c", "labels": {}}', "answers.jsonl:2: the key 'id' is given twice"),
        ('{"id": "b", "labels": {', "answers.jsonl:2: column 24: not JSON"),
        ("[]", "answers.jsonl:2: is not a prediction with id and labels (input should be a valid"),
        (
            '{"id": "b", "labels": {}, "probabilities": {"phase": {"design": NaN}}}',
            "(probabilities.phase.design: input should be less than or equal to 1, not nan)",
        ),
        (
            {"id": "b", "labels": {}, "probabilities": {"phase": {"design": 1.01}}},
            "(probabilities.phase.design: input should be less than or equal to 1, not 1.01)",
        ),
    ],
)
def test_a_line_that_cannot_be_read(tmp_path, second, message):
    assert message in refused(lines(tmp_path, {"id": "a", "labels": {}}, second))


def test_lines_in_another_charset(tmp_path):
    path = lines(tmp_path, {"id": "a", "labels": {}})
    path.write_bytes(path.read_bytes() + b'{"id": "\xff", "labels": {}}')
    assert refused(path) == "HERE/answers.jsonl:2: is not UTF-8. Save the line as UTF-8."


LABELS = st.dictionaries(st.text(max_size=5), st.none() | st.lists(st.text(max_size=5), max_size=3))


@slow
@given(st.dictionaries(st.text(min_size=1, max_size=9), LABELS, min_size=1, max_size=4))
def test_whatever_lines_say_is_kept(tmp_path_factory, given_):
    said = [{"id": name, "labels": labels} for name, labels in given_.items()]
    found_ = load_predictions(lines(tmp_path_factory.mktemp("lines"), *said))
    assert list(found_.items) == list(given_)
    for name, labels in given_.items():
        assert found_.items[name].options == {c: tuple(o or ()) for c, o in labels.items()}


# Answers stored in gold.


def gold_file(folder: Path, name: str, **fields: object) -> None:
    (folder / f"{name}.json").write_text(json.dumps({"id": name, **fields}))


def test_answers_stored_in_gold(tmp_path):
    gold_file(tmp_path, "a", theirs={"phase": ["design"]}, labels={"phase": ["operation"]})
    gold_file(tmp_path, "b", theirs={"phase": None})
    found_ = load_stored_answers(tmp_path, "theirs")
    assert {i: p.options for i, p in found_.items.items()} == {
        "a": {"phase": ("design",)},
        "b": {"phase": ()},
    }
    assert found_.items["b"].status == {"phase": "not_applicable"}
    assert found_.source == f"{tmp_path} (theirs)"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"labels": {}}, "b.json: has no key 'theirs'; it has id, labels."),
        ({"theirs": ["x"]}, "b.json: is not a prediction with id and theirs (labels: input should"),
        ({"id": "a", "theirs": {}}, "Two predictions are for 'a': "),
    ],
)
def test_answers_that_gold_does_not_store(tmp_path, fields, message):
    gold_file(tmp_path, "a", theirs={})
    gold_file(tmp_path, "b", **fields)
    with pytest.raises(InputError) as caught:
        load_stored_answers(tmp_path, "theirs")
    assert message in str(caught.value)


@pytest.mark.skipif(not FAIL31.is_dir(), reason="shared/fail31 is not here")
def test_the_answers_of_the_paper():
    found_ = load_stored_answers(FAIL31, "fail_gpt35")
    assert len(found_.items) == 16
    assert found_.items["fail31-13"].status["recurring"] == "not_applicable"
    assert found_.items["fail31-31"].options["capability"] == (
        "development_incompetence",
        "unknown",
    )


# Both.


def test_the_fingerprint_knows_answers_and_failures_and_no_order():
    def fingerprint(failed: str = "c", **decisions: object) -> str:
        found_ = from_reports([report(id_="a", **decisions), report(id_="b")], "m", {failed: "x"})
        return found_.fingerprint

    base = from_reports([report(id_="b"), report(id_="a")], "other", {"c": "y"}).fingerprint
    other = {fingerprint("d"), fingerprint(phase=FAILED), fingerprint(cps=answered(found("cps")))}
    assert fingerprint() == base
    assert len({*other, base}) == 4


def test_no_predictions_have_a_fingerprint_too():
    assert Predictions({}, "a").fingerprint == Predictions({}, "b").fingerprint


def test_a_thousand_reports_are_read_fast(tmp_path):
    decisions = {
        name: answered(*(found(o, evidence=(quoted(), lost()), confidence=0.5) for o in c.names))
        for name, c in FAIL.categories.items()
    }
    text = line("number", **decisions)
    run = run_folder(tmp_path, "".join(text.replace("number", str(n), 1) for n in range(1000)))
    start = time.process_time()
    assert len(load_predictions(run).items) == 1000
    assert time.process_time() - start < 2


def test_a_run_that_only_decides_has_no_evidence_to_judge() -> None:
    asked = full().provenance.model_copy(update={"parameters": {"explain": False}})
    told = from_reports([full().model_copy(update={"provenance": asked})], "memory")
    assert [p.evidence for p in told.items.values()] == [None]
    assert all(p.evidence for p in from_reports([full()], "memory").items.values())
