"""The gate of this project's own prompts: the real 0.5B on a fixed sample of the seeds."""

from pathlib import Path

import pytest

from classifier.cli.main import run

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / "eval" / "baselines" / "fail-0.5b.json"

pytestmark = pytest.mark.weights


def test_our_prompts_are_not_worse_than_the_baseline(
    small_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For a change that is wanted all the same, CONTRIBUTING.md says how to bless it."""
    asked = ["--baseline", str(BASELINE), "--gold", str(ROOT / "seeds"), "--margin", "0.05"]
    code = run(["eval", "gate", *asked, "--no-cache", "--junit", str(tmp_path / "gate.xml")])
    printed = capsys.readouterr()
    assert code == 0, printed.out + printed.err
    assert (tmp_path / "gate.xml").is_file()
