"""`spine demo` and `spine run` as a person runs them: a process of their own, its exit code, what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spine.locks import home_lock
from spine.settings import PROJECT_ROOT, Settings

SPINE = Path(sys.executable).with_name("spine")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("command") / "home"
    done = spine(home, "demo", "--residents", "300", "--seed", "2")
    assert done.returncode == 0, done.stderr
    assert "The spine is up to date" in done.stdout
    assert "Try next" in done.stdout
    return home


def spine(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SPINE_HOME": str(home), "COLUMNS": "160"}
    return subprocess.run(
        [str(SPINE), *arguments], env=environment, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )


def test_a_second_run_has_nothing_to_do_and_knows_it_at_once(home: Path) -> None:
    started = time.monotonic()
    done = spine(home, "demo", "--residents", "300", "--seed", "2")
    assert done.returncode == 0
    assert "Nothing has changed" in done.stdout
    assert time.monotonic() - started < 30, "it must not start the pipeline"


def test_another_region_does_not_overwrite_this_one(home: Path) -> None:
    done = spine(home, "demo", "--residents", "400", "--seed", "2")
    assert done.returncode == 2
    assert "make clean" in done.stderr


def test_the_home_is_one_runs_at_a_time(home: Path) -> None:
    with home_lock(Settings(home=home)):
        done = spine(home, "run")
    assert done.returncode == 7
    assert "Another run holds" in done.stderr


def test_a_refused_delivery_ends_with_its_own_code_and_says_what_to_do(home: Path) -> None:
    folder = home / "landing/saltmarsh_district/council_tax/2028-03-30"
    folder.mkdir(parents=True)
    (folder / "accounts.csv").write_text("UPRN|Surname\n1|Quexbrandt\n", encoding="utf-8")
    (home / "landing/saltmarsh_district/council_taxx").mkdir()
    before = json.loads((home / "runs/last_success.json").read_text())["summary"]["releases"]
    done = spine(home, "run")
    assert done.returncode == 4, done.stderr
    assert "Refused saltmarsh_district/council_tax/2028-03-30" in done.stdout
    assert "Ask the partner to resend" in done.stdout
    assert "Quexbrandt" not in done.stdout + done.stderr
    after = json.loads((home / "runs/last_success.json").read_text())["summary"]["releases"]
    assert [release["rows"] for release in after] == [release["rows"] for release in before]
    again = spine(home, "run")
    assert again.returncode == 4
    assert "Nothing has changed" in again.stdout


def test_a_failed_run_is_not_taken_for_done(home: Path) -> None:
    lake = next((home / "lake").rglob("patients.parquet"))
    whole = lake.read_bytes()
    lake.write_bytes(whole[:100])
    (home / "landing/wexmoor_county/note.txt").write_text("x")
    first = spine(home, "run")
    second = spine(home, "run")
    lake.write_bytes(whole)
    assert first.returncode not in (0, 4)
    assert second.returncode == first.returncode
    assert "Nothing has changed" not in second.stdout
