"""Stage 3: records that are beyond doubt one person become one node.

Put here: which records fold into one node, and what the node knows. Never here: a weight. Folding is what makes
linkage fast: the later stages compare nodes. It is sound because only records with the same two names and the same
home fold, either of one whole date of birth, or where no second date of birth goes with that name there; and
only where nothing they hold sets them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spine.linkage.arrays import SIFT_BITS, Array, Codes, Flags, Hashes, factorise, mixed
from spine.linkage.dates import outlives, two_deaths
from spine.linkage.encode import Encoded

#: Of these a node holds one value at most, or its records stay apart.
_ALONE = ("nhs", "nino", "upn", "uprn")
#: Of these a node keeps the smallest and the largest value.
PAIRED = ("phone", "email")
#: Of these a node without a date of birth holds one value at most.
_WITHOUT_DATE = ("middle", "sex")
_FIRST_OF_YEAR = 101


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
    content = _content(encoded)
    key = np.where(foldable, _without_strangers(encoded, key, foldable), content)
    born = np.where(foldable, encoded.codes["birth"], 0)
    order = _order(encoded, key, born, content)
    starts, sizes = _groups(encoded, key[order], foldable[order], born[order], order)
    of_record = np.empty(encoded.size, dtype=np.int64)
    of_record[order] = np.repeat(np.arange(starts.size), sizes)
    first = np.minimum.reduceat(order, starts) if starts.size else order
    nodes = _nodes(encoded, order, starts)
    return Nodes(replace(nodes, crowded=_crowded(nodes, crowd)), of_record, first, sizes)


def _order(encoded: Encoded, key: Hashes, born: Codes, content: Hashes) -> Codes:
    """Records by place, home, key, date of birth and content, a few bits of the hash of each.

    What folds stands together, and so do neighbours: they are compared with each other most, and what stands together
    is fetched together.
    """
    postcode, house = _home(encoded)
    dated = mixed([born]) << np.uint64(1) | (born == 0)
    parts = ((mixed([postcode]), 14), (mixed([house]), 10), (key, 22), (dated, 10))
    ranked = np.zeros(encoded.size, dtype=np.uint64)
    for values, bits in (*parts, (content, 8)):
        ranked = ranked << np.uint64(bits) | values >> np.uint64(64 - bits)
    return np.argsort(ranked, kind="stable")


def _without_strangers(encoded: Encoded, key: Hashes, foldable: Flags) -> Hashes:
    """Keys such that a record without a date of birth does not fold where one that may not fold has its names and home.

    That other one (of a first of January, of a year only, one that a decision names) may be who it belongs to.
    """
    place = (key >> np.uint64(64 - SIFT_BITS)).astype(np.int64)
    held = np.zeros(1 << SIFT_BITS, dtype=bool)
    held[place[~foldable]] = True
    return np.where(held[place] & (encoded.codes["birth"] == 0), ~key, key)


def _content(encoded: Encoded) -> Hashes:
    """Hash of all that an entry holds."""
    held = [encoded.codes[name] for name in sorted(encoded.codes) if encoded.codes[name].any()]
    return mixed(held or [encoded.codes["first"]])


def folding_keys(encoded: Encoded) -> tuple[Hashes, Flags]:
    """Hash of the names and home that entries which fold have in common, and which entries may fold at all.

    These have two names, a whole date of birth or none, and a known home. The first of January stands for many a date
    not known.
    """
    codes = encoded.codes
    month_and_day = codes["birth"] % 10_000
    whole = (codes["birth"] == 0) | ((month_and_day % 100 > 0) & (month_and_day != _FIRST_OF_YEAR))
    home = ((codes["postcode"] > 0) & (codes["house"] != 0)) | (codes["uprn"] > 0)
    named = np.take(encoded.names.length, codes["first"]) > 1
    return _key(encoded), named & (codes["surname"] > 0) & whole & home & ~encoded.restricted


def _key(encoded: Encoded) -> Hashes:
    """Hash of names and home."""
    return mixed([encoded.codes["first"], encoded.codes["surname"], *_home(encoded)])


def _home(encoded: Encoded) -> tuple[Codes, Codes]:
    """Postcode and house where both are known, else the property's number."""
    codes = encoded.codes
    by_door = (codes["postcode"] > 0) & (codes["house"] != 0)
    return np.where(by_door, codes["postcode"], 0), np.where(by_door, codes["house"], codes["uprn"])


def _groups(encoded: Encoded, key: Hashes, foldable: Flags, born: Codes, order: Codes) -> tuple[Codes, Codes]:
    """Start and size of each group of records in `order` that fold.

    First all of one key; where these are of several dates of birth, or something sets them apart, those of one date
    (or of none); where something sets even these apart, each record alone.
    """
    new = _changes(key) | ~foldable
    for narrower in (_changes(born), np.ones(order.size, dtype=bool)):
        starts = np.flatnonzero(new)
        sizes = np.diff(starts, append=order.size)
        several = np.repeat(sizes > 1, sizes)
        inner = np.flatnonzero(new[several])
        if not inner.size:
            break
        apart = _set_apart(encoded, order[several], born[several], inner)
        new[several] |= np.repeat(apart, np.diff(inner, append=int(several.sum()))) & narrower[several]
    starts = np.flatnonzero(new)
    return starts, np.diff(starts, append=order.size)


