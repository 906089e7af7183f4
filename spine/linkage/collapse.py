"""Stage 3: records that are beyond doubt one person become one node.

Put here: which records fold into one node, and what the node knows. Never here: a weight. Folding is what makes
linkage fast: the later stages compare nodes. It is sound because only records with the same two names and the same
home fold, either of one whole date of birth, or where no second date of birth goes with that name there; and
only where nothing they hold sets them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from spine.linkage.arrays import Array, Codes, Flags, Hashes, changes, factorise, may_be_among, mixed, order_of
from spine.linkage.dates import outlives, two_deaths
from spine.linkage.encode import FLAGS, Encoded
from spine.linkage.parallel import ROWS, both, by_rows, each

#: Of these a node holds one value at most, or its records stay apart.
_ALONE = ("nhs", "nino", "upn", "uprn")
#: Of these a node keeps the smallest and the largest value.
PAIRED = ("phone", "email")
#: Of these a node without a date of birth holds one value at most.
_WITHOUT_DATE = ("middle", "sex")
_FIRST_OF_YEAR = 101
#: Of a column that one record in so many holds, only those are looked at.
_FEW = 4


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


@dataclass(frozen=True)
class Folded:
    """What folding gave.

    Attributes:
        nodes: the nodes.
        records: the records, those of one node together, in the order of the nodes.
        order: for each of them its place before.
    """

    nodes: Nodes
    records: Encoded
    order: Codes


def collapse(encoded: Encoded, alone: Flags, crowd: int) -> Nodes:
    """Fold records into nodes (see `fold`)."""
    return fold(encoded, alone, crowd).nodes


def fold(encoded: Encoded, alone: Flags, crowd: int, *, spend: bool = False) -> Folded:
    """Fold records into nodes.

    Args:
        encoded: the records.
        alone: records that may not fold (those that an override names).
        crowd: an address of more nodes than these is no household.
        spend: the columns of `encoded` are not needed any more, and are taken out of it.
    """
    (key, foldable), content = both(lambda: folding_keys(encoded), lambda: _content(encoded), encoded.size)
    foldable &= ~alone
    key = np.where(foldable, _without_strangers(encoded, key, foldable), content)
    born = np.where(foldable, encoded.codes["birth"], 0)
    order = _order(encoded, key, born, content)
    records = _in_order(encoded, order, spend=spend)
    starts, sizes = _groups(records, np.take(key, order), np.take(foldable, order), np.take(born, order))
    of_record = np.empty(encoded.size, dtype=np.int64)
    of_record[order] = np.repeat(np.arange(starts.size), sizes)
    first = np.minimum.reduceat(order, starts) if starts.size else order
    nodes = _nodes(records, starts)
    return Folded(Nodes(replace(nodes, crowded=_crowded(nodes, crowd)), of_record, first, sizes), records, order)


def _in_order(encoded: Encoded, order: Codes, *, spend: bool) -> Encoded:
    """The records in another order."""
    codes = dict(encoded.codes) if not (spend and isinstance(encoded.codes, dict)) else encoded.codes

    def taken(name: str) -> Array:
        values: Array = np.take(codes.pop(name), order)
        return values

    names = list(codes)
    ordered = dict(zip(names, each(taken, names, order.size), strict=True))
    flags: dict[str, Any] = {name: np.take(getattr(encoded, name), order) for name in FLAGS}
    return replace(encoded, codes=ordered, **flags)


def _order(encoded: Encoded, key: Hashes, born: Codes, content: Hashes) -> Codes:
    """Records by place, home, key, date of birth and content, a few bits of the hash of each.

    What folds stands together, and so do neighbours: they are compared with each other most, and what stands together
    is fetched together.
    """
    postcode, house = _home(encoded)
    ranked = np.zeros(encoded.size, dtype=np.uint64)

    def rank(some: slice) -> None:
        dated = mixed([born[some]]) << np.uint64(1) | (born[some] == 0)
        parts = ((mixed([postcode[some]]), 14), (mixed([house[some]]), 10), (key[some], 22), (dated, 10))
        for values, bits in (*parts, (content[some], 8)):
            ranked[some] <<= np.uint64(bits)
            ranked[some] |= values >> np.uint64(64 - bits)

    by_rows(rank, encoded.size)
    return order_of(ranked)


def _without_strangers(encoded: Encoded, key: Hashes, foldable: Flags) -> Hashes:
    """Keys such that a record without a date of birth does not fold where one that may not fold has its names and home.

    That other one (of a first of January, of a year only, one that a decision names) may be who it belongs to.
    """
    undated = np.flatnonzero(foldable & (encoded.codes["birth"] == 0))
    strange = key[~foldable]
    near = undated[may_be_among(key[undated], strange)]
    strange = strange[may_be_among(strange, key[near])]
    result = key.copy()
    apart = near[np.isin(key[near], strange)]
    result[apart] = ~key[apart]
    return result


def _content(encoded: Encoded) -> Hashes:
    """Hash of all that an entry holds."""
    held = [encoded.codes[name] for name in sorted(encoded.codes) if encoded.codes[name].any()]
    return mixed(held or [encoded.codes["first"]])


def folding_keys(encoded: Encoded) -> tuple[Hashes, Flags]:
    """Hash of the names and home that entries which fold have in common, and which entries may fold at all.

    These have two names, a whole date of birth or none, and a known home. The first of January stands for many a date
    not known.
    """
    month_and_day = encoded.codes["birth"] % 10_000
    whole = (encoded.codes["birth"] == 0) | ((month_and_day % 100 > 0) & (month_and_day != _FIRST_OF_YEAR))
    return _key(encoded), at_homes(encoded) & whole & ~encoded.restricted


def at_homes(encoded: Encoded) -> Flags:
    """Entries of two names and a known home: others may hang on them when they fold."""
    codes = encoded.codes
    home = ((codes["postcode"] > 0) & (codes["house"] != 0)) | (codes["uprn"] > 0)
    result: Flags = (np.take(encoded.names.length, codes["first"]) > 1) & (codes["surname"] > 0) & home
    return result


def _key(encoded: Encoded) -> Hashes:
    """Hash of names and home."""
    return mixed([encoded.codes["first"], encoded.codes["surname"], *_home(encoded)])


def _home(encoded: Encoded) -> tuple[Codes, Codes]:
    """Postcode and house where both are known, else the property's number."""
    codes = encoded.codes
    by_door = (codes["postcode"] > 0) & (codes["house"] != 0)
    return np.where(by_door, codes["postcode"], 0), np.where(by_door, codes["house"], codes["uprn"])


