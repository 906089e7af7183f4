"""Expectations that share a query: which can, and how each then counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from spine.contracts import Rule, Threshold
from spine.contracts.derive import expectation
from spine.quality.counts import shared_count


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("CREATE TABLE judged (a VARCHAR, b VARCHAR)")
        opened.execute(
            "INSERT INTO judged VALUES ('x', '1'), ('x', '1'), ('x', NULL), (NULL, NULL), ('a:b', '2'), ('{z}', '3')"
        )
        yield opened


def counted(connection: duckdb.DuckDBPyConnection, metric: str, **arguments: Any) -> str | None:
    rule = Rule(
        contract="people__test",
        table="people",
        column="a",
        name="a__rule",
        sentence="A rule.",
        dimension="conformity",
        severity="warning",
        metric=metric,  # type: ignore[arg-type]
        arguments=arguments,
        threshold=Threshold("mustBe", 0, "rows"),
    )
    made = expectation(rule)
    return shared_count(connection, made["type"], made["kwargs"])


@pytest.mark.parametrize(
    ("metric", "arguments", "rows"),
    [
        ("rowCount", {}, 6),
        ("nullValues", {}, 1),
        ("missingValues", {"missingValues": ["a:b"]}, 2),
        ("invalidValues", {"validValues": ["x", "it's"]}, 2),
        ("invalidValues", {"pattern": "^(?:x|{z}|a:b|it's)$"}, 0),
        ("invalidValues", {"pattern": "^[{}]z[{}]$"}, 4),
        ("duplicateValues", {}, 2),
        ("duplicateValues", {"properties": ["a", "b"]}, 1),
        ("sql", {"query": "SELECT count_if(${column} = 'x') FROM ${table}"}, 3),
        ("sql", {"query": "SELECT count(*) FROM ${table} WHERE ${column} = 'x' OR b = '2'; "}, 4),
        ("sql", {"query": "SELECT count(*) FROM ${table} WHERE a LIKE '%:%' -- of a kind"}, 1),
    ],
)
def test_a_rule_of_one_table_counts_in_the_query_that_all_share(
    connection: duckdb.DuckDBPyConnection, metric: str, arguments: dict[str, Any], rows: int
) -> None:
    expression = counted(connection, metric, **arguments)
    assert expression is not None
    assert connection.execute(f"SELECT {expression}, count(*) FROM judged").fetchone() == (rows, 6)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM ${table} WHERE a NOT IN (SELECT a FROM moves)",
        "SELECT count_if(a IN (SELECT a FROM ${table} WHERE b = '1')) FROM ${table}",
        "SELECT count(*) FROM ${table} m JOIN moves USING (a)",
        "SELECT count(*) FROM (SELECT a FROM ${table} GROUP BY a HAVING count(*) > 1)",
        "SELECT count(*) FROM ${table} WHERE a = 'x' GROUP BY b LIMIT 1",
        "SELECT count(*) FROM ${table} WHERE a = 'x' QUALIFY row_number() OVER () = 1",
        "SELECT count(*) FROM ${table} AS m WHERE m.a = 'x'",
        "SELECT count_if(a = 'x') FILTER (WHERE b = '1') FROM ${table}",
        "SELECT count_if(a = 'x') FROM ${table} WHERE b = '1'",
        "SELECT count(DISTINCT a) FROM ${table}",
        "SELECT max(length(a)) FROM ${table}",
        "SELECT count(*) FROM ${table}",
        "SELECT count(*) FROM ${table} WHERE",
        "SELECT count_if(a = 'x') FROM ${table}; SELECT count_if(true) FROM ${table}",
    ],
)
def test_a_query_that_asks_for_more_keeps_a_query_of_its_own(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    assert counted(connection, "sql", query=query) is None


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("expect_column_values_to_not_be_null", {"column": "a", "row_condition": "b"}),
        ("expect_column_values_to_be_in_set", {"column": "a", "value_set": [1]}),
        ("expect_column_values_to_be_in_set", {"column": "a", "value_set": []}),
        ("expect_column_values_to_be_in_set", {"column": "a", "value_set": 3}),
        ("expect_table_row_count_to_be_between", {"min_value": 3}),
        ("expect_column_value_lengths_to_equal", {"column": "a", "value": 2}),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT 1 FROM {batch} WHERE a = 'x'"}),
    ],
)
def test_what_is_not_known_here_is_left_to_great_expectations(
    connection: duckdb.DuckDBPyConnection, kind: str, kwargs: dict[str, Any]
) -> None:
    assert shared_count(connection, kind, kwargs) is None
