"""`classifier review`: a run's reports in a browser, to be corrected and saved as gold."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifier.cli.console import counted, say
from classifier.cli.stored import ArticlePaths, TaxonomyPlace, opened_texts

if TYPE_CHECKING:
    from classifier.batch.folder import RunFolder
    from classifier.batch.texts import Texts
    from classifier.taxonomy import Taxonomy


def review(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)],
    *,
    annotator: Annotated[
        str | None,
        typer.Option(help="Who corrects; without it the page asks.", show_default=False),
    ] = None,
    port: Annotated[
        int, typer.Option(help="The port on this machine; 0 is a free one.", min=0, max=65535)
    ] = 0,
    articles: ArticlePaths = None,
    taxonomy: TaxonomyPlace = None,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Print the address, and open no browser.")
    ] = False,
) -> None:
    """Serve a run's reports to one browser on this machine, and keep corrections as gold.

    The gold goes to RUN/gold, in a folder for each annotator. Ctrl-C ends it.
    """

    from classifier.batch.folder import RunFolder
    from eval.reviewing.names import annotator_name

    name = annotator_name(annotator) if annotator is not None else ""
    folder = RunFolder.open(run)
    known = _taxonomy(folder, taxonomy)
    with opened_texts(run, articles or []) as texts:
        _serve(folder, known, texts, name, port, browser=not no_open)


def _taxonomy(folder: "RunFolder", given: str | None) -> "Taxonomy":
    from classifier.batch.choices import taxonomy_of
    from classifier.errors import ConfigurationError
    from classifier.settings import load_settings
    from classifier.taxonomy import load_taxonomy

    manifest = folder.manifest
    if given is None:
        found = taxonomy_of(manifest, [load_settings().taxonomy])
        if found is None:
            raise ConfigurationError(
                f"The run's taxonomy {manifest.taxonomy!r} (SHA-256 "
                f"{manifest.taxonomy_sha256[:12]}…) is not at hand. Give it with --taxonomy."
            )
        return found
    taxonomy = load_taxonomy(given)
    if taxonomy.sha256 != manifest.taxonomy_sha256:
        say(f"The taxonomy {given!r} is not as it was when the run was begun.")
    return taxonomy


def _serve(
    folder: "RunFolder", taxonomy: "Taxonomy", texts: "Texts", annotator: str, port: int,
    *, browser: bool,
) -> None:  # fmt: skip
    import webbrowser
    from contextlib import closing
    from threading import Thread

    from eval.reviewing import open_review
    from eval.reviewing.saving import Shelf

    def told(name: str, identifier: str) -> None:
        saved.append((name, identifier))
        say(f"Saved by {name}: {identifier}")

    saved: list[tuple[str, str]] = []
    review = open_review(folder.path, taxonomy, texts, port=port, annotator=annotator, told=told)
    with closing(review):
        say("Open this address; it works once, in one browser. Ctrl-C ends the review.")
        typer.echo(review.url)
        if browser:
            # in a thread: a browser in the terminal comes back only when it is left
            Thread(target=webbrowser.open, args=(review.url,), daemon=True).start()
        try:
            review.serve()
        except KeyboardInterrupt:
            say("")
    names = sorted({name for name, _ in saved})
    incidents = len({identifier for _, identifier in saved})
    say(f"Saved in this review: {counted(incidents, 'incident', 'incidents')}.")
    for name in names:
        place = Shelf(folder.path).folder_of(name)
        say(f"{name}: {place} (classifier gold check {place})")
