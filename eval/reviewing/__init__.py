"""Reviewing a run: its report pages served to one browser, and what people correct kept as gold.

server -> guard (who may ask) -> app (what is asked for) -> incidents, saving -> RUN/gold/
"""

from eval.reviewing.server import Review, open_review

__all__ = ["Review", "open_review"]
