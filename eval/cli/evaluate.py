"""`classifier eval score|run|compare|agreement`: how good are the answers, and which are better?"""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifier.cli.console import counted, say, shown_notices
from classifier.cli.exit_codes import FELL_SHORT
from classifier.cli.options import with_settings
from eval.cli.options import (
    Categories,
    DecideOnly,
    Draws,
    Form,
    Format,
    GoldFolder,
    Limit,
    Out,
    Seed,
    TaxonomyName,
    deliver,
    gold_in,
)

if TYPE_CHECKING:
    from classifier.settings import Settings
    from eval.changes import Comparison
    from eval.figures import Score
    from eval.gold import Gold


def score(
    predictions: Annotated[
        Path,
        typer.Argument(help='A run folder, reports as JSON, or JSON Lines of {"id", "labels"}.'),
    ],
    *,
    gold: GoldFolder = None,
    answers: Annotated[
        str | None,
        typer.Option(help="PREDICTIONS is gold, and the answers stand under this key of it."),
    ] = None,
    taxonomy: TaxonomyName = "fail",
    category: Categories = None,
    format_: Form = Format.text,
    out: Out = None,
    draws: Draws = 1000,
    seed: Seed = 0,
) -> None:
    """Score answers against gold: every figure with its interval and the constant answer's."""
    from classifier.taxonomy import load_taxonomy
    from eval.evaluating import asked_of, evaluate
    from eval.prediction_files import load_predictions, load_stored_answers
    from eval.running import Scope

    scope = Scope(tuple(category or ()))
    loaded = scope.of(load_taxonomy(taxonomy))
    found_gold = scope.gold(gold_in(gold), loaded)
    told = load_stored_answers(predictions, answers) if answers else load_predictions(predictions)
    found_gold, told = asked_of(found_gold, told)
    found = evaluate(found_gold, scope.predictions(told, loaded), loaded, draws=draws, seed=seed)
    deliver(_score_text(found, found_gold, format_), out)


@with_settings
def run(
    out: Annotated[Path, typer.Option("--out", "-o", help="The run folder; it can be taken up.")],
    *,
    gold: GoldFolder = None,
    limit: Limit = None,
    seed: Seed = 0,
    category: Categories = None,
    decide_only: DecideOnly = False,
    format_: Form = Format.text,
    draws: Draws = 1000,
    settings: "Settings",
) -> None:
    """Classify the gold's articles into a run folder, and score what came out.

    Run it again with the same folder, and it goes on where it stopped.
    """
    import asyncio

    from classifier.taxonomy import load_taxonomy
    from eval.evaluating import check_scorable, evaluate
    from eval.prediction_files import load_predictions
    from eval.running import Scope, run_gold
    from eval.sampling import sample

    scope = Scope(tuple(category or ()), explain=not decide_only)
    taxonomy = scope.of(load_taxonomy(settings.taxonomy))
    found_gold = scope.gold(sample(gold_in(gold), limit, seed), taxonomy)
    check_scorable(found_gold, taxonomy)
    with shown_notices() as notices:
        failed = asyncio.run(run_gold(found_gold, taxonomy, settings, out, notices))
    if failed == len(found_gold.incidents):
        say(f"No incident came to a report, so there is nothing to score; {out} says why.")
        raise typer.Exit(FELL_SHORT)
    found = evaluate(found_gold, load_predictions(out), taxonomy, draws=draws, seed=seed)
    deliver(_score_text(found, found_gold, format_), None)
    if failed:
        say(f"{counted(failed, 'incident', 'incidents')} came to no report; {out} says why.")
        raise typer.Exit(FELL_SHORT)


@with_settings
def compare(
    before: Annotated[
        str,
        typer.Argument(
            help="A run, a taxonomy's folder, or git revisions: `main..` is main against the "
            "working tree, `v1..v2` one against another."
        ),
    ],
    after: Annotated[
        str | None, typer.Argument(help="A run or a folder of the same kind; none with revisions.")
    ] = None,
    *,
    gold: GoldFolder = None,
    limit: Limit = None,
    category: Categories = None,
    decide_only: DecideOnly = False,
    margin: Annotated[
        float, typer.Option(help="The smallest difference in rates that matters.", min=0.001, max=1)
    ] = 0.1,
    format_: Form = Format.text,
    out: Out = None,
    draws: Draws = 1000,
    seed: Seed = 0,
    settings: "Settings",
) -> None:
    """Compare two runs, or ask two versions of the prompts: what got better, what worse?

    Only what changed is asked anew: the cache knows the rest.
    """
    from eval.comparing import Rules
    from eval.contrasting import Question, sides
    from eval.evaluating import contrast
    from eval.running import Scope
    from eval.sampling import sample
    from eval.writing import check_place

    if out:
        check_place(out, "--out")
    scope = Scope(tuple(category or ()), explain=not decide_only)
    with shown_notices() as notices, ExitStack() as closing:
        asked = Question(before, after, sample(gold_in(gold), limit, seed), scope, settings)
        found_gold, old, new = sides(asked, notices, closing)
        found = contrast(found_gold, old, new, Rules(margin=margin, draws=draws, seed=seed))
    deliver(_comparison_text(found, found_gold, format_), out)


def agreement(
    predictions: Annotated[
        Path | None, typer.Argument(help="A run to place beside the people, or none.")
    ] = None,
    *,
    gold: GoldFolder = None,
    taxonomy: TaxonomyName = "fail",
    format_: Form = Format.text,
    out: Out = None,
    draws: Draws = 1000,
    seed: Seed = 0,
) -> None:
    """Say how far people agree with each other, and whether a model agrees with them as far."""
    from classifier.errors import ConfigurationError
    from classifier.taxonomy import load_taxonomy
    from eval.agreement import agree
    from eval.prediction_files import load_predictions
    from eval.render.agreement_text import agreement_text

    if format_ is Format.html:
        raise ConfigurationError("Agreement is printed as text or json, not as html.")
    model = load_predictions(predictions) if predictions else None
    found = agree(gold_in(gold), load_taxonomy(taxonomy), model, draws=draws, seed=seed)
    deliver(found.to_json() if format_ is Format.json else agreement_text(found), out)


def _score_text(found: "Score", gold: "Gold", format_: Format) -> str:
    if format_ is Format.json:
        return found.to_json()
    if format_ is Format.html:
        from eval.render.page import score_page

        return score_page(found, gold)
    from eval.render.score_text import score_text

    return score_text(found)


def _comparison_text(found: "Comparison", gold: "Gold", format_: Format) -> str:
    if format_ is Format.json:
        return found.to_json()
    if format_ is Format.html:
        from eval.render.page import comparison_page

        return comparison_page(found, gold)
    from eval.render.comparison_text import comparison_text

    return comparison_text(found)
