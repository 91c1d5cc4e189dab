"""Reads Label Studio's JSON export: a list of tasks, each with its annotations.

A project that can be read has, for each category, a control `Choices` whose name is the category's
(or its label) and whose choices are the options and `unknown`. Passages are marked with `Labels`
whose name is the category's with a further word (`phase_quotes`), because names are unique in a
project, or with any `Labels` whose values say both (`phase: design`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from classifier.articles.cleaning import mended
from classifier.articles.decoding import decode
from classifier.articles.items import Item
from classifier.articles.loading import load_json
from classifier.articles.naming import file_id, quoted, shown
from classifier.articles.shapes import item
from classifier.errors import ConfigurationError, InputError
from classifier.pages.words import Problems, Words, nearest
from classifier.taxonomy import Category, Taxonomy
from eval.gold import GoldIncident, GoldReason
from eval.importing.labels import (
    Labelled,
    Options,
    by_annotator,
    check_gates,
    gold_incident,
    settled,
)
from eval.importing.passages import Passages

_MOST_BYTES = 200_000_000
_SPANS = ("labels", "hypertextlabels")
_ADDRESS = re.compile(r"(?:https?://|s3://|gs://|/data/)\S*\Z")
_MEND = "Mark one annotation as the ground truth in Label Studio and export again."


def read_label_studio(
    data: bytes, name: str, taxonomy: Taxonomy, categories: Sequence[str] = ()
) -> list[GoldIncident]:
    """The incident of each task, in their order; `name` is the file's, for messages.

    A task's `data` is an article (`text` and perhaps `id`, `title`, `url`, `published`, `source`)
    or an incident (`articles`). `categories` are those that the project asks; without any, all of
    the taxonomy. A category without a choice does not apply where it has a gate, and is false
    where it is true or false; elsewhere it is a mistake. Cancelled annotations, drafts and
    predictions are left. An incident's labels are those of the annotations that are ground truth,
    or those on which all agree: nobody's vote is counted.

    Raises InputError with a line for each mistake, ConfigurationError for an unknown category.
    """
    if len(data) > _MOST_BYTES:
        raise InputError(f"{name}: is larger than {_MOST_BYTES} bytes. Export fewer tasks at once.")
    reader = _Reader(name, taxonomy, _asked(taxonomy, categories))
    problems = Problems()
    found: dict[str, GoldIncident] = {}
    for number, value in enumerate(_tasks(load_json(decode(data, name), name), name)):
        with problems.collecting():
            incident = reader.read(value, number)
            if incident.id in found:
                raise InputError(
                    f"{name}: two tasks have the id {quoted(incident.id)}. Change one data.id, or "
                    "put the articles of one incident into one task (data.articles)."
                )
            found[incident.id] = incident
    problems.raise_any()
    return list(found.values())


def _filled(empty: Any) -> BeforeValidator:
    return BeforeValidator(lambda value: empty if value is None else value)


class _Loose(BaseModel):
    """Label Studio's versions differ in the keys that nothing here needs."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Result(_Loose):
    """What one control says; `value` holds a list under the name of its `type`."""

    type: Annotated[str, _filled("")] = ""
    from_name: Annotated[str, _filled("")] = ""
    value: Annotated[dict[str, Any], _filled({})] = {}

    @property
    def words(self) -> list[str]:
        """The choices or labels, where they are a plain list."""
        found = self.value.get(self.type)
        return found if isinstance(found, list) and all(isinstance(w, str) for w in found) else []


class _Annotation(_Loose):
    id: int | str | None = None
    completed_by: Any = None
    result: Annotated[list[_Result], _filled([])]
    was_cancelled: bool | None = Field(
        default=None, validation_alias=AliasChoices("was_cancelled", "skipped")
    )
    ground_truth: bool | None = None


class _Task(_Loose):
    id: int | str | None = None
    data: dict[str, Any]
    annotations: list[_Annotation] = Field(
        validation_alias=AliasChoices("annotations", "completions")
    )


