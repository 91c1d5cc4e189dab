"""A folder of report pages: what is written to it, and what never is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from html_reports import articles, hostile, report, telling
from reports import FAIL

from classifier.errors import ClassifierError, ConfigurationError
from classifier.publishing import MARKER, page_name, publish
from classifier.records import Article, ArticleRef, Report
from classifier.render import no_text

HOSTILE_IDS = ("../../etc/passwd", "/abs", "..", "a/b", "CON", "x" * 200, "\u202e\x00", "é", " ")


def finds(ref: ArticleRef) -> Article | None:
    return next((a for a in articles() if a.sha256 == ref.sha256), None)


def written(out: Path, *reports: Report) -> list[str]:
    """The pages of these reports."""
    publish(((one, finds) for one in reports), FAIL, out, "A run")
    return sorted(p.name for p in (out / "reports").iterdir())


def test_a_page_a_report_and_an_index(tmp_path: Path) -> None:
    done = publish(
        [(telling(), finds), (telling(id_="x"), no_text)], FAIL, tmp_path / "out", "A run"
    )
    assert (done.reports, done.articles, done.missing) == (1 + 1, 4, 2)
    index = done.index.read_text("utf-8")
    links = re.findall(r'"(reports/[^"]+)"', index.partition("row-data")[2])
    assert sorted(links) == sorted(
        f"reports/{p.name}" for p in (tmp_path / "out/reports").iterdir()
    )
    assert "<mark" in (tmp_path / "out" / links[0]).read_text("utf-8")


@pytest.mark.parametrize("identifier", HOSTILE_IDS)
def test_no_id_leads_out_of_the_folder(tmp_path: Path, identifier: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{0,61}-?[0-9a-f]{12}\.html", page_name(identifier))
    [name] = written(tmp_path / "out", report(id_=identifier))
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert name == page_name(identifier)


def test_ids_that_look_alike_have_pages_of_their_own(tmp_path: Path) -> None:
    names = written(tmp_path / "out", *(report(id_=i) for i in ("a b", "a-b", "A b", "a b")))
    assert len(set(names)) == 4


def test_a_folder_of_ours_is_written_anew(tmp_path: Path) -> None:
    out = tmp_path / "out"
    written(out, report(id_="old"), report(id_="kept"), report(id_="kept"))
    (out / "reports" / "notes.html").write_text("mine")
    (out / "README").write_text("mine")
    assert written(out, report(id_="kept")) == [page_name("kept"), "notes.html"]
    assert (out / "README").read_text() == "mine"


@pytest.mark.parametrize("held", ["notes.txt", "index.html", MARKER])
def test_a_folder_with_other_things_is_refused(tmp_path: Path, held: str) -> None:
    (tmp_path / held).write_text("{}")
    with pytest.raises(ConfigurationError, match=f"holds '{held}'.*nothing was written"):
        written(tmp_path, report())
    assert [p.name for p in tmp_path.iterdir()] == [held]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ConfigurationError, match="is no folder"):
        written(tmp_path / "out", report())


def test_a_link_for_the_pages_is_not_followed(tmp_path: Path) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    written(out, report())
    (out / "reports").rename(outside)
    (out / "reports").symlink_to(outside)
    with pytest.raises(ConfigurationError, match="leads elsewhere"):
        written(out, report(id_="new"))
    assert [p.name for p in outside.iterdir()] == [page_name("i1")]


@pytest.mark.parametrize("suffix", ["", ".new"])
def test_a_link_in_the_place_of_a_page_is_replaced(tmp_path: Path, suffix: str) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    written(out, report(id_="other"))
    outside.write_text("mine")
    page = out / "reports" / f"{page_name('i1')}{suffix}"
    page.symlink_to(outside)
    written(out, report())
    assert outside.read_text() == "mine"
    assert not (out / "reports" / page_name("i1")).is_symlink()


def test_a_disk_that_does_not_take_it_is_said(tmp_path: Path) -> None:
    out = tmp_path / "out"
    written(out, report(id_="other"))
    (out / "index.html").unlink()
    (out / "index.html").mkdir()
    with pytest.raises(ClassifierError, match="cannot be written"):
        written(out, report())


def test_a_hostile_report_is_written(tmp_path: Path) -> None:
    made, given = hostile()
    find = {a.sha256: a for a in given}
    publish(
        [(made, lambda ref: find.get(ref.sha256 or ""))], FAIL, tmp_path / "out", made.incident.id
    )
    index = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert index.count("<script") == 3
