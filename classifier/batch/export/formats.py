"""The names of what can be exported: light, for the command line shows them before any work."""

from enum import StrEnum


class Format(StrEnum):
    """What kind of file."""

    parquet = "parquet"
    csv = "csv"
    jsonl = "jsonl"
    sqlite = "sqlite"


class Shape(StrEnum):
    """What a row is: an option of a category of an incident, or an incident."""

    long = "long"
    wide = "wide"
