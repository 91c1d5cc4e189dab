"""`classifier export` and `classifier stats`: what comes out of a run folder."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifier.batch.export.formats import Format, Shape
from classifier.cli.console import counted, say, visible

if TYPE_CHECKING:
    from rich.table import Table

    from classifier.batch.folder import RunFolder
    from classifier.batch.stats import Cross, RunStats
    from classifier.taxonomy import Taxonomy


class StatsFormat(StrEnum):
    """How counts are printed."""

    text = "text"
    json = "json"


_EXCEL_ROWS = 1_048_576

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]
TaxonomyPlace = Annotated[
    str | None,
    typer.Option(
        help="The run's taxonomy, a folder or one that ships, where it is not found by itself.",
        show_default=False,
    ),
]


def export(
    run: Run,
    *,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="What kind of file.", show_default=False)
    ],
    out: Annotated[
        str, typer.Option("--out", "-o", help="The file; - is standard output.", show_default=False)
    ],
    shape: Annotated[
        Shape | None,
        typer.Option(
            help="long: a row for each option of a category of an incident (default); wide: a row "
            "for each incident. A database has tables for both.",
            show_default=False,
        ),
    ] = None,
    excel: Annotated[
        bool, typer.Option("--excel", help="CSV: begin with the mark by which Excel knows UTF-8.")
    ] = False,
    taxonomy: TaxonomyPlace = None,
) -> None:
    """Write the reports and failures of a run as a table."""
    from classifier.batch.export.exporting import ExportOptions, export_run
    from classifier.batch.folder import RunFolder

    _check_export(format_, shape, excel=excel)
    folder = RunFolder.open(run)
    wanted = shape is Shape.wide or format_ is Format.sqlite
    known = _taxonomy(folder, taxonomy) if wanted else None
    options = ExportOptions(format_, shape or Shape.long, excel, known)
    done = export_run(folder, sys.stdout.buffer if out == "-" else Path(out), options)
    reports = counted(done.reports, "report", "reports")
    failures = counted(done.failures, "failure", "failures")
    rows = f", {counted(done.rows, 'row', 'rows')}" if done.rows else ""
    say(f"Written: {out}: {reports}, {failures}{rows}.")
    if excel and done.rows >= _EXCEL_ROWS:
        say(f"Excel opens the first {_EXCEL_ROWS:,} rows alone: use --shape wide, or Parquet.")


def stats(
    run: Run,
    *,
    format_: Annotated[
        StatsFormat, typer.Option("--format", "-f", help="How to print.")
    ] = StatsFormat.text,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="A folder for figures, PNG and SVG.", show_default=False),
    ] = None,
    cross: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Two categories to cross, rows first. Default: the last two of the report page.",
            show_default=False,
        ),
    ] = None,
    taxonomy: TaxonomyPlace = None,
) -> None:
    """Count how often each option occurs, with 95% intervals, and by year of publication."""
    from classifier.batch.folder import RunFolder
    from classifier.batch.stats import count_run

    pair = _pair(cross)
    if out is not None:
        _check_figures(out)
    folder = RunFolder.open(run)
    counts = count_run(folder, _taxonomy(folder, taxonomy), pair)
    _print(counts, folder, format_, crossed=cross is not None)
    if counts.torn:
        say(f"{counted(counts.torn, 'torn line is', 'torn lines are')} not counted.")
    if out is not None:
        _draw(counts, folder, out)


def _check_export(form: Format, shape: Shape | None, *, excel: bool) -> None:
    from classifier.errors import ConfigurationError

    if form is Format.sqlite and shape is not None:
        raise ConfigurationError(
            f"--shape {shape.value} is not for a database, which has its own tables and a view "
            "'long'. Leave --shape out, or choose another --format."
        )
    if excel and form is not Format.csv:
        raise ConfigurationError(
            f"--excel is for --format csv, not for {form.value}. Leave it out."
        )


def _taxonomy(folder: "RunFolder", given: str | None) -> "Taxonomy | None":
    """The one that is given, else that of the run where it is at hand; a remark if it is not."""
    from classifier.batch.choices import taxonomy_of
    from classifier.settings import load_settings
    from classifier.taxonomy import load_taxonomy

    manifest = folder.manifest
    if given is not None:
        taxonomy = load_taxonomy(given)
        if taxonomy.sha256 != manifest.taxonomy_sha256:
            say(f"The taxonomy {given!r} is not as it was when the run was begun.")
        return taxonomy
    found = taxonomy_of(manifest, [load_settings().taxonomy])
    if found is None:
        say(
            f"The run's taxonomy {manifest.taxonomy!r} (SHA-256 {manifest.taxonomy_sha256[:12]}…) "
            "is not at hand: options that no report has are left out. Give it with --taxonomy."
        )
    return found


def _pair(cross: str | None) -> tuple[str, str] | None:
    from classifier.errors import ConfigurationError

    if cross is None:
        return None
    names = [name.strip() for name in cross.split(",")]
    if len(names) != 2 or not all(names) or names[0] == names[1]:
        raise ConfigurationError(
            f"--cross {cross!r} does not name two categories. Write A,B: rows first."
        )
    return names[0], names[1]


def _check_figures(out: Path) -> None:
    from classifier.batch import figures
    from classifier.errors import ConfigurationError

    figures.check()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"--out {str(out)!r} cannot be a folder: {error.strerror}. Choose another place."
        ) from error


def _print(counts: "RunStats", folder: "RunFolder", form: StatsFormat, *, crossed: bool) -> None:
    from classifier.batch.stats_table import to_json, to_tsv

    if form is StatsFormat.json:
        _write(to_json(counts, folder.manifest))
    elif sys.stdout.isatty():
        _show(counts, crossed=crossed)
    else:
        _write(to_tsv(counts, crossed=crossed))


def _write(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def _show(counts: "RunStats", *, crossed: bool) -> None:
    """Tables for a person: the options of each category, the pairs if crossed, the years."""
    from rich.console import Console

    from classifier.batch.stats import years_of

    console = Console(emoji=False, markup=False, highlight=False)
    console.print(_option_table(counts))
    if crossed and counts.cross:
        console.print(_cross_table(counts, counts.cross))
    years = _table("Year", ">Incidents")
    for year in years_of(counts):
        years.add_row(str(year), f"{counts.years[year]:,}")
    if counts.years[None]:
        years.add_row("undated", f"{counts.years[None]:,}")
    console.print(years)
    failures = counted(counts.failures, "input failed", "inputs failed")
    console.print(f"{counted(counts.reports, 'report', 'reports')}; {failures}.")


def _option_table(counts: "RunStats") -> "Table":
    from classifier.batch.stats_table import STATUSES

    table = _table("Category", "Option", ">Incidents", ">Share", ">95% interval")
    for category in counts.categories.values():
        first = visible(category.label)
        for option in category.options:
            share = category.share(option)
            between = "-".join(f"{end:.0%}" for end in share.interval or ())
            part = "" if share.share is None else f"{share.share:.0%}"
            table.add_row(first, visible(option), f"{share.count:,}", part, between)
            first = ""
        for status in STATUSES:
            if number := category.with_status(status):
                name = "decided" if status == "answered" else status.replace("_", " ")
                table.add_row(first, f"({name})", f"{number:,}", style="dim")
                first = ""
        table.add_section()
    return table


def _cross_table(counts: "RunStats", cross: "Cross") -> "Table":
    columns = list(counts.categories[cross.columns].options)
    table = _table(visible(cross.rows), *(f">{visible(name)}" for name in columns))
    for row in counts.categories[cross.rows].options:
        numbers = (f"{cross.share(row, column).count:,}" for column in columns)
        table.add_row(visible(row), *numbers)
    return table


def _table(*heads: str) -> "Table":
    """A table with these heads; `>` before one puts its column to the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for head in heads:
        table.add_column(head.removeprefix(">"), justify="right" if head[:1] == ">" else "left")
    return table


def _draw(counts: "RunStats", folder: "RunFolder", out: Path) -> None:
    from classifier.batch import figures

    manifest = folder.manifest
    about = f"Taxonomy: {manifest.taxonomy}. Model: {manifest.model.name}."
    drawn = figures.draw(counts, out, about)
    for remark in drawn.remarks:
        say(remark)
    for path in drawn.paths:
        say(f"Written: {path}")
