"""Whole runs with Dagster and dbt that are killed inside dbt, after it and before the log is written.

Put here: kills that need the real thing. Never here: kills of single writes (test_faults.py).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spine import audit
from spine.governance import approve_all
from spine.locks import holder_of
from spine.release.query import release_facts
from spine.synthetic import write_region
from tests.fixtures.faults_pipeline import AS_OF, PURPOSE, Driver, settings

#: Enough to release something: where people live, who opted out, and two sources of people.
NEEDED = {"area_lookup", "opt_out", "social_care", "gp_registrations"}


@pytest.fixture(scope="module")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    driver = Driver.start(tmp_path_factory.mktemp("dagster") / "log", "tests.fixtures.faults_whole_run")
    yield driver
    driver.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    write_region(folder / "home", 200, 3, AS_OF, None, folder / "truth")
    for dataset in (folder / "home" / "landing").glob("*/*"):
        if dataset.name not in NEEDED:
            shutil.rmtree(dataset)
    approve_all(settings(folder / "home"))
    return folder / "home"


def test_no_asset_runs_without_the_lock_of_the_home(dagster: Driver, home: Path) -> None:
    assert dagster.call("without_home", home) == 0, dagster.log.read_text()


def test_a_run_killed_in_and_around_dbt_is_made_good_by_the_next(dagster: Driver, home: Path) -> None:
    child = dagster.begin("spine_run", home, failpoint="dbt.before_conform:stop")
    assert dagster.end(child, stopped=True) == -signal.SIGSTOP, dagster.log.read_text()
    os.kill(child, signal.SIGCONT)
    time.sleep(1.0)
    os.kill(child, signal.SIGKILL)
    assert dagster.end(child) == -signal.SIGKILL
    for point in ("dbt.after_core", "release.before_log"):
        assert dagster.call("spine_run", home, failpoint=f"{point}:kill") == -signal.SIGKILL, dagster.log.read_text()
    at = settings(home)
    facts = release_facts(at.releases / PURPOSE / "current.duckdb")
    assert facts
    assert dagster.call("spine_run", home) == 0, dagster.log.read_text()
    assert release_facts(at.releases / PURPOSE / "current.duckdb") == facts
    log = at.runs / "audit.log"
    lines = [json.loads(line)["facts"] for line in log.read_text().splitlines()]
    assert [(f["version"], f.get("recovered")) for f in lines if f.get("decision") == "published"] == [(1, True)]
    assert audit.verify(log) == []
    assert holder_of(at) is None
    assert not [path for path in home.rglob(".tmp-*") if "dagster" not in path.parts]
