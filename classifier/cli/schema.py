"""`classifier schema`: the JSON Schema of a report."""

from __future__ import annotations

import typer


def schema() -> None:
    """Print the JSON Schema of a report."""
    import json

    from classifier.records import Report

    typer.echo(json.dumps(Report.model_json_schema(mode="serialization"), indent=2))
