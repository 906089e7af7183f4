"""A small region that went through the whole pipeline once, for tests that look at what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest

from spine.governance import approve_all
from spine.runs import RunSummary
from spine.settings import Settings
from spine.synthetic import write_region

AS_OF = date(2028, 3, 31)


@dataclass
class Home:
    """One home and its last run."""

    settings: Settings
    summary: RunSummary
    truth: Path

    def run(self, as_of: date = AS_OF) -> RunSummary:
        from assets.run import refresh

        self.summary = refresh(self.settings, as_of, lambda *_: None)
        return self.summary

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of a query on the private warehouse."""
        with duckdb.connect(self.settings.warehouse, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def release(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of a query on the published care planning release."""
        path = self.settings.releases / "care_planning" / "current.duckdb"
        with duckdb.connect(path, read_only=True) as connection:
            return connection.execute(sql).fetchall()


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
    """1,000 residents of Wexmoor, run once. Tests that change a home make their own."""
    home = new_home("region")
    write_region(home.settings.root, 1000, 7, AS_OF, None, home.truth)
    summary = home.run()
    assert summary.succeeded, summary.failures
    return home
