"""`classifier report`: reports that exist, as pages in a browser, or in another form."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifier.cli.console import counted, say
from classifier.cli.output import Format, Output
from classifier.cli.stored import ArticlePaths, TaxonomyPlace, opened_texts

if TYPE_CHECKING:
    from classifier.batch.texts import Texts
    from classifier.records import Report
    from classifier.render import Find
    from classifier.taxonomy import Taxonomy

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE",
        help="A run folder, reports as JSON, a report page as text, or - for standard input.",
        show_default=False,
    ),
]


def report(
    sources: Sources,
    *,
    format_: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="How to print, without --out.", show_default="text"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="A folder for HTML pages: an index, and a page for each report.",
            show_default=False,
        ),
    ] = None,
    articles: ArticlePaths = None,
    taxonomy: TaxonomyPlace = None,
) -> None:
    """Show reports that exist: as pages with every claim beside its sentence, or as text.

    The articles are found by the digest of their text: among the inputs of the run, or --articles.
    """
    from classifier.errors import ConfigurationError

    if out is not None and format_ not in (None, Format.html):
        raise ConfigurationError(
            f"--out is a folder of HTML pages, so --format {format_.value} does not fit. Leave one "
            "of the two out."
        )
    with ExitStack() as closed:
        reports = _Reports(sources, articles or [], _taxonomy(sources, taxonomy), closed)
        if out is None:
            _print(reports, format_ or Format.text)
        else:
            _publish(reports, out)


class _Reports:
    """The reports of several sources, each with where to find its articles; read as they are
    taken.
    """

    def __init__(
        self,
        sources: Sequence[str],
        given: Sequence[str],
        taxonomy: "Taxonomy",
        closed: ExitStack,
    ) -> None:
        self.sources = sources
        self.taxonomy = taxonomy
        self._given = given
        self._closed = closed
        self._made_with: set[str] = set()

    def __iter__(self) -> "Iterator[tuple[Report, Find]]":
        from classifier.render import no_text
        from classifier.stored import read_reports

        shared = self._texts(Path(), self._given) if self._given else None
        for source in self.sources:
            texts = shared
            if texts is None and _is_folder(source):
                texts = self._texts(Path(source), [])
            find = texts.article if texts else no_text
            for one in read_reports(source, self.taxonomy):
                self._remark(one)
                yield one, find

    def _texts(self, run: Path, given: Sequence[str]) -> "Texts":
        return self._closed.enter_context(opened_texts(run, given))

    def _remark(self, one: "Report") -> None:
        """Say it once where a report was made with another taxonomy than it is shown with."""
        made = one.provenance.taxonomy_sha256
        if not made or made in self._made_with:
            return
        self._made_with.add(made)
        if made != self.taxonomy.sha256:
            shown = f"{self.taxonomy.name} {self.taxonomy.version}"
            say(
                f"{one.incident.id}: made with the taxonomy {one.provenance.taxonomy!r} "
                f"({made[:12]}), shown with {shown!r} ({self.taxonomy.sha256[:12]}). Give its own "
                "with --taxonomy."
            )


def _taxonomy(sources: Sequence[str], given: str | None) -> "Taxonomy":
    """The one that is given, else that of the first run where it is at hand, else the settings'."""
    from classifier.batch.choices import taxonomy_of
    from classifier.batch.manifest import load_manifest
    from classifier.settings import load_settings
    from classifier.taxonomy import load_taxonomy

    if given is not None:
        return load_taxonomy(given)
    place = load_settings().taxonomy
    for source in sources:
        manifest = load_manifest(Path(source)) if source != "-" else None
        found = taxonomy_of(manifest, [place]) if manifest else None
        if found is not None:
            return found
    return load_taxonomy(place)


def _publish(reports: _Reports, out: Path) -> None:
    from classifier.publishing import check_folder, publish

    check_folder(out)  # before the inputs of a large run are read
    names = [Path(source).resolve().name for source in reports.sources if source != "-"]
    done = publish(reports, reports.taxonomy, out, ", ".join(names) or "Reports")
    if done.missing:
        whose = counted(done.articles, "article", "articles")
        say(
            f"The text of {done.missing} of {whose} was not found, so nothing is marked there. "
            "Name the files or folders with the articles: --articles PATH."
        )
    say(f"Written: {done.index}: {counted(done.reports, 'report', 'reports')}.")


def _print(reports: _Reports, form: Format) -> None:
    several = len(reports.sources) > 1 or any(_is_folder(s) for s in reports.sources)
    output = Output(reports.taxonomy, form, None, several=several)
    if form in (Format.json, Format.html):
        taken = list(reports)
        output = replace(output, several=several or len(taken) > 1)
        output.prepare()
        _write(output, taken)
        return
    for number, one in enumerate(reports):
        sys.stdout.write("\n" if number else "")
        output.write([one[0]])


def _write(output: Output, taken: "list[tuple[Report, Find]]") -> None:
    """HTML has one report, whose articles are found where it came from."""
    find = taken[0][1] if taken else None
    replace(output, find=find).write([one for one, _ in taken])


def _is_folder(source: str) -> bool:
    return source != "-" and Path(source).is_dir()
