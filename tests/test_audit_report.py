"""The audit of whole reports: open fields, times, twins, denials, citations, and what is kept."""

from __future__ import annotations

import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from reports import FAIL, answered, found, full, quoted, report
from scripted import recipes

from classifier.auditing import CHECKS, audit_report, reaudited, worst_first
from classifier.pages import read_report_page
from classifier.records import (
    ArticleRef,
    AuditFinding,
    Decision,
    Evidence,
    FieldAnswer,
    Finding,
    IncidentRef,
    Item,
    Report,
    When,
)
from classifier.taxonomy import OpenField, Postmortem
from eval.gold import GoldIncident, load_gold

TODAY = date(2026, 11, 23)
PUBLISHED = date(2020, 2, 3)
ROOT = Path(__file__).parents[1]
SEED = ROOT.parent / "shared" / "seed" / "000_a18f95dd12cf0c26.txt"
HERE = Evidence(article_id="1", quote="a cake", start=0, end=6, match="exact")
LOST = Evidence(article_id="1", quote="nowhere", match="not_found")
KITCHEN = recipes().model_copy(
    update={
        "postmortem": Postmortem(
            title="At the table",
            fields=(
                OpenField(name="served", label="Served", question="?", kind="time", group="a"),
                OpenField(
                    name="tools", label="Tools", question="?", group="a", apart_from=("hints",)
                ),
                OpenField(name="hints", label="Hints", question="?", group="a", infer=True),
                OpenField(name="taste", label="Taste", question="?", kind="text", group="a"),
            ),
        )
    }
)


def incident(*articles: tuple[str, date | None], sha256: str | None = "0" * 64) -> IncidentRef:
    given = articles or (("1", PUBLISHED),)
    shas = [sha256 and f"{n}{sha256[1:]}" for n in range(len(given))]
    refs = [
        ArticleRef(id=i, published=day, sha256=s) for (i, day), s in zip(given, shas, strict=True)
    ]
    days = [day for _, day in given if day]
    return IncidentRef(id="i", published=min(days, default=None), articles=tuple(refs))


def item(text: str = "It has a cake.", **more: Any) -> Item:
    return Item(**{"text": text, "articles": ("1",), "evidence": (HERE,)} | more)


def field(*items: Item, **more: Any) -> FieldAnswer:
    return FieldAnswer(**{"status": "answered", "items": items} | more)


def checks(of: IncidentRef | None = None, **fields: FieldAnswer) -> list[tuple[str, str]]:
    found = audit_report(KITCHEN, of or incident(), {}, fields)
    return [(f.check, f.place.removeprefix("fields.")) for f in found]


def test_sound_fields_have_no_findings() -> None:
    when = When(clue="in May 2019", start=date(2019, 5, 1), end=date(2019, 5, 31))
    hints = (item("Use ripe plums.", inferred=True, articles=(), evidence=()), item("Sieve it."))
    served, taste = field(item("In May.", when=when)), field(Item(text="Sour."))
    assert checks(served=served, tools=field(item()), hints=field(*hints), taste=taste) == []


@pytest.mark.parametrize(
    ("start", "fires"), [(PUBLISHED, False), (PUBLISHED + timedelta(days=1), True)]
)
def test_a_time_after_publication(start: date, fires: bool) -> None:
    late = item("Then.", when=When(clue="then", start=start, end=date(2021, 1, 1)))
    expected = [("time-after-publication", "served.1")] if fires else []
    assert checks(served=field(late)) == expected


@pytest.mark.parametrize(
    ("text", "fires"),
    [
        ("It happened in July 2020 [1].", True),
        ("It happened on 4 March 2020.", True),
        ("It happened in 2021.", True),
        ("It happened in 2020.", False),
        ("It happened in February 2020.", False),
        ("It happened in January 2020, and in July 2019.", False),
        ("The next one is planned for July 2020.", False),
        ("They will mend it by 2022.", False),
        ("It may have been 2 500 people.", False),
    ],
)
def test_a_time_that_words_alone_tell(text: str, fires: bool) -> None:
    expected = [("time-after-publication", "served.1")] if fires else []
    assert checks(served=field(item(text))) == expected


