"""Who may work on a home: one run at a time, whoever started it, and two that judge at once.

Put here: real processes that meet at a lock. Never here: what a killed run leaves (test_faults.py).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from spine.errors import LockedError
from spine.extract import Ledger
from spine.locks import home_lock
from tests.fixtures import faults_pipeline as tiny
from tests.fixtures.faults_pipeline import Driver, settings


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    driver = Driver.start(tmp_path_factory.mktemp("driver") / "log")
    yield driver
    driver.close()


@pytest.fixture(scope="module")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    driver = Driver.start(tmp_path_factory.mktemp("dagster") / "log", "tests.fixtures.faults_whole_run")
    yield driver
    driver.close()


def test_a_live_run_keeps_others_out_and_a_killed_one_does_not(driver: Driver, tmp_path: Path) -> None:
    home = tmp_path / "home"
    child = driver.begin("hold", home, failpoint="lock.holder.after_rename:stop")
    assert driver.end(child, stopped=True) == -signal.SIGSTOP
    at = settings(home)
    with pytest.raises(LockedError, match=rf"the Dagster UI, process {child} on .*, since "), home_lock(at):
        pass
    os.kill(child, signal.SIGKILL)
    assert driver.end(child) == -signal.SIGKILL
    with home_lock(at) as left:
        assert left
        assert left.pid == child
        assert left.is_dead


def test_a_run_of_the_ui_keeps_spine_run_out_and_is_marked_failed_once_it_is_dead(
    dagster: Driver, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    child = dagster.begin("ui_run", home, failpoint="lock.holder.after_rename:stop")
    assert dagster.end(child, stopped=True) == -signal.SIGSTOP, dagster.log.read_text()
    with (
        pytest.raises(LockedError, match=rf"run [0-9a-f]{{8}} of the Dagster UI, schedule or sensor, process {child}"),
        home_lock(settings(home)),
    ):
        pass
    os.kill(child, signal.SIGKILL)
    dagster.end(child)
    assert dagster.call("end_stale", home) == 0
    assert dagster.log.read_text().splitlines()[-2:] == ["before STARTED", "after FAILURE"]
    assert dagster.call("ui_run", home) == 0, dagster.log.read_text()


def test_a_run_of_the_ui_fails_at_its_start_while_another_holds_the_home(dagster: Driver, tmp_path: Path) -> None:
    at = settings(tmp_path / "home").prepare()
    with home_lock(at, "spine run"):
        assert dagster.call("ui_run", at.root) == 1
    assert "LockedError" in dagster.log.read_text()
    assert dagster.call("ui_run", at.root) == 0, dagster.log.read_text()


def test_two_processes_that_judge_the_same_deliveries_at_once(driver: Driver, tmp_path: Path) -> None:
    home = tmp_path / "home"
    for day in ("2028-03-13", "2028-03-20", "2028-03-27"):
        tiny.deliver(home, day, people=4)
    children = [driver.begin("judge", home) for _ in range(3)]
    assert [driver.end(child) for child in children] == [0, 0, 0], driver.log.read_text()
    entries = Ledger(settings(home).ledger).entries()
    assert len(entries) == 9
    assert {entry.revision for entry in entries} == {1}
    assert all(entry.accepted for entry in entries)
    assert sorted(str(p.relative_to(home / "lake")) for p in (home / "lake").glob("*/*/*/r*")) == sorted(
        str(entry.folder) for entry in entries
    )


def test_a_killed_judge_frees_its_source_for_the_one_that_waits(driver: Driver, tmp_path: Path) -> None:
    home = tmp_path / "home"
    tiny.deliver(home, "2028-03-20", people=4)
    first = driver.begin("judge", home, failpoint="lake.revision.after_rename:stop")
    assert driver.end(first, stopped=True) == -signal.SIGSTOP
    second = driver.begin("judge", home)
    os.kill(first, signal.SIGKILL)
    driver.end(first)
    assert driver.end(second) == 0, driver.log.read_text()
    entries = Ledger(settings(home).ledger).entries()
    assert sorted(e.delivery.rpartition("/")[0] for e in entries) == [
        "wexmoor_county/people", "wexmoor_icb/opt_out", "wexmoor_icb/people",
    ]  # fmt: skip
    assert not list((home / "lake").glob(".tmp-*"))
