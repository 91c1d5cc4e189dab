"""Which categories and options a run asked: by its taxonomy where that is at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from classifier.errors import ConfigurationError
from classifier.records import UNKNOWN
from classifier.taxonomy import available, load_taxonomy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from classifier.batch.manifest import Manifest
    from classifier.records import Decision, Report
    from classifier.taxonomy import Taxonomy

Choices = Mapping[str, tuple[str, ...]]
"""The options of each category, both in their order."""


def taxonomy_of(manifest: Manifest, places: Sequence[str | Path] = ()) -> Taxonomy | None:
    """The very taxonomy of the run, or None where it is not at hand or was changed since.

    Looked for among `places` (names or folders) and those that ship; its SHA-256 must be that of
    the manifest.
    """
    shipped = available().get(manifest.taxonomy.rpartition(" ")[0])
    for place in (*places, *([shipped] if shipped else [])):
        try:
            taxonomy = load_taxonomy(place)
        except ConfigurationError:  # it is looked for, not asked for
            continue
        if taxonomy.sha256 == manifest.taxonomy_sha256:
            return taxonomy
    return None


def choices_of(taxonomy: Taxonomy) -> Choices:
    """Every option of the taxonomy, also those that no report has."""
    return {name: category.names for name, category in taxonomy.categories.items()}


def choices_in(reports: Iterable[Report]) -> Choices:
    """The options that any of the reports speaks of, in the order in which they first come."""
    found: dict[str, dict[str, None]] = {}
    for report in reports:
        for name, decision in report.categories.items():
            found.setdefault(name, {}).update(dict.fromkeys(spoken_of(decision)))
    return {name: tuple(options) for name, options in found.items()}


def spoken_of(decision: Decision) -> tuple[str, ...]:
    """The options that a decision has or has a finding about, each once, `unknown` left out."""
    names = (*(f.option for f in decision.findings), *decision.options)
    return tuple(dict.fromkeys(n for n in names if n != UNKNOWN))
