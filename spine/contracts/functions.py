"""The shared SQL rules, installed on a DuckDB connection.

Put here: loading of functions.sql. Never here: a second spelling of a rule.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import duckdb

FUNCTIONS = Path(__file__).with_name("functions.sql")
_MACRO = re.compile(r"CREATE OR REPLACE MACRO (\w+)\(")


def install_functions(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Create the macros of functions.sql in the connection's current database.

    Args:
        names: only these and those that they call, where not all are needed: each costs a millisecond or more.
    """
    every = _statements()
    wanted = [sql for name, sql in every.items() if not names or name in _with_called(names)]
    # One transaction: each macro by itself would be forced to disk.
    connection.execute(";\n".join(["BEGIN", *wanted, "COMMIT"]))


def functions_in(query: str) -> tuple[str, ...]:
    """Names of the macros that a query calls, or seems to; in the file's order."""
    return tuple(name for name in _statements() if f"{name}(" in query)


@cache
def _statements() -> dict[str, str]:
    """The statement of each macro by its name, in the file's order: what a macro calls stands before it."""
    queries = [statement.query for statement in duckdb.extract_statements(FUNCTIONS.read_text(encoding="utf-8"))]
    return {found[1]: query for query in queries if (found := _MACRO.search(query))}


@cache
def _with_called(names: tuple[str, ...]) -> frozenset[str]:
    every = _statements()
    called = {name: {other for other in every if f"{other}(" in sql} for name, sql in every.items()}
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        waiting += called[name] - found
        found |= called[name] | {name}
    return frozenset(found)
