import json
import re
import shutil

import pytest
from cooking import LEAST, OURS, gold, kitchen, save, words
from fake_endpoint import FakeEndpoint, failure, reply
from scripted import scored_reply

from classifier.calibration import load_calibration

COUNT = 24


def eager(body):
    """Says yes to everything, and a little more to what the article says."""
    schema = body["response_format"]["json_schema"]["schema"]
    asked = tuple(schema["properties"])
    prompt = body["messages"][-1]["content"]
    if not body.get("top_logprobs"):
        first = schema["$defs"]["beginning"]["enum"][0]
        told = {n: {"quote": first, "rationale": f"{n} is in it."} for n in asked}
        return reply(json.dumps(told))
    text, _, question = prompt.partition("\n\nQuestion ")
    given = dict(re.findall(r"^- (\w+): (.*)$", question, re.MULTILINE))
    said = scored_reply({n: 0.97 if _stands(given.get(n, ""), text) else 0.9 for n in asked})
    return reply(said.text, logprobs=[(t.token, t.top) for t in said.logprobs])


def _stands(definition, text):
    return len(words(definition) & words(text)) >= LEAST * len(words(definition) or {""})


@pytest.fixture
def shell(tmp_path, monkeypatch, capfd):
    return kitchen(tmp_path, monkeypatch, capfd)


@pytest.fixture
def endpoint():
    with FakeEndpoint(default=eager) as serving:
        yield serving


def asking(shell, endpoint, *command):
    at = ("--model", "m", "--base-url", endpoint.url, "--tries", "1")
    method = () if "--method" in command else ("--method", "embedded")
    return shell.run(*command, *at, *method)


def calibrate(shell, endpoint, count=COUNT, out="c.json"):
    save(gold(count), shell.folder / "gold")
    return asking(shell, endpoint, "calibrate", *OURS, "--out", out)


def exact(shell, endpoint, *more):
    out = f"run{len(list(shell.folder.glob('run*')))}"
    ran = asking(shell, endpoint, "eval", "run", *OURS, "--decide-only", "--out", out,
                 "--draws", "1", "--format", "json", *more)  # fmt: skip
    return json.loads(ran.out)["overall"]["exact"]["value"]


def classified(shell, endpoint, *more):
    """The report of a recipe that is not in the gold, or how the command ended."""
    text = "Recipe. It is served as the main dish. It is cooked by the dry heat of an oven."
    file = shell.write("roast.txt", text)
    ran = asking(
        shell, endpoint, "classify", file, "--taxonomy", "recipes", "--format", "json", *more
    )
    return json.loads(ran.out) if ran.out else ran


def test_an_eager_model_is_right_once_it_is_calibrated(shell, endpoint):
    assert "cross-validation" in calibrate(shell, endpoint).out
    raw, fitted = exact(shell, endpoint), exact(shell, endpoint, "--calibration", "c.json")
    assert (raw < 0.6, fitted > 0.9) == (True, True), (raw, fitted)


def test_a_report_says_whether_its_confidences_are_probabilities(shell, endpoint):
    calibrate(shell, endpoint)
    raw, fitted = (classified(shell, endpoint, *m) for m in ((), ("--calibration", "c.json")))
    told = [r["provenance"]["confidence"]["calibrated"] for r in (raw, fitted)]
    assert told == [False, True]
    digest = load_calibration(shell.folder / "c.json").sha256
    assert fitted["provenance"]["parameters"]["calibration"] == digest


def test_it_is_used_by_itself_where_it_lies_beside_the_prompts(shell, endpoint):
    calibrate(shell, endpoint, out="recipes/calibrations/m.json")
    used = ((), ("--calibration", "none"))
    told = [classified(shell, endpoint, *m)["provenance"]["confidence"] for m in used]
    assert [t["calibrated"] for t in told] == [True, False]


