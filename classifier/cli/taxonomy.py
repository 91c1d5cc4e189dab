"""`classifier taxonomy`: which there are, what one says, and whether it can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from classifier.cli.console import counted, say, visible
from classifier.cli.exit_codes import FELL_SHORT

if TYPE_CHECKING:
    from classifier.taxonomy import Category, OpenField

app = typer.Typer(help="The taxonomies: folders of categories and wording.", no_args_is_help=True)

_NAME = typer.Argument("fail", help="The name of one that ships, or a folder.")


@app.command("list")
def list_() -> None:
    """List the taxonomies that ship."""
    from classifier.taxonomy import available, load_taxonomy

    for name in available():
        taxonomy = load_taxonomy(name)
        options = sum(len(c.options) for c in taxonomy.categories.values())
        fields = len(taxonomy.postmortem.fields) if taxonomy.postmortem else 0
        typer.echo(
            f"{name}  {taxonomy.title}: {len(taxonomy.categories)} categories, {options} options, "
            f"{counted(fields, 'open field', 'open fields')}"
        )


@app.command()
def show(
    name: str = _NAME,
    category: str = typer.Option("", "--category", "-c", help="Show this category alone."),
) -> None:
    """Show the categories with their options and definitions, and the open fields."""
    from classifier.errors import ConfigurationError
    from classifier.taxonomy import load_taxonomy

    taxonomy = load_taxonomy(name)
    if category and category not in taxonomy.categories:
        allowed = ", ".join(taxonomy.categories)
        raise ConfigurationError(f"There is no category {category!r}. Allowed: {allowed}.")
    shown = [taxonomy.categories[category]] if category else taxonomy.categories.values()
    blocks = [_described(item) for item in shown]
    if taxonomy.postmortem and not category:
        fields = map(_described_field, taxonomy.postmortem.fields)
        blocks.append("\n".join([f"{taxonomy.postmortem.title}:", *fields]))
    typer.echo("\n\n".join(map(visible, blocks)))


@app.command()
def check(name: str = _NAME) -> None:
    """Check a taxonomy's folder: every mistake with file, line and mend."""
    from classifier.taxonomy import check_taxonomy

    problems = check_taxonomy(name)
    for problem in problems:
        typer.echo(visible(str(problem)))
    if problems:
        say(f"{name}: {counted(len(problems), 'mistake', 'mistakes')}.")
        raise typer.Exit(FELL_SHORT)
    say(f"{name}: no mistakes.")


def _described(category: Category) -> str:
    gate = category.gate
    asked = f" (asked where {gate.category} is {gate.option})" if gate else ""
    lines = [f"{category.name}: {category.label}{asked}", f"  {category.question}"]
    lines += [f"  ({o.letter}) {o.name}: {o.definition}" for o in category.options]
    return "\n".join(lines)


def _described_field(field: OpenField) -> str:
    most = "" if field.kind == "text" else f"at most {field.most_items} items, "
    told = [f"{most}{field.most_characters} characters"]
    told += ["conclusions are marked"] if field.infer else []
    told += [f"apart from {', '.join(field.apart_from)}"] if field.apart_from else []
    told += [] if field.page else ["not on the page"]
    return f"  {field.name}: {field.label} ({'; '.join(told)})\n    {field.question}"
