"""Releases: one DuckDB file for each purpose, built from the warehouse, checked, then swapped in.

Put here: what may leave, building it, checking it, publishing, withdrawing and querying it. Never
here: what the partners agreed (spine.governance, expectations) or how the tables came about (dbt).
"""

from spine.release.audited import audit_standing
from spine.release.decisions import replace_key, restore, withdraw_by_hand
from spine.release.diff import compare_versions, versions
from spine.release.output_contracts import OutputColumn, OutputTable, load_output_contracts
from spine.release.plan import Input
from spine.release.promises import BrokenPromiseError
from spine.release.publish import ReleaseResult, TableCounts, known_purposes, publish
from spine.release.query import Published, published, query
from spine.release.withdraw import withdraw, withdraw_lapsed, withdraw_over

__all__ = [
    "BrokenPromiseError",
    "Input",
    "OutputColumn",
    "OutputTable",
    "Published",
    "ReleaseResult",
    "TableCounts",
    "audit_standing",
    "compare_versions",
    "known_purposes",
    "load_output_contracts",
    "publish",
    "published",
    "query",
    "replace_key",
    "restore",
    "versions",
    "withdraw",
    "withdraw_by_hand",
    "withdraw_lapsed",
    "withdraw_over",
]
