"""Machines die and disks fill up: nothing is lost, nothing is there twice, the release is always whole.

Put here: kills and full disks of a run of the tiny home. Never here: a whole run with dbt and Dagster
(test_faults_whole_runs.py), or who holds a home (test_faults_locks.py).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from spine import audit
from spine.extract import Ledger
from spine.failpoints import NAMES, STEPS, WRITES
from spine.files import sha256_of
from spine.identity import IdentityStore
from spine.locks import holder_of
from spine.release import audit_standing
from spine.release.build import _hash
from spine.release.output_contracts import load_output_contracts
from spine.release.query import release_facts
from spine.settings import PROJECT_ROOT
from tests.fixtures import faults_pipeline as tiny
from tests.fixtures.faults_pipeline import PURPOSE, Driver, settings

KILLED = -signal.SIGKILL
#: Reached by commands and whole runs, not by a run of the tiny home: see test_faults_whole_runs and the unit tests.
ELSEWHERE = (
    "file.",
    "contracts.",
    "synthetic.",
    "dagster.",
    "dbt.plan",
    "run.as_of",
    "run.demo",
    "report.",
    "sensor.",
    "lake.restore.",
    "linkage.held_events",
)
#: Reached by a purpose's first run, and by a withdrawal.
FIRST_RUN, WITHDRAWAL = ("key.", "governance."), ("withdrawal.",)


@dataclass(frozen=True)
class Outcome:
    """What a home holds at the end, however it got there."""

    content: str
    ledger: frozenset[tuple[str, int, str]]
    lake: frozenset[str]
    residents: frozenset[tuple[Any, ...]]


@dataclass(frozen=True)
class Before:
    """A home with one run behind it and new deliveries before it, and what a run without any fault makes of it."""

    home: Path
    old: str
    expected: Outcome
    points: tuple[str, ...]
    hits: int


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    driver = Driver.start(tmp_path_factory.mktemp("driver") / "log")
    yield driver
    driver.close()


@pytest.fixture(scope="module")
def before(driver: Driver, tmp_path_factory: pytest.TempPathFactory) -> Before:
    base = tmp_path_factory.mktemp("before")
    home, count = base / "home", base / "count"
    tiny.deliver(home, "2028-03-20", people=3)
    assert driver.call("run", home) == 0, driver.log.read_text()
    old = outcome(home).content
    tiny.deliver(home, "2028-03-27", people=5, opted_out=2)
    clean = tiny.copy_home(home, base / "clean")
    assert driver.call("run", clean, failpoint="*=1000000:kill", count=count) == 0
    hits = json.loads(count.read_text())
    expected = outcome(clean)
    assert expected.content != old
    return Before(home, old, expected, tuple(hits), sum(hits.values()))


def outcome(home: Path) -> Outcome:
    """The home's content: by release, ledger, lake and crosswalk."""
    at = settings(home)
    facts = release_facts(at.releases / PURPOSE / "current.duckdb")
    assert facts
    crosswalk = IdentityStore(at.identity).load()
    assert crosswalk
    return Outcome(
        str(facts["content_sha256"]),
        frozenset((e.delivery, e.revision, e.content_sha256) for e in Ledger(at.ledger).entries()),
        frozenset(str(path.relative_to(at.lake)) for path in at.lake.rglob("*.parquet")),
        frozenset(crosswalk.current.select("record_id", "resident_id").iter_rows()),
    )


def assert_readers_see_a_whole_release(home: Path, contents: set[str]) -> None:
    """What an analyst opens is one complete version, whose hash is that of its tables."""
    path = settings(home).releases / PURPOSE / "current.duckdb"
    facts = release_facts(path)
    assert facts, "no release, or a damaged one"
    assert facts["content_sha256"] in contents
    tables = load_output_contracts(PROJECT_ROOT / "expectations/contracts/spine", PURPOSE)
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS build (READ_ONLY)")
        names = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        for table in (table for table in tables if table.name in names):
            assert _hash(connection, table.name, ", ".join(table.keys))
            rows = connection.execute(f'SELECT count(*) FROM build.main."{table.name}"').fetchone()
            assert rows
            assert rows[0] == json.loads(facts["table_rows"])[table.name]


