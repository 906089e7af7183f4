"""What an output contract promises of a finished table, measured in the file itself.

Put here: from a rule of an output contract to a count and its verdict. Never here: who may be in a release, or
what must not be (check). The input's rules are measured by Great Expectations (spine.quality); a release is one
small set of tables in a database of its own, so its own SQL counts. That SQL is written by whoever writes the contract:
it runs where there is the finished file to read and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import duckdb

from spine.contracts import Rule, RuleResult, is_one_select, judge
from spine.errors import GovernanceError, PipelineError
from spine.release.output_contracts import PARTNERS, OutputTable
from spine.release.query import LOCKED
from spine.release.sql import counted, quoted


class BrokenPromiseError(PipelineError):
    """A rule of an output contract does not hold in the finished file, or could not be measured."""


def keep_promises(
    path: Path, tables: Sequence[OutputTable], partners: Collection[str], threads: int
) -> tuple[RuleResult, ...]:
    """Measure every rule of the released tables.

    Args:
        path: the finished file, which no other connection of this process holds.
        partners: ids that a column with `valuesFrom: partners` may hold.

    Returns:
        The verdicts, those that only warn among them.

    Raises:
        BrokenPromiseError: a rule of severity error is broken, or a rule could not be measured: all of them.
        GovernanceError: a column that holds ids of partners holds something else, or the file changed meanwhile.
    """
    before = _sha256(path)
    with duckdb.connect(str(path), read_only=True, config={**LOCKED, "threads": threads}) as connection:
        results = [(table, rule, _measure(connection, rule)) for table in tables for rule in table.rules]
        for table in tables:
            for column in (c for c in table.columns if c.values_from == PARTNERS):
                _refuse_strangers(connection, table.name, column.name, partners)
    if _sha256(path) != before:
        raise GovernanceError(
            "release check failed: the finished file changed while its rules were measured. Nothing is published; "
            "look for who else writes into the folder of releases"
        )
    broken = [
        f"{table.name}: rule {rule.name} is broken: {rule.sentence} Expected: {rule.threshold}, found {_found(result)}"
        for table, rule, result in results
        if result.outcome in ("failed", "error")
    ]
    if broken:
        raise BrokenPromiseError(
            "release check failed:\n" + "\n".join(broken) + "\nNothing is published; mend the mart, or have the "
            "output contract changed by those who agreed it"
        )
    return tuple(result for _, _, result in results)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _found(result: RuleResult) -> str:
    return f"an error ({result.problem})" if result.outcome == "error" else f"{result.numerator} rows"


def _measure(connection: duckdb.DuckDBPyConnection, rule: Rule) -> RuleResult:
    """The verdict on one rule. What cannot be measured is an error, never a pass."""
    try:
        query = _QUERIES[rule.metric](rule)
        if not is_one_select(connection, query):
            return RuleResult(name=rule.name, outcome="error", problem="NotASelect")
        (rows,) = counted(connection, f"SELECT count(*) FROM {_name(rule.table)}")
        (count,) = counted(connection, query)
        return judge(rule, int(count), rows)
    except (duckdb.Error, KeyError, TypeError, ValueError) as error:
        return RuleResult(name=rule.name, outcome="error", problem=type(error).__name__)


def _refuse_strangers(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, partners: Collection[str]
) -> None:
    known = ", ".join(map(quoted, sorted(partners))) or "NULL"
    sql = f"SELECT count(*) FROM {_name(table)} WHERE {_name(column)} NOT IN ({known})"
    (others,) = counted(connection, sql)
    if others:
        raise GovernanceError(
            f"release check failed: {table}.{column}: expected ids of partners that supply data, found {others} rows "
            "with something else. Nothing is published; mend the mart"
        )


def _null_values(rule: Rule) -> str:
    return _count(rule, f"{_column(rule)} IS NULL")


def _missing_values(rule: Rule) -> str:
    listed = ", ".join(quoted(str(value)) for value in rule.arguments.get("missingValues", ()) if value is not None)
    return _count(rule, f"{_column(rule)} IS NULL OR CAST({_column(rule)} AS VARCHAR) IN ({listed or 'NULL'})")


def _invalid_values(rule: Rule) -> str:
    if "pattern" in rule.arguments:
        return _count(rule, f"NOT regexp_full_match({_column(rule)}, {quoted(str(rule.arguments['pattern']))})")
    listed = ", ".join(quoted(str(value)) for value in rule.arguments["validValues"]) or "NULL"
    return _count(rule, f"coalesce(CAST({_column(rule)} AS VARCHAR) NOT IN ({listed}), {_column(rule)} IS NOT NULL)")


def _duplicate_values(rule: Rule) -> str:
    names = [_name(str(name)) for name in rule.arguments.get("properties", [rule.column])]
    some = " OR ".join(f"{name} IS NOT NULL" for name in names)
    listed = ", ".join(names)
    return (
        f"SELECT coalesce(sum(n - 1), 0)::BIGINT FROM (SELECT count(*) AS n FROM {_name(rule.table)} WHERE {some} "
        f"GROUP BY {listed})"
    )


def _row_count(rule: Rule) -> str:
    return f"SELECT count(*) FROM {_name(rule.table)}"


def _sql(rule: Rule) -> str:
    query = str(rule.arguments["query"]).strip().rstrip(";").replace("${table}", _name(rule.table))
    return query.replace("${column}", _column(rule)) if "${column}" in query else query


def _count(rule: Rule, predicate: str) -> str:
    return f"SELECT count(*) FROM {_name(rule.table)} WHERE {predicate}"


def _column(rule: Rule) -> str:
    if rule.column is None:
        raise ValueError("a rule about a column that names none")
    return _name(rule.column)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_QUERIES: dict[str, Callable[[Rule], str]] = {
    "nullValues": _null_values,
    "missingValues": _missing_values,
    "invalidValues": _invalid_values,
    "duplicateValues": _duplicate_values,
    "rowCount": _row_count,
    "sql": _sql,
}
