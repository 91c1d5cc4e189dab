"""How often each option occurs: counts, intervals, years, pairs, and how they are printed."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reports import CLOSED, FAIL, FAILED, FALSE, UNKNOWN, found
from run_folders import MANIFEST, NOT_AT_HAND, holding, of_recipes, one, run_of
from scripted import recipes
from statsmodels.stats.proportion import proportion_confint

from classifier.batch.stats import Share, count, count_run, crossed, years_of
from classifier.batch.stats_table import HEAD, stats_rows, to_json, to_tsv
from classifier.errors import ConfigurationError
from classifier.records import Decision

UNSURE = Decision(status="needs_review", findings=(found("permanent"),))
REPORTS = [
    one("1", date(2018, 1, 1), phase=holding("design"), domain=holding("sales", "finance"),
        consequence=holding("delay")),
    one("2", date(2018, 9, 1), phase=holding("design", "operation"), domain=holding("sales"),
        consequence=holding("delay", "harm")),
    one("3", date(2020, 1, 1), phase=UNKNOWN, domain=holding("sales"), consequence=UNKNOWN),
    one("4", None, phase=FAILED, perception=CLOSED, cps=FALSE, duration=UNSURE),
]  # fmt: skip


def table(stats, **more) -> list[dict[str, str]]:
    head, *rows = [line.split("\t") for line in to_tsv(stats, **more).split("\n")[:-1]]
    return [dict(zip(head, row, strict=True)) for row in rows]


def row_of(rows, category: str, name: str) -> dict[str, str]:
    (found,) = [r for r in rows if (r["category"], r["name"]) == (category, name)]
    return found


@given(st.integers(0, 300), st.integers(1, 300))
def test_the_interval_is_wilson_s(number: int, of: int) -> None:
    number = min(number, of)
    low, high = proportion_confint(number, of, method="wilson")
    assert Share(number, of).interval == pytest.approx((low, high), abs=1e-9)


def test_a_share_of_nothing_is_none() -> None:
    assert (Share(0, 0).share, Share(0, 0).interval) == (None, None)


def test_options_are_counted_where_the_category_was_decided() -> None:
    phase = count(REPORTS, FAIL).categories["phase"]
    assert (phase.decided, phase.share("design"), phase.share("operation")) == (
        2, Share(2, 2), Share(1, 2))  # fmt: skip
    statuses = {s: phase.with_status(s) for s in ("unknown", "not_applicable", "failed")}
    assert statuses == {"unknown": 1, "not_applicable": 0, "failed": 1}


def test_a_true_or_false_category_that_is_false_is_decided() -> None:
    assert count(REPORTS, FAIL).categories["cps"].share("cps") == Share(0, 1)


def test_what_needs_review_is_not_decided() -> None:
    duration = count(REPORTS, FAIL).categories["duration"]
    assert (duration.with_status("needs_review"), duration.share("permanent")) == (1, Share(0, 0))


def test_an_option_named_twice_by_one_incident_counts_once() -> None:
    assert count([one("1", phase=holding("design", "design"))]).categories["phase"].share(
        "design"
    ) == Share(1, 1)


def test_an_option_that_never_occurs_is_there_where_the_taxonomy_is() -> None:
    assert count([], FAIL).categories["phase"].options == {"design": {}, "operation": {}}
    assert "phase" not in count([]).categories


def test_without_a_taxonomy_options_are_in_the_order_of_the_reports() -> None:
    names = [f"o{n}" for n in range(20, 0, -1)]
    assert list(count([one("1", y=holding(*names))]).categories["y"].options) == names


def test_years_are_of_publication_and_may_be_missing() -> None:
    stats = count(REPORTS, FAIL)
    assert (stats.years, years_of(stats)) == ({2018: 2, 2020: 1, None: 1}, [2018, 2020])
    assert stats.categories["domain"].options["sales"] == {2018: 2, 2020: 1}


def test_pairs_are_counted_where_both_were_decided() -> None:
    cross = count(REPORTS, FAIL).cross
    assert cross is not None
    assert (cross.share("sales", "delay"), cross.share("finance", "delay")) == (
        Share(2, 2), Share(1, 1))  # fmt: skip
    assert cross.share("health", "delay") == Share(0, 0)


def test_the_last_two_of_the_page_are_crossed_unless_others_are_named() -> None:
    assert crossed(FAIL) == ("domain", "consequence")
    cross = count(REPORTS, FAIL, ("phase", "domain")).cross
    assert cross is not None
    assert cross.share("operation", "sales") == Share(1, 1)


def test_a_taxonomy_without_two_categories_crosses_none() -> None:
    section = FAIL.sections[0].model_copy(update={"categories": ("phase",)})
    assert crossed(FAIL.model_copy(update={"sections": (section,)})) is None
    assert crossed(FAIL.model_copy(update={"sections": ()})) == tuple(FAIL.categories)[:-3:-1]


@pytest.mark.parametrize("taxonomy", [FAIL, None])
def test_a_pair_that_is_not_there_is_refused(tmp_path: Path, taxonomy) -> None:
    run = run_of(tmp_path / "run", REPORTS)
    with pytest.raises(ConfigurationError, match=r"'colour', which is no .*phase"):
        count_run(run, taxonomy, ("phase", "colour"))


def test_a_second_taxonomy_is_counted_alike(tmp_path: Path) -> None:
    taxonomy = recipes()
    run = run_of(tmp_path / "r", [one("1", diet=holding("vegan"))], manifest=of_recipes(taxonomy))
    stats = count_run(run, taxonomy)
    assert stats.categories["diet"].share("vegan") == Share(1, 1)
    assert list(stats.categories) == list(taxonomy.categories)


def test_counts_are_sums_of_their_years() -> None:
    for row in stats_rows(count(REPORTS, FAIL), crossed=True):
        assert row.years is None or row.count == sum(row.years.values())


# A run that is odd.


def test_an_empty_run_has_zeros_and_no_shares(tmp_path: Path) -> None:
    stats = count_run(run_of(tmp_path / "run"), FAIL)
    assert (stats.reports, stats.failures, stats.torn, years_of(stats)) == (0, 0, 0, [])
    design = row_of(table(stats), "phase", "design")
    assert (design["count"], design["of"], design["share"], design["high"]) == ("0", "0", "", "")


def test_a_run_with_failures_alone(tmp_path: Path) -> None:
    stats = count_run(run_of(tmp_path / "run", failures=[("1", "read", "empty")]))
    assert (stats.reports, stats.failures, stats.categories) == (0, 1, {})
    assert row_of(table(stats), "", "failures")["count"] == "1"


def test_a_torn_last_line_is_counted_as_torn(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", REPORTS)
    with (run.path / "reports.jsonl").open("ab") as file:
        file.write(b'{"schema_version":1,"incident":{"id":"5"')
    stats = count_run(run, FAIL)
    assert (stats.reports, stats.torn) == (4, 1)


# As text.


def test_the_table_has_a_column_for_each_year() -> None:
    rows = table(count(REPORTS, FAIL))
    assert list(rows[0]) == [*HEAD, "2018", "2020", "undated"]
    assert [rows[0][k] for k in ("name", "count", "2018", "undated")] == ["reports", "4", "2", "1"]
    sales = row_of(rows, "domain", "sales")
    assert [sales[k] for k in ("kind", "count", "of", "share", "2018", "undated")] == [
        "option", "3", "3", "1.0000", "2", "0"]  # fmt: skip


def test_the_table_has_pairs_when_they_are_asked_for() -> None:
    stats = count(REPORTS, FAIL)
    assert "cross" not in {row["kind"] for row in table(stats)}
    pair = row_of(table(stats, crossed=True), "domain,consequence", "sales,harm")
    assert [pair[k] for k in ("kind", "count", "of", "share")] == ["cross", "1", "2", "0.5000"]


def test_nothing_in_a_name_breaks_the_table_or_steers_a_terminal() -> None:
    stats = count([one("1", **{"a\tb\x1b[2J": holding("c\nd\ud800")})])
    assert all(c.isprintable() or c in "\t\n" for c in to_tsv(stats))
    assert row_of(table(stats), "a\\tb\\x1b[2J", "c\\nd\\ud800")["count"] == "1"


def test_json_has_all_counts() -> None:
    told = json.loads(to_json(count(REPORTS, FAIL), MANIFEST))
    assert (told["reports"], told["years"]) == (4, {"2018": 2, "2020": 1, "undated": 1})
    assert told["taxonomy_sha256"] == FAIL.sha256
    sales = told["categories"]["domain"]["options"]["sales"]
    assert (sales["count"], sales["share"], sales["years"]) == (3, 1.0, {"2018": 2, "2020": 1})
    cells = {(c["row"], c["column"]): c["count"] for c in told["cross"]["cells"]}
    assert (cells["sales", "delay"], cells["health", "death"]) == (2, 0)
    assert len(cells) == 13 * 9


def test_json_of_a_run_whose_taxonomy_is_not_at_hand() -> None:
    told = json.loads(to_json(count(REPORTS), NOT_AT_HAND))
    assert (told["cross"], told["categories"]["phase"]["label"]) == (None, "phase")
    assert Counter(told["categories"]["phase"]["options"].keys()) == {"design": 1, "operation": 1}
