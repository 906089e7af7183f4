"""Dagster's run history at a bearable price: a run writes about three thousand events, each a transaction of SQLite.

Put here: how the history's databases are opened. Never here: what is written to them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

_BUSY_SECONDS = 30


class HeldEventLog(SqliteEventLogStorage):
    """Dagster's own event log, with the same files, tables and statements, that connects to each file once.

    The original makes an engine and a connection for each statement, so that SQLAlchemy compiles each anew: most of
    a run's time in Dagster. One process writes a run, and the original's lock lets one statement through at a time.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        self._tables: set[str] = set()
        self._group: ExitStack | None = None
        self._grouped: dict[str, Connection] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> HeldEventLog:
        """As Dagster makes it from its configuration."""
        return cls(inst_data=inst_data, **config_value)

    def has_table(self, table_name: str) -> bool:
        """Whether the index holds a table; one that it holds stays there."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
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

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Events that Dagster has collected, in one transaction of each file: all of them or, on an error, none."""
        with ExitStack() as stack:
            self._group = stack
            try:
                for event in events:
                    self.store_event(event)
            finally:
                self._group = None
                self._grouped.clear()

    def dispose(self) -> None:
        """Close the files."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()


def open_instance(folder: str) -> dg.DagsterInstance:
    """The Dagster instance that `folder`/dagster.yaml describes, with `HeldEventLog` over the usual files."""
    # What a run is going to do is announced check by check: Dagster then hands it over at once.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")
    usual = InstanceRef.config_defaults(folder)["event_log_storage"]
    if usual is None:  # never so for a folder
        return dg.DagsterInstance.from_config(folder)
    held = {
        "module": HeldEventLog.__module__,
        "class": HeldEventLog.__name__,
        "config": dict(usual.config_dict),
    }
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(folder, overrides={"event_log_storage": held}))


@contextmanager
def open_history(folder: Path) -> Iterator[None]:
    """Hold every history database below `folder` open until the end of the block, once Dagster has opened it.

    Dagster opens and closes a connection for each event. The last connection to close makes SQLite move its
    write-ahead log into the database, with several waits for the disk; one that stays open saves that. Commits
    do not wait for the disk either (synchronous=NORMAL): with a write-ahead log a power cut can lose the last
    events, and never damages the file. No result of a run depends on its history.
    """
    root = folder.resolve()
    held: dict[Path, sqlite3.Connection] = {}
    logged: set[Path] = set()

    def opened(connection: Any, _: Any) -> None:
        if not isinstance(connection, sqlite3.Connection):
            return
        path = Path(connection.execute("PRAGMA database_list").fetchone()[2] or "/").resolve()
        if not path.is_relative_to(root):
            return
        connection.execute("PRAGMA synchronous = NORMAL")
        if path not in held:
            held[path] = sqlite3.connect(path, timeout=0, check_same_thread=False)
        if path not in logged:
            # A connection keeps the log open once it has read through it; a new database has none at first.
            with suppress(sqlite3.Error):
                held[path].execute("SELECT count(*) FROM sqlite_master").fetchone()
                if held[path].execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                    logged.add(path)

    sa.event.listen(Engine, "connect", opened)
    try:
        yield
    finally:
        sa.event.remove(Engine, "connect", opened)
        for connection in held.values():
            with closing(connection), suppress(sqlite3.Error):
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
