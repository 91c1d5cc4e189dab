"""The ways to ask a chunk about categories and open fields: each returns answers."""

from classifier.asking.context import AskContext
from classifier.asking.fields import ask_fields
from classifier.asking.scored import ask_scored
from classifier.asking.typed import ask_typed

__all__ = ["AskContext", "ask_fields", "ask_scored", "ask_typed"]
