"""Marks find what changed, whatever share of them meets in a table by chance."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from spine.errors import PipelineError
from spine.identity.marks import difference, in_order, marked
from spine.linkage.arrays import Hashes


def marks(*values: int) -> Hashes:
    return np.array(values, dtype=np.uint64)


def test_new_changed_and_gone_records_are_told_apart() -> None:
    found = difference(pl.Series(list("abcd")), marks(1, 2, 3, 4), pl.Series(list("ebda")), marks(9, 8, 4, 1))
    assert found.again.tolist() == [True, True, False, False]
    assert (found.changed, found.new, found.withdrawn.to_list(), found.count) == (1, 1, ["c"], 3)
    assert found.marks.tolist() == [1, 8, 4, 9]  # of a, b, d, e


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_all_that_changed_is_found_among_many(share: float) -> None:
    rng = np.random.default_rng(3)
    before = rng.integers(0, 1 << 63, 20_000).astype(np.uint64)
    ids = pl.Series([f"{n:05d}" for n in range(before.size)])
    other = rng.random(before.size) < share
    now = np.where(other, before + np.uint64(1), before)
    found = difference(ids, before, ids, now)
    assert np.array_equal(found.again, other)
    assert (found.changed, found.new, len(found.withdrawn)) == (int(other.sum()), 0, 0)
    assert np.array_equal(found.marks, now)


def test_none_before_and_none_now() -> None:
    none, ids = marks(), pl.Series(["a"])
    assert difference(ids.head(0), none, ids, marks(5)).new == 1
    assert difference(ids, marks(5), ids.head(0), none).withdrawn.to_list() == ["a"]


@pytest.mark.parametrize("ids", [["a", "a", "b"], ["b", "c", "c"], ["b", None, "c"]])
def test_an_id_that_is_null_or_there_twice_is_refused(ids: list[str | None]) -> None:
    with pytest.raises(PipelineError, match="null or not unique"):
        difference(
            pl.Series(["a", "b"]), marks(1, 2), pl.Series(ids), marks(1, 1, 2) if ids[0] == "a" else marks(2, 3, 4)
        )


def test_a_mark_tells_of_the_columns_it_is_made_of() -> None:
    frame = pl.DataFrame({"record_id": ["b", "a"], "surname": ["Ash", "Ash"], "phone": ["1", None]})
    own = marked(frame, ["surname"])
    assert own[0] != own[1]
    assert np.array_equal(marked(frame.with_columns(phone=pl.lit("2")), ["surname"]), own)
    assert not np.array_equal(marked(frame, ["surname", "phone"]), own)
    assert np.array_equal(in_order(frame["record_id"], own), own[::-1])
