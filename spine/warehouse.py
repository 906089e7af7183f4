"""Opening the private build database, one writer at a time.

Put here: how the warehouse is opened and where DuckDB spills what does not fit in memory. Never
here: what is in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from filelock import FileLock


@contextmanager
def warehouse_lock(path: Path) -> Iterator[None]:
    """Wait for, then hold, the right to use the warehouse: DuckDB admits one process."""
    with FileLock(path.with_name(".warehouse.lock")):
        yield


@contextmanager
def open_warehouse(path: Path, threads: int = 0) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-write connection that is closed at the end, so that dbt can open the file after it."""
    with warehouse_lock(path):
        connection = duckdb.connect(path)
        try:
            configure(connection, path, threads)
            yield connection
        finally:
            connection.close()


def configure(connection: duckdb.DuckDBPyConnection, path: Path, threads: int) -> None:
    """Set threads (0: all) and the spill folder; only under the lock, since a killed run's spill is removed.

    Spilled rows are personal data. DuckDB would write them beside the database, so they go to
    `lake/.spill` of the home, a folder that may hold such data.
    """
    spill = path.parent / "lake" / ".spill"
    shutil.rmtree(spill, ignore_errors=True)
    spill.mkdir(parents=True, mode=0o700)
    literal = str(spill).replace("'", "''")
    connection.execute(f"SET temp_directory = '{literal}'")
    if threads:
        connection.execute(f"SET threads = {int(threads)}")
