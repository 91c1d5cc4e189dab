"""The commands `eval`, `gold`, `review` and `calibrate`, offered through an entry point."""

import typer

from eval.cli.calibrating import calibrate
from eval.cli.evaluate import agreement, compare, run, score
from eval.cli.gating import bless, gate
from eval.cli.gold import app as gold_app
from eval.cli.reviewing import review

__all__ = ["calibrate", "eval_app", "gold_app", "review"]

eval_app = typer.Typer(
    name="eval",
    help="Score prompts against gold, compare two versions, gate a change.",
    no_args_is_help=True,
)
for command in (score, run, compare, gate, bless, agreement):
    eval_app.command()(command)
