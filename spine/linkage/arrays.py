"""Columns as integers: distinct values, hashes, groups.

Put here: the few array operations that several stages share. Never here: what a column means.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from spine.linkage.parallel import ROWS, by_rows, each

#: Any array, and arrays of whole numbers (codes, places), of true and false, of reals, of 64-bit hashes.
Array = npt.NDArray[Any]
Codes = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[Any]
Hashes = npt.NDArray[np.uint64]

#: Hashes are sifted by as many of their bits before they are sorted.
SIFT_BITS: Final = 21
_SEED: Final = 20280331
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(32)
_TABLE_BITS: Final = 20
_WORTH_A_TABLE: Final = 50_000
_MOST_DAYS: Final = 400_000
#: Below this, NumPy has sorted before Polars has begun.
_SMALL: Final = 5_000
#: So many rows are hashed at a time: they stay in the processor's cache from one column to the next.
_MIXED_AT_A_TIME: Final = 1 << 17
#: So many values are sorted in two halves, cut at the middle of every so many-th of them.
_WORTH_HALVES: Final = 1_000_000
_SAMPLED: Final = 1_024
_POSITIVE: Final = np.uint64(2**62 - 1)


def factorise(values: Array) -> tuple[Codes, Codes]:
    """Dense codes from 0 in order of value, and for each code a place where it stands.

    Few distinct values are found by a table of places addressed by a hash; only what does not fit there is sorted.
    """
    if not values.size:
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64)
    keys = values.view(np.uint64) if values.dtype.itemsize == 8 else values.astype(np.int64).view(np.uint64)
    if keys.size < _WORTH_A_TABLE:
        return _ranked(keys)
    table = np.full(1 << _TABLE_BITS, -1, dtype=np.int32)
    for start in range(0, keys.size, ROWS):
        some = keys[start : start + ROWS]
        table[_slot(some)] = np.arange(start, start + some.size, dtype=np.int32)
    fits = np.empty(keys.size, dtype=bool)

    def compare(some: slice) -> None:
        fits[some] = np.take(keys, np.take(table, _slot(keys[some]))) == keys[some]

    by_rows(compare, keys.size)
    if np.count_nonzero(fits) < keys.size // 2:
        return _ranked(keys)
    used = np.flatnonzero(table >= 0)
    rest = np.flatnonzero(~fits)
    other, where = _ranked(keys[rest])
    places = np.concatenate([table[used].astype(np.int64), rest[where]])
    order = np.argsort(keys[places])
    rank = np.empty(order.size, dtype=np.int32)
    rank[order] = np.arange(order.size, dtype=np.int32)
    table[used] = rank[: used.size]
    codes = np.empty(keys.size, dtype=np.int32)

    def look_up(some: slice) -> None:
        np.take(table, _slot(keys[some]), out=codes[some])

    by_rows(look_up, keys.size)
    codes[rest] = rank[used.size :][other]
    return codes, places[order]


def _slot(keys: Hashes) -> Codes:
    """Place of each key in a table of places."""
    hashed = keys * _ODD
    hashed >>= np.uint64(64 - _TABLE_BITS)
    return hashed.view(np.intp)


def _ranked(keys: Hashes) -> tuple[Codes, Codes]:
    if keys.size < _SMALL:
        codes: Codes = np.unique(keys, return_inverse=True)[1].astype(np.int32)
    else:
        codes = (pl.Series(keys).rank("dense").to_numpy() - 1).astype(np.int32)
    where = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.int64)
    where[codes] = np.arange(codes.size)
    return codes, where


def distinct(values: pl.Series) -> tuple[pl.Series, Codes]:
    """Values that a column is made of (null counts as one), and for each row the place of its value."""
    if values.dtype == pl.Date and (days := _days(values)) is not None:
        return days
    known = values.drop_nulls()
    codes, where = factorise(known.hash(_SEED).to_numpy())
    if len(known) == len(values):
        return known.gather(where), codes
    every = np.full(len(values), where.size, dtype=np.int32)
    every[values.is_not_null().to_numpy()] = codes
    return known.gather(where).extend_constant(None, 1), every


def _days(values: pl.Series) -> tuple[pl.Series, Codes] | None:
    """As `distinct`, with every day from the first to the last one as a value; None where they are too many."""
    number = values.to_physical()
    if number.null_count() == len(number):
        return None
    first, last = int(number.drop_nulls().to_numpy().min()), int(number.drop_nulls().to_numpy().max())
    if last - first > _MOST_DAYS:
        return None
    calendar = pl.arange(first, last + 1, dtype=pl.Int32, eager=True).cast(pl.Date).extend_constant(None, 1)
    return calendar, number.fill_null(last + 1).to_numpy() - first


def text_codes(values: pl.Series) -> Codes:
    """A code for each text that depends on the text alone; 0 for null."""
    hashed = (values.hash(_SEED).to_numpy() & _POSITIVE) | np.uint64(1)
    hashed[values.is_null().to_numpy()] = 0
    return hashed.view(np.int64)


def mixed(columns: list[Array]) -> Hashes:
    """One 64-bit hash of several columns of integers, row by row."""
    result = np.full(columns[0].size, _ODD, dtype=np.uint64)

    def mix(some: slice) -> None:
        part = result[some]
        for column in columns:
            part ^= column[some].astype(np.int64, copy=False).view(np.uint64)
            part *= _ODD
            part ^= part >> _SHIFT
        part *= _ODD
        part ^= part >> _SHIFT

    by_rows(mix, result.size, _MIXED_AT_A_TIME)
    return result


def order_of(keys: pl.Series | Array) -> Codes:
    """Positions in ascending order of the keys; equal keys in order of position."""
    return pl.Series(keys).arg_sort().to_numpy().astype(np.int64)


def sorted_distinct(parts: list[Codes]) -> Codes:
    """Distinct values of all parts, ascending; the parts are taken out of the list."""
    together = np.concatenate(parts)
    parts.clear()
    if together.size < _WORTH_HALVES:
        return _distinct(together)
    sample = together[::_SAMPLED]
    low = together < np.partition(sample, sample.size // 2)[sample.size // 2]
    halves = [together[low], together[~low]]
    del together, low
    return np.concatenate(each(_distinct, halves, halves[0].size))


def _distinct(values: Codes) -> Codes:
    ordered = pl.Series(values).sort().to_numpy()
    return ordered[changes(ordered)]


def changes(ordered: Array) -> Flags:
    """Where another value begins."""
    result = np.ones(ordered.size, dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=result[1:])
    return result


def sizes_of_several(sizes: Codes) -> Codes:
    """The different sizes of groups of two and more, ascending."""
    result: Codes = np.flatnonzero(np.bincount(sizes, minlength=2)[2:]) + 2
    return result


def may_be_among(values: Array, wanted: Array) -> Flags:
    """Values that may be among those wanted, judged by some bits of a hash: of many values only a few stay."""
    held = np.zeros(1 << SIFT_BITS, dtype=bool)
    held[coarse(wanted)] = True
    return held[coarse(values)]


def coarse(values: Array) -> Codes:
    """`SIFT_BITS` bits of a hash of each value."""
    return (values.astype(np.int64).view(np.uint64) * _ODD >> np.uint64(64 - SIFT_BITS)).view(np.int64)


def pair_keys(left: Array, right: Array, size: int) -> Codes:
    """One integer for each pair of places below `size`, in the order of left, then right."""
    keys = left.astype(np.int64)
    keys *= size
    keys += right
    return keys


def components(size: int, left: Codes, right: Codes) -> Codes:
    """Label each of `size` places with the smallest place that a chain of pairs joins it to."""
    # SciPy is slow to import: it is done while the records are read (see run.py).
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    graph = coo_matrix((np.ones(left.size, dtype=np.int8), (left, right)), shape=(size, size))
    count, component = connected_components(graph, directed=False)
    first = np.empty(count, dtype=np.int64)
    first[component[::-1]] = np.arange(size - 1, -1, -1)  # of several the last one written stands: the smallest
    result: Codes = first[component]
    return result


def reached(places: Flags, left: Codes, right: Codes) -> Flags:
    """All places that a chain of pairs joins to one of these, with these themselves: quick where they are few."""
    result = places.copy()
    while True:
        one, other = np.take(result, left), np.take(result, right)
        step = np.flatnonzero(one ^ other)
        if not step.size:
            return result
        result[left[step]] = result[right[step]] = True
        rest = np.flatnonzero(~(one | other))
        left, right = left[rest], right[rest]
