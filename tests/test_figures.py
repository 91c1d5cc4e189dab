"""The figures: which are drawn, that no label meets another, and that they are the same twice."""

from __future__ import annotations

import itertools
import re
import sys
from datetime import date
from pathlib import Path

import pytest
from reports import FAIL, UNKNOWN
from run_folders import holding, one

from classifier.batch import figures
from classifier.batch.figures import drawing
from classifier.batch.figures.cross import cross_figure
from classifier.batch.figures.options import options_figure
from classifier.batch.figures.sheet import fitted, width_of
from classifier.batch.figures.years import years_figure
from classifier.batch.stats import count
from classifier.errors import ConfigurationError

pytest.importorskip("matplotlib")

ALL = [f"{name}.{form}" for name in ("options", "years", "cross") for form in ("png", "svg")]


def whole(number: int = 3, **changed) -> list:
    """Reports in which every category has all its options."""
    every = {name: holding(*c.names) for name, c in FAIL.categories.items()} | changed
    return [one(str(n), date(2015 + n, 1, 1), **every) for n in range(number)]


def drawn(folder: Path, reports, taxonomy=FAIL) -> tuple[list[str], tuple[str, ...]]:
    made = figures.draw(count(reports, taxonomy), folder, "fail 1. Model: small.")
    assert sorted(folder.iterdir()) == sorted(made.paths)
    return [path.name for path in made.paths], made.remarks


def boxes(figure):
    """Where each text of a figure stands, in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    shown = (t for t in figure.findobj(Text) if t.get_text() and t.get_visible())
    return [(t.get_text(), t.get_window_extent(canvas.get_renderer()), t) for t in shown]


def check_layout(figure) -> None:
    """Every text is on the sheet, and upright ones overlap no other."""
    found = boxes(figure)
    width, height = figure.bbox.width, figure.bbox.height
    for text, box, _ in found:
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= width, text
        assert box.y1 <= height, text
    upright = [(text, box) for text, box, t in found if t.get_rotation() % 90 == 0]
    for (a, one_box), (b, other) in itertools.combinations(upright, 2):
        assert not one_box.overlaps(other), (a, b)


def test_three_figures_in_two_formats(tmp_path: Path) -> None:
    assert drawn(tmp_path, whole()) == (ALL, ())
    assert (tmp_path / "options.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "years.svg").read_bytes()


def test_the_same_counts_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        drawn(tmp_path / name, whole())
    for name in ALL:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    svg = (tmp_path / "a" / "years.svg").read_text()
    assert not re.search(r"dc:date|matplotlib\.org", svg.replace('//matplotlib.org/"', ""))


@pytest.mark.parametrize("draw", [options_figure, years_figure, cross_figure])
@pytest.mark.parametrize("number", [1, 30])
def test_no_label_meets_another(draw, number: int) -> None:
    with drawing._drawing():
        check_layout(draw(count(whole(number), FAIL), "Taxonomy: fail 1. Model: small."))


def test_large_numbers_and_long_names_keep_their_room() -> None:
    long = "an_option_with_a_name_that_is_far_too_long_for_any_figure_of_ours"
    reports = whole(2, domain=holding(long), consequence=holding(long, "$x_1$"))
    stats = count(reports, FAIL, ("domain", "consequence"))
    stats.categories["phase"].options["design"][2015] = 1_234_567
    stats.categories["phase"].statuses["answered"][2015] = 2_345_678
    stats.years[2015] = 2_345_678
    with drawing._drawing():
        for draw in (options_figure, years_figure, cross_figure):
            check_layout(draw(stats, "Model: " + "very " * 100))


def test_the_bars_are_the_shares() -> None:
    reports = [*whole(3), one("x", phase=holding("design")), one("y", phase=UNKNOWN)]
    with drawing._drawing():
        figure = options_figure(count(reports, FAIL), "")
        texts = [text for text, _, _ in boxes(figure)]
    assert [bar.get_width() for bar in figure.axes[1].patches] == [1.0, 0.75]
    assert {"4  (100%)", "3  (75%)", "4 decided · 1 unknown"} <= set(texts)


def test_a_heat_map_has_the_counts_of_the_pairs() -> None:
    reports = [
        one("1", domain=holding("sales"), consequence=holding("delay")),
        one("2", domain=holding("sales"), consequence=holding("harm", "delay")),
    ]
    with drawing._drawing():
        figure = cross_figure(count(reports, FAIL), "")
        axes = figure.axes[0]
        labels = [tick.get_text() for tick in axes.get_yticklabels()]
    numbers = [text.get_text() for text in axes.texts]
    row = labels.index("sales  (2)")
    assert numbers[9 * row : 9 * row + 6] == ["0", "1", "0", "0", "2", "0"]


def test_it_reads_the_same_in_grey() -> None:
    with drawing._drawing():
        axes = cross_figure(count(whole(1), FAIL), "").axes[0]
    colours = axes.collections[0].get_cmap().colors
    light = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b, _ in colours]
    assert light == sorted(light, reverse=True)


@pytest.mark.parametrize(
    ("reports", "taxonomy", "names", "said"),
    [
        ([], FAIL, [], "no report"),
        ([one("1", None, phase=holding("design"))], FAIL, ALL[:2], "no incident has a day"),
        ([one("1", domain=holding("sales"))], FAIL, ALL[:4], "both domain and consequence"),
        (whole(1), None, ALL[:4], "--cross"),
    ],
)
def test_what_has_nothing_to_show_is_said(tmp_path: Path, reports, taxonomy, names, said) -> None:
    found, remarks = drawn(tmp_path, reports, taxonomy)
    assert (found, any(said in remark for remark in remarks)) == (names, True)


def test_a_label_in_signs_that_the_font_lacks_is_said(tmp_path: Path) -> None:
    found, remarks = drawn(tmp_path, [one("1", 事故=holding("火災"))], None)
    assert found == ALL[:4]
    assert any("font" in remark for remark in remarks)


def test_the_user_s_own_settings_change_nothing(tmp_path: Path) -> None:
    import matplotlib

    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        (tmp_path / "a").mkdir()
        drawn(tmp_path / "a", whole())
        assert matplotlib.rcParams["font.size"] == 30
    (tmp_path / "b").mkdir()
    drawn(tmp_path / "b", whole())
    assert (tmp_path / "a/years.png").read_bytes() == (tmp_path / "b/years.png").read_bytes()


def test_a_text_that_is_too_wide_is_cut() -> None:
    assert fitted("a_short\nname", 2, 8) == "a short name"
    cut = fitted("x" * 1000, 1.0, 8)
    assert cut.endswith("x…")
    assert 0.9 < width_of(cut, 8) <= 1.0


def test_more_options_than_fit_are_said() -> None:
    stats = count([one("1", y=holding(*(f"o{n}" for n in range(43))))])
    with drawing._drawing():
        texts = [text for text, _, _ in boxes(options_figure(stats, ""))]
    assert "1 decided · 3 more options not shown" in texts


def test_without_its_library_it_says_how_to_get_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'fail-classifier\[figures\]'"):
        figures.draw(count(whole(1), FAIL), tmp_path, "")