def assert_consistent(home: Path) -> None:
    """Ledger, lake, identity and audit log agree, even right after a kill."""
    at = settings(home)
    for entry in Ledger(at.ledger).entries():
        manifest = json.loads((at.lake / entry.folder / "manifest.json").read_text())
        for name, file in manifest["files"].items():
            assert sha256_of(at.lake / entry.folder / name) == file["sha256"]
    assert IdentityStore(at.identity).load() is not None
    standing = audit_standing(at)
    assert standing.faults == ()
    assert standing.anchors >= 1, "the release, at least"


def assert_nothing_left_over(home: Path) -> None:
    """No temporary file, no folder without a record, no holder, and each published version logged once."""
    at = settings(home)
    left = [p.name for p in home.rglob("*") if p.name.startswith((".tmp-", ".build-")) or p.suffix == ".wal"]
    assert left == []
    assert holder_of(at) is None
    folders = {str(path.relative_to(at.lake)) for path in at.lake.glob("*/*/*/r*")}
    assert folders == {str(entry.folder) for entry in Ledger(at.ledger).entries()}
    lines = [json.loads(line) for line in (at.runs / "audit.log").read_text().splitlines()]
    published = [e["facts"]["version"] for e in lines if e["facts"].get("decision") == "published"]
    facts = release_facts(at.releases / PURPOSE / "current.duckdb")
    assert facts
    assert published.count(facts["version"]) == 1
    assert len(published) == len(set(published))
    assert (at.runs / "last_success.json").exists()


def assert_recovered(home: Path, expected: Outcome) -> None:
    assert_consistent(home)
    assert_nothing_left_over(home)
    assert outcome(home) == expected
    assert_readers_see_a_whole_release(home, {expected.content})
    frame = pl.read_parquet(settings(home).linkage / "person_records.parquet")
    assert frame["record_id"].is_unique().all()


def in_run(points: tuple[str, ...]) -> list[str]:
    return [point for point in points if not point.startswith(FIRST_RUN)]


def test_every_failpoint_is_killed_somewhere(before: Before) -> None:
    reached = set(before.points)
    others = {name for name in NAMES if name.startswith((*ELSEWHERE, *FIRST_RUN, *WITHDRAWAL))}
    assert NAMES - reached == others


@pytest.mark.parametrize("half", [0, 1])
def test_killed_at_every_failpoint_in_turn(driver: Driver, before: Before, tmp_path: Path, half: int) -> None:
    """Each run is the recovery of the one before it and is itself killed a step later; the last one finishes."""
    home = tiny.copy_home(before.home, tmp_path / "home")
    points = in_run(before.points)[half::2]
    for point in points:
        assert driver.call("run", home, failpoint=f"{point}:kill") == KILLED, point
        assert_readers_see_a_whole_release(home, {before.old, before.expected.content})
        assert_consistent(home)
    assert driver.call("run", home) == 0, driver.log.read_text()
    assert_recovered(home, before.expected)


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_a_random_moment(driver: Driver, before: Before, tmp_path: Path, seed: int) -> None:
    """Two kills at failpoints drawn by lot and one at a random time, then a run that finishes."""
    draw = random.Random(seed)
    home = tiny.copy_home(before.home, tmp_path / "home")
    for _ in range(2):
        code = driver.call("run", home, failpoint=f"*={draw.randint(1, before.hits)}:kill")
        assert code in (KILLED, 0)
    child = driver.begin("run", home)
    time.sleep(draw.uniform(0.0, 0.6))
    os.kill(child, signal.SIGKILL)
    driver.end(child)
    assert_readers_see_a_whole_release(home, {before.old, before.expected.content})
    assert driver.call("run", home) == 0, driver.log.read_text()
    assert_recovered(home, before.expected)


def test_a_first_run_killed_while_it_makes_its_key(driver: Driver, tmp_path: Path) -> None:
    home = tmp_path / "home"
    tiny.deliver(home, "2028-03-20", people=3)
    for stage in ("before_write", "before_fsync", "before_rename", "after_rename"):
        assert driver.call("run", home, failpoint=f"key.created.{stage}:kill") == KILLED
    assert driver.call("run", home) == 0
    assert [path.name for path in settings(home).keys.iterdir()] == [f"{PURPOSE}.v1.key"]
    assert_nothing_left_over(home)


