"""The adapter to Great Expectations: counts of broken rows in Parquet files, by DuckDB.

Put here: the only import of great_expectations in the project. It takes seconds, so
this module is imported inside the function that needs it. Never here: thresholds, verdicts.

What it is asked costs it milliseconds a rule, most of them in preparing queries. So the rules of a table that count its
rows share one query, by its own bundling of metrics, and the process keeps one session. A rule whose count fails,
and any other kind, has a query of its own.

Great Expectations closes its connection before it fetches, and DuckDB then has no rows; it also
builds two engines, and so two in-memory databases. Both are mended here by subclasses. Values of
cells are kept away from it: only counts are fetched, and a failed query reaches it as the name of
its exception, because DuckDB's messages quote values. What contracts have it run is one SELECT at a time, on a
connection that reaches the lake and nothing else; what it may name there is said in `spine.contracts.confined`.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

os.environ["GX_ANALYTICS_ENABLED"] = "false"
os.environ.setdefault("TQDM_DISABLE", "1")

from spine.quality.deferred import deferred

# A third of its import is for distributions and pictures that no rule here uses.
with deferred("scipy.stats", "altair"):
    import great_expectations as gx

import sqlalchemy as sa
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.core.batch_definition import BatchDefinition
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.core.metric_function_types import MetricPartialFunctionTypes
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations import UnexpectedRowsExpectation
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_partial
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from spine.contracts import confine, install_functions, is_one_select
from spine.contracts.derive import identifier, literal
from spine.quality.counts import shared_count

_RESULT_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": 0}
_ROW_COUNT = {"type": "expect_table_row_count_to_be_between", "kwargs": {}}
_COUNTED = {"unexpected_rows_expectation": "expect_broken_rows_to_be_counted"}
_ONE_AT_A_TIME = threading.Lock()
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


class SharedCount(TableMetricProvider):  # type: ignore[misc]
    """An aggregate over a table's rows; Great Expectations asks for all of a table's in one query."""

    metric_name = "table.shared_count"
    value_keys = ("counted",)

    @metric_partial(  # type: ignore[untyped-decorator]
        engine=SqlAlchemyExecutionEngine,
        partial_fn_type=MetricPartialFunctionTypes.AGGREGATE_FN,
        domain_type=MetricDomainTypes.TABLE,
    )
    def _sqlalchemy(cls, metric_domain_kwargs: Any, metric_value_kwargs: Any, **_: Any) -> tuple[Any, Any, Any]:  # noqa: N805
        return sa.literal_column(metric_value_kwargs["counted"]), metric_domain_kwargs, {}


class ExpectNoRowsToBeCounted(BatchExpectation):  # type: ignore[misc]
    """An aggregate over a table's rows counts none (see `spine.quality.counts`)."""

    counted: str

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.shared_count",)
    success_keys: ClassVar[tuple[str, ...]] = ("counted",)
    _configuration: Any = PrivateAttr(None)

    @property
    def configuration(self) -> Any:
        """Made once, since it is asked for dozens of times."""
        if self._configuration is None:
            self._configuration = super().configuration
        return self._configuration

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        count = metrics["table.shared_count"]
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
    driver: Any = connection.connection.driver_connection
    if not is_one_select(driver, statement):
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
    with _session(_root(files), as_of, threads) as session:
        missing = _create_views(session.connection, files)
        measured: dict[int, Measurement] = {}
        for table in dict.fromkeys(table for table, _ in expectations):
            wanted = {n: entry for n, (name, entry) in enumerate(expectations) if name == table}
            problem = missing.get(table) or (None if table in files else FileNotFoundError.__name__)
            if problem:
                measured |= dict.fromkeys(wanted, Measurement(None, None, problem))
                continue
            found = _validate(session, table, wanted, is_shared=True)
            # One that fails fails all that share its query: each then has one of its own.
            again = {n: wanted[n] for n, measurement in found.items() if measurement.problem}
            measured |= found | (_validate(session, table, again, is_shared=False) if again else {})
        for table in files.keys() - missing.keys():
            session.connection.execute(f"DROP VIEW {identifier(table)}")
    return [measured[n] for n in range(len(expectations))]


