"""The shared SQL rules, installed on a DuckDB connection.

Put here: loading of functions.sql. Never here: a second spelling of a rule.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

FUNCTIONS = Path(__file__).with_name("functions.sql")


def install_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the macros of functions.sql in the connection's current database."""
    connection.execute(FUNCTIONS.read_text(encoding="utf-8"))