def test_only_fields_of_times_are_read_for_dates() -> None:
    assert checks(tools=field(item("The oven of 2031."))) == []


@pytest.mark.parametrize(
    ("days", "cites", "check"),
    [
        ((PUBLISHED, date(2020, 9, 1)), ("2",), None),
        ((PUBLISHED, date(2020, 9, 1)), ("1",), "time-after-publication"),
        ((PUBLISHED, None), ("2",), "time-after-first-publication"),
        ((PUBLISHED, None), ("1",), "time-after-publication"),
    ],
)
def test_what_an_article_cannot_know(
    days: tuple[date, date | None], cites: tuple[str, ...], check: str | None
) -> None:
    of = incident(("1", days[0]), ("2", days[1]))
    quote = HERE.model_copy(update={"article_id": cites[0]})
    late = item("It was in July 2020.", articles=cites, evidence=(quote,))
    assert checks(of, served=field(late)) == ([(check, "served.1")] if check else [])


def test_a_time_that_runs_backwards() -> None:
    when = When(clue="then", start=date(2019, 5, 2), end=date(2019, 5, 1))
    assert checks(served=field(item(when=when))) == [("time-runs-backwards", "served.1")]


@pytest.mark.parametrize(
    ("ours", "theirs", "check"),
    [
        ("No lid was on it [1].", "no lid was on it", "twin-statements"),
        ("Nobody ever put a lid on the pot.", "Nobody put a lid on the pot.",
         "near-twin-statements"),
        ("Nobody put a lid on it.", "The oven was cold.", None),
    ],
)  # fmt: skip
def test_twins_in_fields_that_stand_apart(ours: str, theirs: str, check: str | None) -> None:
    found = checks(tools=field(item(ours)), hints=field(item("Other."), item(theirs)))
    assert found == ([(check, "tools.1")] if check else [])


def test_the_same_in_fields_that_do_not_stand_apart() -> None:
    assert checks(tools=field(item()), taste=field(item())) == []


def test_the_same_twice_in_a_field() -> None:
    assert checks(tools=field(item("A lid."), item("a lid"))) == [("repeated-item", "tools.2")]


@pytest.mark.parametrize(
    ("name", "given", "check"),
    [
        ("tools", item(evidence=()), "item-without-quote"),
        ("tools", item(inferred=True), "inference-not-allowed"),
        ("hints", item(evidence=()), "inference-not-marked"),
        ("tools", item(articles=("9",)), "citation-of-no-article"),
        ("tools", item("It is so [9]."), "citation-of-no-article"),
        ("tools", item(evidence=(HERE, LOST)), "quote-not-found"),
    ],
)
def test_items_without_a_reason(name: str, given: Item, check: str) -> None:
    assert checks(**{name: field(given)}) == [(check, f"{name}.1")]


def test_items_of_reports_whose_texts_nobody_had() -> None:
    bare = incident(sha256=None)
    found = checks(bare, tools=field(item(evidence=())), hints=field(Item(text="A lid.")))
    assert found == [("item-without-citation", "hints.1"), ("whole-article-citations", "")]


@pytest.mark.parametrize(
    ("answer", "check"),
    [
        (FieldAnswer(status="failed", reason="cut short"), "failed"),
        (FieldAnswer(status="answered"), "field-empty"),
    ],
)
def test_fields_without_an_answer(answer: FieldAnswer, check: str) -> None:
    assert checks(tools=answer) == [(check, "tools")]


def test_names_that_the_taxonomy_does_not_have() -> None:
    fine = Decision(options=("gone",), status="answered", rationale="So.")
    found = audit_report(KITCHEN, incident(), {"course": fine, "colour": fine}, {"x": field()})
    places = [f.place for f in found if f.check == "not-in-taxonomy"]
    assert places == ["categories.course.gone", "categories.colour", "fields.x"]


def denied(category: str, option: str, rationale: str) -> list[str]:
    given = answered(found(option, rationale, evidence=(quoted(),)))
    made = report(**{category: given})
    found_ = audit_report(FAIL, made.incident, {category: given}, {})
    return [f.check for f in found_ if f.check == "option-denied"]


