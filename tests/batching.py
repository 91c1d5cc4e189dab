"""What the tests of batch runs share: recipes as rows of a table, one way to run, sums to check."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cli_tools import Ran, Shell
from cooking import READS, incident
from fake_endpoint import Answer, FakeEndpoint

from classifier.batch.folder import RunFolder

# With these prices a reply of `dear` costs 1000 * 100 + 100 * 1000 millionths of a USD: 0.20.
PRICES = '["m"]\ninput = 100\noutput = 1000\n'


class Endpoint(FakeEndpoint):
    """Says nothing of clients that hang up in the middle of a request: here they are killed."""

    def __init__(self, *script: Any, **more: Any) -> None:
        super().__init__(*script, **more)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]


def row(number: int, **more: Any) -> dict[str, Any]:
    """A recipe as a row of a table."""
    article = incident(number).articles[0]
    return {"id": f"r{number:02}", "title": article.title, "text": article.text} | more


def rows(count: int) -> list[dict[str, Any]]:
    """So many recipes."""
    return [row(n) for n in range(count)]


def table(folder: Path, values: Iterable[object], name: str = "in.jsonl") -> str:
    """A file with a line for each value; returns its name."""
    text = "".join(f"{json.dumps(v) if not isinstance(v, str) else v}\n" for v in values)
    (folder / name).write_text(text, "utf-8")
    return name


def batch(shell: Shell, endpoint: FakeEndpoint | str, *arguments: str) -> Ran:
    """`classifier batch` with the taxonomy of recipes and the endpoint's model."""
    url = endpoint if isinstance(endpoint, str) else endpoint.url
    at = ("--model", "m", "--base-url", url, "--taxonomy", "recipes")
    return shell.run("batch", *at, *arguments)


def adds_up(run: Path, inputs: int) -> tuple[set[str], dict[str, str]]:
    """The ids of the reports, and the stage of each failure; together they are all the inputs."""
    folder = RunFolder.open(run)
    reported = [report.incident.id for report in folder.reports()]
    failed = {failure.id: failure.stage for failure in folder.failures()}
    assert len(reported) == len(set(reported))
    assert len(reported) + len(failed) == inputs
    assert not set(reported) & set(failed)
    return set(reported), failed


def where(text: str, then: Answer, otherwise: Callable[[dict[str, Any]], Answer]) -> Any:
    """A behaviour for what holds a text, and another for the rest."""

    def behave(body: dict[str, Any]) -> Answer:
        return then if text in json.dumps(body["messages"]) else otherwise(body)

    return behave


def about(body: dict[str, Any]) -> str:
    """Which recipe a request is about."""
    prompt = body["messages"][1]["content"]
    return f"r{int(prompt.partition('Recipe number ')[2].partition('.')[0]):02}"


def dear(body: dict[str, Any]) -> Answer:
    """An answer that has used many tokens."""
    said = json.loads(READS(body).body)
    said["usage"] = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    return Answer(json.dumps(said).encode())