def test_changed_questions_put_it_out_of_use(shell, endpoint):
    calibrate(shell, endpoint, out="recipes/calibrations/m.json")
    file = shell.folder / "recipes" / "categories" / "diet.yaml"
    file.write_text(file.read_text().replace("meat or fish", "meat or fish or bones"))
    report = classified(shell, endpoint)
    assert not report["provenance"]["confidence"]["calibrated"]
    assert [a["check"] for a in report["audit"]] == ["uncalibrated"]


def test_one_that_was_named_and_does_not_fit_is_refused(shell, endpoint):
    calibrate(shell, endpoint)
    text = (shell.folder / "c.json").read_text()
    shell.write("other.json", text.replace('"name":"m"', '"name":"n"'))
    ran = classified(shell, endpoint, "--calibration", "other.json")
    ran.complained("'other.json' cannot be used: it was fitted for n (", "not for m (")


def test_what_is_less_sure_than_asked_for_needs_review(shell, endpoint):
    calibrate(shell, endpoint)
    report = classified(shell, endpoint, "--calibration", "c.json", "--min-confidence", "0.9999")
    course = report["categories"]["course"]
    assert (course["status"], course["options"]) == ("needs_review", [])
    assert "1.00 is asked for" in course["reason"]
    assert [f["option"] for f in course["findings"] if f["applies"]] == ["main"]


