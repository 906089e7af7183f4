"""Verdicts on what a run made, on their way into the quality history.

Put here: from check results to rows of the history. Never here: a check, or how the history is kept
(spine.quality.history).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import dagster as dg

from spine.contracts.rules import Outcome
from spine.quality.history import RunVerdict, record_run
from spine.settings import Settings


def recorded(settings: Settings, as_of: date, results: Iterable[dg.AssetCheckResult]) -> list[dg.AssetCheckResult]:
    """The same results, once they stand in the history.

    Their counts are the metadata `numerator` and `denominator`, or `failed_row_count` of a dbt test.
    """
    told = list(results)
    record_run(settings.quality, as_of, [_verdict(result) for result in told])
    return told


def _verdict(result: dg.AssetCheckResult) -> RunVerdict:
    key, name = result.asset_key, result.check_name
    if key is None or name is None:  # never so for a check of ours: each names both
        raise ValueError("a check result names neither its asset nor itself")
    outcome: Outcome = "passed"
    if not result.passed:
        outcome = "failed" if result.severity == dg.AssetCheckSeverity.ERROR else "warned"
    facts = result.metadata
    numerator = _whole(facts.get("numerator", facts.get("failed_row_count")))
    return RunVerdict("/".join(key.path), name, outcome, numerator, _whole(facts.get("denominator")))


def _whole(value: Any) -> int | None:
    found = getattr(value, "value", value)
    return int(found) if isinstance(found, int | float) else None
