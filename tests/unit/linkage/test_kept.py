"""Arrays come back as they were, and share what they have in common with those that they came from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spine.linkage.arrays import Array
from spine.linkage.kept import read_arrays, write_arrays

LONG = np.arange(2_000, dtype=np.int32)


def turned(array: Array, places: int, more: int) -> Array:
    """Some entries are others, and some stand behind them."""
    result = np.concatenate([array, np.full(more, 7, dtype=array.dtype)])
    result[:places] = -1
    return result


@pytest.mark.parametrize(
    ("places", "more", "shares"), [(0, 0, True), (5, 9, True), (3, 0, True), (0, 4, True), (900, 0, False)]
)
def test_what_few_changes_left_is_shared(tmp_path: Path, places: int, more: int, shares: bool) -> None:
    write_arrays(tmp_path / "0", {"one": LONG}, {})
    before, bases = read_arrays(tmp_path / "0")
    write_arrays(tmp_path / "1", {"one": turned(before["one"], places, more)}, bases)
    found, _ = read_arrays(tmp_path / "1")
    assert np.array_equal(found["one"], turned(LONG, places, more))
    assert (tmp_path / "0" / "one.npy").samefile(tmp_path / "1" / "one.npy") == shares


def test_run_after_run_is_told_against_the_same_file(tmp_path: Path) -> None:
    write_arrays(tmp_path / "0", {"one": LONG}, {})
    for day in range(1, 4):
        arrays, bases = read_arrays(tmp_path / f"{day - 1}")
        write_arrays(tmp_path / f"{day}", {"one": turned(arrays["one"], day, 10)}, bases)
    found, _ = read_arrays(tmp_path / "3")
    assert np.array_equal(found["one"], turned(LONG, 3, 30))
    assert (tmp_path / "0" / "one.npy").samefile(tmp_path / "3" / "one.npy")
    assert np.array_equal(read_arrays(tmp_path / "1")[0]["one"], turned(LONG, 1, 10)), "no folder changes another"


def test_other_types_shapes_and_smaller_arrays_are_written_whole(tmp_path: Path) -> None:
    write_arrays(tmp_path / "0", {"type": LONG, "shape": LONG.reshape(2, -1), "size": LONG}, {})
    arrays, bases = read_arrays(tmp_path / "0")
    now = {"type": LONG.astype(np.int64), "shape": arrays["shape"] + 1, "size": LONG[:-1]}
    write_arrays(tmp_path / "1", now, bases)
    found, _ = read_arrays(tmp_path / "1")
    assert all(np.array_equal(found[name], now[name]) and found[name].dtype == now[name].dtype for name in now)


def test_what_was_in_the_folder_before_goes(tmp_path: Path) -> None:
    write_arrays(tmp_path, {"one": LONG, "two": LONG}, {})
    arrays, bases = read_arrays(tmp_path)
    write_arrays(tmp_path, {"one": turned(arrays["one"], 1, 1)}, bases)
    write_arrays(tmp_path, {"one": LONG + 1}, {})
    found, _ = read_arrays(tmp_path)
    assert list(found) == ["one"]
    assert np.array_equal(found["one"], LONG + 1)
