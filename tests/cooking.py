"""Gold about recipes, and a model that picks the options whose definitions the article repeats."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cli_tools import Ran, Shell, clean_environment
from fake_endpoint import Answer, Behaviour, FakeEndpoint, failure, reply
from scripted import RECIPES, plays

from classifier.models.seam import Reply, Request
from classifier.records import UNKNOWN, Article, Status
from classifier.taxonomy import Taxonomy, load_taxonomy
from eval.gold import Gold, GoldIncident, Labels, save_gold
from eval.predictions import Prediction, Predictions

Options = tuple[str, ...] | None
Changes = Mapping[str, Labels]

SENTENCES = {
    "starter": "It is served before the main dish.",
    "main": "It is served as the main dish.",
    "dessert": "It is served after the main dish.",
    "meat": "Somebody said that it has meat or fish in it.",
    "vegan": "Nothing that is in it comes from an animal.",
    "fruit": "There is fresh or cooked fruit beside it.",
    "baked": "It is cooked by the dry heat of an oven.",
    "gentle": "The oven is kept below 160 degrees Celsius.",
    "fierce": "The oven is at 160 degrees Celsius or more.",
}
# What a definition must share with the article for its option to hold.
LEAST = 0.95


def labels(number: int) -> dict[str, Options]:
    """The labels of one of many recipes that differ from each other."""
    course = ("starter", "main", "dessert")[number % 3]
    baked = number % 2 == 0
    return {
        "course": (course,),
        "diet": (("meat", "vegan", UNKNOWN)[number // 3 % 3],),
        "garnish": (("fruit", UNKNOWN)[number // 2 % 2],) if course == "dessert" else None,
        "baked": ("baked",) if baked else (),
        "heat": (("gentle", "fierce")[number // 4 % 2],) if baked else None,
    }


def incident(number: int, **more: Any) -> GoldIncident:
    """A recipe that says what its labels are."""
    given = labels(number)
    held = [name for options in given.values() for name in options or ()]
    text = " ".join([f"Recipe number {number}.", *(SENTENCES[n] for n in held if n != UNKNOWN)])
    articles = (Article(id=f"a{number}", title=f"Recipe {number}", text=text),)
    return GoldIncident(**{"id": f"r{number:02}", "articles": articles, "labels": given} | more)


def with_another_text(one: GoldIncident) -> GoldIncident:
    """The same recipe in other words."""
    articles = (one.articles[0].model_copy(update={"text": f"{one.articles[0].text} Enjoy!"}),)
    return one.model_copy(update={"articles": articles})


def gold(count: int, **more: Any) -> Gold:
    """So many recipes."""
    return Gold(tuple(incident(n, **more) for n in range(count)), "gold")


def predicted(
    gold: Gold, changes: Changes | None = None, source: str = "told", **more: Any
) -> Predictions:
    """Predictions that say what the gold says, but for the changes: id -> category -> options."""
    told = {i.id: {**i.labels, **(changes or {}).get(i.id, {})} for i in gold.incidents}
    return Predictions({n: prediction(n, answers) for n, answers in told.items()}, source, **more)


def prediction(identifier: str, answers: Labels, **more: Any) -> Prediction:
    """A prediction of these answers; null does not apply."""
    return Prediction(
        id=identifier,
        options={c: o or () for c, o in answers.items()},
        status={c: _status(o) for c, o in answers.items()},
        **more,
    )


def _status(options: Options) -> Status:
    if options is None:
        return "not_applicable"
    return "unknown" if options == (UNKNOWN,) else "answered"


def save(gold: Gold, folder: Path) -> None:
    """A file for each incident of the gold."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in gold.incidents:
        save_gold(one, folder / f"{one.id}.yaml")


def copied(to: Path, *changes: tuple[str, str, str]) -> Path:
    """The taxonomy of recipes in a folder, with (category, old text, new text) changed."""
    shutil.copytree(RECIPES, to)
    for category, old, new in changes:
        file = to / "categories" / f"{category}.yaml"
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new), "utf-8")
    return to


