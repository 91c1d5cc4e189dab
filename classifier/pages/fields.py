"""The open fields of a report page: a line for each, with its numbered items and citations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from classifier.articles.naming import quoted
from classifier.citing import cited_in, uncited
from classifier.errors import InputError
from classifier.pages.lines import Line, opens
from classifier.pages.words import Problems
from classifier.paragraphs import numbered, opens_item
from classifier.records import UNKNOWN, FieldAnswer, Item
from classifier.render.page import FAILED, INFERRED, item_text, on_page
from classifier.render.text import one_line
from classifier.taxonomy import OpenField, Postmortem

MOST_ITEMS = 500


def read_fields(
    lines: Sequence[Line],
    postmortem: Postmortem,
    known: Collection[str],
    name: str,
    problems: Problems,
) -> dict[str, FieldAnswer]:
    """The answers in the part of a page that the postmortem heads; `known` are ids of articles."""
    texts: dict[str, list[Line]] = {}
    labels = {one_line(f.label): f for f in on_page(postmortem)}
    for line in lines:
        with problems.collecting():
            _take(labels, line, name, texts)
    answers: dict[str, FieldAnswer] = {}
    for field in on_page(postmortem):
        if field.name in texts:
            with problems.collecting():
                answers[field.name] = _answer(field, texts[field.name], known, name)
    return answers


def read_item(text: str, known: Collection[str]) -> Item:
    """An item with the articles that it cites; citations at its end are no part of its text."""
    inferred = text.startswith(INFERRED)
    said = text.removeprefix(INFERRED)
    articles = tuple(cited_in(said, known))
    bare = uncited(said)
    if inferred and said:
        kept = Item(text=said, articles=articles, inferred=True)
    else:
        kept = Item(text=text, articles=articles)
    shorter = kept.model_copy(update={"text": bare})
    return shorter if bare and item_text(shorter) == text else kept


def _take(
    labels: Mapping[str, OpenField], line: Line, name: str, texts: dict[str, list[Line]]
) -> None:
    """Adds a field, or a further item to the last one."""
    if texts and opens_item(line.text):
        texts[next(reversed(texts))].append(line)
        return
    label = max((x for x in labels if opens(line.text, x)), key=len, default=None)
    if label is None:
        raise InputError(
            f"{name}:{line.number}: {quoted(line.text)} begins with the label of no open field. "
            f"Begin the line with one of {', '.join(labels)}."
        )
    field = labels[label].name
    if field in texts:
        raise InputError(f"{name}:{line.number}: {label} is there twice. Keep one.")
    texts[field] = [Line(line.number, line.text[len(label) :].strip())]


def _answer(
    field: OpenField, lines: Sequence[Line], known: Collection[str], name: str
) -> FieldAnswer:
    text = " ".join(line.text for line in lines if line.text)
    place = f"{name}:{lines[0].number}"
    if not text:
        raise InputError(f"{place}: {field.label} is empty. Write what it says, or {UNKNOWN}.")
    if text == FAILED or text.startswith(f"{FAILED}: "):
        return FieldAnswer(status="failed", reason=text[len(FAILED) + 2 :] or None)
    if text == UNKNOWN:
        return FieldAnswer(status="unknown")
    lead, items = ("", [text]) if field.kind == "text" else numbered(text)
    if len(items) > MOST_ITEMS:
        raise InputError(
            f"{place}: {field.label} has {len(items)} items, and {MOST_ITEMS} are allowed. "
            "Give one report page."
        )
    silent = not items and lead.split(maxsplit=1)[0].strip(".,:;").casefold() in _SILENT
    return FieldAnswer(
        status="unknown" if silent else "answered",
        items=tuple(read_item(item, known) for item in items),
        lead=lead,
    )


_SILENT = (UNKNOWN, "none")
