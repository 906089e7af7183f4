"""Dagster's run history at a bearable price: a run writes about a thousand events, each a transaction of SQLite.

Put here: how the history's databases are opened. Never here: what is written to them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine


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
