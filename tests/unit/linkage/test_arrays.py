"""Columns as integers: both ways to find distinct values agree, and codes depend on the value alone."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from spine.linkage import arrays
from spine.linkage.arrays import (
    components,
    distinct,
    factorise,
    may_be_among,
    mixed,
    order_of,
    pair_keys,
    sizes_of_several,
    sorted_distinct,
    text_codes,
)


def drawn(kind: str) -> npt.NDArray[Any]:
    """60,000 values: enough that the table of hashes is worth it."""
    rng = np.random.default_rng(3)
    if kind == "few":
        return rng.integers(0, 900, 60_000, dtype=np.int64)
    if kind == "below zero":
        return rng.integers(-400, 400, 60_000, dtype=np.int64)
    if kind == "narrow":
        return rng.integers(0, 900, 60_000, dtype=np.int32)
    pool = rng.integers(0, 2**64, 30_000, dtype=np.uint64)
    if kind == "hashes that collide in the table":
        return rng.choice(pool, 60_000)
    return rng.integers(0, 2**64, 60_000, dtype=np.uint64)


@pytest.mark.parametrize("kind", ["few", "below zero", "narrow", "hashes that collide in the table", "all different"])
def test_table_and_sorting_give_the_same_codes(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = drawn(kind)
    codes, where = factorise(values)
    monkeypatch.setattr(arrays, "_WORTH_A_TABLE", 10**9)
    by_sorting, its_where = factorise(values)
    np.testing.assert_array_equal(codes, by_sorting)
    np.testing.assert_array_equal(values[where], values[its_where])


@pytest.mark.parametrize("size", [0, 1, 200, 60_000])
def test_codes_are_dense_and_in_order_of_value(size: int) -> None:
    values = drawn("few")[:size]
    codes, where = factorise(values)
    expected, inverse = np.unique(values, return_inverse=True)
    np.testing.assert_array_equal(codes, inverse)
    np.testing.assert_array_equal(values[where], expected)


@pytest.mark.parametrize(
    "values",
    [
        pl.Series(["b", "a", None, "b", ""]),
        pl.Series([date(1951, 2, 3), None, date(1950, 1, 1), date(1951, 2, 3)]),
        pl.Series([date(1, 1, 1), None, date(9999, 12, 31), date(1, 1, 1)]),  # too many days for a calendar
        pl.Series([None, None], dtype=pl.Date),
        pl.Series([3, 1, 3, None]),
        pl.Series([], dtype=pl.String),
    ],
    ids=["text", "dates", "dates of all times", "no date", "numbers", "nothing"],
)
def test_every_row_finds_its_value_again(values: pl.Series) -> None:
    found, place = distinct(values)
    assert found.gather(place).to_list() == values.to_list()
    assert found.n_unique() == len(found)


def test_a_text_has_one_code_wherever_it_stands_and_null_has_none() -> None:
    words = [f"word {n}" for n in range(5000)]
    codes = text_codes(pl.Series([*words, None]))
    assert codes[-1] == 0
    assert (codes[:-1] > 0).all()
    assert np.unique(codes).size == 5001
    np.testing.assert_array_equal(text_codes(pl.Series([None, *reversed(words)], dtype=pl.String)), codes[::-1])


def test_one_hash_of_several_columns_tells_rows_apart() -> None:
    one, other = (side.ravel() for side in np.meshgrid(np.arange(300), np.arange(300)))
    hashes = mixed([one, other])
    assert np.unique(hashes).size == hashes.size  # (1, 2) is not (2, 1)
    np.testing.assert_array_equal(mixed([one.astype(np.int32), other.astype(np.int16)]), hashes)
    np.testing.assert_array_equal(mixed([one[::-1], other[::-1]]), hashes[::-1])


def test_order_keeps_equal_keys_in_their_places() -> None:
    assert order_of(np.array([3, 1, 3, 1, 2])).tolist() == [1, 3, 4, 0, 2]
    assert sorted_distinct([np.array([3, 1]), np.array([3, 2])]).tolist() == [1, 2, 3]
    assert sorted_distinct([np.empty(0, dtype=np.int64)]).size == 0


def test_pairs_as_one_integer_do_not_overflow() -> None:
    left, right = np.array([0, 2_000_000_000], dtype=np.int32), np.array([7, 2_000_000_001], dtype=np.int32)
    assert pair_keys(left, right, 2_100_000_000).tolist() == [7, 2_000_000_000 * 2_100_000_000 + 2_000_000_001]


def test_a_chain_is_named_by_its_smallest_place() -> None:
    assert components(6, np.array([4, 1, 2]), np.array([5, 4, 3])).tolist() == [0, 1, 2, 2, 1, 1]


def test_nothing_wanted_is_lost_and_of_many_others_few_stay() -> None:
    values = np.random.default_rng(7).integers(-(2**62), 2**62, 20_000)
    held = may_be_among(values, values[:50])
    assert held[:50].all()
    assert held[50:].mean() < 0.01


def test_sizes_of_groups_of_several() -> None:
    assert sizes_of_several(np.array([1, 4, 2, 1, 2, 7])).tolist() == [2, 4, 7]
    assert sizes_of_several(np.empty(0, dtype=np.int64)).tolist() == []


def test_distinct_values_are_sorted_and_the_parts_let_go() -> None:
    parts = [np.array([5, 1]), np.array([3, 5]), np.empty(0, dtype=np.int64)]
    assert sorted_distinct(parts).tolist() == [1, 3, 5]
    assert parts == []


def test_many_values_are_sorted_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(3).integers(0, 900, 2_000)
    for given in (values, np.sort(values), np.full(2_000, 7)):
        whole = sorted_distinct([given])
        with monkeypatch.context() as patched:
            patched.setattr(arrays, "_WORTH_HALVES", 100)
            assert np.array_equal(sorted_distinct([given[:500], given[500:]]), whole)
