"""Says what kinds of software failures the news reports, with every claim pinned to a quote."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from classifier.api import classify, classify_async
    from classifier.records import Article, Incident, Report
    from classifier.taxonomy import load_taxonomy

_HOMES = {
    "Article": "classifier.records",
    "Incident": "classifier.records",
    "Report": "classifier.records",
    "classify": "classifier.api",
    "classify_async": "classifier.api",
    "load_taxonomy": "classifier.taxonomy",
}

__all__ = ["Article", "Incident", "Report", "classify", "classify_async", "load_taxonomy"]


def __getattr__(name: str) -> Any:
    """Import late: the command line starts in a tenth of a second because of this."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'classifier' has no attribute {name!r}")
