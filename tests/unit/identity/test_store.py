from datetime import date
from pathlib import Path

import polars as pl
import pytest

import spine.identity.store as store_module
from spine.errors import PipelineError
from spine.identity import IdentityStore, assign


def clusters(words: str) -> pl.DataFrame:
    rows = [(record, "gp", min(word), "exact", 0.99) for word in words.split() for record in word]
    return pl.DataFrame(rows, schema=["record_id", "source", "cluster_id", "method", "confidence"], orient="row")


def save(store: IdentityStore, words: str, day: int) -> None:
    store.save(assign(clusters(words), store.load(), date(2028, 3, day)))


def test_an_empty_store_has_nothing(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path / "identity")
    assert store.current() is None
    assert store.load() is None
    assert store.events().is_empty()


def test_what_was_saved_is_loaded_and_events_add_up(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path)
    save(store, "a b", 1)
    save(store, "ab c", 2)
    files, loaded = store.current(), store.load()
    assert files is not None
    assert loaded is not None
    assert loaded.high_water == 3
    assert pl.read_parquet(files.crosswalk).equals(loaded.current)
    assert pl.read_parquet(files.events)["event"].to_list() == ["mint", "mint", "merge", "mint"]
    assert pl.read_parquet(files.events)["run_as_of"].to_list() == [date(2028, 3, day) for day in (1, 1, 2, 2)]


def test_nothing_new_leaves_the_generation(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path)
    save(store, "ab c", 1)
    before = store.current()
    save(store, "ab c", 2)
    assert store.current() == before
    assert store.events().height == 2


def test_old_generations_are_cleared_but_the_last_one(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path)
    for day, words in enumerate(("a", "a b", "a b c", "a b c d"), start=1):
        save(store, words, day)
    assert sorted(path.name for path in tmp_path.glob("g*")) == ["g000003", "g000004"]


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


@pytest.mark.parametrize("fault", ["pointer", "state", "crosswalk"])
def test_a_damaged_store_is_never_started_afresh(tmp_path: Path, fault: str) -> None:
    store = IdentityStore(tmp_path)
    save(store, "a b", 1)
    if fault == "pointer":
        (tmp_path / "current").write_text("g999999\n")
    elif fault == "state":
        (tmp_path / "g000001" / "state.json").unlink()
    else:
        (tmp_path / "g000001" / "crosswalk.parquet").write_bytes(b"torn")
    with pytest.raises(PipelineError, match="Restore"):
        store.load()


def test_the_high_water_mark_never_goes_down(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path)
    save(store, "a b c", 1)
    with pytest.raises(PipelineError, match="high-water"):
        store.save(assign(clusters("a"), None, date(2028, 3, 2)))
