"""Every check by name: how severe it is, and what it means. docs/audit.md shows this table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from classifier.records import AuditFinding, Severity


@dataclass(frozen=True)
class Check:
    """One check: an `error` cannot be true, a `warning` is doubtful, an `info` is to be known.

    One that is not `repeatable` needs what a finished report does not hold, such as the text of
    its articles.
    """

    severity: Severity
    meaning: str
    repeatable: bool = True


CHECKS: Mapping[str, Check] = {
    # the articles
    "published-in-future": Check("error", "An article is dated after the day of the audit."),
    "same-text": Check("warning", "Two articles have the same text."),
    "language": Check(
        "info", "An article is not in the language that is asked in.", repeatable=False
    ),
    "no-sources": Check("info", "The report lists no articles, so citations lead nowhere."),
    # citations and quotes
    "citation-of-no-article": Check(
        "warning", "Something cites an article that the report does not list."
    ),
    "whole-article-citations": Check(
        "info",
        "Citations point at whole articles: no quote shows which sentence carries a claim.",
    ),
    "quote-not-found": Check("warning", "A quote stands in no article."),
    "option-without-quote": Check(
        "warning", "A chosen option has no quote that stands in an article."
    ),
    "weak-evidence": Check(
        "info",
        "Quotes are the nearest sentences that were found, and may not show what they stand for.",
    ),
    "item-without-quote": Check(
        "warning", "An item that is not inferred has no quote that stands in an article."
    ),
    "item-without-citation": Check("warning", "An item that is not inferred cites no article."),
    # the decisions
    "failed": Check("error", "A category or an open field has no answer."),
    "partly-failed": Check("warning", "Not every chunk of the articles counts."),
    "not-in-taxonomy": Check("warning", "The taxonomy has no such category, option or open field."),
    "status-does-not-fit": Check("error", "The status of a category contradicts its options."),
    "unknown-with-options": Check("error", "unknown stands beside other options."),
    "several-of-one": Check("error", "Several options are chosen where only one may hold."),
    "pair-excludes-itself": Check("error", "Two options are chosen that exclude each other."),
    "gate-does-not-fit": Check(
        "error", "A category is answered behind a closed gate, or not behind an open one."
    ),
    "option-without-rationale": Check(
        "warning", "An option is chosen without a paragraph of its own."
    ),
    "nothing-explained": Check("warning", "No option of the report has a paragraph or a quote."),
    "option-denied": Check("warning", "An option is chosen, and its own paragraph denies it."),
    "paragraph-not-chosen": Check(
        "info", "A paragraph denies nothing, and its option is not chosen."
    ),
    "same-sentence": Check("warning", "Two options of a category rest on the same sentence."),
    # the open fields
    "time-after-publication": Check(
        "error", "Something happened after the articles that report it were published."
    ),
    "time-after-first-publication": Check(
        "warning",
        "Something happened after the first article, and when the others were published is not "
        "known.",
    ),
    "time-runs-backwards": Check("error", "A time ends before it begins."),
    "twin-statements": Check("error", "Fields that stand apart say the same."),
    "near-twin-statements": Check("warning", "Fields that stand apart say nearly the same."),
    "repeated-item": Check("warning", "A field says the same twice."),
    "inference-not-marked": Check(
        "warning", "An item has no quote, and is not marked as the model's own conclusion."
    ),
    "inference-not-allowed": Check(
        "warning", "An item is the model's own conclusion, in a field that takes none."
    ),
    "field-empty": Check("warning", "An open field is answered, and says nothing."),
    # how the report came about
    "another-taxonomy": Check(
        "info", "The report was made with another taxonomy, or another state of it."
    ),
    "uncalibrated": Check(
        "info", "The taxonomy's calibration does not fit the questions.", repeatable=False
    ),
    "decided-on-less": Check(
        "warning",
        "Scores or a state that the calibration reads are missing.",
        repeatable=False,
    ),
}


def found(check: str, message: str, place: str = "") -> AuditFinding:
    """A finding of one of the checks."""
    return AuditFinding(check=check, severity=CHECKS[check].severity, message=message, place=place)
