import json
from pathlib import Path

import pytest

from classifier.errors import InputError
from eval.prediction_files import load_predictions
from eval.predictions import from_reports
from tests.reports import answered, found, full, lost, quoted, report


def line(id_: str, **decisions: object) -> str:
    return report(id_=id_, **decisions).model_dump_json() + "\n"


def run_folder(folder: Path, reports: str) -> Path:
    (folder / "reports.jsonl").write_text(reports)
    return folder


def test_the_quotes_of_what_holds_are_read_when_they_are_asked_for(tmp_path):
    phase = answered(
        found("design", evidence=(quoted(), lost())),
        found("operation", applies=False, evidence=(quoted("never"),)),
    )
    path = run_folder(tmp_path, line("b") + "\n" + line("a", phase=phase) + line("c"))
    prediction = load_predictions(path).items["a"]
    assert dict(prediction.quotes) == {"phase": (quoted(), lost())}
    assert load_predictions(path).items["b"].quotes.get("phase", ()) == ()


@pytest.mark.parametrize("several", [False, True])
def test_a_document_has_quotes_too(tmp_path, several):
    path = tmp_path / "all.json"
    reports = [report(id_="0").model_dump(mode="json"), full().model_dump(mode="json")]
    path.write_text(json.dumps(reports if several else reports[1]))
    prediction = load_predictions(path).items["80997"]
    assert prediction.quotes == from_reports([full()], "").items["80997"].quotes
    assert [e.located for e in prediction.quotes["recurring"]] == [True, False]


@pytest.mark.parametrize("changed", ["", "{}", "x" * 9000, "other", '{"categories": {"phase": 3}}'])
def test_quotes_of_a_file_that_was_changed_meanwhile(tmp_path, changed):
    path = run_folder(tmp_path, line("a"))
    prediction = load_predictions(path).items["a"]
    (path / "reports.jsonl").write_text(line("b") if changed == "other" else changed)
    with pytest.raises(InputError, match=r"reports\.jsonl: the quotes of 'a' cannot be read"):
        prediction.quotes.get("phase")
