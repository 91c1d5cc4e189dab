"""The `models` commands: data on standard output, everything else on standard error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from classifier.cli.models import app
from classifier.errors import ConfigurationError
from classifier.models import catalogue

SMALL = catalogue.find("qwen2.5-coder-0.5b")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLASSIFIER_MODELS_DIR", str(tmp_path))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def put_sparse(folder: Path) -> Path:
    """A file of the right size that takes no room."""
    path = folder / SMALL.filename
    with path.open("wb") as file:
        file.truncate(SMALL.size)
    return path


def test_list_shows_every_model(folder: Path) -> None:
    put_sparse(folder)
    lines = run("list").stdout.splitlines()
    assert lines == [
        "qwen2.5-coder-1.5b   1,117 MB  not installed  Apache-2.0  (default)",
        "qwen2.5-coder-0.5b     491 MB  installed      Apache-2.0",
    ]


def test_list_shows_what_an_interrupted_pull_left(folder: Path) -> None:
    part = put_sparse(folder).rename(folder / f"{catalogue.DEFAULT.filename}.part")
    assert part.exists()
    assert "43 % pulled" in run("list").stdout


def test_list_as_json(folder: Path) -> None:
    path = put_sparse(folder)
    big, small = json.loads(run("list", "--json").stdout)
    assert (big["name"], big["default"], big["installed"]) == (catalogue.DEFAULT.name, True, False)
    assert (small["path"], small["bytes"]) == (str(path), SMALL.size)


def test_path_prints_the_path_alone(folder: Path) -> None:
    path = put_sparse(folder)
    assert run("path", SMALL.name).stdout == f"{path}\n"


def test_path_of_what_is_not_there_exits_1() -> None:
    result = run("path")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "models pull qwen2.5-coder-1.5b" in result.stderr


def test_an_unknown_model_is_a_configuration_error() -> None:
    assert isinstance(run("path", "gpt").exception, ConfigurationError)


def test_rm_deletes(folder: Path) -> None:
    path = put_sparse(folder)
    result = run("rm", SMALL.name, "--yes")
    assert result.stderr == f"deleted {path}\n"
    assert not path.exists()


def test_rm_of_nothing_says_so() -> None:
    assert run("rm", SMALL.name, "--yes").stderr.startswith("Nothing of qwen")


def test_rm_does_not_guess_on_a_pipe(folder: Path) -> None:
    path = put_sparse(folder)
    result = run("rm", SMALL.name)
    assert isinstance(result.exception, ConfigurationError)
    assert "--yes" in str(result.exception)
    assert path.exists()


@pytest.mark.weights
def test_pull_of_what_is_there_verifies_it(small_weights: Path, folder: Path) -> None:
    (folder / SMALL.filename).symlink_to(small_weights)
    result = run("pull", SMALL.name)
    assert result.stdout == ""
    assert result.stderr.splitlines()[0].endswith("checking what is there")
    assert "was already there" in result.stderr


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; import classifier.cli.models; "
        "print([m for m in ('httpx2', 'rich', 'pydantic', 'xllamacpp') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stdout == "[]\n", done.stderr