def _groups(records: Encoded, key: Hashes, foldable: Flags, born: Codes) -> tuple[Codes, Codes]:
    """Start and size of each group of records, which stand in order, that fold.

    First all of one key; where these are of several dates of birth, or something sets them apart, those of one date
    (or of none); where something sets even these apart, each record alone.
    """
    new = changes(key) | ~foldable

    def parted(some: slice) -> Codes:
        own = replace(records, codes={name: values[some] for name, values in records.codes.items()})
        return some.start + _parted(own, new[some], born[some])

    starts = np.concatenate([np.empty(0, dtype=np.int64), *each(parted, _whole_groups(new), records.size)])
    return starts, np.diff(starts, append=records.size)


def _whole_groups(new: Flags) -> list[slice]:
    """Slices of about `ROWS` records each that begin where a group begins."""
    starts = np.flatnonzero(new)
    ends = starts[np.minimum(np.searchsorted(starts, np.arange(0, new.size, ROWS)), starts.size - 1)]
    return [slice(a, b) for a, b in pairwise([*np.unique(ends).tolist(), new.size])]


def _parted(records: Encoded, new: Flags, born: Codes) -> Codes:
    """Start of each group of records that fold, where `new` says which may (see `_groups`)."""
    for narrower in (changes(born), np.ones(new.size, dtype=bool)):
        sizes = np.diff(np.flatnonzero(new), append=new.size)
        several = np.repeat(sizes > 1, sizes)
        inner = np.flatnonzero(new[several])
        if not inner.size:
            break
        apart = _set_apart(records, several, born[several], inner)
        new[several] |= np.repeat(apart, np.diff(inner, append=np.count_nonzero(several))) & narrower[several]
    return np.flatnonzero(new)


