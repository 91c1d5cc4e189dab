"""Report pages that others made, in the layout of the report page: read as reports."""

from classifier.pages.report import read_report_page

__all__ = ["read_report_page"]
