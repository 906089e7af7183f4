"""Which rows break a rule, and what a query must look like for its rows to be told."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from spine.contracts import Rule, Threshold
from spine.errors import PipelineError
from spine.quality.rows import row_finder

AS_OF = date(2028, 3, 31)
CANARY = "Zyxwvut-Canary"

# place (file, row) | a | b
PEOPLE = """
    1 1 | x    | 01/04/2020
    1 2 |      | 31/02/2020
    2 1 | n/a  | 01/04/2028
    2 2 | x    | 01/04/2020
    2 9 | Y    |
    3 1 | it's | x
    1 3 | x    | 01/04/2020
"""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "people.parquet"
    lines = [[cell.strip() for cell in line.split("|")] for line in PEOPLE.strip().splitlines()]
    rows = [(*map(int, place.split()), *cells) for place, *cells in lines]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (_file_no INTEGER, _row_no BIGINT, a VARCHAR, b VARCHAR)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
        connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    return path


def rule(metric: str, *, column: str | None = "a", **arguments: Any) -> Rule:
    return Rule(
        "people__test", "people", column, "a__rule", "A rule.", "conformity", "warning", metric, arguments, Threshold("mustBe", 0)  # type: ignore[arg-type]  # noqa: E501
    )  # fmt: skip


def failing_rows(asked: Rule, tables: dict[str, Path], limit: int | None = None) -> pl.DataFrame | None:
    with row_finder(tables, AS_OF) as finder:
        return finder.find(asked, limit)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (rule("nullValues"), [(1, 2), (2, 1)]),
        (rule("missingValues", missingValues=["Y", None]), [(1, 2), (2, 1), (2, 9)]),
        (rule("missingValues"), [(1, 2), (2, 1)]),
        (rule("invalidValues", validValues=["x", "it's"]), [(2, 9)]),
        (rule("invalidValues", pattern="^[a-z]"), [(2, 9)]),
        (rule("invalidValues", pattern="'"), [(1, 1), (1, 3), (2, 2), (2, 9)]),
        (rule("duplicateValues"), [(1, 3), (2, 2)]),
        (rule("duplicateValues", column=None, properties=["a", "b"]), [(1, 3), (2, 2)]),
        (rule("rowCount", column=None), None),
        (rule("text"), None),
    ],
)
def test_library_metrics(people: Path, asked: Rule, expected: list[tuple[int, int]] | None) -> None:
    found = failing_rows(asked, {"people": people})
    assert (found.rows() if found is not None else None) == expected


# a query that counts | the rows it counted, or none where they cannot be told
QUERIES = """
    SELECT count_if(is_bad_date(b)) FROM ${table}                               | 1/2 3/1
    SELECT count(*) FROM ${table} WHERE is_bad_date(b)                          | 1/2 3/1
    select Count(*) from ${table} where is_bad_date(b);                         | 1/2 3/1
    SELECT count(*) FILTER (WHERE is_bad_date(b)) FROM ${table}                 | 1/2 3/1
    SELECT count_if(is_bad_date(b)) FROM ${table} WHERE a = 'it''s'             | 3/1
    SELECT count_if(${column} IN ('Y', ') FROM x')) FROM ${table}               | 2/9
    SELECT count_if(as_date(b) > getvariable('as_of')) FROM ${table}            | 2/1
    SELECT count_if(len(list_filter([a], lambda s: s = 'Y')) > 0) FROM ${table} | 2/9
    SELECT count(*) FROM ${table} t WHERE t.a = 'Y'                             | 2/9
    SELECT count(*) FROM ${table} WHERE a IN (SELECT a FROM people GROUP BY a HAVING count(*) > 2) | 1/1 1/3 2/2
    SELECT count(*) FROM ${table}                                               | 1/1 1/2 1/3 2/1 2/2 2/9 3/1
    SELECT count(a) FROM ${table}                                               | none
    SELECT count(DISTINCT a) FROM ${table}                                      | none
    SELECT sum(CAST(is_bad_date(b) AS INTEGER)) FROM ${table}                   | none
    SELECT least(count_if(a = 'x'), 1) FROM ${table}                            | none
    SELECT count(*) FROM ${table} m JOIN people p ON m.a = p.a                  | none
    SELECT count(*) FROM (SELECT a FROM ${table} GROUP BY a HAVING count(*) > 1) | none
    SELECT count(*) FROM ${table} GROUP BY a LIMIT 1                            | none
    SELECT count(*) FROM other WHERE '${table}' <> ''                           | none
    SELECT count(*) FROM ${table} WHERE                                         | none
"""


@pytest.mark.parametrize("line", QUERIES.strip().splitlines(), ids=lambda line: line.strip()[:60])
def test_queries(people: Path, line: str) -> None:
    query, _, places = (part.strip() for part in line.rpartition("|"))
    found = failing_rows(rule("sql", query=query), {"people": people})
    shown = "none" if found is None else " ".join(f"{file}/{row}" for file, row in found.rows())
    assert shown == places


def test_a_limit_keeps_the_first_in_order_of_file_and_row(people: Path) -> None:
    found = failing_rows(rule("invalidValues", validValues=["q"]), {"people": people}, limit=3)
    assert found is not None
    assert found.rows() == [(1, 1), (1, 3), (2, 2)]


def test_a_table_that_is_not_there_has_no_rows_to_tell(people: Path) -> None:
    assert failing_rows(rule("nullValues"), {"people": people.with_name("gone.parquet")}) is None


@pytest.mark.parametrize(
    "asked",
    [
        rule("sql", query="SELECT count(*) FROM ${table} WHERE CAST(a AS INTEGER) > 0"),
        rule("nullValues", column="gone"),
        rule("invalidValues", pattern="("),
    ],
)
def test_a_failed_query_shows_no_value(tmp_path: Path, asked: Rule) -> None:
    path = tmp_path / "people.parquet"
    duckdb.sql(f"COPY (SELECT '{CANARY}' AS a, 1 AS _file_no, 1 AS _row_no) TO '{path}' (FORMAT parquet)")
    with pytest.raises(PipelineError, match="rule a__rule") as caught:
        failing_rows(asked, {"people": path})
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_that_is_no_parquet_shows_no_value(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    path.write_text(CANARY)
    with pytest.raises(PipelineError, match="table 'people'") as caught:
        failing_rows(rule("nullValues"), {"people": path})
    assert CANARY not in str(caught.value)