@pytest.mark.parametrize(
    ("category", "option", "rationale"),
    [
        ("behaviour", "crash", "The software failure incident does not involve a crash."),
        ("dimension", "hardware", "The failure was not directly attributed to hardware issues."),
        ("objective", "malicious", "A visitor came. The act was not malicious."),
        ("recurring", "multiple_organization",
         "There is no information indicating that it happened at multiple organisations."),
        ("consequence", "death", "The articles do not mention any death."),
    ],
)  # fmt: skip
def test_a_paragraph_that_denies_its_option(category: str, option: str, rationale: str) -> None:
    assert denied(category, option, rationale) == ["option-denied"]


@pytest.mark.parametrize(
    ("category", "option", "rationale"),
    [
        ("objective", "malicious", "It was not only malicious, it was planned."),
        ("objective", "non-malicious", "There is no evidence that anyone meant harm."),
        ("dimension", "hardware", "The software was not tested on the hardware."),
        ("intent", "poor_decisions", "There is no sign that the firm tested anything."),
        ("duration", "temporary", "The failure was not permanent: it came under load."),
        ("behaviour", "other", "The incident does not involve any other system."),
        ("consequence", "delay", "Engineers did not know why the delay arose."),
    ],
)
def test_a_paragraph_that_only_seems_to(category: str, option: str, rationale: str) -> None:
    assert denied(category, option, rationale) == []


@pytest.mark.parametrize(
    ("rationale", "fires"),
    [("The answer came too late.", True), ("No answer was late.", False)],
)
def test_a_paragraph_for_an_option_that_is_not_chosen(rationale: str, fires: bool) -> None:
    value = found("value", evidence=(quoted(),))
    given = answered(value, found("timing", rationale, applies=False))
    made = audit_report(FAIL, report().incident, {"behaviour": given}, {})
    assert [f.check for f in made] == (["paragraph-not-chosen"] if fires else [])


@pytest.mark.parametrize(
    "given",
    [
        Decision(status="answered"),
        Decision(options=("meat",), status="unknown"),
        Decision(options=("meat",), status="needs_review"),
        Decision(options=("unknown",), status="answered"),
    ],
)
def test_a_status_that_contradicts_the_options(given: Decision) -> None:
    found_ = [f.check for f in audit_report(KITCHEN, incident(), {"diet": given}, {})]
    assert "status-does-not-fit" in found_


def test_no_answer_without_a_gate() -> None:
    given = {"diet": Decision(status="not_applicable")}
    assert [f.check for f in audit_report(KITCHEN, incident(), given, {})] == ["gate-does-not-fit"]


# Reports that are there


def test_what_needs_the_texts_is_kept_and_the_rest_is_found_anew() -> None:
    made = full()
    anew = reaudited(made, FAIL, TODAY)
    kept = {f.check for f in anew} & {f.check for f in made.audit}
    assert kept == {"failed", "quote-not-found", "language"}
    assert len([f for f in anew if f.check == "failed"]) == 1
    assert [f.severity for f in anew] == sorted((f.severity for f in anew), key=_rank)


def _rank(severity: str) -> int:
    return ("error", "warning", "info").index(severity)


def test_an_audit_of_an_audit_finds_the_same() -> None:
    once = reaudited(full(), FAIL, TODAY)
    again = full().model_copy(update={"audit": tuple(once)})
    assert reaudited(again, FAIL, TODAY) == once


def test_an_article_of_the_future_is_told_once() -> None:
    ours = report(article={"published": date(2027, 1, 1)})
    assert "published-in-future" in {f.check for f in reaudited(ours, FAIL, TODAY)}
    told = AuditFinding(check="published-in-future", severity="error", message="Before.",
                        place="articles.80997.published")  # fmt: skip
    anew = reaudited(ours.model_copy(update={"audit": (told,)}), FAIL, TODAY)
    assert [f.message for f in anew if f.check == told.check] == ["Before."]


def test_checks_that_nobody_here_knows_are_kept() -> None:
    told = AuditFinding(check="of-tomorrow", severity="warning", message="What it means.")
    assert told in reaudited(report(audit=(told,)), FAIL, TODAY)


