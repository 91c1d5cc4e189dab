"""Gold: the incidents that people labelled, read from YAML or JSON files and written as YAML."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from classifier.articles.naming import quoted, shown
from classifier.errors import ClassifierError, ConfigurationError, InputError
from classifier.pipeline import articles_sha256
from classifier.records import Article, Identifier, Incident, Record
from classifier.replacing import replace_file
from classifier.taxonomy.yaml_lines import Place
from eval.gold_files import GOLD_KEYS, YAML_SUFFIXES, Source, gold_files, read_source

Labels = Mapping[str, tuple[str, ...] | None]

# Keys of published gold that say nothing new here: the day, which the articles have too, and the
# answers of the paper's own pipeline (`eval.prediction_files.load_stored_answers` reads those).
_IGNORED = ("published", "fail_gpt35")
_WIDTH = 100


class GoldReason(Record):
    """Why an option was chosen, and the passages that show it, word for word."""

    rationale: str = ""
    quotes: tuple[str, ...] = ()


class GoldIncident(Record):
    """One incident with its labels.

    `labels` maps a category to its options: `("unknown",)` where the articles do not say, `()`
    where a true-or-false category is false, None where a gate closes the category. `reasons` maps
    a category to option (or `unknown`) to reason; `annotators` maps a name to that person's labels.
    """

    id: Identifier
    articles: tuple[Article, ...] = Field(min_length=1)
    labels: dict[str, tuple[str, ...] | None] = Field(min_length=1)
    reasons: dict[str, dict[str, GoldReason]] = Field(default_factory=dict)
    annotators: dict[str, dict[str, tuple[str, ...] | None]] = Field(default_factory=dict)
    notes: str = ""

    @field_validator("articles")
    @classmethod
    def _own_ids(cls, articles: tuple[Article, ...]) -> tuple[Article, ...]:
        for name, count in Counter(a.id for a in articles).items():
            if count > 1:
                raise ValueError(
                    f"the article id {quoted(name)} is given twice; each needs its own"
                )
        return articles

    @property
    def incident(self) -> Incident:
        """The incident as it is classified: without its labels, titled by its first article."""
        return Incident(id=self.id, articles=self.articles, title=self.articles[0].title)


@dataclass(frozen=True)
class Gold:
    """Labelled incidents, sorted by id; `files` says which file an id was read from."""

    incidents: tuple[GoldIncident, ...]
    source: str
    files: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of ids, article texts and labels, as 64 hexadecimal digits.

        Neither the order of options and categories nor reasons, annotators and notes change it.
        """
        digest = hashlib.sha256()
        for incident in self.incidents:
            articles = [[a.id, a.sha256] for a in incident.articles]
            labels = {c: None if o is None else sorted(set(o)) for c, o in incident.labels.items()}
            line = json.dumps([incident.id, articles, labels], sort_keys=True)
            digest.update(line.encode() + b"\n")
        return digest.hexdigest()

    @cached_property
    def articles_fingerprint(self) -> str:
        """The SHA-256 of ids and article texts alone: what answers depend on."""
        lines = (f"{i.id} {articles_sha256(i.incident)}\n" for i in self.incidents)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def only(self, ids: Collection[str]) -> Gold:
        """The gold of these incidents alone; an id that is not there is let be."""
        kept = tuple(i for i in self.incidents if i.id in ids)
        return Gold(kept, self.source, self.files)

    def place(self, identifier: str) -> str:
        """Where an incident stands, for messages: its file, else its id in `source`."""
        return self.files.get(identifier, f"{self.source}: incident {quoted(identifier)}")


def load_gold(path: Path) -> Gold:
    """The gold in a file, or in the .yaml, .yml and .json files of a folder: one incident a file.

    Raises InputError for a missing or empty folder, a file that is no gold, and two incidents
    with one id.
    """
    found: dict[str, GoldIncident] = {}
    files: dict[str, str] = {}
    for file in gold_files(path):
        source = read_source(file)
        incident = incident_of(source)
        if incident.id in files:
            twins = f"{files[incident.id]} and {source.file}"
            raise InputError(
                f"Two incidents have the id {quoted(incident.id)}: {twins}. Give each its own id."
            )
        found[incident.id], files[incident.id] = incident, source.file
    return Gold(tuple(found[name] for name in sorted(found)), str(path), files)


def load_incident(path: Path) -> GoldIncident:
    """The incident in one file of gold; InputError for a file that is none."""
    return incident_of(read_source(path))


def incident_of(source: Source) -> GoldIncident:
    """The incident in what was parsed already; InputError, which names the place, for no gold."""
    data = {key: value for key, value in source.data.items() if key not in _IGNORED}
    try:
        return GoldIncident.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        # A misspelt key is also a missing one; the spelling is what to mend.
        worst = next((d for d in details if d["type"] == "extra_forbidden"), details[0])
        more = f" ({len(details) - 1} more mistakes there)" if len(details) > 1 else ""
        raise InputError(f"{source.place(worst['loc'])}: {_mistake(worst)}{more}.") from error


