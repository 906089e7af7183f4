"""The adapter to Great Expectations: counts of broken rows in Parquet files, by DuckDB.

Put here: the only import of great_expectations in the project. It takes over ten seconds, so
this module is imported inside the function that needs it. Never here: thresholds, verdicts.

Great Expectations closes its connection before it fetches, and DuckDB then has no rows; it also
builds two engines, and so two in-memory databases. Both are mended here by subclasses. Values of
cells are kept away from it: only counts are fetched, and a failed query reaches it as the name of
its exception, because DuckDB's messages quote values. What contracts have it run is one SELECT at a time, on a
connection that reaches the delivery's own files and nothing else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Literal

os.environ["GX_ANALYTICS_ENABLED"] = "false"
os.environ.setdefault("TQDM_DISABLE", "1")

import great_expectations as gx
import sqlalchemy as sa
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.data_context import EphemeralDataContext
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations import UnexpectedRowsExpectation
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from spine.contracts import confine, install_functions, is_one_select

_RESULT_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": 0}
_ROW_COUNT = {"type": "expect_table_row_count_to_be_between", "kwargs": {}}
_COUNTED = {"unexpected_rows_expectation": "expect_broken_rows_to_be_counted"}
_PROBLEM = re.compile(r"^(?:[\w.]*\.)?(?:QueryError: )?(\w+(?:Exception|Error))(?::|$)", re.MULTILINE)


@dataclass(frozen=True)
class Measurement:
    """What one expectation counted.

    Attributes:
        count: rows that break the rule, or for a row count the rows; None where it did not run.
        rows: rows of the table; None where it could not be read.
        problem: class name of the exception where it did not run.
    """

    count: int | None
    rows: int | None
    problem: str | None = None


class QueryError(Exception):
    """A query that DuckDB refused, reduced to the class of DuckDB's exception."""


class NotASelectError(Exception):
    """A contract's query that would do more than read."""


class ExpectBrokenRowsToBeCounted(UnexpectedRowsExpectation):  # type: ignore[misc]
    """`unexpected_rows_expectation`, less the fetching of the rows: their number is enough."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        count = metrics["unexpected_rows_query.row_count"]
        return {"success": count == 0, "result": {"observed_value": count}}


class HeldEngine(SqlAlchemyExecutionEngine):  # type: ignore[misc]
    """Keeps one connection open, fetches before it returns and lets no DuckDB message through."""

    held: sa.Connection | None = None

    @contextmanager
    def get_connection(self) -> Iterator[sa.Connection]:
        """The one connection, opened at the first call and left open."""
        if self.held is None:
            self.held = self.engine.connect()
        yield self.held

    def execute_query(self, query: Any) -> Any:
        """The query's rows, fetched; QueryError with the exception's class where it failed, or does more than read."""
        with self.get_connection() as connection:
            try:
                return connection.execute(query).freeze()()
            except Exception as error:
                cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
                name = type(cause).__name__
        raise QueryError(name)

    def close(self) -> None:
        """Let the connection go, and with it the database."""
        if self.held is not None:
            self.held.close()
            self.held = None
        self.engine.dispose()


class ParquetDatasource(SQLDatasource):  # type: ignore[misc]
    """One in-memory DuckDB, with one connection, that both halves of Great Expectations use."""

    type: Literal["spine_parquet"] = "spine_parquet"
    _execution_engine: HeldEngine | None = PrivateAttr(None)

    def _create_engine(self) -> sa.Engine:
        return sa.create_engine(str(self.connection_string), poolclass=StaticPool, isolation_level="AUTOCOMMIT")

    def get_execution_engine(self) -> HeldEngine:
        """The held engine, on the same database that `get_engine` gives."""
        if self._execution_engine is None:
            engine = self.get_engine()
            sa.event.listen(engine, "before_cursor_execute", _refuse_other_statements)
            self._execution_engine = HeldEngine(engine=engine, create_temp_table=False)
        return self._execution_engine


def _refuse_other_statements(
    connection: sa.Connection, _cursor: Any, statement: str, _values: Any, _context: Any, _many: bool
) -> None:
    """The last look at what is run, as it is run: whatever a contract's text became, it is one SELECT."""
    if not is_one_select(connection.connection.driver_connection, statement):
        raise NotASelectError


