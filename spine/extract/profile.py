"""Measuring what a delivery looks like: counts of blanks, codes and dates, made as it comes through the door.

Put here: the queries on a staged delivery. Never here: what is usual (spine.quality.drift), or a verdict.

A profile costs a fraction of the rules: each column is read once, and dates are read from distinct values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from spine.contracts.functions import install_functions
from spine.contracts.model import Contract, Table
from spine.contracts.profile import DateProfile, TableProfile, coarse, coded_columns, date_columns
from spine.errors import PipelineError
from spine.extract.ledger import LedgerEntry
from spine.extract.workspace import identifier, literal

#: As `clean_text` of functions.sql sees it, with the long test for the few short values only.
_BLANK = r"""({0} IS NULL OR (length(trim({0}, e' \t\r\n' || chr(160))) <= 4 AND clean_text({0}) IS NULL))"""


def profile(
    tables: Mapping[str, Path],
    contract: Contract,
    absent: Mapping[str, Sequence[str]],
    before: Mapping[str, Path] | None = None,
    threads: int = 0,
) -> dict[str, TableProfile]:
    """Profile the tables of one delivery.

    Args:
        tables: Parquet file of each table.
        absent: by table, optional columns that the delivery came without.
        before: the same of the source's delivery before it, in which dates are looked up by key.
        threads: DuckDB's threads, 0 for its own choice.

    Raises:
        PipelineError: a file cannot be read. No message of DuckDB is shown, since it may quote a value.
    """
    with _connection(threads) as connection:
        return {
            table.name: _table(connection, contract, table, tables[table.name], set(absent.get(table.name, ())), before)
            for table in contract.tables
        }


@contextmanager
def _connection(threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    try:
        install_functions(connection)
        if threads:
            connection.execute(f"SET threads = {int(threads)}")
        yield connection
    except duckdb.Error as error:
        raise PipelineError(
            f"the profile of a delivery could not be measured ({type(error).__name__}). Check disk and memory"
        ) from None
    finally:
        connection.close()


def _table(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    table: Table,
    path: Path,
    absent: set[str],
    before: Mapping[str, Path] | None,
) -> TableProfile:
    source = f"read_parquet({literal(path)})"
    columns = [column for column in table.columns if column.name not in absent]
    tests = [
        _BLANK.format(identifier(c.name)) if c.nested == "VARCHAR" else f"{identifier(c.name)} IS NULL" for c in columns
    ]
    counts = _row(
        connection, f"SELECT {', '.join(['count(*)', *(f'count(*) FILTER ({t})' for t in tests)])} FROM {source}"
    )
    coded = {name: codes for name, codes in coded_columns(contract, table).items() if name not in absent}
    dated = [name for name in date_columns(table) if name not in absent]
    earlier = before.get(table.name) if before else None
    return TableProfile(
        rows=counts[0],
        nulls={column.name: count for column, count in zip(columns, counts[1:], strict=True)},
        codes={name: _codes(connection, source, name, codes) for name, codes in coded.items()},
        dates={name: _dates(connection, source, name, _Keyed.of(table, name, earlier)) for name in dated},
    )


def _codes(connection: duckdb.DuckDBPyConnection, source: str, name: str, codes: Sequence[str]) -> dict[str, int]:
    column = identifier(name)
    found = connection.execute(
        f"SELECT clean_text(code) AS code, sum(n)::BIGINT AS n FROM "
        f"(SELECT {column} AS code, count(*) AS n FROM {source} GROUP BY 1) "
        f"WHERE clean_text(code) IN ({', '.join(map(literal, codes))}) GROUP BY 1"
    ).fetchall()
    counts = dict(found)
    return {code: coarse(counts[code]) for code in codes if counts.get(code)}


class _Keyed:
    """A date column of two deliveries of one source, where rows can be told by their key."""

    def __init__(self, keys: Sequence[str], path: Path) -> None:
        self.keys = ", ".join(map(identifier, keys))
        self.path = path

    @classmethod
    def of(cls, table: Table, column: str, earlier: Path | None) -> _Keyed | None:
        """None where the table has no key, the date is part of it, or there is no delivery before."""
        if earlier is None or not table.keys or column in table.keys or not earlier.exists():
            return None
        return cls(table.keys, earlier)


def _dates(connection: duckdb.DuckDBPyConnection, source: str, name: str, keyed: _Keyed | None) -> DateProfile:
    column = identifier(name)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE dates AS SELECT day(found) AS d, month(found) AS m, sum(n)::BIGINT AS n FROM "
        f"(SELECT as_date(value) AS found, n FROM (SELECT {column} AS value, count(*) AS n FROM {source} GROUP BY 1)) "
        "WHERE found IS NOT NULL GROUP BY ALL"
    )
    dates, late = _row(
        connection, "SELECT coalesce(sum(n), 0)::BIGINT, coalesce(sum(n) FILTER (d > 12), 0)::BIGINT FROM dates"
    )
    days, months = (
        dict(connection.execute(f"SELECT {part}, sum(n)::BIGINT FROM dates GROUP BY 1").fetchall())
        for part in ("d", "m")
    )
    compared, swapped = _swapped(connection, source, column, keyed) if keyed else (0, 0)
    return DateProfile(
        dates=dates,
        late_days=late,
        days=tuple(coarse(days.get(day, 0)) for day in range(1, 32)),
        months=tuple(coarse(months.get(month, 0)) for month in range(1, 13)),
        compared=compared,
        swapped=swapped,
    )


def _swapped(connection: duckdb.DuckDBPyConnection, source: str, column: str, keyed: _Keyed) -> tuple[int, int]:
    """Rows that both deliveries hold, once each, with a date; and those in which day and month changed places.

    Only texts that differ are read as dates, so that a delivery that repeats the last one costs a join.
    """
    has = f"GROUP BY {keyed.keys} HAVING count(*) = 1 AND count({column}) = 1"
    before = f"read_parquet({literal(keyed.path)})"
    query = f"""
        WITH later AS (SELECT {keyed.keys}, any_value({column}) AS later FROM {source} {has}),
             earlier AS (SELECT {keyed.keys}, any_value({column}) AS earlier FROM {before} {has}),
             moved AS (SELECT count(*) AS n, later, earlier FROM later JOIN earlier USING ({keyed.keys}) GROUP BY ALL)
        SELECT coalesce(sum(n), 0)::BIGINT, coalesce(sum(n) FILTER (
            later <> earlier AND month(as_date(later)) = day(as_date(earlier))
            AND day(as_date(later)) = month(as_date(earlier)) AND year(as_date(later)) = year(as_date(earlier))
            AND day(as_date(later)) <> month(as_date(later))), 0)::BIGINT
        FROM moved"""
    try:
        row = _row(connection, query)
    except duckdb.Error:  # the delivery before is damaged, or of a version without the column: nothing to compare with
        return 0, 0
    return row[0], row[1]


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None  # an aggregate without groups has one row
    return tuple(row)


def profiles_before(entry: LedgerEntry, known: Iterable[LedgerEntry]) -> list[Mapping[str, TableProfile]]:
    """Profiles of the accepted deliveries of the same source and layout that are dated before, oldest first.

    Args:
        known: records of the source; of each date the newest accepted revision counts.
    """
    mine = {
        other.date: other.profile
        for other in sorted(known, key=lambda e: (e.date, e.revision))
        if other.accepted and other.profile and other.date < entry.date and other.contract_id == entry.contract_id
    }
    return list(mine.values())
