"""A contract's own SQL: what it may say, and the closed room in which it runs.

Put here: the judgement of a rule's query before anything runs it, and the locking of the connection that runs it.
Never here: a rule's meaning (rules, derive), or a query of the spine's own.

Whoever writes a contract writes SQL. It counts rows of the tables that it is given and can do nothing else: it is one
SELECT over named tables, and its connection reaches no file, database or setting beside them. Either alone would do;
both are there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

#: What a query may take rows from: a table by its plain name, and what needs no name.
_SOURCES = frozenset({"BASE_TABLE", "SUBQUERY", "JOIN", "EMPTY", "EMPTY_FROM", "EXPRESSION_LIST", "CTE"})
#: Functions that make rows out of their arguments alone.
_MAKERS = frozenset({"unnest", "range", "generate_series"})
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TABLE, _COLUMN = "${table}", "${column}"


def query_faults(queries: Iterable[str]) -> dict[str, str]:
    """Why queries of rules may not run, by query; those that may are left out. DuckDB's own parser takes them apart.

    Args:
        queries: as contracts write them, with `${table}` and `${column}`.
    """
    wanted = tuple(dict.fromkeys(queries))
    return {query: fault for query, fault in zip(wanted, _faults(wanted), strict=True) if fault} if wanted else {}


def is_one_select(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """True where a text is one statement that only reads; the last question before it is run."""
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error:
        return False
    return len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT


def confine(
    connection: duckdb.DuckDBPyConnection, files: Collection[Path] = (), folders: Collection[Path] = ()
) -> None:
    """Close a connection for good: no file but these, no other database, no extension, no change of a setting.

    What is attached, and DuckDB's spill folder, stay usable; the number of threads may still be changed.

    Args:
        files: that may be read.
        folders: whose files may be read.
    """
    connection.execute(
        "SET python_enable_replacements = false; SET autoinstall_known_extensions = false; "
        "SET autoload_known_extensions = false; SET allow_community_extensions = false; "
        f"SET allow_persistent_secrets = false; SET allowed_paths = [{_listed(files)}]; "
        f"SET allowed_directories = [{_listed(folders)}]; SET allowed_configs = ['threads']; "
        "SET enable_external_access = false; SET lock_configuration = true"
    )


def _listed(paths: Collection[Path]) -> str:
    return ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)


@lru_cache(maxsize=256)
def _faults(queries: tuple[str, ...]) -> tuple[str | None, ...]:
    plain = [query.strip().rstrip(";").replace(_TABLE, "t").replace(_COLUMN, "c") for query in queries]
    with duckdb.connect(config={"threads": 1}) as connection:
        answers = connection.execute(
            "SELECT json_serialize_sql(query) FROM unnest(?::VARCHAR[]) WITH ORDINALITY AS t(query, n) ORDER BY n",
            [plain],
        ).fetchall()
    return tuple(_fault(json.loads(answer)) for (answer,) in answers)


def _fault(parsed: dict[str, Any]) -> str | None:
    statements = parsed.get("statements") or []
    if parsed["error"] or len(statements) != 1:
        return "must be exactly one SELECT statement"
    for part in _parts(statements[0]):
        if "sample" in part and part.get("type") and "alias" in part and (fault := _source_fault(part)):
            return fault
    return None


def _source_fault(source: dict[str, Any]) -> str | None:
    """Why rows may not come from there."""
    if source["type"] == "TABLE_FUNCTION":
        name = source["function"].get("function_name")
        return None if name in _MAKERS else "may call no function that reads tables or files"
    if source["type"] not in _SOURCES:
        return "may read tables by their names, and nothing else"
    named = source["type"] == "BASE_TABLE"
    if named and (source["schema_name"] or source["catalog_name"] or not _PLAIN.fullmatch(source["table_name"])):
        return "may read tables by their plain names only: no file, no schema, no other database"
    return None


def _parts(node: Any) -> Iterator[dict[str, Any]]:
    """Every object of a parsed statement, at any depth."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found
