"""Dagster's history databases are held open for a run, and no other database is touched."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from assets.history import open_history


def write_event(path: Path) -> int:
    """One connection for one event, as Dagster does it; gives the level of synchronous that it had."""
    with sa.create_engine(f"sqlite:///{path}", poolclass=NullPool).connect() as connection:
        connection.execute(sa.text("PRAGMA journal_mode = WAL"))
        connection.execute(sa.text("CREATE TABLE IF NOT EXISTS event (id INTEGER)"))
        connection.execute(sa.text("INSERT INTO event VALUES (1)"))
        connection.commit()
        return int(connection.execute(sa.text("PRAGMA synchronous")).scalar_one())


def events(path: Path) -> int:
    with sa.create_engine(f"sqlite:///{path}", poolclass=NullPool).connect() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM event")).scalar_one())


def test_the_log_is_written_back_once_at_the_end_and_nothing_is_lost(tmp_path: Path) -> None:
    history, other = tmp_path / "dagster/runs.db", tmp_path / "other.db"
    history.parent.mkdir()
    log = history.with_name("runs.db-wal")
    with open_history(history.parent):
        assert [write_event(history) for _ in range(3)] == [1, 1, 1]
        assert log.exists()
        assert write_event(other) == 2
        assert not other.with_name("other.db-wal").exists()
    assert not log.exists()
    assert events(history) == 3
    assert write_event(history) == 2