@dataclass
class _Said:
    """What one annotation says, while it is read."""

    choices: dict[str, list[str]] = field(default_factory=dict)
    spans: list[tuple[Category, str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Answer:
    """One annotation: its labels, the quotes of category and option, its notes."""

    labelled: Labelled
    quotes: Mapping[tuple[str, str], Sequence[str]]
    notes: Sequence[str]


class _Reader:
    """Reads one task at a time."""

    def __init__(self, name: str, taxonomy: Taxonomy, asked: Sequence[Category]) -> None:
        self._file = name
        self._name = shown(name)
        self._taxonomy = taxonomy
        self._asked = asked
        self._words = Words(taxonomy)

    def read(self, value: object, number: int) -> GoldIncident:
        """The incident of a task. Raises InputError for the first mistake in it."""
        task = _task(value, f"{self._name}: [{number}]")
        identifier = number + 1 if task.id is None else task.id
        place = f"{self._name}: task {shown(str(identifier), 60)}"
        source = _incident(task, self._file, place, identifier)
        articles = tuple(member.article for member in source.members)
        passages = Passages(task.data.get("text"), articles)
        answers = [self._answer(a, passages, place) for a in task.annotations if _counts(a)]
        if not answers:
            raise InputError(
                f"{place}: has no annotation that counts. Label it, or export labelled tasks alone."
            )
        labelled = [answer.labelled for answer in answers]
        fields = {
            "id": source.id,
            "articles": articles,
            "labels": settled(labelled, place, _MEND),
            "annotators": by_annotator(labelled, place),
            **_grounds(answers),
        }
        return gold_incident(place, fields)

    def _answer(self, annotation: _Annotation, passages: Passages, place: str) -> _Answer:
        place = f"{place}, annotation {shown(str(annotation.id), 60)}"
        said = _Said()
        for result in annotation.result:
            self._take(result, said, passages, place)
        labels: dict[str, Options] = {
            c.name: self._words.answer(c, said.choices.get(c.name, ()), place) for c in self._asked
        }
        check_gates(self._taxonomy, labels, place)
        quotes: dict[tuple[str, str], list[str]] = {}
        for category, option, quote in said.spans:
            if option not in (labels.get(category.name) or ()):
                raise InputError(
                    f"{place}: {quoted(quote)} is marked as {option}, which is not chosen for "
                    f"{category.name}. Choose the option, or remove the mark."
                )
            quotes.setdefault((category.name, option), []).append(quote)
        person = _person(annotation.completed_by) or f"annotation {shown(str(annotation.id), 60)}"
        final = bool(annotation.ground_truth)
        return _Answer(Labelled(person, labels, final), quotes, said.notes)

    def _take(self, result: _Result, said: _Said, passages: Passages, place: str) -> None:
        """Adds what one control says. Controls of other kinds say nothing of options."""
        category = self._words.category(result.from_name)
        if result.type == "choices":
            asked = self._known(category, result, place)
            self._check(result, place)
            said.choices.setdefault(asked.name, []).extend(result.words)
            if "start" in result.value:
                said.spans += self._spans(result, passages, place)
        elif result.type in _SPANS:
            self._check(result, place)
            said.spans += self._spans(result, passages, place)
        elif result.type == "textarea":
            said.notes.append(_textarea(result))
        elif category is not None:
            raise InputError(
                f"{place}: {category.name} is answered with {quoted(result.type)}. "
                "Ask it with Choices, and mark passages with Labels."
            )

    def _check(self, result: _Result, place: str) -> None:
        if not result.words:
            raise InputError(
                f"{place}: {quoted(result.from_name)} has no list of {result.type} in its value. "
                "Export the project as JSON, and not in another format."
            )

    def _known(self, category: Category | None, result: _Result, place: str) -> Category:
        names = [c.name for c in self._asked]
        if category is not None and category.name in names:
            return category
        raise InputError(
            f"{place}: {quoted(result.from_name)} is no category that is asked"
            f"{nearest(result.from_name, names)}. Name the control as one of {', '.join(names)}."
        )

    def _spans(
        self, result: _Result, passages: Passages, place: str
    ) -> Iterator[tuple[Category, str, str]]:
        """Category, option and quote of each label of a marked region."""
        quote = passages.quote(result.value, place)
        for word in result.words:
            category, option = self._of_span(result.from_name), word
            if category is None and (parts := re.fullmatch(r"([^:/]+)[:/](.+)", word)):
                category, option = self._words.category(parts[1]), parts[2].strip()
            asked = self._known(category, result, place)
            yield asked, self._words.option(asked, option, place), quote

    def _of_span(self, control: str) -> Category | None:
        """The category that a control is named after, whatever words follow (`phase_quotes`)."""
        cuts = [m.start() for m in re.finditer(r"[\s_.:-]", control[:200])]
        names = (control[:200], *(control[:cut] for cut in reversed(cuts)))
        return next((c for name in names if (c := self._words.category(name))), None)


def _asked(taxonomy: Taxonomy, names: Sequence[str]) -> list[Category]:
    wrong = [n for n in names if n not in taxonomy.categories]
    if wrong:
        raise ConfigurationError(
            f"{quoted(wrong[0])} is no category of {taxonomy.name}"
            f"{nearest(wrong[0], taxonomy.categories)}. Allowed: {', '.join(taxonomy.categories)}."
        )
    return [c for n, c in taxonomy.categories.items() if not names or n in names]


def _tasks(value: object, name: str) -> list[object]:
    if not isinstance(value, list) or not value:
        raise InputError(
            f"{name}: is {quoted(value)}, and must be a list of tasks. "
            "Export the project as JSON, and not in another format."
        )
    return value


def _task(value: object, place: str) -> _Task:
    try:
        return _Task.model_validate(value)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        path = ".".join(map(str, problem["loc"])) or "the task"
        raise InputError(
            f"{place}: {shown(path)}: {problem['msg']}. Export the project as JSON (not JSON-MIN): "
            "each task has `data` and `annotations`."
        ) from error


def _incident(task: _Task, name: str, place: str, identifier: int | str) -> Item:
    spare = f"{file_id(name)[:100]}-{shown(str(identifier), 60)}"
    found = item(task.data, name, f"{place}: data", spare)
    for member in found.members:
        if _ADDRESS.match(member.article.text):
            raise InputError(
                f"{place}: the text is an address, {quoted(member.article.text)}. "
                "Import the text itself into Label Studio."
            )
    return found


def _counts(annotation: _Annotation) -> bool:
    return not annotation.was_cancelled


def _person(value: object) -> str:
    """An email address or the number of a user, as the export has it."""
    if isinstance(value, dict):
        value = value.get("email") or value.get("username") or value.get("id")
    return shown(mended(str(value)), 200) if isinstance(value, int | str) and value else ""


def _textarea(result: _Result) -> str:
    """A remark, opened by the name of its control unless that is `notes`."""
    value = result.value.get("text")
    lines = value if isinstance(value, list) else [value]
    text = mended("\n".join(line for line in lines if isinstance(line, str))).strip()
    return text if result.from_name == "notes" else f"{shown(result.from_name, 60)}: {text}"


def _grounds(answers: Sequence[_Answer]) -> dict[str, Any]:
    """The quotes and notes behind the labels: of the ground truth, or of all where all agree."""
    deciding = [a for a in answers if a.labelled.final] or list(answers)
    quotes: dict[str, dict[str, dict[str, None]]] = {}
    for answer in deciding:
        for (category, option), texts in answer.quotes.items():
            quotes.setdefault(category, {}).setdefault(option, {}).update(dict.fromkeys(texts))
    reasons = {
        category: {option: GoldReason(quotes=tuple(texts)) for option, texts in options.items()}
        for category, options in quotes.items()
    }
    notes = dict.fromkeys(note for answer in deciding for note in answer.notes if note)
    return {"reasons": reasons, "notes": "\n".join(notes)}
