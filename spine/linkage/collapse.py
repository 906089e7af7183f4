"""Stage 3: records that are beyond doubt one person become one node.

Put here: which records fold into one node, and what the node knows. Never here: a weight. Folding is what makes
linkage fast: the later stages compare nodes. It is sound because only records with the same two names, the
same whole date of birth and the same home fold, and only where nothing they hold sets them apart. Records
of different sources that have no date of birth at all fold on names and home: what could tell a father from
his son of the same name is in neither.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spine.linkage.arrays import Array, Codes, Flags, Hashes, factorise, mixed
from spine.linkage.compare import outlives, two_deaths
from spine.linkage.encode import Encoded

#: Of these a node holds one value at most, or its records stay apart.
_ALONE = ("nhs", "nino", "upn", "uprn")
#: Of these a node keeps the smallest and the largest value.
PAIRED = ("phone", "email")
_LOW_BITS = np.uint64(24)
_HIGH_BITS = np.uint64(40)


@dataclass(frozen=True)
class Nodes:
    """Nodes, in an order that depends on their content alone.

    Attributes:
        encoded: the nodes as entries; the codes of `PAIRED` have a second array, `<name>_2`.
        of_record: for each record the place of its node.
        first: for each node the place of its first record.
        records: for each node its number of records.
    """

    encoded: Encoded
    of_record: Codes
    first: Codes
    records: Codes


def collapse(encoded: Encoded, alone: Flags, crowd: int) -> Nodes:
    """Fold records into nodes.

    Args:
        encoded: the records.
        alone: records that may not fold (those that an override names).
        crowd: an address of more nodes than these is no household.
    """
    key, foldable = folding_keys(encoded)
    foldable &= ~alone
    content = mixed([encoded.codes[name] for name in sorted(encoded.codes)])
    key = np.where(foldable, key, content)
    ranked = (key >> _LOW_BITS << _LOW_BITS) | (content >> _HIGH_BITS)
    order = np.argsort(ranked, kind="stable")
    starts, sizes = _groups(encoded, key[order], order, foldable[order])
    of_record = np.empty(encoded.size, dtype=np.int64)
    of_record[order] = np.repeat(np.arange(starts.size), sizes)
    first = np.minimum.reduceat(order, starts) if starts.size else order
    nodes = _nodes(encoded, order, starts)
    return Nodes(replace(nodes, crowded=_crowded(nodes, crowd)), of_record, first, sizes)


def folding_keys(encoded: Encoded) -> tuple[Hashes, Flags]:
    """Hash of what entries that fold have in common, and which entries may fold at all."""
    return _key(encoded), _foldable(encoded)


def _foldable(encoded: Encoded) -> Flags:
    """Two names, a whole date of birth or none, and a known home. The first of January stands for many a date not known."""
    codes = encoded.codes
    month_and_day = codes["birth"] % 10_000
    whole = (codes["birth"] == 0) | ((month_and_day % 100 > 0) & (month_and_day != 101))
    home = ((codes["postcode"] > 0) & (codes["house"] != 0)) | (codes["uprn"] > 0)
    named = encoded.names.length[codes["first"]] > 1
    result: Flags = named & (codes["surname"] > 0) & whole & home & ~encoded.restricted
    return result


def _key(encoded: Encoded) -> Hashes:
    """Hash of names, date of birth and home."""
    codes = encoded.codes
    by_door = (codes["postcode"] > 0) & (codes["house"] != 0)
    home = [np.where(by_door, codes["postcode"], 0), np.where(by_door, codes["house"], codes["uprn"])]
    return mixed([codes["first"], codes["surname"], codes["birth"], *home])


def _groups(encoded: Encoded, key: Hashes, order: Codes, foldable: Flags) -> tuple[Codes, Codes]:
    """Start and size of each group of records in `order`; what something sets apart is cut into single records."""
    new = np.ones(order.size, dtype=bool)
    new[1:] = (key[1:] != key[:-1]) | ~foldable[1:]
    starts = np.flatnonzero(new)
    sizes = np.diff(starts, append=order.size)
    several = np.repeat(sizes > 1, sizes)
    inner = np.flatnonzero(new[several])
    if inner.size:
        apart = _set_apart(encoded, order[several], inner)
        new[several] |= np.repeat(apart, np.diff(inner, append=int(several.sum())))
    starts = np.flatnonzero(new)
    return starts, np.diff(starts, append=order.size)


def _set_apart(encoded: Encoded, members: Codes, starts: Codes) -> Flags:
    """Groups whose records differ in a number, outlive their own death, or break a source's promise.

    Without a date of birth they may not differ in sex or middle name either, nor come twice from one source.
    """
    result = np.zeros(starts.size, dtype=bool)
    undated = encoded.codes["birth"][members[starts]] == 0
    for name in (*_ALONE, *encoded.scheme.extra_comparisons):
        values = encoded.codes[name][members]
        result |= _least_known(values, starts) < np.maximum.reduceat(values, starts)
    death, start = (np.maximum.reduceat(encoded.codes[name][members], starts) for name in ("death", "start"))
    result |= outlives(death, start)
    result |= two_deaths(death, _least_known(encoded.codes["death"][members], starts)) & (death != 0)
    for name in ("middle", "sex"):
        values = encoded.codes[name][members]
        result |= undated & (_least_known(values, starts) < np.maximum.reduceat(values, starts))
    source = encoded.codes["source"][members]
    alone = np.where(np.repeat(undated, np.diff(starts, append=members.size)), source, source & encoded.promised)
    held = np.add.reduceat(np.bitwise_count(alone).astype(np.int64), starts)
    result |= held > np.bitwise_count(np.bitwise_or.reduceat(alone, starts))
    return result


def _least_known(values: Array, starts: Codes) -> Array:
    """Smallest value of each group that is not 0; the largest integer where there is none."""
    known = np.where(values == 0, np.iinfo(values.dtype).max, values)
    return np.minimum.reduceat(known, starts)


def _nodes(encoded: Encoded, order: Codes, starts: Codes) -> Encoded:
    """What each node knows: the largest code of its records, both ends of those of `PAIRED`."""
    sizes = np.diff(starts, append=order.size)
    several = sizes > 1
    members, groups = order[np.repeat(several, sizes)], np.cumsum(sizes[several]) - sizes[several]
    single = encoded.taken(order[starts])
    codes = single.codes
    for name in PAIRED:
        codes[f"{name}_2"] = codes[name].copy()
    if groups.size:
        for name, every in encoded.codes.items():
            values = every[members]
            most = np.maximum.reduceat(values, groups)
            if name == "source":
                most = np.bitwise_or.reduceat(values, groups)
            elif name == "sex":
                most = np.where(_least_known(values, groups) < most, 0, most)
            elif name in PAIRED:
                codes[f"{name}_2"][several] = np.where(most > 0, _least_known(values, groups), 0)
            codes[name][several] = most
        single.verified[several] = np.logical_or.reduceat(encoded.verified[members], groups)
    return single


def _crowded(nodes: Encoded, crowd: int) -> Flags:
    """Whether a node's address is that of more than `crowd` nodes (a care home, a hostel, a prison)."""
    result = np.zeros(nodes.size, dtype=bool)
    by_door = np.where(nodes.codes["house"] != 0, mixed([nodes.codes["postcode"], nodes.codes["house"]]), 0)
    for address in (by_door, nodes.codes["uprn"]):
        held = np.flatnonzero(address != 0)
        codes, _ = factorise(address[held])
        result[held] |= (np.bincount(codes)[codes] > crowd) if held.size else False
    return result