def _changes(values: Array) -> Flags:
    result = np.ones(values.size, dtype=bool)
    result[1:] = values[1:] != values[:-1]
    return result


def _set_apart(encoded: Encoded, members: Codes, born: Codes, starts: Codes) -> Flags:
    """Groups of several dates of birth, or of records that differ in a number, outlive their death or break a promise.

    Where a date of birth is missing they may not differ in sex or middle name either, and a record without one may be
    of no source that another record is of.
    """
    least, most = _least_known(born, starts), np.maximum.reduceat(born, starts)
    result = least < most
    undated = born == 0
    some_undated, unlike = np.logical_or.reduceat(undated, starts), np.zeros(starts.size, dtype=bool)
    for name in (*_ALONE, *encoded.scheme.extra_comparisons, "middle", "sex"):
        values = np.take(encoded.codes[name], members)
        if not values.any():
            continue
        differ = _least_known(values, starts) < np.maximum.reduceat(values, starts)
        if name in _WITHOUT_DATE:
            unlike |= differ
            differ &= some_undated
        result |= differ
    death, start = (np.maximum.reduceat(np.take(encoded.codes[name], members), starts) for name in ("death", "start"))
    result |= outlives(death, start)
    result |= two_deaths(death, _least_known(encoded.codes["death"][members], starts)) & (death != 0)
    source = np.take(encoded.codes["source"], members)
    # Twins may have one forename and each another second one; so may two of a source that are not one sex.
    result |= unlike & _repeated(source, starts)
    return result | _repeated(source & encoded.promised, starts) | _meets(source, undated, starts)


def _repeated(bits: Codes, starts: Codes) -> Flags:
    """Groups in which a bit is set twice."""
    held = np.add.reduceat(np.bitwise_count(bits).astype(np.int64), starts)
    result: Flags = held > np.bitwise_count(np.bitwise_or.reduceat(bits, starts))
    return result


def _meets(source: Codes, undated: Flags, starts: Codes) -> Flags:
    """Groups in which a record without a date of birth is of a source that another record is of."""
    dated = np.bitwise_or.reduceat(np.where(undated, 0, source), starts)
    alone = np.where(undated, source, 0)
    result: Flags = (np.bitwise_or.reduceat(alone, starts) & dated) != 0
    return result | _repeated(alone, starts)


def _least_known(values: Array, starts: Codes) -> Array:
    """Smallest value of each group that is not 0; the largest integer where there is none."""
    known = np.where(values == 0, np.iinfo(values.dtype).max, values)
    return np.minimum.reduceat(known, starts)


def _nodes(encoded: Encoded, order: Codes, starts: Codes) -> Encoded:
    """What each node knows: the largest code of its records, both ends of those of `PAIRED` where they differ."""
    sizes = np.diff(starts, append=order.size)
    several = np.flatnonzero(sizes > 1)
    members = order[np.repeat(sizes > 1, sizes)]
    groups = np.cumsum(sizes[several]) - sizes[several]
    nodes = encoded.taken(order[starts])
    seconds = {f"{name}_2": np.zeros(starts.size, dtype=np.int64) for name in PAIRED}
    nodes = replace(nodes, codes={**nodes.codes, **seconds})
    if not several.size:
        return nodes
    for name, every in encoded.codes.items():
        values = np.take(every, members)
        if not values.any():
            continue
        most = np.maximum.reduceat(values, groups)
        if name == "source":
            most = np.bitwise_or.reduceat(values, groups)
        elif name == "sex":
            most = np.where(_least_known(values, groups) < most, 0, most)
        elif name in PAIRED:
            least = _least_known(values, groups)
            nodes.codes[f"{name}_2"][several] = np.where(least < most, least, 0)
        nodes.codes[name][several] = most
    nodes.verified[several] = np.logical_or.reduceat(encoded.verified[members], groups)
    return nodes


def _crowded(nodes: Encoded, crowd: int) -> Flags:
    """Whether a node's address is that of more than `crowd` nodes (a care home, a hostel, a prison)."""
    result = np.zeros(nodes.size, dtype=bool)
    by_door = np.where(nodes.codes["house"] != 0, mixed([nodes.codes["postcode"], nodes.codes["house"]]), 0)
    for address in (by_door, nodes.codes["uprn"]):
        held = np.flatnonzero(address != 0)
        codes, _ = factorise(address[held])
        result[held] |= (np.bincount(codes)[codes] > crowd) if held.size else False
    return result
