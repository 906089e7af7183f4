"""A small region that went through the whole pipeline once, for tests that look at what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from assets.history import open_instance
from assets.run import dagster_home
from spine.governance import approve_all
from spine.runs import RunSummary
from spine.settings import Settings
from spine.synthetic import write_region
from tests.fixtures.decisions import decided, deliver
from tests.fixtures.planted_across import plant_across

AS_OF = date(2028, 3, 31)


@dataclass
class Home:
    """One home and its last run.

    Attributes:
        planted: by kind of fault, the records in which it was planted.
    """

    settings: Settings
    summary: RunSummary
    truth: Path
    planted: dict[str, list[str]] = field(default_factory=dict)

    def run(self, as_of: date = AS_OF) -> RunSummary:
        from assets.run import refresh

        self.summary = refresh(self.settings, as_of, lambda *_: None)
        return self.summary

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of a query on the private warehouse."""
        with duckdb.connect(self.settings.warehouse, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def checks(self, asset: dg.AssetKey) -> dict[str, dict[str, object]]:
        """What the last run's checks of an asset told Dagster, by name."""
        with open_instance(dagster_home(self.settings)) as instance:
            events = instance.all_logs(self.summary.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        told = [event.dagster_event.asset_check_evaluation_data for event in events if event.dagster_event]
        return {
            check.check_name: {name: entry.value for name, entry in check.metadata.items()}
            for check in told
            if check.asset_key == asset
        }

    def release(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of a query on the published care planning release."""
        path = self.settings.releases / "care_planning" / "current.duckdb"
        with duckdb.connect(path, read_only=True) as connection:
            return connection.execute(sql).fetchall()


def deliver_decisions(home: Home) -> None:
    """Decisions on people whose records the truth knows: one of each standing."""
    truth = pl.read_parquet(home.truth / "person_records.parquet").sort("record_id")
    several = truth.group_by("person_id").agg("record_id").filter(pl.col("record_id").list.len() > 1).sort("person_id")
    (a, b), (c, d), (e, f) = (ids[:2] for ids in several["record_id"].head(3).to_list())
    deliver(home.settings.landing, "2028-03-20", [
        decided("D-1", "must_link", a, b),
        decided("D-2", "must_link", c, d),
        decided("D-3", "cannot_link", a, c, valid_until="30/03/2028"),
        decided("D-4", "cannot_link", a, e, decided_on="01/04/2028"),
        decided("D-5", "cannot_link", a, f, withdrawn="Y"),
        decided("D-6", "cannot_link", c, e, second_decided_by="CLERK 7"),
        decided("D-7", "cannot_link", c, f, valid_until="some day"),
        decided("D-8", "must_link", a, f"{a}-gone"),
    ])  # fmt: skip
    deliver(home.settings.landing, "2028-03-21", [decided("D-1", "cannot_link", d, c)], partner="wexmoor_county")


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Home]:
    """Makes an empty home."""

    def make(name: str) -> Home:
        folder = tmp_path_factory.mktemp(name)
        settings = Settings(home=folder / "home").prepare()
        approve_all(settings)
        return Home(settings, RunSummary(as_of=AS_OF, run_id=""), folder / "truth")

    return make


@pytest.fixture(scope="session")
def region(new_home: Callable[[str], Home]) -> Home:
    """1,000 residents of Wexmoor, run once, with decisions by people and partners that contradict each other. Tests
    that change a home make their own."""
    home = new_home("region")
    write_region(home.settings.root, 1000, 7, AS_OF, None, home.truth)
    deliver_decisions(home)
    home.planted = plant_across(home.settings.landing, home.truth)
    summary = home.run()
    assert summary.succeeded, summary.failures
    return home
