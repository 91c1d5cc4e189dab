"""What a report's reader should know about it: each check is one small rule over the report."""

from classifier.auditing.articles import ASKED_IN, audit_articles
from classifier.auditing.checks import CHECKS, Check
from classifier.auditing.report import audit_decisions, audit_report, reaudited, worst_first

__all__ = [
    "ASKED_IN",
    "CHECKS",
    "Check",
    "audit_articles",
    "audit_decisions",
    "audit_report",
    "reaudited",
    "worst_first",
]
