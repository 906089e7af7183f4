"""Running what dbt has compiled: tables, views and tests, one statement each.

Put here: how a plan is carried out in the warehouse. Never here: how it is made (dbt_compile), or how its nodes
appear in Dagster (dbt).

Why not dbt: for each node it renders macros, asks the catalogue and renames tables, which costs fifty times what
DuckDB needs for a small table. Why so silent: a message of DuckDB quotes the value of a cast that fails, so of a
node that breaks only its name is told.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import duckdb

from assets.dbt_plan import AS_OF, Node, Plan
from spine.contracts import confine
from spine.settings import Settings
from spine.warehouse import open_warehouse

Status = Literal["success", "pass", "warn", "fail", "error", "skipped"]
#: Nodes that are run at a time; DuckDB shares its memory and its threads among them.
_AT_ONCE = 2
#: What keeps a node from being built that waits for the one that ended so.
BROKEN: frozenset[Status] = frozenset({"fail", "error", "skipped"})


@dataclass(frozen=True)
class NodeResult:
    """What became of one table, view or test.

    Attributes:
        failures: rows that break a test.
        rows: of a table or view that was built.
        columns: its columns with their types, in order.
    """

    unique_id: str
    status: Status
    failures: int | None = None
    seconds: float = 0.0
    rows: int | None = None
    columns: tuple[tuple[str, str], ...] = ()


def build(settings: Settings, plan: Plan, chosen: Collection[str], as_of: date) -> list[NodeResult]:
    """Build the chosen tables and views and run the chosen tests, as dbt builds them.

    A table is replaced in one statement: a reader finds the old one or the new one, whole. Where something breaks,
    what waits for it is skipped and the rest goes on.

    Args:
        chosen: unique ids of nodes of the plan.

    Returns:
        One result for each chosen node, in the order of the plan.
    """
    nodes = [node for node in plan.nodes if node.unique_id in chosen]
    with open_warehouse(settings.warehouse, settings.threads) as connection:
        connection.execute("SET GLOBAL preserve_insertion_order = false")
        confine(connection, folders=[settings.lake, settings.linkage, settings.identity])
        _make_room(connection, nodes)
        return _with_columns(connection, nodes, _run_all(connection, nodes, as_of))


def _run_all(connection: duckdb.DuckDBPyConnection, nodes: Sequence[Node], as_of: date) -> dict[str, NodeResult]:
    """Run each node once what it waits for has ended, a few side by side: one of few rows keeps one processor busy."""
    results: dict[str, NodeResult] = {}
    waiting = {node.unique_id: node for node in nodes}
    running: set[Future[NodeResult]] = set()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="models") as pool:
        while waiting or running:
            under_way = {node.unique_id for node in nodes} - set(results)
            for key, node in list(waiting.items()):
                if len(running) == _AT_ONCE or under_way.intersection(node.waits_for):
                    continue
                del waiting[key]
                if any(n in results and results[n].status in BROKEN for n in node.waits_for):
                    results[key] = NodeResult(key, "skipped")
                    under_way.remove(key)
                else:
                    running.add(pool.submit(_run, connection.cursor(), node, as_of))
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            results |= {result.unique_id: result for result in (future.result() for future in ended)}
    return results


def _make_room(connection: duckdb.DuckDBPyConnection, nodes: Iterable[Node]) -> None:
    """Create the schemas, and drop what is a table and becomes a view, or the other way round."""
    wanted = {node.relation: node.kind for node in nodes if node.relation}
    for schema in sorted({schema for schema, _ in wanted}):
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    found = connection.execute(
        "SELECT schema_name, table_name, 'table' FROM duckdb_tables() "
        "UNION ALL SELECT schema_name, view_name, 'view' FROM duckdb_views() WHERE NOT internal"
    ).fetchall()
    for schema, name, kind in found:
        if wanted.get((schema, name), kind) != kind:
            connection.execute(f'DROP {kind} "{schema}"."{name}"')


def _run(connection: duckdb.DuckDBPyConnection, node: Node, as_of: date) -> NodeResult:
    began = time.perf_counter()
    sql = node.sql.replace(AS_OF, as_of.isoformat())
    failures = rows = None
    try:
        if node.kind == "test":
            failures = _count(connection, f"SELECT {node.failures} FROM (\n{sql}\n)")
            status: Status = "pass" if not failures else "warn" if node.is_warning else "fail"
        else:
            status, rows = _create(connection, node, sql)
    except duckdb.Error:
        status = "error"
    return NodeResult(node.unique_id, status, failures, time.perf_counter() - began, rows)


def _create(connection: duckdb.DuckDBPyConnection, node: Node, sql: str) -> tuple[Status, int | None]:
    schema, name = node.relation
    relation = f'"{schema}"."{name}"'
    if node.contract:
        found = {column: kind for column, kind, *_ in connection.execute(f"DESCRIBE\n{sql}").fetchall()}
        if found != node.contract:
            return "error", None
        columns = ", ".join(f'"{column}"' for column in node.contract)
        sql = f"SELECT {columns} FROM (\n{sql}\n)"
    if node.kind == "table":
        return "success", _count(connection, f"CREATE OR REPLACE TABLE {relation} AS (\n{sql}\n)")
    connection.execute(f"CREATE OR REPLACE VIEW {relation} AS (\n{sql}\n)")
    return "success", _count(connection, f"SELECT count(*) FROM {relation}")


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0] or 0) if row else 0


def _with_columns(
    connection: duckdb.DuckDBPyConnection, nodes: Iterable[Node], results: Mapping[str, NodeResult]
) -> list[NodeResult]:
    """The results, with the columns of what was built; without, where the database is not to be read any more."""
    columns: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    with suppress(duckdb.Error):
        for schema, table, column, kind in connection.execute(
            "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE NOT internal ORDER BY schema_name, table_name, column_index"
        ).fetchall():
            columns.setdefault((schema, table), []).append((column, kind))
    return [
        replace(results[node.unique_id], columns=tuple(columns.get(node.relation, ())))
        if results[node.unique_id].rows is not None
        else results[node.unique_id]
        for node in nodes
    ]
