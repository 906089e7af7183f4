"""An expectation as an aggregate over the rows of its table, so that all of a table's expectations share one scan.

Put here: which expectations are such, and how each is written. SQL of a contract is taken apart by DuckDB's own parser,
so that no bracket or quotation mark in a pattern can deceive. Never here: a rule, or a query on data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import duckdb

from spine.contracts.derive import BROKEN_ROWS, BROKEN_WHERE, REPEATED_ROWS, identifier, literal, unquoted

_TABLE = "judged_table"
_SCALAR = re.compile(re.escape(BROKEN_ROWS).replace(re.escape("{scalar}"), "(.*)"), re.DOTALL)
_REPEATED = re.compile(
    re.escape(REPEATED_ROWS.replace("${table}", _TABLE))
    .replace(re.escape("{has_key}"), "(.*)")
    .replace(re.escape("{columns}"), "(.*)"),
    re.DOTALL,
)
_COUNT_IF = re.compile(rf"SELECT count_if\((.*)\) FROM {_TABLE}", re.DOTALL)
_COUNT_WHERE = re.compile(rf"SELECT count\(\*\) FROM {_TABLE} WHERE (.*)", re.DOTALL)


def shared_count(connection: duckdb.DuckDBPyConnection, kind: str, kwargs: Mapping[str, Any]) -> str | None:
    """The rows that an expectation counts, as an aggregate over the rows of its table.

    Args:
        connection: any: nothing is run on its data.
        kind: type of the expectation, as `spine.contracts.derive.expectation` makes it.
        kwargs: its arguments.

    Returns:
        None where it asks for more than that: a join, a group, a subquery, or an argument that is not known here.
    """
    match kind, dict(kwargs):
        case "expect_table_row_count_to_be_between", {**none} if not none:
            return "count(*)"
        case "expect_column_values_to_not_be_null", {"column": str() as column, **none} if not none:
            return _filtered(f"{identifier(column)} IS NULL")
        case "expect_column_values_to_be_in_set", {
            "column": str() as column,
            "value_set": [*values],
            **none,
        } if not none and values and all(isinstance(value, str) for value in values):
            return _filtered(f"{identifier(column)} NOT IN ({', '.join(map(literal, values))})")
        case "unexpected_rows_expectation", {"unexpected_rows_query": str() as query, **none} if not none:
            return _of_query(connection, unquoted(query).replace("${table}", _TABLE))
    return None


def parsed(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any]:
    """A query's tree as DuckDB reads it; its `error` is true where it is no query."""
    answer = connection.execute("SELECT json_serialize_sql(?)", [query]).fetchone()
    return dict(json.loads(answer[0])) if answer else {"error": True}


def conditions(tree: Mapping[str, Any], table: str) -> list[Any] | None:
    """What a row must satisfy to be counted by a query; None where it does not count rows of its one table.

    Args:
        tree: of the query, as `parsed` gives it.
        table: the name that the query has for the table.
    """
    node = tree["statements"][0]["node"] if not tree["error"] and len(tree["statements"]) == 1 else {}
    source, listed = node.get("from_table") or {}, node.get("select_list") or []
    extras = ("modifiers", "group_expressions", "having", "qualify", "sample")
    plain = source.get("type") == "BASE_TABLE" and source.get("table_name") == table and len(listed) == 1
    if node.get("type") != "SELECT_NODE" or not plain or any(node.get(key) for key in extras):
        return None
    count = listed[0]
    children = {"count_if": 1, "count_star": 0}.get(count.get("function_name"))
    if children is None or len(count["children"]) != children or count["distinct"]:
        return None
    found = [*count["children"], count["filter"], node["where_clause"]]
    return [condition for condition in found if condition is not None]


def _of_query(connection: duckdb.DuckDBPyConnection, query: str) -> str | None:
    repeated = _REPEATED.fullmatch(query)
    if repeated:
        has_key, columns = repeated.groups()
        return f"{_filtered(has_key)} - count(DISTINCT ({columns})) FILTER (WHERE {has_key})"
    scalar = _SCALAR.fullmatch(query)
    text = scalar[1] if scalar else query.replace(BROKEN_WHERE.replace("${table}", _TABLE), _counting(), 1)
    found = _COUNT_IF.fullmatch(text) or _COUNT_WHERE.fullmatch(text)
    if found is None or _TABLE in found[1]:
        return None
    counted = conditions(parsed(connection, text), _TABLE)
    return _filtered(found[1]) if counted is not None and len(counted) == 1 and not _asks_more(counted[0]) else None


def _counting() -> str:
    return f"SELECT count(*) FROM {_TABLE} WHERE "


def _filtered(condition: str) -> str:
    """Rows that satisfy a condition, which may end in a comment."""
    return f"count(*) FILTER (WHERE {condition}\n)"


def _asks_more(tree: Any) -> bool:
    """True where an expression holds a subquery: it may read the table again."""
    if isinstance(tree, dict):
        return tree.get("class") == "SUBQUERY" or any(map(_asks_more, tree.values()))
    return isinstance(tree, list) and any(map(_asks_more, tree))