def swapped(to: Path, category: str, first: str, second: str) -> Path:
    """The taxonomy of recipes with the definitions of two options of one category swapped."""
    marks = ((first, "@"), (second, first), ("@", second))
    old = (RECIPES / "categories" / f"{category}.yaml").read_text("utf-8")
    assert first in old
    assert second in old
    return copied(to, *((category, a, b) for a, b in marks))


SWAP = ("course", "before the main dish", "as the main dish")


FIELDS = Path(__file__).parent / "data" / "recipe_fields"


def with_fields(to: Path) -> Path:
    """The taxonomy of recipes in a folder, with open fields: name, season, tricks and course, of
    which the last has the name of a category.
    """
    shutil.copytree(RECIPES, to)
    shutil.copytree(FIELDS, to, dirs_exist_ok=True)
    return to


@cache
def cookbook() -> Taxonomy:
    """The taxonomy of recipes with its open fields."""
    with TemporaryDirectory() as folder:
        return load_taxonomy(with_fields(Path(folder) / "recipes"))


def item(text: str, *quotes: str, **more: Any) -> dict[str, Any]:
    """What a reply says of one item of an open field."""
    return {"quotes": list(quotes), "text": text, **more}


def short_item(text: str, quote: str, **more: Any) -> dict[str, Any]:
    """The same of a small model, which chooses one quote."""
    return {"quote": quote, "text": text, **more}


NOTHING: Mapping[str, Any] = {"name": "", "season": [], "tricks": [], "course": []}
"""The answers to the open fields where the recipe says nothing."""


def fills_in(
    answers: Mapping[str, Any], script: Callable[[Request], Any] | None = None
) -> Callable[[Request], Any]:
    """A script that answers open fields, and leaves all else to another one."""
    others = script or plays(load_taxonomy(RECIPES))

    def play(request: Request) -> Any:
        asked = tuple((request.schema or {})["properties"])
        if "Fill in" not in request.messages[1].content or asked == ("quotes",):
            return others(request)
        return json.dumps({name: answers.get(name, NOTHING[name]) for name in asked})

    return play


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def read(prompt: str) -> dict[str, dict[str, Any]]:
    """A typed answer to each category that the prompt asks about."""
    articles, _, questions = prompt.partition("\n\nQuestion ")
    articles = re.sub(r"<[^>]*>", "", articles)
    blocks = f"Question {questions}".split("\n\n")
    return dict(_judged(block, articles) for block in blocks if block.startswith("Question "))


def _judged(block: str, text: str) -> tuple[str, dict[str, Any]]:
    category = block.removeprefix("Question ").partition(":")[0]
    options = dict(re.findall(r"^- (\w+): (.*)$", block, re.MULTILINE))
    del options[UNKNOWN]
    shares = {n: len(words(d) & words(text)) / len(words(d)) for n, d in options.items()}
    best = max(shares, key=lambda n: shares[n])
    held = best if shares[best] >= LEAST else None
    answer: dict[str, Any] = {n: _option(options[n], text, n == held) for n in options}
    # the one category of these that is true or false has but one option
    return category, answer | {UNKNOWN: held is None and len(options) > 1}


def _option(definition: str, text: str, applies: bool) -> dict[str, Any]:
    sentences = re.findall(r"[A-Z][^.]*\.", text)
    quote = max(sentences, key=lambda s: len(words(s) & words(definition)))
    said = f"It says: {definition}."
    return {
        "quotes": [quote] if applies else [],
        "rationale": said if applies else "",
        "applies": applies,
    }


def reader(request: Request) -> str:
    """The script of a model that reads."""
    return json.dumps(read(request.messages[-1].content))