def measure(
    files: Mapping[str, Path], expectations: Sequence[tuple[str, dict[str, Any]]], as_of: date, threads: int
) -> list[Measurement]:
    """Run expectations, one validation per table, and count.

    Args:
        files: Parquet file of each table; every table is a view, so a query may name another one.
        expectations: table and expectation, as `spine.contracts.derive.expectation` makes it.
        as_of: what `getvariable('as_of')` gives in the queries.
        threads: DuckDB's threads, 0 for its own choice.

    Returns:
        One measurement per expectation, in their order.
    """
    with _session(as_of, threads) as (context, source):
        missing = _create_views(source, files)
        confine(_duckdb(source), list(files.values()))
        measured: dict[int, Measurement] = {}
        for table in dict.fromkeys(table for table, _ in expectations):
            wanted = {n: entry for n, (name, entry) in enumerate(expectations) if name == table}
            problem = missing.get(table) or (None if table in files else FileNotFoundError.__name__)
            if problem:
                measured |= dict.fromkeys(wanted, Measurement(None, None, problem))
            else:
                measured |= _validate(context, source, table, wanted)
    return [measured[n] for n in range(len(expectations))]


@contextmanager
def _session(as_of: date, threads: int) -> Iterator[tuple[EphemeralDataContext, ParquetDatasource]]:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    source: ParquetDatasource = context.data_sources.add_spine_parquet(
        name="spine", connection_string="duckdb:///:memory:"
    )
    engine = source.get_execution_engine()
    try:
        connection = _duckdb(source)
        install_functions(connection)
        connection.execute(f"SET VARIABLE as_of = DATE '{as_of.isoformat()}'")
        if threads:
            connection.execute(f"SET threads = {int(threads)}")
        yield context, source
    finally:
        engine.close()


def _duckdb(source: ParquetDatasource) -> Any:
    """The driver's own connection: statements on it need no SQLAlchemy quoting."""
    with source.get_execution_engine().get_connection() as connection:
        return connection.connection.driver_connection


def _create_views(source: ParquetDatasource, files: Mapping[str, Path]) -> dict[str, str]:
    """A view per file, its text cleaned as staging cleans it: blank is null. Problems by table."""
    problems = {}
    connection = _duckdb(source)
    for table, path in files.items():
        parquet = "read_parquet('" + str(path).replace("'", "''") + "')"
        try:
            columns = connection.execute(f"DESCRIBE SELECT * FROM {parquet}").fetchall()
            names = [('"' + name.replace('"', '""') + '"', kind) for name, kind, *_ in columns]
            fields = ", ".join(f"clean_text({name}) AS {name}" if kind == "VARCHAR" else name for name, kind in names)
            name = '"' + table.replace('"', '""') + '"'
            connection.execute(f"CREATE VIEW {name} AS SELECT {fields} FROM {parquet}")
        except Exception as error:
            problems[table] = type(error).__name__
    return problems


def _validate(
    context: EphemeralDataContext, source: ParquetDatasource, table: str, wanted: Mapping[int, dict[str, Any]]
) -> dict[int, Measurement]:
    """One validation of one table; the table's own row count rides along as position -1."""
    batch = source.add_table_asset(name=table, table_name=table).add_batch_definition_whole_table("all")
    asked = [
        {"type": _COUNTED.get(entry["type"], entry["type"]), "kwargs": entry["kwargs"], "meta": {"position": position}}
        for position, entry in (*wanted.items(), (-1, _ROW_COUNT))
    ]
    unusable = _unusable(asked)
    asked = [entry for entry in asked if entry["meta"]["position"] not in unusable]
    suite = context.suites.add(gx.ExpectationSuite(name=table, expectations=asked))
    validation = gx.ValidationDefinition(name=table, data=batch, suite=suite)
    found = validation.run(result_format=_RESULT_FORMAT)
    by_position = {result.expectation_config.meta["position"]: result for result in found.results}
    rows = _count(by_position.pop(-1))
    measured = {}
    for position in wanted:
        if position in unusable:
            measured[position] = Measurement(None, rows, unusable[position])
            continue
        result = by_position.get(position)
        count = _count(result) if result is not None else None
        problem = None if count is not None and rows is not None else _problem(result)
        measured[position] = Measurement(count if problem is None else None, rows, problem)
    return measured


def _unusable(asked: Sequence[dict[str, Any]]) -> dict[int, str]:
    """By position, the class of the error of expectations that Great Expectations cannot make: wrong arguments."""
    problems = {}
    for entry in asked:
        try:
            gx.ExpectationSuite(name="one", expectations=[entry])
        except Exception as error:
            problems[entry["meta"]["position"]] = type(error).__name__
    return problems


def _count(result: ExpectationValidationResult) -> int | None:
    """The number that an expectation found: unexpected values, or the observed count."""
    found = result.result.get("unexpected_count", result.result.get("observed_value"))
    if found is None and result.result.get("element_count") == 0:
        return 0  # the sum over no rows is null, not 0
    return int(found) if isinstance(found, int | float) else None


def _problem(result: ExpectationValidationResult | None) -> str:
    """The name of an exception's class out of what Great Expectations recorded, never its message."""
    info = result.exception_info if result is not None else {}
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        names = _PROBLEM.findall(entry.get("exception_traceback") or "")
        if names:
            return str(names[0])
    return "GreatExpectationsError"
