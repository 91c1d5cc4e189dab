"""Reads predictions from the files that hold them: run folders, reports, JSON Lines of labels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from classifier.articles.files import explained
from classifier.articles.naming import quoted, shown
from classifier.batch.folder import FAILURES, REPORTS
from classifier.batch.manifest import NAME as MANIFEST
from classifier.batch.parts import files
from classifier.errors import InputError
from classifier.records import UNKNOWN, Identifier, Record, Status
from eval.gold_files import gold_files, parse_json, read_source
from eval.predictions import Prediction, Predictions, QuotesOf, of_report
from eval.quotes import quotes_in_document, quotes_in_line
from eval.report_shape import REPORT

INCIDENTS = "incidents"  # in the settings of a manifest: those that the run is about
T = TypeVar("T")
Placed = tuple[str, Prediction]  # where it was read, and what


def load_predictions(path: Path) -> Predictions:
    """Predictions from a run folder, a folder of report JSON files, a file with a report or a
    list of them, or JSON Lines of reports or of {"id", "labels"}.

    Of two reports in a run the later one counts. Raises InputError for a file that holds something
    else, a run without a report, and two predictions for one incident.
    """
    if path.is_dir():
        is_run = any((path / name).exists() for name in (REPORTS, FAILURES, MANIFEST))
        return _run(path) if is_run else _folder(path)
    if not path.exists():
        raise InputError(f"{shown(str(path))}: no such file or folder. Give {_ALLOWED}.")
    return _file(path)


_ALLOWED = (
    "a run folder, a folder or file of reports as JSON, or JSON Lines of "
    '{"id": ..., "labels": {category: [options] or null}}'
)


def load_stored_answers(path: Path, key: str) -> Predictions:
    """The answers that files of gold keep under a key of their own, as `labels` are written.

    Raises InputError where a file has no such key or holds something else under it.
    """
    items: dict[str, Prediction] = {}
    places: dict[str, str] = {}
    for file in gold_files(path):
        source = read_source(file)
        if key not in source.data:
            keys = shown(", ".join(map(str, source.data)))
            raise InputError(f"{source.file}: has no key {quoted(key)}; it has {keys}.")
        value = {"id": source.data.get("id"), "labels": source.data[key]}
        _add(items, places, _labelled(value, source.file, key), source.file)
    return Predictions(items, f"{path} ({key})")


def _run(folder: Path) -> Predictions:
    notes: list[str] = []
    found, failures = dict[str, Prediction](), dict[str, str]()
    for file in filter(Path.exists, files(folder, REPORTS)):
        found |= _reports(file, notes)
    for file in filter(Path.exists, files(folder, FAILURES)):
        failures |= _failures(file, notes)
    if not found:
        counted = f", and {len(failures)} failed" if failures else ""
        raise InputError(
            f"{shown(str(folder))}: is a run without a report{counted}. Let it finish, or give "
            "another run."
        )
    lost = {i: why for i, why in failures.items() if i not in found}
    return Predictions(found, str(folder), lost, tuple(notes), _asked(folder))


def _asked(folder: Path) -> frozenset[str] | None:
    """What the run says that it is about; whatever else its manifest holds is no matter here."""
    path = folder / MANIFEST
    told = parse_json(path.read_text("utf-8", "replace"), str(path)) if path.exists() else {}
    settings = told.get("settings") if isinstance(told, dict) else None
    asked = settings.get(INCIDENTS) if isinstance(settings, dict) else None
    return frozenset(map(str, asked)) if isinstance(asked, list) else None


def _reports(file: Path, notes: list[str]) -> dict[str, Prediction]:
    found: dict[str, Prediction] = {}
    for line, report in _records(file, REPORT, "a report", notes):
        quotes = quotes_in_line(file, line.start, len(line.data))
        found[report["incident"]["id"]] = of_report(report, quotes)
    return found


class _Failure(Record):
    """A line of a run's failures."""

    id: Identifier
    stage: str = ""
    reason: str = ""


_FAILURE = TypeAdapter(_Failure)


def _failures(file: Path, notes: list[str]) -> Iterator[tuple[str, str]]:
    for _, failure in _records(file, _FAILURE, "a failure", notes):
        told = ": ".join(filter(None, (failure.stage, failure.reason)))
        yield failure.id, told or "no reason given"


class _LineRead(NamedTuple):
    """A line that is not blank: its number from 1, the byte it starts at, and if it is the last."""

    number: int
    start: int
    data: bytes
    last: bool


def _records(
    file: Path, kind: TypeAdapter[T], name: str, notes: list[str]
) -> Iterator[tuple[_LineRead, T]]:
    """The records of a file that is appended to.

    The last line may be torn, where the run was killed while it wrote it.
    """
    for line in _lines(file):
        try:
            yield line, kind.validate_json(line.data)
        except ValidationError as error:
            place = f"{shown(str(file))}:{line.number}"
            if line.last and error.errors(include_url=False)[0]["type"] == "json_invalid":
                notes.append(f"{place}: the last line is torn, and was skipped")
                return
            raise _unreadable(place, error, name) from error


