"""The whole tree: format, lint, types, import direction, and the wheel in a fresh environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
ARTICLE = ROOT / "tests" / "data" / "lock.md"

pytestmark = pytest.mark.house


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "format", "--check", "."),
        ("ruff", "check", "."),
        ("mypy",),
        ("lint-imports",),
    ],
    ids=["format", "lint", "types", "import direction"],
)
def test_the_tree_is_kept(command: tuple[str, ...]) -> None:
    run(BIN / command[0], *command[1:])


def test_the_readme_and_ci_share_one_test_command() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    block = readme.split("<!-- test command -->")[1].split("```")[1]
    assert block.strip().endswith("python -m pytest")


@pytest.fixture(scope="session")
def installed_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in an environment of its own, far from the checkout; its bin folder."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ".")
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=True)
    run(folder / "env" / "bin" / "pip", "install", "-q", wheel, cwd=folder)
    return folder / "env" / "bin"


def test_the_wheel_carries_its_data(installed_wheel: Path, tmp_path: Path) -> None:
    told = run(installed_wheel / "classifier", "taxonomy", "list", cwd=tmp_path)
    assert "fail" in told
    assert "16 categories" in told


@pytest.mark.weights
def test_the_wheel_classifies(installed_wheel: Path, small_weights: Path, tmp_path: Path) -> None:
    told = run(
        installed_wheel / "classifier",
        *("classify", ARTICLE, "--format", "json", "--no-cache"),
        *("--model", "embedded:qwen2.5-coder-0.5b"),
        cwd=tmp_path,
        CLASSIFIER_MODELS_DIR=str(small_weights.parent),
    )
    report = json.loads(told)
    assert len(report["categories"]) == 16
    assert report["incident"]["id"] == "lock"
