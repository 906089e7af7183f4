"""Stage 4: which pairs of nodes are worth comparing.

Put here: blocking rules at work. Never here: how alike two nodes are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from spine.linkage.arrays import (
    SIFT_BITS,
    Array,
    Codes,
    Flags,
    Hashes,
    changes,
    mixed,
    sizes_of_several,
    sorted_distinct,
)
from spine.linkage.config import BlockingRule, LinkageConfig
from spine.linkage.encode import FORMERS, Encoded
from spine.linkage.parallel import each

#: Keys that a node may hold several of.
_VARIANTS = {
    "any_surname": ("surname", "part_1", "part_2", *FORMERS),
    "phone": ("phone", "phone_2"),
    "email": ("email", "email_2"),
}
#: Keys that are made of columns once for all rules, and the names of what they are made into.
_OF_KEYS = {
    "name_pair": ("key name_pair 1", "key name_pair 2"),
    **{key: (f"key {key}",) for key in ("place", "birth", "birth_month_day", "birth_year")},
}
#: A further column is a block where a record shares its value with no more than so many on average.
_MEAN_BLOCK = 20
_EXTRA_CAP = 40
#: Where fewer nodes than this share hold a column, the others are not looked at.
_FEW = 0.25
#: That share is told by every so many-th node.
_SAMPLED = 61
#: Odd factors, one for each column of a key and one for their sum.
_FACTORS = tuple(np.uint32(n) for n in (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1, 0xCC9E2D51))
#: So many rules are applied at a time: each needs memory for the keys of all nodes.
_AT_ONCE = 2
#: Above so many nodes memory is scarcer than time, and one rule is applied after the other.
_MANY_NODES = 1_500_000


@dataclass(frozen=True)
class Candidates:
    """Pairs to compare: places of nodes, left before right, sorted, no pair twice."""

    left: Codes
    right: Codes
    report: dict[str, Any]


def block(encoded: Encoded, config: LinkageConfig, *, also: Codes, fresh: Flags | None = None) -> Candidates:
    """Find the pairs that at least one blocking rule joins.

    A block above its rule's cap is left out and counted. Restricted records meet others only
    where their NHS numbers agree.

    Args:
        encoded: the nodes.
        config: the rules.
        also: pairs (left * size + right) that are compared whatever the rules say.
        fresh: where given, only pairs with one of these nodes are wanted.
    """
    applied = (*config.blocking, *_rules_of_extras(encoded))
    encoded = replace(encoded, codes={**encoded.codes, **_derived(encoded)})
    new = None if fresh is None else encoded.taken(np.flatnonzero(fresh))
    at_once = _AT_ONCE if encoded.size < _MANY_NODES else 1
    found = each(lambda rule: _apply(rule, encoded, fresh, new), applied, encoded.size, at_once)
    pairs_of, counts_of = map(list, zip(*found, strict=True))
    del found
    rules: list[dict[str, Any]] = [
        {"rule": rule.name, **counts} for rule, counts in zip(applied, counts_of, strict=True)
    ]
    pairs = sorted_distinct(pairs_of)
    left, right = _sides(pairs, encoded.size)
    allowed = allowed_pairs(encoded, left, right)
    report = {
        "rules": rules,
        "candidate_pairs": int(allowed.sum()),
        "pairs_withheld_restricted": int((~allowed).sum()),
        "capped_blocks": sum(rule["capped_blocks"] for rule in rules),
    }
    if also.size:
        return Candidates(*_sides(sorted_distinct([pairs[allowed], also]), encoded.size), report)
    if not allowed.all():
        left, right = left[allowed], right[allowed]
    return Candidates(left, right, report)


def allowed_pairs(encoded: Encoded, left: Codes, right: Codes) -> Flags:
    """Pairs without a restricted node, or of one NHS number."""
    result = np.ones(left.size, dtype=bool)
    if encoded.restricted.any():
        nhs = encoded.codes["nhs"]
        place = np.flatnonzero(np.take(encoded.restricted, left) | np.take(encoded.restricted, right))
        one, other = nhs[left[place]], nhs[right[place]]
        result[place] = (one == other) & (one > 0)
    return result


def _sides(pairs: Codes, size: int) -> tuple[Codes, Codes]:
    left, right = np.divmod(pairs, max(size, 1))
    return left.astype(np.int32), right.astype(np.int32)


def _rules_of_extras(encoded: Encoded) -> tuple[BlockingRule, ...]:
    """A block for each further column whose values are shared by few records."""
    held = {name: np.bincount(encoded.codes[name])[1:] for name in encoded.scheme.extra_comparisons}
    few = [name for name, counts in held.items() if (counts**2).sum() <= _MEAN_BLOCK * max(counts.sum(), 1)]
    return tuple(BlockingRule(name=name, keys=(name,), cap=_EXTRA_CAP) for name in few)


def _apply(
    rule: BlockingRule, encoded: Encoded, fresh: Flags | None, new: Encoded | None
) -> tuple[Codes, dict[str, int]]:
    keyed = list(_keys(rule, encoded, None if new is None else _held_by(rule, new)))
    rows = np.concatenate([rows for rows, _ in keyed])
    keys = np.concatenate([keys for _, keys in keyed])
    rows, starts, sizes = _blocks(*_sifted(rows, keys, fresh), encoded.size)
    capped = sizes > rule.cap
    pairs = np.concatenate([
        pairs_within(rows, starts[~capped], sizes[~capped], encoded.size),
        _chains(encoded, rows[np.repeat(capped, sizes)], np.repeat(starts[capped], sizes[capped])),
    ])  # fmt: skip
    if fresh is not None:
        left, right = np.divmod(pairs, encoded.size)
        pairs = pairs[fresh[left] | fresh[right]]
    return pairs, {
        "cap": rule.cap,
        "blocks": int((sizes > 1).sum()),
        "pairs": int(pairs.size),
        "capped_blocks": int(capped.sum()),
        "records_in_capped_blocks": int(sizes[capped].sum()),
    }


def _keys(rule: BlockingRule, encoded: Encoded, held: Flags | None) -> Iterator[tuple[Codes, Hashes]]:
    """(nodes, hashes of their key) for those that hold all values of the rule; several where a key has variants.

    Where `held` is given, only nodes whose key may be among those (see `_held_by`).
    """
    for columns in _variants(rule, encoded):
        rows = np.flatnonzero(_all_known(columns)) if held is None else _possible(columns, held)
        yield rows, mixed([np.take(column, rows) for column in columns])


def _variants(rule: BlockingRule, encoded: Encoded) -> Iterator[list[Array]]:
    """The columns of a rule; several times where a key has variants."""
    several = [key for key in rule.keys if key in _VARIANTS]
    same = {key: _columns(key, "", encoded) for key in rule.keys if key not in _VARIANTS}
    for variant in _VARIANTS[several[0]] if several else ("",):
        yield [column for key in rule.keys for column in same.get(key) or _columns(key, variant, encoded)]


def _held_by(rule: BlockingRule, new: Encoded) -> Flags:
    """By place of a coarse hash: one of these nodes has a key there, of any variant."""
    held = np.zeros(1 << SIFT_BITS, dtype=bool)
    for columns in _variants(rule, new):
        known = _all_known(columns)
        held[_place([column[known] for column in columns])] = True
    return held


def _place(columns: list[Array]) -> Codes:
    """A coarse hash of a key, quicker to make than its own: of the low half of each code, in half the width."""
    total = np.zeros(columns[0].size, dtype=np.uint32)
    product = np.empty_like(total)
    for column, factor in zip(columns, _FACTORS, strict=False):
        total += np.multiply(_low(column), factor, out=product)
    total ^= total >> np.uint32(15)
    total *= _FACTORS[-1]
    total >>= np.uint32(32 - SIFT_BITS)
    return total.view(np.int32)


def _low(column: Array) -> Codes:
    """The low 32 bits of each code."""
    if column.dtype.itemsize == 8 and column.flags.c_contiguous and sys.byteorder == "little":
        return column.view(np.uint32)[::2]
    return column.astype(np.uint32) if column.dtype.itemsize != 4 else column.view(np.uint32)


def _possible(columns: list[Array], held: Flags) -> Codes:
    """Nodes that hold all of the columns and whose key may be among those of `held`."""
    # Which way is shorter is judged by some of the nodes; the nodes that are found are the same.
    held_by = [np.count_nonzero(some) / max(some.size, 1) for some in (column[::_SAMPLED] for column in columns)]
    rarest = columns[int(np.argmin(held_by))]
    if min(held_by) < _FEW:
        rows = np.flatnonzero(rarest)
        rows = rows[np.take(held, _place([np.take(column, rows) for column in columns]))]
    else:
        rows = np.flatnonzero(np.take(held, _place(columns)))
    return rows[_all_known([np.take(column, rows) for column in columns])]


def _all_known(columns: list[Array]) -> Flags:
    """Where every column holds something."""
    known: Flags = columns[0] != 0
    for column in columns[1:]:
        known &= column != 0
    return known


def _derived(encoded: Encoded) -> dict[str, Array]:
    """The columns of `_OF_KEYS`."""
    first, surname, birth, postcode = (encoded.codes[name] for name in ("first", "surname", "birth", "postcode"))
    both, whole = (first > 0) & (surname > 0), np.where(birth % 100 > 0, birth, 0)
    made = {
        "name_pair": (np.where(both, np.minimum(first, surname), 0), np.maximum(first, surname)),
        "place": (np.where(postcode != 0, postcode, encoded.codes["street"]),),
        "birth": (whole,), "birth_month_day": (whole % 10_000,), "birth_year": (birth // 10_000,),
    }  # fmt: skip
    return {name: column for key, names in _OF_KEYS.items() for name, column in zip(names, made[key], strict=True)}


def _columns(key: str, variant: str, encoded: Encoded) -> tuple[Array, ...]:
    """The arrays that a key stands for; 0 where a node does not hold it."""
    none = np.zeros(encoded.size, dtype=np.int8)
    names = _OF_KEYS.get(key, (variant if key in _VARIANTS else key,))
    return tuple(encoded.codes.get(name, none) for name in names)


def _sifted(rows: Codes, keys: Hashes, fresh: Flags | None) -> tuple[Codes, Hashes]:
    """Only what may share its key with another one (or with a fresh one), judged by some bits of the hash."""
    bits = min(SIFT_BITS, max(12, rows.size.bit_length() + 2))
    place = (keys >> np.uint64(64 - bits)).astype(np.int64)
    if fresh is None:
        wanted = np.bincount(place, minlength=1 << bits)[place] > 1
    else:
        held = np.zeros(1 << bits, dtype=bool)
        held[place[fresh[rows]]] = True
        wanted = held[place]
    return rows[wanted], keys[wanted]


def _blocks(rows: Codes, keys: Hashes, size: int) -> tuple[Codes, Codes, Codes]:
    """Nodes by block, and start and size of each; hash and node share one integer, so that one sort does."""
    bits = np.uint64(max(size - 1, 1).bit_length())
    packed = pl.Series((keys >> bits << bits) | rows.astype(np.uint64)).sort().to_numpy()
    packed = packed[changes(packed)]
    starts = np.flatnonzero(changes(packed >> bits))
    return (packed & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64), starts, np.diff(
        starts, append=packed.size
    )  # fmt: skip


def _chains(encoded: Encoded, rows: Codes, block: Codes) -> Codes:
    """In blocks above the cap, each node with the next one of its name and date of birth.

    One person may have a hundred records (a source of visits). They are not all compared with each other, but
    one by one they hold together.
    """
    columns = [np.take(encoded.codes[name], rows) for name in ("first", "surname", _OF_KEYS["birth"][0])]
    whole = _all_known(columns)
    rows, alike = rows[whole], mixed([block[whole], *(column[whole] for column in columns)])
    rows, alike = _sifted(rows, alike, None)
    order = np.argsort(alike, kind="stable")  # in each block the nodes ascend
    rows, same = rows[order], alike[order][1:] == alike[order][:-1]
    return rows[:-1][same] * encoded.size + rows[1:][same]


def pairs_within(rows: Codes, starts: Codes, sizes: Codes, size: int) -> Codes:
    """All pairs of each block as left * size + right, one vectorised step for each block size."""
    parts = [np.empty(0, dtype=np.int64)]
    for members in sizes_of_several(sizes):
        block_rows = rows[starts[sizes == members][:, None] + np.arange(members)]
        one, other = np.triu_indices(int(members), k=1)
        parts.append((block_rows[:, one] * size + block_rows[:, other]).ravel())
    return np.concatenate(parts)
