"""The home's lock: one holder, whose name others learn, and which dies with its process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spine.errors import LockedError, PipelineError
from spine.locks import Holder, holder_of, home_lock, home_lock_unless_held, is_held_here
from spine.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home").prepare()


def test_a_second_run_is_told_who_holds_the_home(settings: Settings) -> None:
    with home_lock(settings, "spine demo"):
        assert is_held_here(settings)
        with (
            pytest.raises(LockedError, match=rf"Another run holds .*: spine demo, process {os.getpid()} on .*, since "),
            home_lock(settings),
        ):
            pass
    assert not is_held_here(settings)
    assert holder_of(settings) is None


def test_a_run_inside_the_run_that_holds_it_goes_on(settings: Settings) -> None:
    with home_lock(settings), home_lock_unless_held(settings, "a step"):
        holder = holder_of(settings)
        assert holder
        assert holder.command == "spine run"
    with home_lock_unless_held(settings, "a run of the UI"):
        holder = holder_of(settings)
        assert holder
        assert holder.command == "a run of the UI"


def test_it_is_let_go_after_an_error(settings: Settings) -> None:
    with pytest.raises(KeyboardInterrupt), home_lock(settings):
        raise KeyboardInterrupt
    with home_lock(settings) as left:
        assert left is None


def test_a_forked_child_holds_nothing_and_does_not_keep_the_home(settings: Settings) -> None:
    with home_lock(settings):
        child = os.fork()
        if child == 0:
            os._exit(1 if is_held_here(settings) else 0)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
    with home_lock(settings):
        pass


def test_what_a_dead_run_left_is_swept_and_reported(settings: Settings) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    left = settings.lake / f".tmp-{child}-north-people"
    left.mkdir()
    (left / "people.parquet").write_text("rows")
    (settings.root / f".tmp-{child}-synth").mkdir()
    (settings.landing / f".tmp-{child}-partner-file").write_text("not ours")
    mine, other = settings.ledger / f".tmp-{os.getpid()}-r001.json", settings.ledger / f".tmp-{os.getppid()}-r001.json"
    mine.touch()
    other.touch()
    dead = Holder(command="spine run", pid=child, host=os.uname().nodename, since="2028-03-31T00:00:00+00:00")
    (settings.runs / "holder.json").write_text(dead.model_dump_json())
    with home_lock(settings) as before:
        assert before == dead
        assert before.is_dead
    temporary = [path.name for path in settings.root.rglob(".tmp-*")]
    assert sorted(temporary) == sorted([f".tmp-{child}-partner-file", other.name])


def test_a_damaged_holder_file_stops_nobody(settings: Settings) -> None:
    (settings.runs / "holder.json").write_text("{")
    with home_lock(settings) as left:
        assert left is None


def test_a_home_without_permission_gives_one_clear_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(PipelineError, match="the permission to write to the disk is missing"), home_lock(settings):
        pass
