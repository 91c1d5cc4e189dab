"""Exports read back by what researchers use: each format, both forms, and the run's taxonomy."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from reports import FAIL, report
from run_folders import MANIFEST, NOT_AT_HAND, holding, of_recipes, one, run_of, telling
from scripted import RECIPES, recipes

from classifier.batch.choices import choices_in, choices_of, taxonomy_of
from classifier.batch.export import parquet
from classifier.batch.export.exporting import Exported, ExportOptions, export_run
from classifier.batch.export.formats import Format, Shape
from classifier.batch.export.rows import LONG, long_rows
from classifier.batch.folder import RunFailure
from classifier.errors import ClassifierError, ConfigurationError, InputError

FAILURES = [("=cmd", "read", "it is empty")]


@pytest.fixture
def run(tmp_path: Path):
    return run_of(tmp_path / "run", [telling(), report(id_="2")], FAILURES)


def exported(run, path: Path, format_: str, **more) -> Path:
    export_run(run, path, ExportOptions(Format(format_), taxonomy=FAIL, **more))
    return path


def objects(run, tmp_path: Path, **more) -> list[dict]:
    text = exported(run, tmp_path / "o.jsonl", "jsonl", **more).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def cells(rows: list[dict], category: str | None, *names: str) -> list[tuple]:
    return [tuple(r[n] for n in names) for r in rows if r["category"] == category]


# The long form.


def test_a_finding_is_a_row_with_its_first_located_quote(run, tmp_path: Path) -> None:
    first, second = [r for r in objects(run, tmp_path) if r["category"] == "recurring"][:2]
    assert (first["option"], first["applies"], first["confidence"]) == (
        "one_organization", True, 0.875)  # fmt: skip
    assert (first["quotes"], first["quotes_located"], first["quote_match"]) == (3, 2, "exact")
    assert (first["quote_article"], first["quote_start"], first["quote_end"]) == ("80997", 40, 72)
    assert (second["option"], second["applies"], second["quote"]) == (
        "multiple_organization", False, None)  # fmt: skip


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("phase", ("answered", "design", True)),  # an option without a finding
        ("nature", ("unknown", "unknown", True)),
        ("boundary", ("failed", None, None)),
        ("perception", ("not_applicable", None, None)),
        ("cps", ("answered", None, None)),  # true or false, and false
        ("duration", ("needs_review", "permanent", True)),
    ],
)
def test_every_category_of_a_report_has_a_row(category, expected) -> None:
    rows = [dict(zip((c.name for c in LONG), r, strict=True)) for r in of_long(telling())]
    assert cells(rows, category, "status", "option", "applies") == [expected]


def of_long(*reports):
    return list(long_rows(reports, [], MANIFEST))


def test_a_bare_row_keeps_why(run, tmp_path: Path) -> None:
    rows = objects(run, tmp_path)
    assert cells(rows, "boundary", "reason")[0] == (
        "the second answer could not be used either",)  # fmt: skip
    assert cells(rows, "nature", "rationale", "reason")[0] == (None, None)


def test_a_failed_input_is_a_row_that_failed_without_a_category(run, tmp_path: Path) -> None:
    wanted = ("incident", "status", "stage", "reason", "title", "model", "taxonomy_sha256")
    assert cells(objects(run, tmp_path), None, *wanted) == [
        ("=cmd", "failed", "read", "it is empty", None, "small", FAIL.sha256)
    ]


def test_calibrated_is_said_only_where_there_is_a_confidence(run, tmp_path: Path) -> None:
    rows = objects(run, tmp_path)
    assert {(r["incident"], r["confidence_source"], r["calibrated"]) for r in rows} == {
        ("80997", "logprobs", True), ("2", "none", None), ("=cmd", None, None)}  # fmt: skip


def test_the_same_option_twice_is_kept_twice() -> None:
    twice = one("1", phase=holding("design", "design"))
    assert [row[6] for row in of_long(twice)] == ["design", "design"]


def test_an_offset_beyond_every_article_is_refused() -> None:
    far = telling().model_dump(mode="json")
    far["categories"]["recurring"]["findings"][0]["evidence"][1]["end"] = 2**70
    with pytest.raises(InputError, match="'80997' has a quote at 40"):
        of_long(type(telling()).model_validate(far))


# The wide form.


def test_the_wide_form_has_every_option_of_the_taxonomy(run, tmp_path: Path) -> None:
    first, second, failed = objects(run, tmp_path, shape=Shape.wide)
    options = [f"{name}.{o}" for name, c in FAIL.categories.items() for o in c.names]
    assert [key for key in first if "." in key] == options
    assert list(first) == list(second) == list(failed)


def test_the_wide_form_says_true_false_and_not_decided(run, tmp_path: Path) -> None:
    row = objects(run, tmp_path, shape=Shape.wide)[0]
    assert (row["phase:options"], row["phase.design"], row["phase.operation"]) == (
        ["design"], True, False)  # fmt: skip
    assert (row["cps:options"], row["cps.cps"], row["cps:status"]) == ([], False, "answered")
    assert (row["nature:options"], row["nature.human_actions"]) == (["unknown"], None)
    assert (row["boundary:options"], row["boundary:status"]) == (None, "failed")
    assert (row["domain:options"], row["domain:status"], row["domain.sales"]) == (None,) * 3
    assert (row["duration:options"], row["duration.permanent"]) == (None, None)


def test_a_failed_input_is_a_row_of_the_wide_form(run, tmp_path: Path) -> None:
    row = objects(run, tmp_path, shape=Shape.wide)[-1]
    assert (row["incident"], row["outcome"], row["reason"]) == ("=cmd", "failed", "it is empty")
    assert {value for key, value in row.items() if "." in key or ":" in key} == {None}


def test_categories_with_the_names_of_other_columns_keep_apart(tmp_path: Path) -> None:
    awkward = one("1", title=holding("status", "options"), incident=holding("x"))
    run = run_of(tmp_path / "run", [awkward], manifest=NOT_AT_HAND)
    row = objects_without(run, tmp_path)[0]
    assert (row["title"], row["title.status"], row["title:status"]) == ("About 1", True, "answered")
    assert row["incident"] == "1"


def objects_without(run, tmp_path: Path) -> list[dict]:
    path = tmp_path / "o.jsonl"
    export_run(run, path, ExportOptions(Format.jsonl, Shape.wide))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_without_its_taxonomy_the_wide_form_has_what_the_reports_have(tmp_path: Path) -> None:
    reports = [one("1", phase=holding("design")), one("2", phase=holding("x"), y=holding())]
    run = run_of(tmp_path / "run", reports, manifest=NOT_AT_HAND)
    row = objects_without(run, tmp_path)[0]
    assert [k for k in row if "." in k] == ["phase.design", "phase.x"]
    assert (row["y:status"], row["phase.x"]) == (None, False)


@pytest.mark.parametrize("decision", [{"phase": holding("x")}, {"strange": holding("design")}])
def test_what_has_no_column_is_refused_rather_than_dropped(tmp_path: Path, decision) -> None:
    run = run_of(tmp_path / "run", [one("1", **decision)])
    with pytest.raises(InputError, match=r"'1' has the (option 'x' of 'phase'|category 'strange')"):
        exported(run, tmp_path / "o.csv", "csv", shape=Shape.wide)
    assert not (tmp_path / "o.csv").exists()


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    twins = [one("1", **{"a.b": holding("c"), "a": holding("b.c")})]
    run = run_of(tmp_path / "run", twins, manifest=NOT_AT_HAND)
    with pytest.raises(ClassifierError, match=r"both be named 'a\.b\.c'"):
        objects_without(run, tmp_path)


# The taxonomy of a run.


def test_a_shipped_taxonomy_is_found_by_its_digest() -> None:
    found = taxonomy_of(MANIFEST)
    assert found is not None
    assert choices_of(found)["phase"] == ("design", "operation")


def test_a_taxonomy_that_was_changed_since_is_not_the_run_s() -> None:
    assert taxonomy_of(MANIFEST.model_copy(update={"taxonomy_sha256": "0" * 64})) is None


def test_a_taxonomy_of_the_user_is_found_where_the_settings_say(tmp_path: Path) -> None:
    manifest = of_recipes(recipes())
    assert taxonomy_of(manifest) is None
    found = taxonomy_of(manifest, [tmp_path / "gone", "fail", RECIPES])
    assert found is not None
    assert found.name == "recipes"


def test_choices_in_reports_leave_unknown_out() -> None:
    assert choices_in([telling()])["nature"] == ()


# The formats, read back.


def test_parquet_is_typed_and_says_where_it_is_from(run, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    read = pq.ParquetFile(exported(run, tmp_path / "o.parquet", "parquet"))
    kinds = {f.name: str(f.type) for f in read.schema_arrow}
    assert (kinds["published"], kinds["applies"], kinds["confidence"], kinds["quotes"]) == (
        "date32[day]", "bool", "double", "int64")  # fmt: skip
    assert {kinds["incident"], kinds["status"]} == {"string"}
    notes = read.schema_arrow.metadata
    assert (notes[b"classifier.model"], notes[b"classifier.shape"]) == (b"small", b"long")
    assert notes[b"classifier.taxonomy_sha256"] == FAIL.sha256.encode()
    assert read.metadata.row_group(0).column(0).compression == "ZSTD"


def test_parquet_holds_what_json_lines_hold(run, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    for shape in Shape:
        rows = pq.read_table(exported(run, tmp_path / "o.parquet", "parquet", shape=shape))
        listed = [plain(row) for row in rows.to_pylist()]
        assert listed == objects(run, tmp_path, shape=shape)


def plain(row: dict) -> dict:
    return {k: v.isoformat() if isinstance(v, date) else v for k, v in row.items()}


def test_parquet_goes_out_in_groups_of_rows(run, tmp_path: Path, monkeypatch) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(parquet, "ROW_GROUP", 10)
    whole = pq.ParquetFile(exported(run, tmp_path / "o.parquet", "parquet")).metadata
    sizes = [whole.row_group(n).num_rows for n in range(whole.num_row_groups)]
    assert (set(sizes[:-1]), sum(sizes)) == ({10}, len(objects(run, tmp_path)))


def test_polars_pandas_and_duckdb_read_parquet_alike(run, tmp_path: Path) -> None:
    pl, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    path = exported(run, tmp_path / "o.parquet", "parquet", shape=Shape.wide)
    frame = pl.read_parquet(path)
    assert frame["phase:options"].to_list() == [["design"], ["unknown"], None]
    assert frame["published"].to_list() == [date(2019, 2, 13)] * 2 + [None]
    query = f"""SELECT incident, "phase.design", published FROM '{path}' ORDER BY outcome DESC"""
    assert (
        duckdb.sql(query).fetchall()
        == frame.sort("outcome", descending=True)
        .select("incident", "phase.design", "published")
        .rows()
    )


@pytest.mark.parametrize("excel", [False, True])
def test_polars_and_duckdb_read_csv(tmp_path: Path, excel: bool) -> None:
    pl, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    run = run_of(tmp_path / "run", [one("007", phase=holding("design")), one("1e5")])
    path = exported(run, tmp_path / "o.csv", "csv", shape=Shape.wide, excel=excel)
    text = {"incident": pl.String}
    frame = pl.read_csv(path, try_parse_dates=True, schema_overrides=text)
    assert frame["incident"].to_list() == ["007", "1e5"]
    assert frame["published"].to_list() == [date(2019, 2, 13)] * 2
    assert frame["phase.design"].to_list() == [True, None]
    query = (
        f"""SELECT incident, "phase.design" FROM read_csv('{path}', types={{'incident': 'TEXT'}})"""
    )
    assert duckdb.sql(query).fetchall() == [("007", True), ("1e5", None)]


def test_pandas_reads_csv(run, tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    path = exported(run, tmp_path / "o.csv", "csv")
    frame = pd.read_csv(path, dtype={"incident": str}, parse_dates=["published"])
    assert set(frame["incident"]) == {"80997", "2", "'=cmd"}
    assert frame["confidence"].max() == 0.875
    assert frame["published"].dt.year.max() == 2019


def test_csv_is_as_rfc_4180_says(run, tmp_path: Path) -> None:
    data = exported(run, tmp_path / "o.csv", "csv").read_bytes()
    lines = data.split(b"\r\n")
    assert lines[0].startswith(b'"incident","title","published",')
    assert lines[1].startswith(b'"80997","Exposed Database of SenseNets",2019-02-13,1,"recurring"')
    assert (lines[-1], data.count(b"\n")) == (b"", data.count(b"\r\n"))


def test_a_list_in_csv_is_split_at_the_bar(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", [one("1", domain=holding("sales", "finance"))])
    path = exported(run, tmp_path / "o.csv", "csv", shape=Shape.wide)
    head, row = lines_of(path)
    cell = row[head.index("domain:options")]
    assert cell.split("|") == ["sales", "finance"]


def lines_of(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＠"])
def test_no_cell_of_csv_is_a_formula(tmp_path: Path, begin: str) -> None:
    text = begin + "cmd|'/c calc'!A1"
    run = run_of(tmp_path / "run", [one(text)], [(text + "2", "read", text)])
    rows = lines_of(exported(run, tmp_path / "o.csv", "csv"))[1:]
    assert [row[0] for row in rows] == ["'" + text + "2"]
    wide = exported(run, tmp_path / "o.csv", "csv", shape=Shape.wide)
    cells = [cell for row in lines_of(wide) for cell in row]
    assert "'" + text in cells
    assert not [cell for cell in cells if cell.startswith(begin)]


def test_a_negative_number_is_a_number_and_no_formula() -> None:
    from classifier.batch.export.table import Column, Table
    from classifier.batch.export.text import write_csv

    file = io.BytesIO()
    write_csv(file, Table((Column("a", "number"),), iter([(-0.5,), (None,)]), {}))
    assert file.getvalue() == b'"a"\r\n-0.5\r\n\r\n'


# SQLite.


def asked(path: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def test_the_tables_of_the_database(run, tmp_path: Path) -> None:
    path = exported(run, tmp_path / "o.sqlite", "sqlite")
    query = "SELECT option FROM options JOIN reports USING (report) WHERE applies AND category={}"
    assert asked(path, query.format("'recurring' AND incident='80997'")) == [("one_organization",)]
    assert asked(path, "SELECT * FROM failures") == FAILURES
    assert asked(path, "SELECT COUNT(*) FROM taxonomy") == [
        (sum(len(c.options) for c in FAIL.categories.values()),)
    ]
    assert asked(path, "SELECT value FROM run WHERE name='classifier.model'") == [("small",)]


def test_the_database_counts_options_that_never_occur(run, tmp_path: Path) -> None:
    query = """SELECT t.option, COUNT(o.report) FROM taxonomy t LEFT JOIN options o
               ON o.category = t.category AND o.option = t.option AND o.applies
               WHERE t.category = 'phase' GROUP BY t.option"""
    path = exported(run, tmp_path / "o.sqlite", "sqlite")
    assert asked(path, query) == [("design", 1), ("operation", 0)]


def test_the_view_of_the_database_is_the_long_form(run, tmp_path: Path) -> None:
    rows = asked(exported(run, tmp_path / "o.sqlite", "sqlite"), "SELECT * FROM long")
    long = [tuple(row.values()) for row in objects(run, tmp_path)]
    assert Counter(rows) == Counter(long)


def test_a_question_to_the_database_uses_an_index(run, tmp_path: Path) -> None:
    path = exported(run, tmp_path / "o.sqlite", "sqlite")
    plan = asked(path, "EXPLAIN QUERY PLAN SELECT * FROM long WHERE incident = '2'")
    assert any("reports_incident" in row[-1] for row in plan)


def test_duckdb_reads_json_lines(run, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    exported(run, tmp_path / "o.jsonl", "jsonl")
    query = f"SELECT COUNT(*) FROM read_json('{tmp_path / 'o.jsonl'}') WHERE status = 'failed'"
    assert duckdb.sql(query).fetchall() == [(2,)]


# Runs that are odd.


@pytest.mark.parametrize("format_", list(Format))
@pytest.mark.parametrize("shape", list(Shape))
def test_a_run_without_a_report_is_an_empty_table(tmp_path: Path, format_, shape) -> None:
    run = run_of(tmp_path / "run")
    options = ExportOptions(format_, shape, taxonomy=FAIL)
    assert export_run(run, tmp_path / "o", options) == Exported(0, 0, 0)
    assert (tmp_path / "o").stat().st_size > 0 or format_ is Format.jsonl


def test_a_run_with_failures_alone(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", failures=FAILURES)
    assert [r["incident"] for r in objects(run, tmp_path, shape=Shape.wide)] == ["=cmd"]
    path = exported(run, tmp_path / "o.sqlite", "sqlite")
    assert asked(path, "SELECT incident, status FROM long") == [("=cmd", "failed")]


def test_a_torn_last_line_is_left_out(run, tmp_path: Path) -> None:
    with (run.path / "reports.jsonl").open("ab") as file:
        file.write(b'{"schema_version":1,"incident":{"id":"3"')
    assert {r["incident"] for r in objects(run, tmp_path)} == {"80997", "2", "=cmd"}


def test_an_incident_without_a_date_has_an_empty_day(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    run = run_of(tmp_path / "run", [one("1", None, phase=holding("design"))])
    table = pq.read_table(exported(run, tmp_path / "o.parquet", "parquet"))
    assert table["published"].to_pylist() == [None]


# Where it is written.


def test_a_broken_run_leaves_the_old_file_as_it_was(run, tmp_path: Path) -> None:
    reports = run.path / "reports.jsonl"
    for format_ in Format:
        old = tmp_path / f"old.{format_}"
        old.write_text("old")
        good, broken = reports.read_bytes(), reports.read_bytes().replace(b'"phase"', b'"phase')
        reports.write_bytes(broken)
        with pytest.raises(InputError, match=r"reports\.jsonl:1"):
            exported(run, old, format_)
        reports.write_bytes(good)
        assert (old.read_text(), sorted(p.name for p in tmp_path.glob("*.new"))) == ("old", [])


@pytest.mark.parametrize("where", ["run/out.csv", "run/reports.jsonl", "folder"])
def test_a_place_that_is_none_is_refused(run, tmp_path: Path, where: str) -> None:
    (tmp_path / "folder").mkdir()
    before = (run.path / "reports.jsonl").read_bytes()
    with pytest.raises(ConfigurationError, match="--out"):
        exported(run, tmp_path / where, "csv")
    assert (run.path / "reports.jsonl").read_bytes() == before


def test_a_link_stays_a_link(run, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "new" / "real.csv")
    exported(run, tmp_path / "link.csv", "csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "new" / "real.csv").is_file()


def test_a_place_that_cannot_be_written_is_said(run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ClassifierError, match="cannot be written"):
        exported(run, tmp_path / "file" / "o.csv", "csv")


def test_what_a_kill_left_beside_is_no_hindrance(run, tmp_path: Path) -> None:
    (tmp_path / "o.sqlite.new").write_text("half a database")
    assert asked(
        exported(run, tmp_path / "o.sqlite", "sqlite"), "SELECT COUNT(*) FROM reports"
    ) == [(2,)]


def test_parquet_without_its_library_says_how_to_get_it(run, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'fail-classifier\[parquet\]'"):
        exported(run, tmp_path / "o.parquet", "parquet")


def test_a_failure_s_row_is_as_long_as_the_others() -> None:
    failure = RunFailure(id="1", stage="read", reason="empty")
    assert {len(row) for row in long_rows([telling()], [failure], MANIFEST)} == {len(LONG)}
