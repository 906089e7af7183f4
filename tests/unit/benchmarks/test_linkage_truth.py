"""The truth generator of the linkage benchmark is frozen: its small output is pinned.

A failure here means that every linkage figure in docs/benchmarks.md is void and has to be measured again.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from benchmarks.linkage_data import Data, changes
from benchmarks.linkage_truth import content_hash, write_truth
from benchmarks.measure import pairwise
from spine.linkage.conform import INPUT

PINNED = "d6a34d44ec64e3aa33030df955aaad8e149d564da22a1c0699be2c65fc2fe28c"


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_truth(tmp_path_factory.mktemp("truth"), residents=200, seed=1)


def test_the_content_of_a_small_region_is_pinned(region: tuple[Path, Path]) -> None:
    assert content_hash(*region) == PINNED


def test_another_seed_is_another_region(region: tuple[Path, Path], tmp_path: Path) -> None:
    assert content_hash(*write_truth(tmp_path, residents=200, seed=2)) != PINNED


def test_there_are_about_three_and_a_half_records_a_resident(tmp_path: Path) -> None:
    records, truth = write_truth(tmp_path, residents=2_000, seed=3)
    assert pl.read_parquet(records).height / 2_000 == pytest.approx(3.52, abs=0.1)
    assert pl.read_parquet(truth)["person_id"].n_unique() > 1_980


def test_ids_are_opaque_and_rows_are_in_their_order(region: tuple[Path, Path]) -> None:
    records, truth = (pl.read_parquet(path) for path in region)
    assert records["record_id"].is_sorted()
    assert records["record_id"].is_unique().all()
    assert records["record_id"].str.contains("^[0-9a-f]{16}$").all()
    assert records["record_id"].to_list() == truth["record_id"].to_list()
    assert not set(truth["record_id"]) & set(truth["person_id"])


def test_records_hold_columns_of_the_engine_and_numbers_of_nobody(region: tuple[Path, Path]) -> None:
    records = pl.read_parquet(region[0])
    assert set(records.columns) <= set(INPUT)
    assert records["source"].n_unique() == 9
    # a wrong digit may change any but the first three
    assert records["nhs_number"].drop_nulls().str.starts_with("999").mean() == 1.0
    assert records["nino"].drop_nulls().str.starts_with("QQ").all()


def test_pairs_are_counted_from_the_table_of_clusters_by_persons(tmp_path: Path) -> None:
    truth = pl.DataFrame({"record_id": list("abcde"), "person_id": ["p", "p", "p", "q", "q"]})
    found = pl.DataFrame({"record_id": list("abcde"), "cluster": ["1", "1", "2", "2", "3"]})
    truth.write_parquet(tmp_path / "truth.parquet")
    found.write_parquet(tmp_path / "found.parquet")
    pairs = pairwise(tmp_path / "found.parquet", tmp_path / "truth.parquet", "cluster")
    assert (pairs.precision, pairs.recall, pairs.pairs) == (0.5, 0.25, 4.0)
    assert pairs.f1 == pytest.approx(1 / 3)


def test_a_day_of_changes_says_what_is_new_changed_and_withdrawn(region: tuple[Path, Path], tmp_path: Path) -> None:
    day = changes(tmp_path, Data("small", *region))
    before, changed, withdrawn, after = (
        pl.read_parquet(path) for path in (day.before, day.changed, day.withdrawn, day.after.records)
    )
    assert set(withdrawn["record_id"]) <= set(before["record_id"])
    assert (set(before["record_id"]) | set(changed["record_id"])) - set(withdrawn["record_id"]) == set(
        after["record_id"]
    )
    assert set(after["record_id"]) == set(pl.read_parquet(day.after.truth)["record_id"])
    assert after.join(changed, on=changed.columns, how="semi", nulls_equal=True).height == changed.height