def reading(
    *, wrong: Sequence[str] = (), refused: Sequence[str] = ()
) -> Callable[[dict[str, Any]], Answer]:
    """The behaviour of an endpoint that reads; it refuses what holds any of `refused`, and knows
    nothing of what holds any of `wrong`.
    """

    def behave(body: dict[str, Any]) -> Answer:
        prompt = body["messages"][-1]["content"]
        if any(text in prompt for text in refused):
            return failure(400, "this recipe is not for me")
        if any(text in prompt for text in wrong):
            prompt = re.sub(r"(?<=>)[^<]*", "\nNothing.\n", prompt, count=1)
        return reply(json.dumps(read(prompt)))

    return behave


def scoring(holding: Mapping[str, Sequence[str]]) -> Behaviour:
    """The behaviour of an endpoint with log-probabilities, which always says the same."""
    play = plays(load_taxonomy(RECIPES), holding)

    def behave(body: dict[str, Any]) -> Answer:
        schema = body["response_format"]["json_schema"]["schema"]
        said = play(Request((), 1, schema, top_logprobs=body.get("top_logprobs", 0)))
        if isinstance(said, Reply):
            return reply(said.text, logprobs=[(t.token, t.top) for t in said.logprobs])
        return reply(str(said))

    return behave


def asked(bodies: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """The categories of each request that an endpoint got."""
    for body in bodies:
        yield tuple(body["response_format"]["json_schema"]["schema"]["properties"])


READS: Behaviour = reading()


def clean_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository of the user's, as a hook names one, and no configuration of theirs."""
    for name in [n for n in os.environ if n.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)


class Repository:
    """A git repository in a folder; see `clean_git`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        """What git prints."""
        who = ("-c", "user.name=Cook", "-c", "user.email=cook@example.org")
        command = ["git", "-C", str(self.folder), *who, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.rstrip("\n")

    def commit(self, message: str) -> None:
        """Commit all that is there."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)

    def edit(self, file: str, old: str, new: str) -> None:
        """Change a file, and commit nothing."""
        path = self.folder / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")


OURS = ("--taxonomy", "recipes", "--gold", "gold")


def kitchen(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
) -> Shell:
    """A folder to work in, with the taxonomy `recipes`."""
    clean_environment(monkeypatch, folder)
    clean_git(monkeypatch)
    copied(folder / "recipes")
    return Shell(folder, capture)


def asking(shell: Shell, endpoint: FakeEndpoint, command: str, *arguments: str) -> Ran:
    """A command of `classifier eval` that asks the endpoint's model, once."""
    at = ("--model", "m", "--base-url", endpoint.url, "--tries", "1", *OURS)
    return shell.run("eval", command, *at, *arguments)


def told(shell: Shell, name: str, of: Gold, changes: Changes | None = None) -> str:
    """A file of predictions, which are right but for the changes."""
    answers = {i.id: {**i.labels, **(changes or {}).get(i.id, {})} for i in of.incidents}
    lines = (json.dumps({"id": id_, "labels": labels}) + "\n" for id_, labels in answers.items())
    return shell.write(name, "".join(lines))


def harm(shell: Shell) -> None:
    """Swap two definitions in the taxonomy `recipes`."""
    changed = swapped(shell.folder / "swapped", *SWAP) / "categories" / "course.yaml"
    changed.replace(shell.folder / "recipes" / "categories" / "course.yaml")


def held(folder: Path) -> dict[str, str]:
    """Every file but the cache, the lock and git's own, by a digest of what is in it."""
    apart = {"cache.sqlite", "run.lock", ".git"}
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file() and not apart.intersection(file.relative_to(folder).parts)
    }


def refused_before_anything(
    shell: Shell, endpoint: FakeEndpoint, command: Sequence[str], *said: str
) -> None:
    """It says so, sends nothing and writes nothing."""
    before = held(shell.folder)
    asking(shell, endpoint, *command).complained(*said)
    assert endpoint.requests == []
    assert held(shell.folder) == before
