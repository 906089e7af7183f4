"""The report as a list for a spreadsheet: one line for each row that breaks a rule.

Put here: the columns of the list. Never here: a value, a key or a file's name.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from spine.reports.advice import AGAIN
from spine.reports.findings import LIMIT, Finding, SupplierReport

COLUMNS = (
    "delivery", "table", "file", "row", "column", "rule", "severity", "expected", "what_to_do_first", "rows_in_all",
)  # fmt: skip


def listing(report: SupplierReport) -> str:
    """The list as CSV, the most urgent first.

    `row` is the number of the data row in its file, from 1; the header is not counted. At most `LIMIT`
    rows are listed for one rule, and `rows_in_all` says how many there are. A finding that is about
    no single row has one line without a row.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for finding in report.findings:
        for file, row in _places(report, finding):
            writer.writerow((
                report.entry.delivery, finding.table, file, row, finding.column, finding.rule, finding.severity,
                finding.expected, _first(finding), "" if finding.count is None else finding.count,
            ))  # fmt: skip
    return text.getvalue()


def _places(report: SupplierReport, finding: Finding) -> Iterator[tuple[str, int | str]]:
    if finding.rows is None or finding.rows.is_empty():
        yield finding.file, ""
        return
    for file_no, row_no in finding.rows.iter_rows():
        yield report.labels.get(file_no, f"file {file_no}"), "" if row_no is None else row_no


def _first(finding: Finding) -> str:
    again = AGAIN if finding.needs_resend and AGAIN not in finding.first else ""
    is_cut = finding.rows is not None and (finding.count or 0) > finding.rows.height >= LIMIT
    note = f"(The first {LIMIT:,} rows are listed.)" if is_cut else ""
    return " ".join(part for part in (finding.first, again, note) if part)
