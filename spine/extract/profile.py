"""Measuring what a delivery looks like: counts of blanks, codes and dates, made as it comes through the door.

Put here: the queries on a staged delivery. Never here: what is usual (spine.quality.drift), or a verdict.

A profile costs a fraction of the rules: each column is read once, and dates are read from distinct values.
"""

from __future__ import annotations

from collections import Counter
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
        install_functions(connection, "clean_text", "as_date")
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
    keyed = [name for name in dated if name not in table.keys] if table.keys else []
    earlier = before.get(table.name) if before else None
    swapped = _swapped(connection, source, table.keys, keyed, earlier) if keyed and earlier else {}
    return TableProfile(
        rows=counts[0],
        nulls={column.name: count for column, count in zip(columns, counts[1:], strict=True)},
        codes=_codes(connection, source, coded) if coded else {},
        dates=_dates(connection, source, dated, swapped) if dated else {},
    )


def _texts(source: str, names: Iterable[str]) -> str:
    """Each text of these columns: place of the column, text, rows. What is done to a text is then done once."""
    return " UNION ALL ".join(
        f"SELECT {place} AS place, {identifier(name)} AS text, count(*) AS n FROM {source} GROUP BY 2"
        for place, name in enumerate(names)
    )


def _codes(
    connection: duckdb.DuckDBPyConnection, source: str, coded: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, int]]:
    """Rows of each code that the contract lists for a column, in its order; no other value leaves DuckDB."""
    listed = ", ".join(f"({place}, {literal(code)})" for place, codes in enumerate(coded.values()) for code in codes)
    found = connection.execute(
        f"SELECT place, code, sum(n)::BIGINT FROM (SELECT place, clean_text(text) AS code, n FROM "
        f"({_texts(source, coded)})) JOIN (VALUES {listed}) AS listed (place, code) USING (place, code) GROUP BY ALL"
    ).fetchall()
    counts = {(place, code): rows for place, code, rows in found}
    return {
        name: {code: coarse(rows) for code in codes if (rows := counts.get((place, code)))}
        for place, (name, codes) in enumerate(coded.items())
    }


def _dates(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    names: Sequence[str],
    swapped: Mapping[str, tuple[int, int]],
) -> dict[str, DateProfile]:
    found = connection.execute(
        f"SELECT place, day(date), month(date), sum(n)::BIGINT FROM "
        f"(SELECT place, as_date(text) AS date, n FROM ({_texts(source, names)})) WHERE date IS NOT NULL GROUP BY ALL"
    ).fetchall()
    profiles = {}
    for place, name in enumerate(names):
        days, months = Counter[int](), Counter[int]()
        for of, day, month, rows in found:
            if of == place:
                days[day] += rows
                months[month] += rows
        compared, moved = swapped.get(name, (0, 0))
        profiles[name] = DateProfile(
            dates=days.total(),
            late_days=sum(rows for day, rows in days.items() if day > 12),
            days=tuple(coarse(days[day]) for day in range(1, 32)),
            months=tuple(coarse(months[month]) for month in range(1, 13)),
            compared=compared,
            swapped=moved,
        )
    return profiles


def _swapped(
    connection: duckdb.DuckDBPyConnection, source: str, keys: Sequence[str], names: Sequence[str], earlier: Path
) -> dict[str, tuple[int, int]]:
    """By date column, rows that both deliveries hold, once each, with a date; and those whose day and month swapped.

    Only texts that differ are read as dates, so that a delivery that repeats the last one costs a join.
    """
    before = f"read_parquet({literal(earlier)})"
    try:
        there = {name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {before}").fetchall()}
        told = [name for name in names if name in there]
        if not told or not there.issuperset(keys):
            return {}
        counted = connection.execute(_both(source, before, keys, told)).fetchall()
    except duckdb.Error:  # the delivery before is damaged: nothing to compare with
        return {}
    return {told[place]: (compared, moved) for place, compared, moved in counted}


def _both(source: str, before: str, keys: Sequence[str], names: Sequence[str]) -> str:
    """The query of `_swapped`: place of the column, rows compared, rows swapped."""
    key = ", ".join(map(identifier, keys))
    columns = list(map(identifier, names))
    once = ", ".join(f"any_value({column}) AS {column}" for column in columns)
    moved = " UNION ALL ".join(
        f"SELECT {place} AS place, count(*) AS n, later.{column} AS later, earlier.{column} AS earlier FROM later "
        f"JOIN earlier USING ({key}) WHERE later.{column} IS NOT NULL AND earlier.{column} IS NOT NULL GROUP BY ALL"
        for place, column in enumerate(columns)
    )
    return f"""
        WITH later AS MATERIALIZED (SELECT {key}, {once} FROM {source} GROUP BY {key} HAVING count(*) = 1),
             earlier AS MATERIALIZED (SELECT {key}, {once} FROM {before} GROUP BY {key} HAVING count(*) = 1),
             moved AS MATERIALIZED ({moved}),
             dates AS (SELECT place, n, as_date(later) AS later, as_date(earlier) AS earlier
                       FROM moved WHERE later <> earlier),
             swapped AS (SELECT place, sum(n) AS n FROM dates WHERE month(later) = day(earlier)
                 AND day(later) = month(earlier) AND year(later) = year(earlier) AND day(later) <> month(later)
                 GROUP BY place)
        SELECT place, sum(moved.n)::BIGINT, coalesce(any_value(swapped.n), 0)::BIGINT
        FROM moved LEFT JOIN swapped USING (place) GROUP BY place"""


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
