"""A gate's result as JUnit XML, which build servers show: one test case a category."""

from __future__ import annotations

import re
from xml.etree import ElementTree as Xml

from eval.changes import Change, Comparison
from eval.gating import GateResult
from eval.render.comparison_text import VERDICTS, verdict_text
from eval.render.tables import number, signed

_NAME = "eval.gate"
# What XML 1.0 cannot carry, escaped or not.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(result: GateResult) -> str:
    """The XML: a failure where a category is worse, an error where all together is undecided."""
    comparison = result.comparison
    changes = (*comparison.categories, comparison.overall)
    worse = sum(c.verdict == "worse" for c in changes)
    undecided = int(result.outcome == "undecided")
    counts = {"tests": str(len(changes)), "failures": str(worse), "errors": str(undecided)}
    suites = Xml.Element("testsuites", {"name": _NAME, **counts})
    suite = Xml.SubElement(suites, "testsuite", {"name": _NAME, **counts, "skipped": "0"})
    for change in changes:
        case = Xml.SubElement(suite, "testcase", {"classname": _NAME, "name": _clean(change.name)})
        if change.verdict == "worse":
            failure = Xml.SubElement(case, "failure", {"message": _clean(_told(change))})
            failure.text = _clean(_flips(comparison, change.name))
        elif undecided and change is comparison.overall:
            Xml.SubElement(case, "error", {"message": _clean(result.reason)})
    Xml.indent(suites)
    return Xml.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _told(change: Change) -> str:
    return (
        f"{VERDICTS['worse']}: exact-set rate {number(change.before)} -> {number(change.after)} "
        f"({signed(change.exact.value)}), {change.harmful} harmful and {change.helpful} helpful "
        f"flips, p {number(change.adjusted)}"
    )


def _flips(comparison: Comparison, category: str) -> str:
    lines = [
        f"{f.incident} {f.category}: people {', '.join(f.gold)}; before {', '.join(f.before)}; "
        f"after {', '.join(f.after)}"
        for f in comparison.flips
        if not f.helpful and category in (f.category, comparison.overall.name)
    ]
    return "\n".join(lines) or verdict_text(comparison.overall)


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