def test_a_precision_is_asked_for_through_the_calibration(shell, endpoint):
    calibrate(shell, endpoint)
    report = classified(shell, endpoint, "--calibration", "c.json", "--target-precision", "0.5")
    assert report["categories"]["course"]["options"] == ["main"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--target-precision", "0.9"], "needs a calibration"),
        (["--min-confidence", "0.9", "--method", "hosted"], "gives no confidences"),
        (["--calibration", "there.json"], "'there.json' cannot be read"),
        (["--min-confidence", "1.5"], "'min_confidence' is '1.5'"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(shell, endpoint, flags, said):
    classified(shell, endpoint, *flags).complained(said)
    assert endpoint.requests == []


def test_a_precision_out_of_reach_is_refused(shell, endpoint):
    calibrate(shell, endpoint)
    whole = json.loads((shell.folder / "c.json").read_text())
    curve = [{"confidence": 0.9, "exact": 0.8}]
    shell.write("c.json", json.dumps(whole | {"curve": curve}))
    ran = classified(shell, endpoint, "--calibration", "c.json", "--target-precision", "0.9")
    ran.complained("--target-precision 0.9 is out of reach", "0.80 were right")


def test_few_incidents_are_refused_before_anything_is_sent(shell, endpoint):
    calibrate(shell, endpoint, count=9).complained("gives 9 labelled incidents", "10 are the least")
    assert endpoint.requests == []


def test_a_method_without_scores_cannot_be_calibrated(shell, endpoint):
    save(gold(COUNT), shell.folder / "gold")
    ran = asking(shell, endpoint, "calibrate", *OURS, "--out", "c.json", "--method", "hosted")
    ran.complained("The method 'hosted' of recipes gives no scores")


def test_an_incident_that_the_model_refuses_is_left_out_and_named(shell):
    def behave(body):
        refused = "Recipe number 3." in body["messages"][-1]["content"]
        return failure(400, "not for me") if refused else eager(body)

    with FakeEndpoint(default=behave) as endpoint:
        calibrate(shell, endpoint).said("r03 is left out", "not for me")
    learned = load_calibration(shell.folder / "c.json").gold.incidents
    assert len(learned) == COUNT - 1
    assert "r03" not in learned


def test_a_score_on_incidents_that_taught_the_calibration_is_called_rosy(shell, endpoint):
    calibrate(shell, endpoint)
    ran = asking(shell, endpoint, "eval", "run", *OURS, "--decide-only", "--out", "run",
                 "--draws", "1", "--calibration", "c.json")  # fmt: skip
    ran.said(f"{COUNT} of these {COUNT} incidents taught the calibration")


def test_two_versions_are_compared_calibrated_both_or_neither(shell, endpoint):
    calibrate(shell, endpoint, out="recipes/calibrations/m.json")
    shutil.copytree(shell.folder / "recipes", shell.folder / "changed")
    file = shell.folder / "changed" / "categories" / "diet.yaml"
    file.write_text(file.read_text().replace("meat or fish", "fish or meat"))
    ran = asking(shell, endpoint, "eval", "compare", "recipes", "changed", "--gold", "gold",
                 "--decide-only", "--draws", "1")  # fmt: skip
    ran.said("A calibration fits only one of the versions")


def test_a_broken_calibration_beside_the_prompts_is_named(shell, endpoint):
    (shell.folder / "recipes" / "calibrations").mkdir()
    shell.write("recipes/calibrations/m.json", "{}")
    classified(shell, endpoint).complained("m.json", "is no calibration", "Fit it again")


def test_a_calibrated_baseline_is_not_held_against_raw_scores(shell, endpoint):
    calibrate(shell, endpoint, out="recipes/calibrations/m.json")
    told = ("--gold", "gold", "--taxonomy", "recipes", "--baseline", "b.json")
    asking(shell, endpoint, "eval", "bless", *told, "--decide-only").said("b.json")
    file = shell.folder / "recipes" / "categories" / "diet.yaml"
    file.write_text(file.read_text().replace("meat or fish", "fish or meat"))
    ran = asking(shell, endpoint, "eval", "gate", *told)
    ran.complained("answered with a calibration, and none fits the questions")


def test_a_calibration_asks_for_the_scores_that_it_reads(shell, endpoint):
    save(gold(COUNT), shell.folder / "gold")
    asking(shell, endpoint, "calibrate", *OURS, "--out", "c.json", "--score", "diet")
    read = load_calibration(shell.folder / "c.json").weights.inputs
    told = {key.partition("/")[0] for key in read}
    before = len(endpoint.bodies)
    report = classified(shell, endpoint, "--calibration", "c.json")
    asked = [body for body in endpoint.bodies[before:] if body.get("top_logprobs")]
    assert (told, len(asked)) == ({"diet"}, 1)
    assert "failed" not in {d["status"] for d in report["categories"].values()}


def test_scores_of_a_category_that_is_not_there(shell, endpoint):
    save(gold(COUNT), shell.folder / "gold")
    ran = asking(shell, endpoint, "calibrate", *OURS, "--out", "c.json", "--score", "dite")
    ran.complained("recipes has no category 'dite'", "Allowed: ", "diet")


def test_a_dry_run_counts_what_a_calibration_asks(shell, endpoint):
    save(gold(COUNT), shell.folder / "gold")
    asking(shell, endpoint, "calibrate", *OURS, "--out", "c.json", "--score", "diet")
    shell.write("roast.txt", "Recipe. It is served as the main dish. It is cooked in an oven.")
    run = ("batch", "roast.txt", "--taxonomy", "recipes", "--calibration", "c.json")
    said = asking(shell, endpoint, *run, "--dry-run").out
    before = len(endpoint.bodies)
    asking(shell, endpoint, *run, "--out", "run")
    least, most = map(int, re.search(r"(\d+) to (\d+) calls", said).groups())
    assert 1 == least <= len(endpoint.bodies) - before <= most


def test_a_model_without_scores_cannot_be_calibrated(shell):
    save(gold(COUNT), shell.folder / "gold")
    with FakeEndpoint(default=lambda _: reply("{}")) as mute:
        ran = asking(shell, mute, "calibrate", *OURS, "--out", "c.json")
    ran.complained("Not one incident has scores of 'baked'", "log-probabilities")
    assert not (shell.folder / "c.json").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--no-scores",), "tells neither a state nor embeddings"),
        (("--no-scores", "--score", "diet"), "--score and --no-scores exclude each other"),
    ],
)
def test_without_scores_something_else_must_be_read(shell, endpoint, more, said):
    save(gold(COUNT), shell.folder / "gold")
    ran = asking(shell, endpoint, "calibrate", *OURS, "--out", "c.json", *more)
    ran.complained(said)
    assert endpoint.requests == []