_LABELS = "a mapping of category to a list of options, [unknown] or null"
_OPTIONS = "a list of options, such as [unknown], or null"
_ALLOWED = {
    "id": "a name of 1 to 200 characters",
    "articles": "a list of at least one article, each with id and text",
    "text": "a string that is not empty",
    "published": "a day, such as 2019-02-13",
    "labels": _LABELS,
    "reasons": "a mapping of category to option to {rationale, quotes}",
    "annotators": f"a mapping of name to {_LABELS}",
    "quotes": "a list of strings (text in quotes, where YAML reads it as something else)",
}
_PARTS = {
    "articles": ", ".join(Article.model_fields),
    "reasons": ", ".join(GoldReason.model_fields),
}


def _mistake(detail: ErrorDetails) -> str:
    """What is wrong and what is allowed, in one sentence without its full stop."""
    loc = detail["loc"]
    parts = [part for part in loc if part != "[key]"]
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts).lstrip(".")
    name = shown(path, 100)
    if len(parts) < len(loc) or detail["type"] == "invalid_key":
        return f"{name}: the key is not text; put it in quotes"
    match detail["type"]:
        case "missing":
            return f"{name} is missing, and must be {_allowed(loc)}"
        case "extra_forbidden":
            return f"{name} is no key of gold; allowed are {_PARTS.get(str(loc[0]), GOLD_KEYS)}"
        case "too_short":
            return f"{name} is empty, and must be {_allowed(loc)}"
        case "value_error":
            return f"{name}: {detail['ctx']['error']}"
    return f"{name} is {quoted(detail['input'])}, and must be {_allowed(loc)}"


def _allowed(loc: Place) -> str:
    inner = {"labels": 1, "annotators": 2}.get(str(loc[0]), len(loc))
    if len(loc) > inner:
        return _OPTIONS if isinstance(loc[-1], str) else "the name of an option, as text"
    names = [part for part in reversed(loc) if isinstance(part, str)]
    return _ALLOWED.get(names[0], "text (in quotes, where YAML reads it as something else)")


def save_gold(incident: GoldIncident, path: Path) -> None:
    """Write an incident as YAML that `load_gold` reads back equal; what stood there is replaced.

    Raises ConfigurationError for a name that says no YAML, ClassifierError where it cannot be
    written.
    """
    if path.suffix.lower() not in YAML_SUFFIXES:
        raise ConfigurationError(f"{path}: gold is written as YAML. End the name in .yaml or .yml.")
    try:
        replace_file(path, to_yaml(incident))
    except OSError as error:
        raise ClassifierError(f"{path}: cannot be written ({error.strerror}).") from error


def to_yaml(incident: GoldIncident) -> str:
    """An incident as neat YAML: what is empty is left out, texts stand as literal blocks."""
    text: str = yaml.dump(
        dict(_entries(incident)),
        Dumper=_Dumper,
        allow_unicode=True,
        sort_keys=False,
        width=_WIDTH,
    )
    return text


class _Inline(list[str]):
    """A list that is written on one line."""


class _Block(str):
    """Text that is written as it stands, line by line."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes lists of options on one line, and text of several lines as a literal block."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Everything is written out: aliases are refused when gold is read."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """Lists of a mapping are indented."""
        super().increase_indent(flow, indentless=False)

    def analyze_scalar(self, scalar: str) -> Any:
        """PyYAML allows no block with tabs, or spaces at a line's end, though both survive it."""
        analysis = super().analyze_scalar(scalar)
        analysis.allow_block = not _ODD.search(scalar)
        return analysis


# What a literal block does not keep: control characters, other line breaks, a BOM, a first tab.
_ODD = re.compile(
    r"[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
    r"|\A[ \n]*\t"
)
_FOLDS = re.compile(r"\S+(?: \S+)*")  # no space that folding could lose


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    if _ODD.search(text):
        return '"'
    if isinstance(text, _Block) or "\n" in text.strip():
        return "|"
    if len(text) > _WIDTH and _FOLDS.fullmatch(text):
        return ">"
    return '"' if text != text.strip(" ") or "\t" in text else None


def _inline(dumper: _Dumper, options: _Inline) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", options, flow_style=True)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(_Block, _text)
_Dumper.add_representer(_Inline, _inline)


def _entries(incident: GoldIncident) -> Iterator[tuple[str, Any]]:
    yield "id", incident.id
    yield "articles", [_article(a) for a in incident.articles]
    yield "labels", _labels(incident.labels)
    if incident.reasons:
        yield "reasons", {c: _reasons(r) for c, r in incident.reasons.items()}
    if incident.annotators:
        yield "annotators", {name: _labels(ls) for name, ls in incident.annotators.items()}
    if incident.notes:
        yield "notes", incident.notes


def _article(article: Article) -> dict[str, Any]:
    order = ("id", "title", "published", "source", "url")
    kept = {key: value for key in order if (value := getattr(article, key))}
    return kept | {"text": _Block(article.text)}


def _labels(labels: Labels) -> dict[str, _Inline | None]:
    return {c: None if o is None else _Inline(o) for c, o in labels.items()}


def _reasons(reasons: Mapping[str, GoldReason]) -> dict[str, dict[str, Any]]:
    filled = {
        option: {"rationale": reason.rationale, "quotes": list(reason.quotes)}
        for option, reason in reasons.items()
    }
    return {option: {k: v for k, v in kept.items() if v} for option, kept in filled.items()}