@pytest.fixture
def without_agreement(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    shutil.copytree(PROJECT_ROOT / "expectations", project / "expectations")
    (project / "expectations/agreements/care_planning.yaml").unlink()
    return project


@pytest.mark.parametrize("point", sorted(name for name in STEPS if name.startswith(WITHDRAWAL)))
def test_a_withdrawal_that_is_killed_is_finished_and_logged(
    driver: Driver, before: Before, tmp_path: Path, without_agreement: Path, point: str
) -> None:
    home = tiny.copy_home(before.home, tmp_path / "home")
    assert driver.call("withdraw", home, str(without_agreement), failpoint=f"{point}:kill") == KILLED
    assert driver.call("withdraw", home, str(without_agreement)) == 0, driver.log.read_text()
    shelf = settings(home).releases / PURPOSE
    assert sorted(path.name for path in shelf.iterdir()) == ["history", "version.json"]
    log = settings(home).runs / "audit.log"
    withdrawn = [line for line in log.read_text().splitlines() if '"decision": "withdrawn"' in line]
    assert len(withdrawn) == 1
    assert '"versions": [1]' in withdrawn[0]
    assert audit.verify(log) == []


WRITTEN_IN_RUN = sorted(write for write in WRITES if not f"{write}.".startswith((*ELSEWHERE, *FIRST_RUN)))


def test_a_disk_that_is_full_at_any_write(driver: Driver, before: Before, tmp_path: Path) -> None:
    """Each run meets a full disk a step later than the one before; each says so, and the last one finishes."""
    home = tiny.copy_home(before.home, tmp_path / "home")
    full = {f"{write}.before_fsync" for write in [*WRITTEN_IN_RUN, "audit"]} | {"release.current.before_rename"}
    for point in (point for point in before.points if point in full):
        assert driver.call("run", home, failpoint=f"{point}:enospc") == 8, point
        said = driver.log.read_text()
        assert "the disk is full" in said, point
        assert "Traceback" not in said
        assert len(said.splitlines()) == 1
        assert_readers_see_a_whole_release(home, {before.old, before.expected.content})
        assert_consistent(home)
        assert not [path for path in home.rglob("*") if path.name.startswith((".tmp-", ".build-"))], point
    assert driver.call("run", home) == 0, driver.log.read_text()
    assert_recovered(home, before.expected)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 32 MB: room for a run, and little more once the test has filled it."""
    target = tmp_path / "disk"
    target.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(target)], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs (root)")
    yield target
    subprocess.run(["umount", "-l", str(target)], check=True)


def test_a_real_disk_that_is_full(driver: Driver, before: Before, small_disk: Path) -> None:
    home = tiny.copy_home(before.home, small_disk / "home")
    ballast = small_disk / "ballast"
    free = shutil.disk_usage(small_disk).free
    for left in (0, 4096, 20_000, 60_000, 150_000, 400_000, 1_000_000):
        ballast.write_bytes(b"\0" * max(0, free - left - 8192))
        code = driver.call("run", home)
        assert code in (0, 8), driver.log.read_text()
        if code:
            assert "disk" in driver.log.read_text(), left
        ballast.unlink()
        assert_readers_see_a_whole_release(home, {before.old, before.expected.content})
        assert_consistent(home)
    assert driver.call("run", home) == 0, driver.log.read_text()
    assert_recovered(home, before.expected)


def test_a_torn_audit_line_is_reported_and_the_log_goes_on(driver: Driver, before: Before, tmp_path: Path) -> None:
    home = tiny.copy_home(before.home, tmp_path / "home")
    log = settings(home).runs / "audit.log"
    log.write_bytes(log.read_bytes()[:-30])
    lines = len(log.read_bytes().splitlines())
    assert audit.verify(log) == [f"line {lines} is no audit entry: it is cut off, as by a crash while it was written"]
    assert driver.call("run", home) == 0
    assert audit.verify(log) == [f"line {lines} is no audit entry"]
