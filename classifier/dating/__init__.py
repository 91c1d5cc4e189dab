"""Resolves the words that say when something happened, from the day of publication."""

from classifier.dating.forms import UnresolvedClueError
from classifier.dating.resolving import date_clues, resolve

__all__ = ["UnresolvedClueError", "date_clues", "resolve"]
