"""Reports as HTML pages that need nothing else: one for a report, and an index of a run."""

from classifier.render.html.report import Correcting, report_html

__all__ = ["Correcting", "report_html"]
