"""Supplier reports: what a partner's data person needs to correct a delivery, without a value from it.

Put here: what is said to a partner about one delivery, as a page and as a list. Never here: a
verdict (spine.extract), a count of the verdict (spine.quality), or a report for analysts.
"""

from spine.reports.write import report_path, write_reports

__all__ = ["report_path", "write_reports"]
