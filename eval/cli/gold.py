"""`classifier gold`: check gold, and bring in gold that was made elsewhere."""

from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifier.cli.console import counted, say, visible
from classifier.cli.exit_codes import FELL_SHORT
from eval.cli.options import TaxonomyName

if TYPE_CHECKING:
    from classifier.records import Article
    from eval.gold import GoldIncident

app = typer.Typer(
    name="gold", help="Labels by people: check them, bring them in.", no_args_is_help=True
)

File = Annotated[Path, typer.Argument(help="The file to read.")]
Into = Annotated[Path, typer.Option("--out", "-o", help="The folder that gets a file an incident.")]


@app.command()
def check(
    gold: Annotated[
        Path | None, typer.Argument(help="A folder or file of gold; without it the seeds.")
    ] = None,
    taxonomy: TaxonomyName = "fail",
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
) -> None:
    """Find quotes that stand nowhere, labels that cannot be, and texts that are there twice."""
    from classifier.taxonomy import load_taxonomy
    from eval.cli.options import gold_in
    from eval.gold_checking import check_gold

    found_gold = gold_in(gold)
    findings = check_gold(found_gold, load_taxonomy(taxonomy))
    for finding in findings:
        typer.echo(visible(str(finding)))
    wrong = [f for f in findings if f.severity == "error" or strict]
    say(
        f"{counted(len(found_gold.incidents), 'incident', 'incidents')} in {found_gold.source}: "
        f"{counted(len(findings), 'finding', 'findings')}, {len(wrong)} of them to be mended."
    )
    if wrong:
        raise typer.Exit(FELL_SHORT)


@app.command("import-page")
def import_page(
    file: File,
    out: Into,
    article: Annotated[
        list[Path] | None,
        typer.Option("--article", help="A file with an article that the page cites; repeat it."),
    ] = None,
    taxonomy: TaxonomyName = "fail",
    identifier: Annotated[str, typer.Option("--id", help="The incident's id.")] = "",
) -> None:
    """Read a report page, with the articles that it cites, as gold."""
    from classifier.taxonomy import load_taxonomy
    from eval.importing import read_page

    articles = _articles(article or [])
    _save(
        read_page(
            _bytes(file), str(file), load_taxonomy(taxonomy), articles, identifier=identifier
        ),
        out,
    )


@app.command("import-label-studio")
def import_label_studio(
    file: File,
    out: Into,
    taxonomy: TaxonomyName = "fail",
    category: Annotated[
        list[str] | None,
        typer.Option("--category", help="The project asked for this category alone; repeat it."),
    ] = None,
) -> None:
    """Read Label Studio's JSON export as gold."""
    from classifier.taxonomy import load_taxonomy
    from eval.importing import read_label_studio

    _save(read_label_studio(_bytes(file), str(file), load_taxonomy(taxonomy), category or ()), out)


@app.command("import-csv")
def import_csv(file: File, out: Into, taxonomy: TaxonomyName = "fail") -> None:
    """Read a table with one column a category as gold."""
    from classifier.taxonomy import load_taxonomy
    from eval.importing import read_table

    _save(read_table(_bytes(file), str(file), load_taxonomy(taxonomy)), out)


@app.command()
def merge(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="GOLD...", help="Folders or files of gold, one an annotator."),
    ],
    out: Into,
) -> None:
    """Put together what several annotators said, for `classifier eval agreement`.

    A label is kept where they agree; the others are named, and stand under `annotators` alone.
    """
    from eval.gold import load_gold
    from eval.merging import merge

    merged = merge([load_gold(folder) for folder in folders])
    for identifier, category in merged.apart:
        say(f"{identifier}: they differ in {category}, which has no label now.")
    _save(merged.incidents, out)


def _bytes(file: Path) -> bytes:
    from classifier.errors import InputError

    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be read: {error.strerror}.") from error


def _articles(files: Sequence[Path]) -> "list[Article]":
    from datetime import UTC, datetime

    from classifier.articles import ReadOptions, read_incidents

    if not files:
        return []
    reading = read_incidents([str(f) for f in files], ReadOptions(today=datetime.now(UTC).date()))
    for _, error in reading.failures:
        raise error
    return [article for incident in reading.incidents for article in incident.articles]


def _save(incidents: "Sequence[GoldIncident]", out: Path) -> None:
    """Write each to a file of its own; nothing that is there is overwritten."""
    from classifier.errors import ConfigurationError
    from eval.gold import save_gold

    named = {out / f"{name}.yaml": incident for name, incident in _names(incidents).items()}
    try:
        out.mkdir(parents=True, exist_ok=True)
        there = [str(path) for path in named if path.exists()]
    except OSError as error:
        raise ConfigurationError(
            f"--out {str(out)!r} is no folder to write to: {error.strerror}. Choose another place."
        ) from error
    if there:
        raise ConfigurationError(
            f"{there[0]!r} is there already, and nothing is overwritten. Choose another --out, or "
            "move it away."
        )
    for path, incident in named.items():
        save_gold(incident, path)
    say(f"Written: {counted(len(named), 'incident', 'incidents')} to {out}")


def _names(incidents: "Sequence[GoldIncident]") -> "dict[str, GoldIncident]":
    """A name for each file: none is a path, and no two are one where case does not count."""
    from classifier.cli.output import file_name

    named: dict[str, GoldIncident] = {}
    taken: set[str] = set()
    for incident in incidents:
        first = file_name(incident.id)
        names = chain([first], (f"{first}-{number}" for number in count(2)))
        name = next(name for name in names if name.casefold() not in taken)
        taken.add(name.casefold())
        named[name] = incident
    return named
