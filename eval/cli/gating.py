"""`classifier eval gate|bless`: may this change of the prompts go in?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from classifier.cli.console import say, shown_notices
from classifier.cli.exit_codes import DONE, FELL_SHORT, WRONG_USAGE
from classifier.cli.options import with_settings
from eval.cli.options import Categories, DecideOnly, GoldFolder, Limit, Seed, deliver, gold_in

if TYPE_CHECKING:
    from classifier.settings import Settings

BaselineFile = Annotated[Path, typer.Option(help="The file with the baseline.")]


@with_settings
def gate(
    baseline: BaselineFile,
    *,
    gold: GoldFolder = None,
    margin: Annotated[
        float,
        typer.Option(help="The loss in the overall exact-set rate that must be excluded.", min=0),
    ] = 0.02,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    github: Annotated[
        bool, typer.Option("--github", help="Print annotations for GitHub Actions.")
    ] = False,
    settings: "Settings",
) -> None:
    """Ask the baseline's incidents anew and compare.

    Exit 0: nothing is worse. 1: something is. 2: these incidents cannot tell, or it went wrong.
    """
    import asyncio

    from eval.gate import gated
    from eval.render.comparison_text import comparison_text
    from eval.render.github import to_github
    from eval.render.junit import to_junit
    from eval.writing import check_place

    if junit:
        check_place(junit, "--junit")
    with shown_notices() as notices:
        result = asyncio.run(gated(baseline, gold_in(gold), margin, settings, notices))
    deliver(comparison_text(result.comparison), None)
    if junit:
        deliver(to_junit(result), junit, "--junit")
    if github:
        deliver(to_github(result), None)
    say(result.reason)
    codes = {"pass": DONE, "regression": FELL_SHORT, "undecided": WRONG_USAGE}
    raise typer.Exit(codes[result.outcome])


@with_settings
def bless(
    baseline: BaselineFile,
    *,
    gold: GoldFolder = None,
    limit: Limit = None,
    seed: Seed = 0,
    category: Categories = None,
    decide_only: DecideOnly = False,
    settings: "Settings",
) -> None:
    """Ask the prompts as they are, and make their answers the baseline."""
    import asyncio

    from eval.gate import blessed
    from eval.running import Scope
    from eval.sampling import sample

    scope = Scope(tuple(category or ()), explain=not decide_only)
    chosen = sample(gold_in(gold), limit, seed)
    with shown_notices() as notices:
        failed = asyncio.run(blessed(baseline, chosen, scope, settings, notices))
    say(f"Blessed: {len(chosen.incidents)} incidents in {baseline}")
    if failed:
        say(f"Without a report: {', '.join(failed)}; the gate counts them as wrong.")
        raise typer.Exit(FELL_SHORT)
