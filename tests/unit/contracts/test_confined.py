"""A contract's SQL is one SELECT over named tables, and its connection reaches nothing else."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from spine.contracts.confined import confine, is_one_select, query_faults
from spine.documents import RepeatedKeyError, parse_yaml

GOOD = [
    "SELECT count(*) FROM ${table} WHERE ${column} NOT IN (SELECT child FROM header WHERE child IS NOT NULL)",
    "SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM ${table} GROUP BY a, b HAVING count(*) > 1)",
    "SELECT count_if(list_filter(${column}, lambda i: i.system LIKE '%/x')[1].value = '1') FROM ${table};",
    "WITH r AS (FROM ${table}) SELECT count(*) FROM r JOIN residents USING (id), unnest([1, 2]), (VALUES (1))",
    "SELECT count(*) FROM ${table} WHERE a = '; COPY x TO y' AND as_date(${column}) > getvariable('as_of')",
]
BAD = [
    "COPY t TO 'leak.csv'; SELECT 0",
    "SELECT 0; SELECT 1",
    "DETACH built",
    "ATTACH 'x.duckdb' AS x",
    "PRAGMA database_list",
    "SET threads = 1",
    "INSTALL httpfs",
    "CREATE TABLE leak AS SELECT 1",
    "0) AS BIGINT))) AS broken) AS x; COPY (SELECT * FROM ${table}) TO 'x'; SELECT count(*) FROM (SELECT 0",
    "SELECT 0 FROM",
    "",
    "SELECT count(*) FROM read_text('keys/a.key')",
    "SELECT count(*) FROM ${table} WHERE (SELECT count(*) FROM glob('/etc/*')) > 5",
    "SELECT count(*) FROM 'people.parquet'",
    "SELECT count(*) FROM warehouse.core.dim_resident",
    "SELECT count(*) FROM core.dim_resident",
    "WITH r AS MATERIALIZED (FROM read_csv('x')) SELECT count(*) FROM r",
    "SELECT count(*) FROM ${table}, LATERAL (FROM query('FROM x'))",
    "SELECT count(*) FROM (SELECT 1 UNION ALL FROM parquet_scan('x'))",
    "SELECT count(*) FROM (SUMMARIZE ${table})",
]


def test_a_query_reads_the_tables_that_it_names_and_does_nothing_else() -> None:
    assert set(query_faults([*GOOD, *BAD])) == set(BAD)


def test_a_confined_connection_reads_its_files_and_no_other(tmp_path: Path) -> None:
    own, other = tmp_path / "own.parquet", tmp_path / "other.parquet"
    with duckdb.connect() as connection:
        for path in (own, other):
            connection.execute(f"COPY (SELECT 1 AS a) TO '{path}'")
        connection.execute(f"CREATE VIEW t AS FROM '{own}'")
        confine(connection, [own])
        assert connection.execute("SELECT count(*) FROM t").fetchall() == [(1,)]
        for sql in (f"FROM '{other}'", f"COPY t TO '{tmp_path / 'leak'}'", f"ATTACH '{tmp_path / 'x.duckdb'}'",
                    "SET enable_external_access = true", "SET allowed_paths = []"):  # fmt: skip
            with pytest.raises(duckdb.Error):
                connection.execute(sql)
        assert is_one_select(connection, "FROM t")
        assert not any(is_one_select(connection, sql) for sql in ("FROM t; FROM t", "COPY t TO 'x'", "FROM WHERE"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.parquet", "own.parquet"]


def test_a_key_that_stands_twice_is_refused_at_any_depth() -> None:
    assert parse_yaml("a: &x {b: 1}\nc: [*x, {b: 2}]") == {"a": {"b": 1}, "c": [{"b": 1}, {"b": 2}]}
    for text in ("a: 1\na: 2", "x:\n  - {b: 1, b: 1}"):
        with pytest.raises(RepeatedKeyError):
            parse_yaml(text)
