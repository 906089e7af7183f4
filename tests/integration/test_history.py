"""Dagster's history databases are held open for a run, and no other database is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    AssetKeyTable,
    SqlEventLogStorageTable,
)
from sqlalchemy.pool import NullPool

from assets.event_log import HeldEventLog
from assets.history import open_history, open_instance


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

        def break_behind_the_rows(*_: object) -> None:
            raise ZeroDivisionError

        before = tables(log)
        monkeypatch.setattr(log, "_store_asset_event", break_behind_the_rows)
        with pytest.raises(ZeroDivisionError):
            log.store_event_batch([entry, entry])
        assert tables(log) == before
        monkeypatch.undo()
        log.store_event_batch([entry, entry])
        assert len(instance.fetch_materializations(key, limit=9).records) == 3


def tables(log: SqliteEventLogStorage, run_id: str = "") -> dict[str, list[Any]]:
    """The rows of a log, without the moment at which each was written."""
    found = {}
    for shard, table in (
        (run_id, SqlEventLogStorageTable), ("index", SqlEventLogStorageTable), ("index", AssetKeyTable),
        ("index", AssetEventTagsTable), ("index", AssetCheckExecutionsTable),
    ):  # fmt: skip
        with log.run_connection(shard) as connection:
            columns = [column for column in table.columns if column.name != "create_timestamp"]
            rows = connection.execute(sa.select(*columns).order_by(table.c.id)).fetchall()
            found[f"{shard}.{table.name}"] = [tuple(row) for row in rows]
    return found


def test_the_rows_are_those_that_dagster_writes_one_by_one(tmp_path: Path) -> None:
    names = [f"{asset}_{n}" for asset in "ab" for n in range(3)]

    @dg.multi_asset(
        specs=[dg.AssetSpec("a"), dg.AssetSpec("b", deps=["a"])],
        check_specs=[dg.AssetCheckSpec(name, asset=name[0]) for name in names],
    )
    def both(context):  # type: ignore[no-untyped-def]  # Dagster would read annotations, and not as text
        context.log_event(dg.AssetObservation("a", metadata={"n": 1}))
        yield dg.MaterializeResult(asset_key="a", data_version=dg.DataVersion("1"))
        yield dg.MaterializeResult(asset_key="b", metadata={"rows": 2})
        context.log.info("between them")
        for name in names:
            yield dg.AssetCheckResult(asset_key=name[0], check_name=name, passed=name != "a_1")

    (tmp_path / "held").mkdir()
    (tmp_path / "held/dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with open_instance(str(tmp_path / "held")) as instance:
        runs = [dg.materialize([both], instance=instance).run_id for _ in range(2)]
        held = instance.event_log_storage
        assert isinstance(held, HeldEventLog)
        usual = SqliteEventLogStorage(str(tmp_path / "usual"))
        for run in runs:
            for entry in instance.all_logs(run):
                usual.store_event(entry)
        for run in runs:
            assert tables(held, run) == tables(usual, run)
        executions = tables(held, runs[0])[f"index.{AssetCheckExecutionsTable.name}"]
    assert len(executions) == 2 * len(names)
