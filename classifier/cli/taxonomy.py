"""`classifier taxonomy`: which there are, what one says, and whether it can be used."""

from __future__ import annotations

import typer

app = typer.Typer(help="The taxonomies: folders of categories and wording.", no_args_is_help=True)

_NAME = typer.Argument("fail", help="The name of one that ships, or a folder.")


@app.command("list")
def list_() -> None:
    """List the taxonomies that ship."""
    from classifier.taxonomy import available, load_taxonomy

    for name in available():
        taxonomy = load_taxonomy(name)
        options = sum(len(c.options) for c in taxonomy.categories.values())
        typer.echo(f"{name}  {taxonomy.title}: {len(taxonomy.categories)} categories, {options} options")


@app.command()
def show(
    name: str = _NAME,
    category: str = typer.Option("", "--category", "-c", help="Show this category alone."),
) -> None:
    """Show the categories with their options and definitions."""
    from classifier.errors import ConfigurationError
    from classifier.taxonomy import load_taxonomy

    taxonomy = load_taxonomy(name)
    if category and category not in taxonomy.categories:
        allowed = ", ".join(taxonomy.categories)
        raise ConfigurationError(f"There is no category {category!r}. Allowed: {allowed}.")
    for item in taxonomy.categories.values():
        if category in ("", item.name):
            gate = f" (asked where {item.gate.category} is {item.gate.option})" if item.gate else ""
            typer.echo(f"{item.name}: {item.label}{gate}\n  {item.question}")
            for option in item.options:
                typer.echo(f"  ({option.letter}) {option.name}: {option.definition}")
            typer.echo("")


@app.command()
def check(name: str = _NAME) -> None:
    """Check a taxonomy's folder: every mistake with file, line and mend."""
    from classifier.taxonomy import check_taxonomy

    problems = check_taxonomy(name)
    for problem in problems:
        typer.echo(str(problem))
    if problems:
        typer.echo(f"{len(problems)} mistakes.", err=True)
        raise typer.Exit(1)
    typer.echo(f"{name}: no mistakes.", err=True)
