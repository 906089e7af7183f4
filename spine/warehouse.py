"""Opening the private build database, one writer at a time.

Put here: how the warehouse is opened. Never here: what is in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from filelock import FileLock


@contextmanager
def warehouse_lock(path: Path) -> Iterator[None]:
    """Wait for, then hold, the right to write the warehouse: DuckDB admits one process."""
    with FileLock(path.with_name(".warehouse.lock")):
        yield


@contextmanager
def open_warehouse(path: Path, threads: int = 0) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-write connection that is closed at the end, so that dbt can open the file after it."""
    with warehouse_lock(path):
        connection = duckdb.connect(path)
        try:
            if threads:
                connection.execute(f"SET threads = {int(threads)}")
            yield connection
        finally:
            connection.close()