def test_another_taxonomy_is_named() -> None:
    [told] = [f for f in reaudited(report(), FAIL, TODAY) if f.check == "another-taxonomy"]
    assert "'fail 1' (111111111111)" in told.message
    own = report().provenance.model_copy(update={"taxonomy_sha256": FAIL.sha256})
    same = report().model_copy(update={"provenance": own})
    assert "another-taxonomy" not in {f.check for f in reaudited(same, FAIL, TODAY)}


def test_each_finding_once_and_the_worst_first() -> None:
    given = [AuditFinding(check=s, severity=s, message="") for s in ("info", "error", "info")]
    assert [f.severity for f in worst_first(given)] == ["error", "info"]


@pytest.mark.skipif(not SEED.is_file(), reason="../shared has the seed page")
def test_the_mistakes_of_the_seed_page() -> None:
    made = read_report_page(SEED.read_bytes(), SEED.name, FAIL)
    anew = {f.check: f for f in reaudited(made, FAIL, TODAY)}
    assert {c: f.severity for c, f in anew.items() if c != "no-sources"} == {
        "time-after-publication": "error",
        "twin-statements": "error",
        "recurring-without-another": "warning",
        "people-counted-as-non-human": "warning",
        "malicious-beside-negligence": "warning",
        "option-without-rationale": "warning",
        "whole-article-citations": "info",
    }
    assert "'in July 2019'" in anew["time-after-publication"].message
    place = "categories.consequence.theoretical_consequence"
    assert anew["option-without-rationale"].place == place


def as_report(gold: GoldIncident) -> Report:
    """The report that the people's labels, reasons and quotes make."""
    decided = {name: _decision(gold, name) for name in gold.labels}
    refs = [ArticleRef(**a.model_dump(exclude={"text"}), sha256=a.sha256) for a in gold.articles]
    about = IncidentRef(id=gold.id, articles=tuple(refs), published=gold.incident.published)
    return report().model_copy(update={"incident": about, "categories": decided})


def _decision(gold: GoldIncident, name: str) -> Decision:
    options = gold.labels[name]
    if options is None:
        return Decision(status="not_applicable")
    findings = tuple(
        Finding(option=option, applies=True, rationale=reason.rationale,
                evidence=tuple(_evidence(gold, q) for q in reason.quotes))
        for option, reason in gold.reasons.get(name, {}).items()
        if option != "unknown"
    )  # fmt: skip
    status = "unknown" if options == ("unknown",) else "answered"
    return Decision(options=options, status=status, findings=findings)


def _evidence(gold: GoldIncident, quote: str) -> Evidence:
    return Evidence(article_id=gold.articles[0].id, quote=quote, start=0, end=1, match="exact")


def test_no_alarm_on_what_people_wrote() -> None:
    gold = load_gold(ROOT / "seeds")
    assert len(gold.incidents) > 80
    made = [as_report(one) for one in gold.incidents]
    alarms = [(m.incident.id, f) for m in made for f in reaudited(m, FAIL, TODAY)]
    assert [a for a in alarms if a[1].check != "another-taxonomy"] == []


@pytest.mark.parametrize("text", ["does not ", "crash ", "[7] ", "it was not a ", "2019 ", " [7]"])
def test_a_hostile_report_is_audited_in_linear_time(text: str) -> None:
    many = text * (200_000 // len(text))
    given = answered(found("crash", many), found("value", many, applies=False))
    fields = {f.name: field(*[item(many)] * 2) for f in FAIL.postmortem.fields}
    made = report(behaviour=given).model_copy(update={"fields": fields})
    begun = time.process_time()
    reaudited(made, FAIL, TODAY)
    assert time.process_time() - begun < 8


def test_the_page_of_docs_names_every_check() -> None:
    rows = [
        tuple(cell.strip(" `") for cell in line.strip("|").split("|"))
        for line in (ROOT / "docs" / "audit.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    rules = [(r.name, r.severity, r.message) for r in FAIL.rules]
    assert rows == [(name, c.severity, c.meaning) for name, c in CHECKS.items()] + rules