def _lines(file: Path) -> Iterator[_LineRead]:
    try:
        with file.open("rb") as lines:
            before: _LineRead | None = None
            start = 0
            for number, data in enumerate(lines, start=1):
                if data.strip():
                    if before:
                        yield before
                    before = _LineRead(number, start, data, last=False)
                start += len(data)
            if before:
                yield before._replace(last=True)
    except OSError as error:
        raise explained(error, str(file)) from error


def _unreadable(place: str, error: ValidationError, kind: str) -> InputError:
    detail = error.errors(include_url=False)[0]
    name = shown(".".join(map(str, detail["loc"])), 100)
    given = (
        "" if detail["type"] in ("missing", "json_invalid") else f", not {quoted(detail['input'])}"
    )
    about = f"{name}: " if name else ""
    why = detail["msg"][:1].lower() + shown(detail["msg"][1:], 200)
    return InputError(f"{place}: is not {kind} ({about}{why}{given}). Give {_ALLOWED}.")


def _folder(folder: Path) -> Predictions:
    files = sorted(f for f in folder.glob("*.json") if not f.name.startswith("."))
    if not files:
        raise InputError(f"{shown(str(folder))}: holds no predictions. Give {_ALLOWED}.")
    items: dict[str, Prediction] = {}
    places: dict[str, str] = {}
    for file in files:
        for place, prediction in _document(file):
            _add(items, places, prediction, place)
    return Predictions(items, str(folder))


def _file(file: Path) -> Predictions:
    """A file whose first line is an object by itself is JSON Lines; any other is one document."""
    notes: list[str] = []
    first = _first_object(file)
    if first is not None and "categories" in first:
        return Predictions(_reports(file, notes), str(file), notes=tuple(notes))
    items: dict[str, Prediction] = {}
    places: dict[str, str] = {}
    for place, prediction in _document(file) if first is None else _labelled_lines(file):
        _add(items, places, prediction, place)
    return Predictions(items, str(file))


def _first_object(file: Path) -> dict[str, Any] | None:
    line = next(_lines(file), None)
    if line is None:
        raise InputError(f"{shown(str(file))}: is empty. Give {_ALLOWED}.")
    try:
        value = json.loads(line.data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _add(
    items: dict[str, Prediction], places: dict[str, str], prediction: Prediction, place: str
) -> None:
    name = prediction.id
    if name in items:
        twins = f"{places[name]} and {place}"
        raise InputError(f"Two predictions are for {quoted(name)}: {twins}. Remove one of them.")
    items[name], places[name] = prediction, place


def _document(file: Path) -> Iterator[Placed]:
    place = shown(str(file))
    try:
        value = parse_json(file.read_bytes().decode("utf-8-sig"), place)
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: is not UTF-8 text. Save it as UTF-8.") from error
    except OSError as error:
        raise explained(error, str(file)) from error
    if not isinstance(value, list):
        yield place, _judged(value, place, quotes_in_document(file, None))
        return
    if not value:
        raise InputError(f"{place}: is an empty list. Give {_ALLOWED}.")
    for number, item in enumerate(value):
        where = f"{place}: [{number}]"
        yield where, _judged(item, where, quotes_in_document(file, number))


def _judged(value: object, place: str, quotes: QuotesOf) -> Prediction:
    if isinstance(value, dict) and "labels" in value:
        return _labelled(value, place)
    try:
        return of_report(REPORT.validate_python(value), quotes)
    except ValidationError as error:
        raise _unreadable(place, error, "a report") from error


class _Line(Record):
    """A line of JSON Lines. A null label says that the category does not apply."""

    id: Identifier
    labels: dict[str, tuple[str, ...] | None]
    probabilities: dict[str, dict[str, Annotated[float, Field(ge=0, le=1)]]] = Field(
        default_factory=dict
    )


def _labelled_lines(file: Path) -> Iterator[Placed]:
    name = shown(str(file))
    for line in _lines(file):
        place = f"{name}:{line.number}"
        try:
            text = line.data.decode("utf-8-sig").strip()
        except UnicodeDecodeError as error:
            raise InputError(f"{place}: is not UTF-8. Save the line as UTF-8.") from error
        yield place, _labelled(parse_json(text, place), place)


def _labelled(value: object, place: str, key: str = "labels") -> Prediction:
    try:
        line = _Line.model_validate(value)
    except ValidationError as error:
        raise _unreadable(place, error, f"a prediction with id and {key}") from error
    return Prediction(
        id=line.id,
        options={name: options or () for name, options in line.labels.items()},
        status={name: _status(options) for name, options in line.labels.items()},
        confidence=line.probabilities,
    )


def _status(options: tuple[str, ...] | None) -> Status:
    if options is None:
        return "not_applicable"
    return "unknown" if set(options) == {UNKNOWN} else "answered"
