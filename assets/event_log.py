"""Dagster's event log at a bearable price: a run writes about three thousand events, each a transaction of SQLite.

Put here: how the log's files are connected to. Never here: what is written to them (Dagster's own statements), or how
they are opened for a run (history).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import sqlalchemy as sa
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

_BUSY_SECONDS = 30


class HeldEventLog(SqliteEventLogStorage):
    """Dagster's own event log, with the same files, tables and statements, that connects to each file once.

    The original makes an engine and a connection for each statement, and SQLAlchemy compiles each anew: more than half
    of the processor time of a small run. One process writes a run, and the original's lock lets one statement through
    at a time.
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
