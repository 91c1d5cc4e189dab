"""A report as JSON that is also safe to print on a terminal."""

from __future__ import annotations

import re

from classifier.records import Report
from classifier.taxonomy import Taxonomy

# pydantic escapes what JSON forbids; these it leaves, and a terminal obeys them: C1 controls,
# marks of direction, and separators of lines. They can stand in strings alone.
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def to_json(report: Report, _: Taxonomy) -> str:
    """The report as indented JSON, with characters that steer a terminal as escapes."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", report.to_json())
