"""Columns in parts are the same columns as in one."""

from __future__ import annotations

import numpy as np

from spine.linkage.columns import Columns, joined, whole


def test_parts_read_as_one() -> None:
    generator = np.random.default_rng(7)
    sizes = (40, 7, 5)
    parts = [{"a": generator.integers(0, 99, size), "b": generator.integers(0, 9, size, np.int32)} for size in sizes]
    # Of the 40 the places 3 to 29 stay, between them come the 7; of these all but the last stay, and the 5.
    first = np.insert(np.arange(3, 30), [0, 4, 4, 9, 27, 27, 27], np.arange(40, 47))
    second = np.concatenate([[34 + 2], np.arange(33), [34, 35, 37, 38]])
    flat = {name: np.concatenate([parts[0][name], parts[1][name]])[first] for name in "ab"}
    flat = {name: np.concatenate([flat[name], parts[2][name]])[second] for name in "ab"}
    columns = joined(joined(parts[0], parts[1], first), parts[2], second)
    assert isinstance(columns, Columns)
    assert (len(columns), columns.sizes) == (2, list(sizes))
    chosen = np.array([0, 37, 5, 20, 36])
    for name, values in flat.items():
        np.testing.assert_array_equal(columns[name], values)
        np.testing.assert_array_equal(whole(columns)[name], values)
        np.testing.assert_array_equal(columns.taken(chosen)[name], values[chosen])
        assert columns.taken(chosen)[name].dtype == values.dtype
