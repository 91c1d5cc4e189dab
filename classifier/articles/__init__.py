"""The readers: whatever a user names (files, standard input, URLs) becomes incidents.

source -> Raw (bytes and where they are from) -> Parsed (items and errors) -> Reading
"""

from classifier.articles.options import Reading, ReadOptions
from classifier.articles.reading import read_incidents

__all__ = ["ReadOptions", "Reading", "read_incidents"]
