"""A run that is killed between clustering and the commit of its ids loses nothing and mints nothing twice.

Every place between the two is tried, in a child that is killed there; then the run is taken again. Runs of a home are
killed in test_faults.py.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from spine.failpoints import NAMES
from spine.identity import IdentityStore, register
from tests.fixtures.identity_steps import Driver, step

KILLED = -signal.SIGKILL
POINTS = sorted(name for name in NAMES if name.startswith("identity."))


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    """Forks a child for each step that is to be killed."""
    one = Driver()
    yield one
    one.close()


def content(folder: Path) -> dict[str, object]:
    """All that the store tells."""
    store = IdentityStore(folder)
    loaded, files = store.load(), store.current()
    assert loaded is not None
    assert files is not None
    frames = {"current": loaded.current, "spells": loaded.spells, "events": store.events(), "moves": store.moves()}
    kept = {path.parent.name: path.read_bytes() for path in store.history.glob("[0-9]*/entry.json")}
    told = {name: frame.rows() for name, frame in frames.items()}
    return {**told, "register": pl.read_parquet(files.register).rows(), "minted": loaded.high_water, "entries": kept}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store after two runs."""
    folder = tmp_path_factory.mktemp("begun") / "identity"
    step(folder, "ab c d", 1)
    step(folder, "ab cd e", 2)
    return folder


@pytest.fixture(scope="module")
def undisturbed(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a third and fourth run come to where nothing goes wrong."""
    folder = tmp_path_factory.mktemp("undisturbed") / "identity"
    shutil.copytree(begun, folder)
    step(folder, "a bf cd g", 3)
    step(folder, "abf c d g", 4)
    return content(folder)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_point_loses_and_re_mints_nothing(
    point: str, begun: Path, undisturbed: dict[str, object], driver: Driver, tmp_path: Path
) -> None:
    folder = tmp_path / "identity"
    shutil.copytree(begun, folder)
    assert driver.call(folder, "a bf cd g", 3, f"{point}:kill") == KILLED
    at_rest = IdentityStore(folder).load()
    assert at_rest is not None
    assert at_rest.last_run == (3 if point == "identity.current.after_rename" else 2)
    assert register(at_rest)["resident_id"].is_unique().all()
    step(folder, "a bf cd g", 3)
    step(folder, "abf c d g", 4)
    assert content(folder) == undisturbed


def test_a_run_with_other_data_after_a_kill_inherits_nothing_that_was_not_committed(
    begun: Path, driver: Driver, tmp_path: Path
) -> None:
    """The killed run had minted and written an id for g; the next one has never heard of g."""
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        shutil.copytree(begun, folder)
    assert driver.call(one, "a bf cd g", 3, "identity.current.before_rename:kill") == KILLED
    for folder in (one, other):
        step(folder, "abcde h", 3)
    assert content(one) == content(other)
