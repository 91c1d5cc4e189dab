"""What the tests of the command line share: an article, a model that fits, one way to run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fake_endpoint import KEY, Answer, FakeEndpoint, reply

from classifier.cli.main import run

ROOT = Path(__file__).parents[1]
TEXT = (
    "The rail company said that its signalling software failed on Monday morning. Trains stood "
    "still for three hours because the program refused a date that it did not know. Engineers "
    "restarted the servers and promised to test the next release before it goes out."
)
QUOTE = "the program refused a date that it did not know"


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    def complained(self, *said: str, code: int = 2) -> None:
        """It failed in one readable way: nothing on stdout, no traceback, no secret."""
        assert (self.code, self.out) == (code, "")
        self.said(*said)

    def said(self, *said: str) -> None:
        """Standard error holds all of these, no secret, and nothing a terminal obeys."""
        assert [text for text in said if text not in self.err] == [], self.err
        assert "Traceback" not in self.err, self.err
        assert KEY not in self.err + self.out
        assert all(c.isprintable() or c == "\n" for c in self.err)


@dataclass
class Shell:
    """A folder to work in, and the environment that a command finds there."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> Ran:
        """Run a command in this process."""
        self.capture.readouterr()
        code = run(arguments)
        printed = self.capture.readouterr()
        return Ran(code, printed.out, printed.err)

    def classify(self, endpoint: FakeEndpoint, *arguments: str) -> Ran:
        """Classify by the endpoint's model, once."""
        return self.run("classify", "--model", "m", "--base-url", endpoint.url, *arguments)

    def write(self, name: str = "train.txt", text: str | bytes = TEXT) -> str:
        """A file in the folder; returns its name."""
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return name


def started(*arguments: str, **more: Any) -> subprocess.Popen[str]:
    """The command as a process of its own, in the current folder and environment."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "classifier", *arguments]
    return subprocess.Popen(command, env=environment, **(pipes | more))


def fitting(apply: Collection[str] = (), quote: str = QUOTE, reason: str = "It says so.") -> Any:
    """A behaviour: a reply that fits the schema that it is sent, `apply` being what holds."""

    def behave(body: dict[str, Any]) -> Answer:
        schema = body["response_format"]["json_schema"]["schema"]
        value = _instance(schema, schema.get("$defs", {}))
        for category in value.values():
            for name in set(apply) & set(category) if isinstance(category, dict) else ():
                category |= {"unknown": False}
                category[name] = {"quotes": [quote], "rationale": reason, "applies": True}
        return reply(json.dumps(value))

    return behave


def _instance(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        return _instance(known[schema["$ref"].rpartition("/")[2]], known)
    if schema["type"] == "object":
        made = {n: _instance(s, known) for n, s in schema["properties"].items()}
        return made | {"unknown": True} if "unknown" in made else made
    defaults: Mapping[str, Callable[[], Any]] = {"boolean": bool, "string": str}
    kind = schema["type"]
    return [""] * schema.get("minItems", 0) if kind == "array" else defaults[kind]()


def clean_environment(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """No setting of the user's, no folder of the user's."""
    for name in list(os.environ):
        if name.startswith(("CLASSIFIER_", "OPENAI_", "COLUMNS", "FORCE_COLOR", "NO_COLOR")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("CLASSIFIER_CACHE_PATH", str(folder / "cache.sqlite"))
    monkeypatch.setenv("CLASSIFIER_MODELS_DIR", str(folder / "models"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "home"))
    # Messages in a box are broken at the width of the terminal.
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.chdir(folder)
