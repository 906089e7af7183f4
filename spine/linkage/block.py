"""Stage 3: which pairs of records are worth comparing.

Put here: blocking rules at work. Never here: how alike two records are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from spine.errors import PipelineError
from spine.linkage.config import BlockingRule, LinkageConfig
from spine.linkage.encode import Codes, Encoded

_SURNAMES = ("surname", "part_1", "part_2", "former_0", "former_1", "former_2")
_LARGEST_KEY = 2**62
#: A further column is a block where a record shares its value with no more than so many on average.
_MEAN_BLOCK = 20
_EXTRA_CAP = 40


@dataclass(frozen=True)
class Candidates:
    """Pairs to compare: positions of records, left before right, sorted, no pair twice."""

    left: Codes
    right: Codes
    report: dict[str, Any]


def block(encoded: Encoded, config: LinkageConfig) -> Candidates:
    """Find the pairs that at least one blocking rule joins.

    A block above its rule's cap is left out and counted. Restricted records meet others only
    where their NHS numbers agree.
    """
    found: list[Codes] = []
    rules: list[dict[str, Any]] = []
    for rule in (*config.blocking, *_rules_of_extras(encoded)):
        pairs, counts = _apply(rule, encoded)
        found.append(pairs)
        rules.append({"rule": rule.name, **counts})
    pairs = _distinct(np.concatenate(found))
    left, right = np.divmod(pairs, max(encoded.size, 1))
    nhs = encoded.codes["nhs"]
    allowed = ~(encoded.restricted[left] | encoded.restricted[right]) | ((nhs[left] == nhs[right]) & (nhs[left] > 0))
    report = {
        "rules": rules,
        "candidate_pairs": int(allowed.sum()),
        "pairs_withheld_restricted": int((~allowed).sum()),
        "capped_blocks": sum(rule["capped_blocks"] for rule in rules),
    }
    return Candidates(left[allowed], right[allowed], report)


def _rules_of_extras(encoded: Encoded) -> tuple[BlockingRule, ...]:
    """A block for each further column whose values are shared by few records."""
    held = {name: np.bincount(encoded.codes[name])[1:] for name in encoded.scheme.extra_comparisons}
    few = [name for name, counts in held.items() if (counts**2).sum() <= _MEAN_BLOCK * max(counts.sum(), 1)]
    return tuple(BlockingRule(name=name, keys=(name,), cap=_EXTRA_CAP) for name in few)


def _apply(rule: BlockingRule, encoded: Encoded) -> tuple[Codes, dict[str, int]]:
    rows, keys = _keys(rule, encoded)
    order = np.lexsort((rows, keys))
    rows, keys = rows[order], keys[order]
    new = (np.diff(keys, prepend=-1) != 0) | (np.diff(rows, prepend=-1) != 0)
    rows, keys = rows[new], keys[new]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    sizes = np.diff(starts, append=keys.size)
    capped = sizes > rule.cap
    pairs = _distinct(_pairs_within(rows, starts[~capped], sizes[~capped], encoded.size))
    return pairs, {
        "cap": rule.cap,
        "blocks": int((sizes > 1).sum()),
        "pairs": int(pairs.size),
        "capped_blocks": int(capped.sum()),
        "records_in_capped_blocks": int(sizes[capped].sum()),
    }


def _keys(rule: BlockingRule, encoded: Encoded) -> tuple[Codes, Codes]:
    """(record, key) for each record that holds all values of the rule; several where a name has variants."""
    variants = _SURNAMES if "any_surname" in rule.keys else ("surname",)
    rows, keys = [], []
    for surname in variants:
        columns = [column for key in rule.keys for column in _columns(key, surname)]
        codes = [encoded.codes[column] for column in columns]
        rows.append(np.flatnonzero(np.logical_and.reduce([code > 0 for code in codes])))
        keys.append(_combined(codes, columns, encoded)[rows[-1]])
    return np.concatenate(rows), np.concatenate(keys)


def _columns(key: str, surname: str) -> tuple[str, ...]:
    if key == "name_pair":
        return ("name_low", "name_high")
    return (surname,) if key == "any_surname" else (key,)


def _combined(codes: list[Codes], columns: list[str], encoded: Encoded) -> Codes:
    """One integer per record for several codes; the radix is the dictionary's, so variants share it."""
    key = np.zeros(encoded.size, dtype=np.int64)
    largest = 1
    for code, column in zip(codes, columns, strict=True):
        is_name = column in (*_SURNAMES, "first", "name_low", "name_high")
        radix = len(encoded.names) if is_name else int(code.max(initial=0)) + 1
        if largest * radix > _LARGEST_KEY:
            raise PipelineError(f"linkage: the keys {', '.join(columns)} of a blocking rule need more than 62 bits.")
        key = key * radix + code
        largest *= radix
    return key


def _pairs_within(rows: Codes, starts: Codes, sizes: Codes, size: int) -> Codes:
    """All pairs of each block as left * size + right, one vectorised step for each block size."""
    parts = [np.empty(0, dtype=np.int64)]
    for members in np.unique(sizes[sizes > 1]):
        block_rows = rows[starts[sizes == members][:, None] + np.arange(members)]
        one, other = np.triu_indices(int(members), k=1)
        parts.append((block_rows[:, one] * size + block_rows[:, other]).ravel())
    return np.concatenate(parts)


def _distinct(values: Codes) -> Codes:
    ordered = np.sort(values)
    return ordered[np.diff(ordered, prepend=-1) > 0] if ordered.size else ordered
