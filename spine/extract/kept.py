"""What became of the rows of the delivery before: values that went, and dates whose day and month changed places.

Put here: the comparison of two deliveries of one source by key. Never here: counts of one delivery (profile), what
is usual (spine.quality.drift), or a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from spine.contracts.profile import KeptRows
from spine.extract.workspace import identifier, literal


@dataclass(frozen=True)
class Compared:
    """One table of two deliveries.

    Attributes:
        dates: by date column, rows with a date in both, and of those the rows with day and month in each other's place.
    """

    rows: KeptRows | None = None
    dates: Mapping[str, tuple[int, int]] = field(default_factory=dict)


NOTHING = Compared()
#: Cells that one number tells of.
_BITS = 60


def compare(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    earlier: Path,
    keys: Sequence[str],
    blank: Mapping[str, str],
    dated: Sequence[str],
) -> Compared:
    """Compare the rows that both deliveries hold, once each.

    Args:
        source: the later delivery's table, as in a FROM clause.
        keys: columns that tell a row; without any, nothing can be compared.
        blank: by column, the SQL test whether a cell is without a value.
        dated: columns of dates.
    """
    before = f"read_parquet({literal(earlier)})"
    try:
        there = {name for name, *_ in connection.execute(f"DESCRIBE FROM {before}").fetchall()}
    except duckdb.Error:  # it is gone or damaged: nothing to compare with
        return NOTHING
    if not keys or not there.issuperset(keys):
        return NOTHING
    tests = {name: test for name, test in blank.items() if name in there and name not in keys}
    dates = [name for name in dated if name in tests]
    for table, held in (("later", source), ("earlier", before)):
        _once(connection, table, held, keys, list(tests.values()), dates)
    joined = f"later l JOIN earlier e USING ({', '.join(map(identifier, keys))})"
    rows, lost = _lost(connection, joined, len(tests))
    told = dict(zip(dates, _dates(connection, joined, len(dates)), strict=True))
    connection.execute("DROP TABLE later; DROP TABLE earlier")
    return Compared(KeptRows(rows=rows, lost=dict(zip(tests, lost, strict=True))), told)


def _once(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    held: str,
    keys: Sequence[str],
    tests: Sequence[str],
    dates: Sequence[str],
) -> None:
    """The rows of a delivery whose key stands there once: blank cells as bits of a few numbers, and dates as texts."""
    masks = (
        f"any_value({' | '.join(f'(({test})::UBIGINT << {bit})' for bit, test in enumerate(part))}) AS blank_{n}"
        for n, part in enumerate(_parts(tests))
    )
    texts = (f"any_value({identifier(name)}) AS date_{n}" for n, name in enumerate(dates))
    key = ", ".join(map(identifier, keys))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {', '.join([key, *masks, *texts])} FROM {held} "
        f"GROUP BY {key} HAVING count(*) = 1"
    )


def _parts(tests: Sequence[str]) -> list[Sequence[str]]:
    return [tests[start : start + _BITS] for start in range(0, len(tests), _BITS)]


def _lost(connection: duckdb.DuckDBPyConnection, joined: str, columns: int) -> tuple[int, list[int]]:
    """Rows in both, and by column those that were not blank and are now."""
    masks = range(-(-columns // _BITS))
    gone = ", ".join(f"l.blank_{n} & ~e.blank_{n} AS gone_{n}" for n in masks) or "0 AS gone"
    counts = ", ".join(
        f"coalesce(sum(n) FILTER ((gone_{n // _BITS} >> {n % _BITS}) & 1 = 1), 0)::BIGINT" for n in range(columns)
    )
    query = f"""
        WITH lost AS (SELECT {gone}, count(*) AS n FROM {joined} GROUP BY ALL)
        SELECT coalesce(sum(n), 0)::BIGINT{", " + counts if counts else ""} FROM lost"""
    rows, *lost = row(connection, query)
    return rows, lost


def _dates(connection: duckdb.DuckDBPyConnection, joined: str, columns: int) -> list[tuple[int, int]]:
    """By column, rows with a date in both, and those in which day and month changed places.

    Only texts that differ are read as dates, each pair once.
    """
    if not columns:
        return []
    moved = " UNION ALL ".join(
        f"""
            SELECT {n} AS place, CASE WHEN l.date_{n} <> e.date_{n} THEN l.date_{n} END AS later,
                CASE WHEN l.date_{n} <> e.date_{n} THEN e.date_{n} END AS earlier, count(*) AS n
            FROM {joined} WHERE l.date_{n} IS NOT NULL AND e.date_{n} IS NOT NULL GROUP BY ALL"""
        for n in range(columns)
    )
    found = connection.execute(f"""
        WITH moved AS ({moved}),
        dates AS (SELECT place, n, as_date(later) AS later, as_date(earlier) AS earlier FROM moved)
        SELECT place, sum(n)::BIGINT, coalesce(sum(n) FILTER (year(later) = year(earlier)
            AND month(later) = day(earlier) AND day(later) = month(earlier) AND day(later) <> month(later)), 0)::BIGINT
        FROM dates GROUP BY place""").fetchall()
    counted = {place: (compared, swapped) for place, compared, swapped in found}
    return [counted.get(n, (0, 0)) for n in range(columns)]


def row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """The one row of an aggregate without groups."""
    found = connection.execute(query).fetchone()
    assert found is not None
    return tuple(found)
