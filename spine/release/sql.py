"""Small helpers for DuckDB.

Put here: quoting and counting. Never here: a query about releases.
"""

from __future__ import annotations

import duckdb


def quoted(text: str) -> str:
    """A SQL string literal, for the statements that take no parameter (ATTACH, COMMENT, SET)."""
    return "'" + text.replace("'", "''") + "'"


def counted(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    """The one row of counts that a query gives."""
    row = connection.execute(sql).fetchone()
    return tuple(row) if row else ()
