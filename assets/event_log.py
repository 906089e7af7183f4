"""Dagster's event log at a bearable price: a run writes about three thousand events, each one or more transactions.

Put here: how events are written to Dagster's own files and tables. Never here: which events there are, or how the
files are opened for a run (history).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby
from threading import RLock
from typing import Any

import sqlalchemy as sa
from dagster import DagsterEventType
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, EVENT_TYPE_TO_PIPELINE_RUN_STATUS
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, AssetKeyTable, SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

_BUSY_SECONDS = 30
#: Events of one step that wait for the next event of another kind; no more of them than this.
_WAITING = frozenset({
    DagsterEventType.STEP_OUTPUT, DagsterEventType.HANDLED_OUTPUT, DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_OBSERVATION, DagsterEventType.ASSET_CHECK_EVALUATION,
})  # fmt: skip
_WAITING_AT_MOST = 1000
#: What an evaluation changes of the row that the plan of its run has made.
_EVALUATED = (
    "execution_status", "evaluation_event", "evaluation_event_timestamp", "evaluation_event_storage_id",
    "materialization_event_storage_id",
)  # fmt: skip
_Rows = list[tuple[EventLogEntry, Mapping[str, Any]]]


class HeldEventLog(SqliteEventLogStorage):
    """Dagster's own event log, with the same files, tables and rows, that writes what a step yields at once.

    The original makes an engine, a connection and a transaction for each statement, and SQLAlchemy compiles each
    anew: most of a run's time in Dagster. Here each file is connected to once, and materialisations, checks and
    outputs are written together, before anything else is written or read. A process that dies in between loses
    them; no result of a run depends on them.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._known: dict[tuple[str, str], bool] = {}
        self._pending: list[EventLogEntry] = []
        self._group: ExitStack | None = None
        self._grouped: dict[str, Connection] = {}
        super().__init__(base_dir, inst_data)
        self._db_lock = RLock()  # type: ignore[assignment]  # what is written together is written under one lock

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> HeldEventLog:
        """As Dagster makes it from its configuration."""
        return cls(inst_data=inst_data, **config_value)

    def has_table(self, table_name: str) -> bool:
        """Whether the index holds a table; one that it holds stays there."""
        key = ("table", table_name)
        self._known[key] = self._known.get(key) or super().has_table(table_name)
        return self._known[key]

    def has_secondary_index(self, name: str) -> bool:
        """Whether a part of the index is built; one that is stays so."""
        key = ("index", name)
        self._known[key] = self._known.get(key) or super().has_secondary_index(name)
        return self._known[key]

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        key = ("column", column_name)
        self._known[key] = self._known.get(key) or super()._has_asset_key_col_on_connection(conn, column_name)
        return self._known[key]

    def store_event(self, event: EventLogEntry) -> None:
        """Write an event, after those that waited; what a step yields waits."""
        self._pending.append(event)
        if event.dagster_event_type not in _WAITING or len(self._pending) >= _WAITING_AT_MOST:
            self._write_pending()

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Write events that Dagster has collected: all of them or, on an error, none."""
        self._pending += events
        self._write_pending()

    def dispose(self) -> None:
        """Write what waits, and close the files."""
        self._write_pending()
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        self._write_pending()  # whoever reads, reads all
        if shard not in self._engines:
            with super()._connect(shard):  # makes the file where there is none
                pass
        with self._db_lock:
            if shard not in self._engines:
                self._engines[shard] = sa.create_engine(
                    self.conn_string_for_shard(shard),
                    poolclass=StaticPool,
                    connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
                )
            if self._group is None:
                with self._engines[shard].begin() as connection:
                    yield connection
            else:
                if shard not in self._grouped:
                    self._grouped[shard] = self._group.enter_context(self._engines[shard].begin())
                yield self._grouped[shard]

    def _write_pending(self) -> None:
        """Write what waits in one transaction of each file."""
        if not self._pending or self._group is not None:
            return
        with self._db_lock:
            events, self._pending = self._pending, []
            with ExitStack() as stack:
                self._group = stack
                try:
                    self._write([(event, self._event_to_row(event)) for event in events])
                finally:
                    self._group = None
                    self._grouped.clear()

    def _write(self, rows: _Rows) -> None:
        for run_id, mine in groupby(rows, key=lambda row: row[0].run_id):
            with self.run_connection(run_id) as connection:
                connection.execute(SqlEventLogStorageTable.insert(), [row for _, row in mine])
        rows = [(event, row) for event, row in rows if _is_indexed(event)]
        if not rows:
            return
        with self.index_connection() as connection:
            first, *others = rows
            first_id = int(connection.execute(SqlEventLogStorageTable.insert(), [first[1]]).lastrowid)
            # This transaction alone writes now, so the numbers that follow are free.
            numbered = [(event, {**row, "id": first_id + n}) for n, (event, row) in enumerate(others, start=1)]
            if numbered:
                connection.execute(SqlEventLogStorageTable.insert(), [row for _, row in numbered])
            rows = [(first[0], {**first[1], "id": first_id}), *numbered]
            self._write_assets(connection, [r for r in rows if r[0].dagster_event_type in ASSET_EVENTS])
            self._write_checks(connection, [r for r in rows if r[0].dagster_event_type in ASSET_CHECK_EVENTS])

    def _write_assets(self, connection: Connection, rows: _Rows) -> None:
        named = [(event, row) for event, row in rows if row["asset_key"]]
        self._store_asset_event_tags(connection, [e for e, _ in named], [row["id"] for _, row in named])
        has_columns = self._has_asset_key_index_cols_on_connection(connection)
        values = [
            {"asset_key": row["asset_key"], **found}
            for event, row in named
            if (found := self._get_asset_entry_values(event, row["id"], has_columns))
        ]
        for columns, alike in groupby(values, key=_columns):
            statement = insert(AssetKeyTable)
            changed = {name: statement.excluded[name] for name in columns if name != "asset_key"}
            connection.execute(statement.on_conflict_do_update(index_elements=["asset_key"], set_=changed), list(alike))

    def _write_checks(self, connection: Connection, rows: _Rows) -> None:
        for kind, alike in groupby(rows, key=_check_kind):
            mine = list(alike)
            if kind == "planned":
                connection.execute(AssetCheckExecutionsTable.insert(), [_planned(row, event) for event, row in mine])
                continue
            found = 0
            if kind == "evaluated":
                found = connection.execute(_UPDATE, [_evaluated(row, event) for event, row in mine]).rowcount
            if found != len(mine):  # of partitions, of no run, or of checks that were not planned
                for event, row in mine:
                    self.store_asset_check_event(event, row["id"])


def _columns(values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(values)


def _is_indexed(event: EventLogEntry) -> bool:
    kind = event.dagster_event_type
    return kind in ASSET_EVENTS or kind in ASSET_CHECK_EVENTS or kind in EVENT_TYPE_TO_PIPELINE_RUN_STATUS


def _check_kind(row: tuple[EventLogEntry, Mapping[str, Any]]) -> str | None:
    event = row[0]
    data: Any = event.get_dagster_event().event_specific_data
    if event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED and not data.partitions_subset:
        return "planned"
    is_plain = event.dagster_event_type == DagsterEventType.ASSET_CHECK_EVALUATION and event.run_id
    return "evaluated" if is_plain and data.partition is None else None


def _planned(row: Mapping[str, Any], event: EventLogEntry) -> dict[str, Any]:
    planned: Any = event.get_dagster_event().event_specific_data
    return {
        "asset_key": planned.asset_key.to_string(),
        "check_name": planned.check_name,
        "partition": None,
        "run_id": event.run_id,
        "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
        "evaluation_event": row["event"],
        "evaluation_event_timestamp": row["timestamp"],
        "evaluation_event_storage_id": row["id"],
    }


def _evaluated(row: Mapping[str, Any], event: EventLogEntry) -> dict[str, Any]:
    evaluation: Any = event.get_dagster_event().event_specific_data
    status = AssetCheckExecutionRecordStatus
    target = evaluation.target_materialization_data
    return {
        "of_asset": evaluation.asset_key.to_string(),
        "of_check": evaluation.check_name,
        "of_run": event.run_id,
        "new_execution_status": (status.SUCCEEDED if evaluation.passed else status.FAILED).value,
        "new_evaluation_event": row["event"],
        "new_evaluation_event_timestamp": row["timestamp"],
        "new_evaluation_event_storage_id": row["id"],
        "new_materialization_event_storage_id": target.storage_id if target else None,
    }


_UPDATE = (
    AssetCheckExecutionsTable.update()
    .where(
        AssetCheckExecutionsTable.c.asset_key == sa.bindparam("of_asset"),
        AssetCheckExecutionsTable.c.check_name == sa.bindparam("of_check"),
        AssetCheckExecutionsTable.c.run_id == sa.bindparam("of_run"),
        AssetCheckExecutionsTable.c.partition.is_(None),
    )
    .values({name: sa.bindparam(f"new_{name}") for name in _EVALUATED})
)
