"""Draws the figures of a run and saves them: the same counts give the same bytes."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from classifier.batch.extras import needed
from classifier.batch.figures import cross, options, years
from classifier.batch.figures.sheet import SETTINGS
from classifier.replacing import placed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from classifier.batch.stats import RunStats

_FIGURES = {
    "options": (options.nothing_to_draw, options.options_figure),
    "years": (years.nothing_to_draw, years.years_figure),
    "cross": (cross.nothing_to_draw, cross.cross_figure),
}
# No time and no version: they would make two runs differ. The name stands for who drew it.
_FORMATS: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
}
_DPI = 200


@dataclass(frozen=True)
class Drawn:
    """The files that were written, and sentences on what was not drawn, or not well."""

    paths: tuple[Path, ...]
    remarks: tuple[str, ...]


def check() -> None:
    """Raise `ConfigurationError` where the library is missing."""
    _matplotlib()


def draw(stats: RunStats, folder: Path, about: str) -> Drawn:
    """Write `options`, `years` and `cross`, each as .png and .svg, into the folder.

    `about` stands below each: it says which run this is. Raises `ConfigurationError` where
    matplotlib is missing, and `ClassifierError` where the disk does not take them.
    """
    paths: list[Path] = []
    remarks: list[str] = []
    with _drawing() as warned:
        for name, (nothing_to_draw, figure) in _FIGURES.items():
            if why := nothing_to_draw(stats):
                remarks.append(f"No figure {name!r}: {why}.")
            else:
                paths += _save(figure(stats, about), folder, name)
    if any("missing from" in str(warning.message) for warning in warned):
        remarks.append("The figures' font has no sign for some characters: they are boxes there.")
    return Drawn(tuple(paths), tuple(remarks))


def _matplotlib() -> Any:
    return needed("matplotlib", "figures", "A figure")


@contextmanager
def _drawing() -> Iterator[list[warnings.WarningMessage]]:
    """Our settings alone, whatever the user's are; what matplotlib warns of is kept."""
    library = _matplotlib()
    with library.rc_context(), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        library.rcdefaults()
        library.rcParams.update(SETTINGS)
        yield warned


def _save(figure: Any, folder: Path, name: str) -> Iterator[Path]:
    """Without pyplot: no window, and nothing that stays behind."""
    for form, metadata in _FORMATS.items():
        drawn = io.BytesIO()
        figure.savefig(drawn, format=form, dpi=_DPI, metadata=metadata)
        path = folder / f"{name}.{form}"
        with placed(path) as beside:
            beside.write_bytes(drawn.getvalue())
        yield path
