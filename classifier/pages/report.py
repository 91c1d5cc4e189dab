"""A report page to a report: what `to_page` wrote, or somebody else in the same layout."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from classifier.articles.dates import as_day
from classifier.articles.naming import file_id, quoted, shown
from classifier.errors import InputError
from classifier.pages.fields import read_fields
from classifier.pages.lines import END, SOURCES, Line, Parts, page_lines, parts
from classifier.pages.table import decision, rows
from classifier.pages.words import Problems, Words
from classifier.records import (
    ArticleRef,
    Decision,
    FieldAnswer,
    Finding,
    IncidentRef,
    Item,
    ModelRef,
    Provenance,
    Report,
)
from classifier.render.page import HEAD, NO_DATE, PUBLISHED
from classifier.render.text import one_line
from classifier.taxonomy import Category, Taxonomy

_SOURCE = re.compile(r"\[(.{1,200}?)\](?: (.*))?")
_ADDRESS = re.compile(r"https?://\S+")
_NOT_SAID = "unknown"


def read_report_page(data: bytes, name: str, taxonomy: Taxonomy, *, identifier: str = "") -> Report:
    """The report of a page in the layout of the report page; `name` is the file's, for messages.

    It has no evidence, no digests of articles, and knows of no model. The incident is called
    `identifier`, or else as the file is. A true-or-false category that is on no section follows
    from those whose gate it is. Raises InputError with a line for each mistake, and for more than
    2 MB.
    """
    spare, name = file_id(name), shown(name)
    lines = page_lines(data, name)
    titles = {one_line(s.title) for s in taxonomy.sections} | {SOURCES, END}
    if taxonomy.postmortem:
        titles.add(one_line(taxonomy.postmortem.title))
    found = parts(lines, titles)
    problems = Problems()
    with problems.collecting():
        title, published = _head(found[""], name, taxonomy)
    articles = _sources(found.get(SOURCES, []), name, problems)
    fields = _fields(found, taxonomy, [a.id for a in articles], name, problems)
    categories = _categories(found, taxonomy, name, problems)
    with problems.collecting():
        _refuse_rest(found.get(END, []), name)
    problems.raise_any()
    if len(articles) == 1:
        articles = [articles[0].model_copy(update={"published": published})]
    return Report(
        incident=IncidentRef(
            id=identifier or spare, title=title, published=published, articles=tuple(articles)
        ),
        categories=categories,
        fields=_titled(title, taxonomy) | fields,
        provenance=_provenance(taxonomy),
    )


def _head(lines: Sequence[Line], name: str, taxonomy: Taxonomy) -> tuple[str, date | None]:
    """The title and the day of publication, which are the first two lines of a page."""
    texts = [line.text for line in lines]
    if len(texts) < 2 or not texts[0].startswith(HEAD) or not texts[1].startswith(PUBLISHED):
        raise InputError(
            f"{name}: is no report page: it does not begin with '{HEAD}TITLE' and "
            f"'{PUBLISHED}YYYY-MM-DD'. Save the whole page as text."
        )
    for line in lines[2:]:
        raise InputError(
            f"{name}:{line.number}: {quoted(line.text)} is in no part of the page that the "
            f"taxonomy {taxonomy.name!r} has. Remove it, or give the page's own taxonomy."
        )
    return texts[0].removeprefix(HEAD), _day(lines[1], name)


def _day(line: Line, name: str) -> date | None:
    said = line.text.removeprefix(PUBLISHED)
    try:
        return None if said == NO_DATE else as_day(said)
    except ValueError as error:
        raise InputError(
            f"{name}:{line.number}: {quoted(said)} is not a date. Write YYYY-MM-DD, or {NO_DATE}."
        ) from error


def _sources(lines: Sequence[Line], name: str, problems: Problems) -> list[ArticleRef]:
    articles: dict[str, ArticleRef] = {}
    for line in lines:
        with problems.collecting():
            article = _source(line, name)
            if article.id in articles:
                raise InputError(f"{name}:{line.number}: [{article.id}] is there twice. Keep one.")
            articles[article.id] = article
    return list(articles.values())


def _source(line: Line, name: str) -> ArticleRef:
    found = _SOURCE.fullmatch(line.text)
    if found is None:
        raise InputError(
            f"{name}:{line.number}: {quoted(line.text)} is no source. "
            "Write the article's id in brackets, its title and its address."
        )
    title, _, last = (found[2] or "").rpartition(" ")
    if _ADDRESS.fullmatch(last):
        return ArticleRef(id=found[1], title=title, url=last)
    return ArticleRef(id=found[1], title=found[2] or "")


def _fields(
    found: Parts, taxonomy: Taxonomy, known: list[str], name: str, problems: Problems
) -> dict[str, FieldAnswer]:
    if taxonomy.postmortem is None:
        return {}
    lines = found.get(one_line(taxonomy.postmortem.title), [])
    return read_fields(lines, taxonomy.postmortem, known, name, problems)


def _titled(title: str, taxonomy: Taxonomy) -> dict[str, FieldAnswer]:
    """The answer to the field that is the title of the whole report."""
    heading = taxonomy.postmortem.heading if taxonomy.postmortem else None
    return {heading: FieldAnswer(status="answered", items=(Item(text=title),))} if heading else {}


def _categories(
    found: Parts, taxonomy: Taxonomy, name: str, problems: Problems
) -> dict[str, Decision]:
    words = Words(taxonomy)
    decided: dict[str, Decision] = {}
    for row in rows(found, name, taxonomy, problems):
        with problems.collecting():
            decided[row.category.name] = decision(row, words, name)
    decided |= _gates(taxonomy, decided)
    return {n: decided[n] for n in taxonomy.categories if n in decided}


def _gates(taxonomy: Taxonomy, decided: Mapping[str, Decision]) -> Iterator[tuple[str, Decision]]:
    """The true-or-false categories that the page shows only by what they open or close."""
    for category in taxonomy.categories.values():
        behind = [d for n, d in decided.items() if _is_behind(taxonomy.categories[n], category)]
        known = [d for d in behind if d.status in ("answered", "unknown", "not_applicable")]
        if category.name not in decided and category.select == "boolean" and known:
            is_open = any(d.status != "not_applicable" for d in known)
            yield category.name, _gate(category, is_open)


def _gate(category: Category, is_open: bool) -> Decision:
    if not is_open:
        why = "The page shows nothing of what is asked only where it holds."
        return Decision(status="answered", rationale=why)
    [name] = category.names
    why = "The page answers what is asked only where it holds."
    finding = Finding(option=name, applies=True, rationale=why)
    return Decision(options=(name,), status="answered", rationale=why, findings=(finding,))


def _is_behind(category: Category, gate: Category) -> bool:
    return category.gate is not None and category.gate.category == gate.name


def _refuse_rest(lines: Sequence[Line], name: str) -> None:
    for line in lines:
        raise InputError(
            f"{name}:{line.number}: {quoted(line.text)} stands behind {END!r}. Remove it."
        )


def _provenance(taxonomy: Taxonomy) -> Provenance:
    """Of the page nothing is known but the taxonomy that it was read with."""
    return Provenance(
        versions={},
        taxonomy=f"{taxonomy.name} {taxonomy.version}",
        taxonomy_sha256=taxonomy.sha256,
        prompts_sha256="",
        articles_sha256="",
        model=ModelRef(name=_NOT_SAID),
        method=_NOT_SAID,
    )
