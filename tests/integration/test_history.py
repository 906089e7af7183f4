"""Dagster's history databases are held open for a run, and no other database is touched."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from assets.history import HeldEventLog, open_history, open_instance


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


def test_a_run_connects_once_and_its_events_are_those_of_any_instance(tmp_path: Path) -> None:
    @dg.asset(check_specs=[dg.AssetCheckSpec("ok", asset="a")])
    def a():  # type: ignore[no-untyped-def]  # Dagster would read annotations, and not as text
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=True)])

    opened: list[Path] = []

    def count(connection: Any, _: Any) -> None:
        opened.append(Path(connection.execute("PRAGMA database_list").fetchone()[2]))

    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with open_history(tmp_path), open_instance(str(tmp_path)) as instance:
        sa.event.listen(sa.engine.Engine, "connect", count)
        try:
            result = dg.materialize([a], instance=instance)
        finally:
            sa.event.remove(sa.engine.Engine, "connect", count)
        assert isinstance(instance.event_log_storage, HeldEventLog)
    with dg.DagsterInstance.from_config(str(tmp_path)) as usual:
        types = [entry.dagster_event_type for entry in usual.all_logs(result.run_id)]
        records = usual.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey("a"), "ok"), limit=10
        )
        assert usual.get_latest_materialization_event(dg.AssetKey("a")) is not None
    to_make_it = 5  # by Dagster, whatever is written
    assert sum(path.name == f"{result.run_id}.db" for path in opened) <= to_make_it + 1 < len(types)
    assert types.count(dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED) == 1
    assert types.count(dg.DagsterEventType.ASSET_CHECK_EVALUATION) == 1
    assert sorted(str(record.status.value) for record in records) == ["SUCCEEDED"]


def test_a_batch_of_events_is_written_in_full_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    key = dg.AssetKey("a")
    with open_instance(str(tmp_path)) as instance:
        log = instance.event_log_storage
        assert isinstance(log, HeldEventLog)
        instance.report_runless_asset_event(dg.AssetMaterialization(key))
        [record] = instance.fetch_materializations(key, limit=1).records
        entry = record.event_log_entry
        store = log.store_event
        stored: list[object] = []

        def break_at_second(entry: Any) -> None:
            if stored:
                raise ZeroDivisionError
            stored.append(store(entry))

        monkeypatch.setattr(log, "store_event", break_at_second)
        with suppress(ZeroDivisionError):
            log.store_event_batch([entry, entry])
        assert len(stored) == 1
        assert len(instance.fetch_materializations(key, limit=9).records) == 1
        monkeypatch.undo()
        log.store_event_batch([entry, entry])
        assert len(instance.fetch_materializations(key, limit=9).records) == 3
