"""The private DuckDB database in which one delivery is taken apart: in memory up to a bound, then on the disk.

Put here: what all readers need of DuckDB: connection, row tables, spelling of names and types,
errors without values. Never here: a file format.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from spine.contracts.functions import install_functions
from spine.contracts.model import Column, Table
from spine.errors import DeliveryError, PipelineError
from spine.files import machine_fault

#: Folder of everything that lives only while a delivery is read.
SPILL = "spill"
#: Bound on DuckDB's memory while a delivery is read; beyond it, it uses the disk. The process needs more.
MEMORY_LIMIT = "1GB"
_QUARANTINE = "CREATE TABLE quarantine (table_name VARCHAR, file_no INTEGER, row_no BIGINT, rule VARCHAR);"
_OURS = (
    duckdb.IOException, duckdb.OutOfMemoryException, duckdb.InternalException, duckdb.InterruptException,
    duckdb.TransactionException, duckdb.FatalException,
)  # fmt: skip


@dataclass(frozen=True)
class FileRead:
    """What reading one file gave, in rows of the source, counted before any of them is put aside.

    Attributes:
        ignored: rows that hold nothing the contract names (blank rows, resources of other types).
        columns_dropped: columns that the contract does not name.
        columns_absent: contracted columns that the file may come without, and did.
        columns_dropped_names: names of dropped columns, where the first line is certainly a header.
        kept: rows that go to the lake.
        rows: SQL of these rows in their order, with the columns of a row table; empty where they were copied into it.
    """

    rows_read: int
    ignored: int
    columns_dropped: int = 0
    columns_absent: tuple[str, ...] = ()
    columns_dropped_names: tuple[str, ...] = ()
    kept: int = 0
    rows: str = ""


@contextmanager
def open_workspace(folder: Path, tables: tuple[Table, ...], threads: int = 0) -> Iterator[duckdb.DuckDBPyConnection]:
    """A new database with an empty row table for each contracted table; what it cannot hold goes to `folder`/SPILL.

    It is no file: nobody opens it again, and a file would be forced to disk a dozen times for each delivery.
    """
    spill = folder / SPILL
    spill.mkdir(parents=True, exist_ok=True, mode=0o700)
    config: dict[str, Any] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(spill / "temp"),
        "autoinstall_known_extensions": False,
    }
    if threads:
        config["threads"] = threads
    connection = duckdb.connect(config=config)
    try:
        install_functions(connection, "clean_text", "as_date")
        connection.execute(f"BEGIN; {' '.join(map(_row_table, tables))} {_QUARANTINE} COMMIT;")
        yield connection
    finally:
        connection.close()


def _row_table(table: Table) -> str:
    columns = ", ".join(f"{identifier(c.name)} {sql_type(c.nested)}" for c in table.columns)
    source = "_file_sha256 VARCHAR, _file_no INTEGER, _row_no BIGINT, _place BIGINT"
    return f"CREATE TABLE {rows_of(table)} ({columns}, {source});"


@contextmanager
def scrubbed(where: str, fault: str) -> Iterator[None]:
    """Turn DuckDB's errors, whose messages may quote a cell, into ours.

    Raises:
        DeliveryError: `where: fault`, where the data are at fault.
        PipelineError: where the machine is (disk, memory).
    """
    try:
        yield
    except _OURS as error:
        raise machine_fault(error) or PipelineError(
            f"{where}: the work database failed ({type(error).__name__}). Check disk and memory"
        ) from None
    except duckdb.Error as error:
        # Never a refusal for a full disk: it would stand, and the delivery would not be read again.
        raise machine_fault(error) or DeliveryError(f"{where}: {fault} ({type(error).__name__})") from None


def rows_of(table: Table) -> str:
    """Quoted name of the table's rows in the workspace."""
    return identifier(f"rows_{table.name}")


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """Text as an SQL literal."""
    return "'" + str(value).replace("'", "''") + "'"


def sql_type(nested: Any) -> str:
    """DuckDB type of a column, from the contract's structure of it."""
    if isinstance(nested, dict):
        return "STRUCT(" + ", ".join(f"{identifier(k)} {sql_type(v)}" for k, v in nested.items()) + ")"
    if isinstance(nested, list):
        return f"{sql_type(nested[0])}[]"
    return str(nested)


def missing_rule(columns: tuple[Column, ...]) -> str:
    """SQL: the rule that a row breaks when a required column is blank, NULL where none is."""
    tests = [
        f"WHEN {_is_missing(identifier(c.name)) if c.nested == 'VARCHAR' else f'{identifier(c.name)} IS NULL'} "
        f"THEN {literal(c.name + '__missing')}"
        for c in columns
        if c.required
    ]
    return f"CASE {' '.join(tests)} END" if tests else "NULL::VARCHAR"


def _is_missing(name: str) -> str:
    """SQL: text that is blank. What starts with a digit or one of A to M is not: most keys are spared the long test."""
    return f"coalesce({name} < '0' OR {name} >= 'N', true) AND clean_text({name}) IS NULL"


def shifts(rejects: str) -> str:
    """SQL: how far rejected lines move the numbers of good rows.

    Args:
        rejects: table with `line`, the place of each rejected row among all rows, from 1.

    Returns:
        A query of (before, shift): from the good row on that has `before` good rows ahead of it,
        `shift` rejects stand ahead of it too.
    """
    numbered = f"SELECT line, row_number() OVER (ORDER BY line) AS i FROM {rejects}"
    return f"SELECT line - i AS before, max(i) AS shift FROM ({numbered}) GROUP BY 1"


def scalar(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    """The one whole number that a query returns; NULL is 0."""
    row = connection.execute(query).fetchone()
    return int(row[0] or 0) if row else 0
