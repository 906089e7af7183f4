"""Measuring what a delivery looks like: counts of blanks, codes and dates, made as it comes through the door.

Put here: the queries on a staged delivery. Never here: what is usual (spine.quality.drift), or a verdict.

A profile costs a fraction of the rules: each column is read once, and dates are read from distinct values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from spine.contracts.model import Contract, Table
from spine.contracts.profile import DateProfile, TableProfile, coarse, coded_columns, date_columns
from spine.errors import PipelineError
from spine.extract.kept import NOTHING, compare, row
from spine.extract.ledger import LedgerEntry
from spine.extract.workspace import identifier, literal

#: As `clean_text` of functions.sql sees it, with the long test for the few short values only.
_BLANK = r"""({0} IS NULL OR (length(trim({0}, e' \t\r\n' || chr(160))) <= 4 AND clean_text({0}) IS NULL))"""


def profile(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Path],
    absent: Mapping[str, Sequence[str]],
    *,
    contract: Contract,
    before: Mapping[str, Path] | None = None,
) -> dict[str, TableProfile]:
    """Profile the tables of one delivery.

    Args:
        connection: the workspace in which the delivery was read.
        tables: Parquet file of each table.
        absent: by table, optional columns that the delivery came without.
        before: the same of the source's delivery before it, in which rows are looked up by key.

    Raises:
        PipelineError: a file cannot be read. No message of DuckDB is shown, since it may quote a value.
    """
    try:
        return {
            table.name: _table(connection, contract, table, tables[table.name], set(absent.get(table.name, ())), before)
            for table in contract.tables
        }
    except duckdb.Error as error:
        raise PipelineError(
            f"the profile of a delivery could not be measured ({type(error).__name__}). Check disk and memory"
        ) from None


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
    blank = {c.name: (_BLANK if c.nested == "VARCHAR" else "{0} IS NULL").format(identifier(c.name)) for c in columns}
    counts = row(
        connection,
        f"SELECT {', '.join(['count(*)', *(f'count(*) FILTER ({t})' for t in blank.values())])} FROM {source}",
    )
    coded = {name: codes for name, codes in coded_columns(contract, table).items() if name not in absent}
    dated = [name for name in date_columns(table) if name not in absent]
    earlier = before.get(table.name) if before else None
    kept = compare(connection, source, earlier, table.keys, blank, dated) if earlier else NOTHING
    return TableProfile(
        rows=counts[0],
        nulls={column.name: count for column, count in zip(columns, counts[1:], strict=True)},
        codes=_codes(connection, source, coded) if coded else {},
        dates=_dates(connection, source, dated, kept.dates) if dated else {},
        kept=kept.rows,
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
    connection: duckdb.DuckDBPyConnection, source: str, names: Sequence[str], before: Mapping[str, tuple[int, int]]
) -> dict[str, DateProfile]:
    """The dates of each column; `before` are rows compared with the delivery before, and swapped ones."""
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
        compared, moved = before.get(name, (0, 0))
        profiles[name] = DateProfile(
            dates=days.total(),
            late_days=sum(rows for day, rows in days.items() if day > 12),
            days=tuple(coarse(days[day]) for day in range(1, 32)),
            months=tuple(coarse(months[month]) for month in range(1, 13)),
            compared=compared,
            swapped=moved,
        )
    return profiles


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