@dataclass(frozen=True)
class _Session:
    """One in-memory database with the functions of the contracts, and the one table asset that is judged."""

    source: ParquetDatasource
    asset: Any
    batches: BatchDefinition
    connection: Any


@lru_cache(maxsize=1)
def _opened(root: Path) -> _Session:
    """Made once for the process, or anew for another root: it costs as much as a delivery's rules."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    source: ParquetDatasource = context.data_sources.add_spine_parquet(
        name="spine", connection_string="duckdb:///:memory:"
    )
    with source.get_execution_engine().get_connection() as held:
        connection: Any = held.connection.driver_connection  # statements on it need no SQLAlchemy quoting
    install_functions(connection)
    confine(connection, folders=[root])
    asset = source.add_table_asset(name="judged", table_name="duckdb_tables")
    return _Session(source, asset, asset.add_batch_definition_whole_table("all"), connection)


@contextmanager
def _session(root: Path, as_of: date, threads: int) -> Iterator[_Session]:
    """The process's session, for one delivery at a time; where anything raises, the next one gets a new session."""
    with _ONE_AT_A_TIME:
        session = _opened(root)
        try:
            session.connection.execute(f"SET VARIABLE as_of = DATE '{as_of.isoformat()}'")
            session.connection.execute(f"SET threads = {int(threads)}" if threads else "RESET threads")
            yield session
        except BaseException:
            _opened.cache_clear()
            session.source.get_execution_engine().close()
            raise


def _root(files: Mapping[str, Path]) -> Path:
    """What a session's queries may reach: the lake that the files lie in, or else their own folder."""
    folders = sorted({path.absolute().parent for path in files.values()})
    lakes = [parent for folder in folders for parent in (folder, *folder.parents) if parent.name == "lake"]
    return (lakes or folders or [Path("/nowhere")])[0]


def _create_views(connection: Any, files: Mapping[str, Path]) -> dict[str, str]:
    """A view per file, its text cleaned as staging cleans it: blank is null. Problems by table."""
    problems = {}
    for table, path in files.items():
        parquet = f"read_parquet({literal(str(path))})"
        try:
            columns = connection.execute(f"DESCRIBE SELECT * FROM {parquet}").fetchall()
            names = [(identifier(name), kind) for name, kind, *_ in columns]
            fields = ", ".join(f"clean_text({name}) AS {name}" if kind == "VARCHAR" else name for name, kind in names)
            connection.execute(f"CREATE VIEW {identifier(table)} AS SELECT {fields} FROM {parquet}")
        except Exception as error:
            problems[table] = type(error).__name__
    return problems


def _validate(
    session: _Session, table: str, wanted: Mapping[int, dict[str, Any]], *, is_shared: bool
) -> dict[int, Measurement]:
    """One validation of one table; the table's own row count rides along as position -1."""
    session.asset.table_name = table
    asked = [
        {**_asked(session.connection, entry, is_shared=is_shared), "meta": {"position": position}}
        for position, entry in (*wanted.items(), (-1, _ROW_COUNT))
    ]
    unusable = _unusable(asked)
    asked = [entry for entry in asked if entry["meta"]["position"] not in unusable]
    suite = gx.ExpectationSuite(name="judged", expectations=asked)
    found = session.batches.get_batch().validate(suite, result_format=_RESULT_FORMAT)
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


def _asked(connection: Any, entry: dict[str, Any], *, is_shared: bool) -> dict[str, Any]:
    """An expectation as it is run: by the table's one query where it can be, else by a query of its own."""
    counted = shared_count(connection, entry["type"], entry["kwargs"]) if is_shared else None
    if counted is not None:
        return {"type": "expect_no_rows_to_be_counted", "kwargs": {"counted": counted}}
    return {"type": _COUNTED.get(entry["type"], entry["type"]), "kwargs": entry["kwargs"]}


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