def _set_apart(records: Encoded, several: Flags, born: Codes, starts: Codes) -> Flags:
    """Groups of several dates of birth, or of records that differ in a number, outlive their death or break a promise.

    Where a date of birth is missing they may not differ in sex or middle name either, and a record without one may be
    of no source that another record is of.

    Args:
        records: all records in order.
        several: those that are in a group of several.
        born: dates of birth of these.
        starts: where each group starts among these.
    """
    undated, group = born == 0, np.repeat(np.arange(starts.size), np.diff(starts, append=born.size))
    some_undated = np.logical_or.reduceat(undated, starts)
    result, unlike = _differ(born, group), np.zeros(starts.size, dtype=bool)
    for name in (*_ALONE, *records.scheme.extra_comparisons, *_WITHOUT_DATE):
        differ = _differ(records.codes[name][several], group)
        if name in _WITHOUT_DATE:
            unlike |= differ
        result |= differ & some_undated if name in _WITHOUT_DATE else differ
    result |= _outlived(records.codes["death"][several], records.codes["start"][several], starts)
    source = records.codes["source"][several]
    # Twins may have one forename and each another second one; so may two of a source that are not one sex.
    result |= unlike & _repeated(source, starts)
    if records.promised:
        result |= _repeated(source & records.promised, starts)
    return result | _meets(source, undated, starts)


def _differ(values: Array, group: Codes) -> Flags:
    """Groups that hold two different values, 0 not counted; `group` is that of each value, ascending."""
    groups = int(group[-1]) + 1
    result, some = np.zeros(groups, dtype=bool), np.zeros(groups, dtype=values.dtype)
    held = np.flatnonzero(values)
    own, at = np.take(values, held), np.take(group, held)
    some[at] = own
    result[at[np.take(some, at) != own]] = True
    return result


def _outlived(death: Array, start: Array, starts: Codes) -> Flags:
    """Groups in which something starts well after a death, or that hold two dates of death."""
    if not death.any():
        return np.zeros(starts.size, dtype=bool)
    most, begun = np.maximum.reduceat(death, starts), np.maximum.reduceat(start, starts)
    return outlives(most, begun) | (two_deaths(most, _least_known(death, starts)) & (most != 0))


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


def _nodes(records: Encoded, starts: Codes) -> Encoded:
    """What each node knows: the largest code of its records, both ends of those of `PAIRED` where they differ."""
    sizes = np.diff(starts, append=records.size)
    several = sizes > 1
    members, places, starts_of = np.repeat(several, sizes), np.flatnonzero(several), _starts(sizes[several])
    nodes = records.taken(starts)
    seconds = {f"{name}_2": np.zeros(starts.size, dtype=np.int64) for name in PAIRED}
    nodes = replace(nodes, codes={**nodes.codes, **seconds})
    if not places.size:
        return nodes
    group = np.repeat(np.arange(places.size), sizes[several])

    def join(name: str) -> None:
        values = records.codes[name][members]
        if not values.any():
            return
        most = np.bitwise_or.reduceat(values, starts_of) if name == "source" else _most(values, starts_of, group)
        if name == "sex":
            most[_differ(values, group)] = 0
        elif name in PAIRED:
            differ = _differ(values, group)
            least = _least_known(values[differ[group]], _starts(sizes[several][differ]))
            nodes.codes[f"{name}_2"][places[differ]] = least
        nodes.codes[name][places] = most

    # Names are the same in all records of a node.
    each(join, [name for name in records.codes if name not in ("first", "surname")], records.size)
    nodes.verified[places] = np.logical_or.reduceat(records.verified[members], starts_of)
    return nodes


def _starts(sizes: Codes) -> Codes:
    return np.cumsum(sizes) - sizes


def _most(values: Array, starts: Codes, group: Codes) -> Array:
    """Largest value of each group."""
    held = np.flatnonzero(values)
    if held.size > values.size // _FEW:
        dense: Array = np.maximum.reduceat(values, starts)
        return dense
    result = np.zeros(starts.size, dtype=values.dtype)
    np.maximum.at(result, np.take(group, held), np.take(values, held))
    return result


def _crowded(nodes: Encoded, crowd: int) -> Flags:
    """Whether a node's address is that of more than `crowd` nodes (a care home, a hostel, a prison)."""
    by_door = np.where(nodes.codes["house"] != 0, mixed([nodes.codes["postcode"], nodes.codes["house"]]), 0)

    def many(address: Array) -> Flags:
        result = np.zeros(nodes.size, dtype=bool)
        held = np.flatnonzero(address != 0)
        codes, _ = factorise(address[held])
        result[held] = (np.bincount(codes)[codes] > crowd) if held.size else False
        return result

    one, other = each(many, (by_door, nodes.codes["uprn"]), nodes.size)
    return one | other
