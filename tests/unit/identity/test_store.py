"""The identity folder: what was saved is there, the history only grows, and a damaged store is never started afresh."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import spine.identity.store as store_module
from spine.errors import PipelineError
from spine.identity import IdentityStore, assign
from tests.fixtures.clusters import clusters, prints


def save(store: IdentityStore, words: str, day: int) -> None:
    store.save(assign(clusters(words), store.load(), date(2028, 3, day), run=f"r{day}", fingerprints=prints(words)))


def test_an_empty_store_has_nothing(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path / "identity")
    assert store.current() is None
    assert store.load() is None
    assert store.events().is_empty()
    assert store.moves().is_empty()


def test_what_was_saved_is_loaded_and_events_add_up(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path)
    save(store, "a b", 1)
    save(store, "ab c", 2)
    files, loaded = store.current(), store.load()
    assert files is not None
    assert loaded is not None
    assert (loaded.high_water, loaded.last_run) == (3, 2)
    assert pl.read_parquet(files.crosswalk).equals(loaded.current)
    assert pl.read_parquet(files.events)["event"].to_list() == ["mint", "mint", "merge", "mint"]
    assert pl.read_parquet(files.events)["run_as_of"].to_list() == [date(2028, 3, day) for day in (1, 1, 2, 2)]
    assert pl.read_parquet(files.register)["status"].value_counts().sort("status").rows() == [
        ("current", 2),
        ("merged", 1),
    ]
    assert pl.read_parquet(files.supersessions)["kind"].to_list() == ["merge"]


def _stated(store: IdentityStore, **changes: Any) -> None:
    """Rewrite what the current generation says of itself; None takes a line away."""
    files = store.current()
    assert files is not None
    path = files.crosswalk.with_name("state.json")
    state = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({name: value for name, value in state.items() if value is not None}))


def test_the_form_of_fingerprints_is_kept_with_them(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path)
    store.save(assign(clusters("ab"), None, date(2028, 3, 1), fingerprints=prints("ab"), form="1: surname"))
    loaded = store.load()
    assert loaded is not None
    assert loaded.form == "1: surname"
    _stated(store, form=None, fingerprints=None)  # as the first form had it
    loaded = store.load()
    assert loaded is not None
    assert loaded.form == ""


@pytest.mark.parametrize(("changes", "form"), [({"form": 9}, 9), ({"form": None, "head": None, "seed": None}, 0)])
def test_a_store_of_another_form_is_refused_and_not_called_damaged(
    tmp_path: Path, changes: dict[str, Any], form: int
) -> None:
    store = IdentityStore(tmp_path)
    save(store, "ab c", 1)
    _stated(store, **changes)
    with pytest.raises(PipelineError, match=f"kept in form {form}, this version reads") as caught:
        store.load()
    assert "Nothing is damaged" in str(caught.value)
    assert "Run the version of the spine that wrote it" in str(caught.value)


def test_nothing_new_leaves_everything_as_it_is(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path)
    save(store, "ab c", 1)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    save(store, "ab c", 2)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert store.events().height == 2


def test_old_generations_are_cleared_but_the_last_one_and_the_history_stays(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path)
    first: dict[Path, bytes] = {}
    for day, words in enumerate(("a", "a b", "a b c", "a b c d"), start=1):
        save(store, words, day)
        first = first or {path: path.read_bytes() for path in store.history.rglob("*.*")}
    assert sorted(path.name for path in tmp_path.glob("g*")) == ["g000003", "g000004"]
    assert sorted(path.name for path in store.history.iterdir()) == ["000001", "000002", "000003", "000004"]
    assert first
    assert all(path.read_bytes() == content for path, content in first.items())


def test_the_history_alone_tells_every_membership(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path)
    steps = ("a b c", "ab c", "b cd", "a b d", "a b cd")
    states = []
    for day, words in enumerate(steps, start=1):
        save(store, words, day)
        loaded = store.load()
        assert loaded is not None
        states.append(loaded.current.select("record_id", "resident_id"))
    moves = store.moves()
    for number, state in enumerate(states, start=1):
        told = moves.filter(pl.col("number") <= number).sort("number").unique("record_id", keep="last")
        assert told.drop("number").drop_nulls().sort("record_id").equals(state)
        assert loaded.known_on(date(2028, 3, number)).equals(state)
    entries = [pl.read_parquet(path / "events.parquet") for path in sorted(store.history.iterdir())]
    assert pl.concat(entries).equals(store.events())


@pytest.mark.parametrize("step", ["new_folder", "replacing"])
def test_a_crash_before_the_commit_leaves_the_old_generation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    store = IdentityStore(tmp_path)
    save(store, "a b", 1)

    def crash(path: Path, point: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store_module, step, crash)
    with pytest.raises(KeyboardInterrupt):
        save(store, "ab", 2)
    monkeypatch.undo()
    loaded = store.load()
    assert loaded is not None
    assert loaded.current["resident_id"].n_unique() == 2
    assert store.events()["event"].to_list() == ["mint", "mint"]
    save(store, "ab", 2)
    assert store.events()["event"].to_list() == ["mint", "mint", "merge"]


@pytest.mark.parametrize(
    "fault", ["current", "no current", "state.json", "crosswalk.parquet", "events of the history", "an entry"]
)
def test_a_damaged_store_is_never_started_afresh(tmp_path: Path, fault: str) -> None:
    store = IdentityStore(tmp_path)
    save(store, "a b", 1)
    save(store, "ab", 2)
    if fault == "current":
        (tmp_path / "current").write_text("g999999\n")
    elif fault == "no current":
        (tmp_path / "current").unlink()
    elif fault == "events of the history":
        store.events().clear().write_parquet(store.history / "000001" / "events.parquet")
    elif fault == "an entry":
        (store.history / "000002").rename(store.history / "000003")
    else:
        (tmp_path / "g000002" / fault).write_bytes(b"torn")
    with pytest.raises(PipelineError, match="Restore"):
        store.load()


def test_a_first_run_that_died_twice_before_its_commit_is_no_damage(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path)
    for _ in range(2):
        save(store, "a b", 1)
        (tmp_path / "current").unlink()
    assert store.load() is None


def test_what_does_not_follow_from_the_store_is_refused(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path)
    save(store, "a b c", 1)
    with pytest.raises(PipelineError, match="high-water"):
        store.save(assign(clusters("a"), None, date(2028, 3, 2)))
