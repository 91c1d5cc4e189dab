"""`classifier calibrate`: gold teaches how a model's scores become probabilities."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifier.cli.console import say, shown_notices
from classifier.cli.options import with_settings
from eval.cli.options import GoldFolder, Seed, deliver, gold_in

_RANKED = (
    "For {quotes:.0f} quoted options the sentence ranked first was quoted in {first:.3f} of them "
    "(by chance in {chance:.3f}). Evidence with a support of less than {least:.3f} is called weak: "
    "all but {shown:.3f} of what reports would show, of which {shown_first:.3f} were quoted for an "
    "option that people gave too."
)

if TYPE_CHECKING:
    from classifier.settings import Settings


@with_settings
def calibrate(
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")],
    *,
    gold: GoldFolder = None,
    score: Annotated[
        list[str] | None,
        typer.Option(
            "--score",
            help="Read the scores of this category; may be repeated. Default: of all. A report "
            "asks for these, and for those of a category that the gold has no labels for.",
        ),
    ] = None,
    no_scores: Annotated[
        bool,
        typer.Option(
            "--no-scores",
            help="Read no scores: a report then asks for none, and is decided by its words and by "
            "what the model makes of them.",
        ),
    ] = False,
    seed: Seed = 0,
    settings: "Settings",
) -> None:
    """Fit, on labelled incidents, how a model's scores become probabilities and decisions.

    Prints how well that does on incidents that it was not fitted on (ten-fold cross-validation).
    """
    import asyncio

    from classifier.taxonomy import load_taxonomy
    from eval.calibrating import calibrate
    from eval.render.score_text import score_text
    from eval.writing import check_place

    if score and no_scores:
        raise typer.BadParameter("--score and --no-scores exclude each other: give one of them.")
    check_place(out, "--out")
    taxonomy = load_taxonomy(settings.taxonomy)
    with shown_notices() as notices:
        scores = [] if no_scores else score or None
        work = calibrate(gold_in(gold), taxonomy, settings, notices, scores=scores, seed=seed)
        found = asyncio.run(work)
    deliver(score_text(found.score), None)
    deliver(found.calibration.to_json(), out)
    if (ranking := found.calibration.ranking) is not None:
        say(_RANKED.format(least=ranking.least, **ranking.measured))
    say(
        f"Use it with --calibration {out}; in the folder `calibrations` of the taxonomy it is used "
        "by itself, as long as model and questions are the ones that it was fitted for."
    )
