"""Quality at the door: a contract's rules, run on a delivery, one verdict each.

Put here: from rules and files to verdicts. Never here: a rule's SQL (spine.contracts.derive), a
threshold's meaning (spine.contracts.rules) or a cell's value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from spine.contracts.derive import expectation
from spine.contracts.read_rules import faults_of_queries
from spine.contracts.rules import Rule, RuleResult, judge
from spine.errors import ContractError
from spine.quality.drift import KINDS, Drift, Finding, Kind, drift
from spine.quality.metadata import check_metadata
from spine.quality.worker import standing, standing_by

__all__ = ["KINDS", "Drift", "Finding", "Kind", "check_metadata", "drift", "evaluate", "standing_by"]


def evaluate(tables: Mapping[str, Path], rules: Sequence[Rule], as_of: date, threads: int = 0) -> list[RuleResult]:
    """Run rules on Parquet files with Great Expectations and judge each against its threshold.

    Text is read as staging reads it (`clean_text`): surrounding space is gone, and blanks and the
    usual spellings of "missing" are null. nullValues counts nulls; validValues and pattern pass
    nulls over and compare exactly otherwise; duplicateValues counts the rows that repeat an earlier
    row's key, where a null equals a null inside a compound key and a key null as a whole is no
    duplicate. Percentages are of the table's rows, nulls included.

    Args:
        tables: Parquet file of each table that the rules, or their queries, name.
        rules: rules of one or more tables. Those of type `text` are for people: they get no
            result, so nothing can take them for a pass, and the caller lists them as not automated.
        as_of: the run's date, for rules about the future and about age.
        threads: DuckDB's threads, 0 for its own choice.

    Returns:
        One result per rule that can be automated, in the order of `rules`. A rule that could not
        run (its file, a column or a function is missing, its query raises) has outcome `error` and
        the name of the exception's class.
    """
    automated = [rule for rule in rules if rule.metric != "text"]
    ready, unusable = {}, {}
    unfit = faults_of_queries(automated)
    for position, rule in enumerate(automated):
        if position in unfit:
            unusable[position] = _could_not_run(rule, ContractError.__name__)
            continue
        try:
            ready[position] = (rule.table, expectation(rule))
        except ContractError:
            unusable[position] = _could_not_run(rule, ContractError.__name__)
    counts = _counted(tables, list(ready.values()), as_of, threads)
    found = dict(zip(ready, counts, strict=True))
    return [unusable.get(n) or _judged(rule, found[n]) for n, rule in enumerate(automated)]


def _judged(rule: Rule, found: Any) -> RuleResult:
    if found.problem is not None or found.count is None or found.rows is None:
        return _could_not_run(rule, found.problem or "NoCount", found.rows)
    return judge(rule, found.count, found.rows)


def _counted(
    tables: Mapping[str, Path], ready: Sequence[tuple[str, dict[str, Any]]], as_of: date, threads: int
) -> list[Any]:
    """What each expectation counts. Two rules may count the same and differ in their threshold only: counted once."""
    named = [json.dumps([table, wanted["type"], wanted["kwargs"]]) for table, wanted in ready]
    asked = dict(zip(named, ready, strict=True))
    counts = dict(zip(asked, _measure(tables, list(asked.values()), as_of, threads), strict=True)) if asked else {}
    return [counts[name] for name in named]


def _measure(
    tables: Mapping[str, Path], asked: list[tuple[str, dict[str, Any]]], as_of: date, threads: int
) -> list[Any]:
    """Great Expectations takes ten seconds to import: in a process that stands by, else here when there is need."""
    worker = standing()
    measured = worker.measure(tables, asked, as_of, threads) if worker else None
    if measured is not None:
        return list(measured)
    from spine.quality.gx import measure

    return list(measure(tables, asked, as_of, threads))


def _could_not_run(rule: Rule, problem: str, rows: int | None = None) -> RuleResult:
    return RuleResult(name=rule.name, outcome="error", denominator=rows, problem=problem)
