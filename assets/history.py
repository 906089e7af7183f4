"""Dagster's run history, open for as long as a run lives.

Put here: how the history's databases are opened. Never here: what is written to them (event_log).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.instance.ref import InstanceRef
from sqlalchemy.engine import Engine

from assets.event_log import HeldEventLog


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
