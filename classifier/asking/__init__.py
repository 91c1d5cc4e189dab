"""The ways to ask a chunk about categories; each takes a chunk and returns answers."""

from classifier.asking.context import AskContext
from classifier.asking.scored import ask_scored
from classifier.asking.typed import ask_typed

__all__ = ["AskContext", "ask_scored", "ask_typed"]
