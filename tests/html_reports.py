"""Reports with their articles, whose pages are looked at: plain, in other scripts, hostile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from reports import FAIL, FAILED, answered, found, provenance
from reports import report as plain_report

from classifier.grounding import Locator
from classifier.records import (
    Article,
    ArticleRef,
    AuditFinding,
    ConfidenceOrigin,
    Decision,
    Evidence,
    FieldAnswer,
    Finding,
    IncidentRef,
    Item,
    Report,
    When,
)
from classifier.render.html import report_html

ARABIC = "الخطأ في برنامج 🛰️ الملاحة"
ACCENT = "im Cafe\u0301 👩‍🚀 nebenan"
TEXT = (
    f"🚨 Die Raumfähre fiel aus. Das Personal saß {ACCENT} und sah zu.\n\n"
    f"قال التقرير إن {ARABIC} أسقط الطائرة.\n\n"
    + "Nobody had tested the release. " * 40
    + "\n\nEngineers left the database open. It happened last month."
)
SECOND = "A second paper says that engineers left the database open to the whole world."
HOSTILE = (
    "</script></style></title></template><script>window.ran=1</script>"
    "<img src=x onerror='window.ran=1'><!-- --><svg onload=window.ran=1>"
    '"\' onclick="window.ran=1" {{ 7 * 191 }}{% raw %}${window.ran=1}\x00\x1b\u202e end'
)


def articles(first: str = TEXT, second: str = SECOND) -> tuple[Article, ...]:
    day = date(2024, 3, 5)
    address = "https://news.example/1"
    return (
        Article(id="101", text=first, title="Shuttle down", published=day, url=address),
        Article(id="102", text=second, title="A second paper", source="The Second"),
    )


def located(given: Sequence[Article], *quotes: str) -> tuple[Evidence, ...]:
    locator = Locator(given)
    return tuple(evidence for quote in quotes for evidence in locator.locate(quote))


def items(*given: Item) -> FieldAnswer:
    return FieldAnswer(status="answered", items=given)


def report(
    given: Sequence[Article] = (),
    fields: Mapping[str, FieldAnswer] | None = None,
    confidence: ConfidenceOrigin = ConfidenceOrigin(source="logprobs"),
    audit: Sequence[AuditFinding] = (),
    id_: str = "i1",
    title: str = "The shuttle that fell silent",
    **decisions: Decision,
) -> Report:
    """A report on these articles; `decisions` are those that a test is about."""
    texts = given or articles()
    about = {"id", "title", "source", "url", "published"}
    refs = tuple(ArticleRef(**a.model_dump(include=about), sha256=a.sha256) for a in texts)
    days = [a.published for a in texts if a.published]
    return plain_report().model_copy(
        update={
            "incident": IncidentRef(
                id=id_, title=title, published=min(days, default=None), articles=refs
            ),
            "categories": plain_report(**decisions).categories,
            "fields": fields or {},
            "audit": tuple(audit),
            "provenance": provenance(confidence),
        }
    )


def telling(**more: Any) -> Report:
    """A report with one of each thing that a page shows."""
    given = articles()
    when = When(
        clue="last month",
        start=date(2024, 2, 1),
        end=date(2024, 2, 29),
        counted_from=date(2024, 3, 5),
        arithmetic="the month before 2024-03-05",
    )
    open_database = located(given, "left the database open")
    fields = {
        "summary": items(Item(text="A shuttle fell silent.", evidence=open_database)),
        "time": items(Item(text="In February 2024 [101].", evidence=open_database, when=when)),
        "impacts": items(
            Item(text="The aircraft was lost", articles=("101",), evidence=located(given, ARABIC)),
            Item(text="Nobody can check this", evidence=located(given, "words nobody ever wrote")),
        ),
        "preventions": items(Item(text="A test of the release", inferred=True)),
        "fixes": FieldAnswer(status="unknown"),
    }
    audit = (
        AuditFinding(check="twin", severity="warning", place="fields.impacts.1", message="Twins."),
        AuditFinding(check="late", severity="error", place="categories.phase", message="Too late."),
        AuditFinding(
            check="language", severity="info", place="articles.101.text", message="German."
        ),
    )
    decisions = {
        "phase": answered(
            found("design", "Nobody looked [101, 102].", confidence=0.83,
                  evidence=(*located(given, ARABIC, ACCENT), *located(given, SECOND[15:60]))),
            found("operation", "Engineers left it open.", confidence=0.4,
                  evidence=open_database + located(given, "a sentence that is in no article")),
        ),
        "recurring": answered(Finding(option="one_organization", applies=False,
                                      rationale="None is told of.", confidence=0.1)),
        "boundary": FAILED,
    }  # fmt: skip
    return report(given, fields, audit=audit, **{**decisions, **more})


def by_id(given: Sequence[Article]) -> dict[str, Article]:
    return {article.id: article for article in given}


def telling_page(**more: Any) -> str:
    return report_html(telling(**more), FAIL, by_id(articles()))


def hostile() -> tuple[Report, tuple[Article, ...]]:
    """A report in which every text is an attack; its categories have the taxonomy's names."""
    name = f"{HOSTILE}"[:200]
    first = Article(
        id=name, text=f"Before. {HOSTILE} After.", title=HOSTILE, url="javascript:window.ran=1"
    )
    second = Article(id="102", text=HOSTILE, title=HOSTILE, source=HOSTILE, url="data:text/html,x")
    given = (first, second)
    start = first.text.index(HOSTILE)
    there = Evidence(
        article_id=name, quote=HOSTILE, start=start, end=start + len(HOSTILE), match="exact"
    )
    lost = Evidence(article_id=HOSTILE[:100], quote=HOSTILE, match="not_found")
    when = When(clue=HOSTILE, start=date(2024, 1, 1), end=date(2024, 1, 2), arithmetic=HOSTILE)
    item = Item(text=HOSTILE, articles=(name, HOSTILE[:50]), evidence=(there, lost), when=when)
    answer = FieldAnswer(status="answered", items=(item,), lead=HOSTILE, reason=HOSTILE)
    decision = Decision(
        options=("design", HOSTILE),
        status="answered",
        findings=(
            found("design", f"{HOSTILE} [{name}] [102]", evidence=(there, lost)),
            found(HOSTILE, HOSTILE, evidence=(lost,)),
            found("operation", HOSTILE, applies=False),
        ),
        reason=HOSTILE,
    )
    made = report(
        given,
        {"impacts": answer, HOSTILE: answer, "title": items(Item(text=HOSTILE))},
        audit=[AuditFinding(check=HOSTILE, severity="error", place=HOSTILE, message=HOSTILE)],
        id_=name,
        title=HOSTILE,
        phase=decision,
    )
    origin = made.provenance.model_copy(
        update={
            "versions": {HOSTILE: HOSTILE},
            "method": HOSTILE,
            "parameters": {HOSTILE: [HOSTILE]},
        }
    )
    categories = {**made.categories, HOSTILE: decision}
    return made.model_copy(update={"categories": categories, "provenance": origin}), given


def saved(folder: Path, *reports: Report) -> list[str]:
    """A JSON file for each report; returns their names."""
    for number, one in enumerate(reports):
        (folder / f"r{number}.json").write_text(one.to_json(), "utf-8")
    return [f"r{number}.json" for number in range(len(reports))]
