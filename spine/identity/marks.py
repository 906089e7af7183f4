"""What linkage reads of each record, as one number, and which records are not as they were.

Put here: marks of records, and the comparison with those of the kept run. Never here: what is done about a difference
(relink), or the fingerprints of the identity store (evidence), which outlast a version of Polars.

A mark is a hash of the record with its id, so marks alone say which records stand as they stood: no id is compared
but those of the few records whose mark is new or gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from spine.errors import PipelineError
from spine.linkage.arrays import Codes, Flags, Hashes, order_of
from spine.linkage.config import LinkageConfig
from spine.linkage.conform import INPUT

#: Changed whenever the same record gets another mark.
FORM: Final = f"2, polars {pl.__version__}"
_SEED: Final = 20280331
#: Places in a table of marks for each mark, at least, and the first bit of a mark that addresses it after the
#: first turn.
_ROOM: Final = 2
_TURNS: Final = (16, 32)


@dataclass(frozen=True)
class Difference:
    """How a run's records differ from those of the kept run.

    Attributes:
        again: for each record as it was given, whether it is new or changed.
        withdrawn: ids of records that are gone.
        changed: records that are there still and differ.
        new: records that were not there.
        marks: of the records as they are now, by ascending record_id.
    """

    again: Flags
    withdrawn: pl.Series
    changed: int
    new: int
    marks: Hashes

    @property
    def count(self) -> int:
        """Records that changed, came or went."""
        return self.changed + self.new + len(self.withdrawn)


def columns_read(records: pl.DataFrame, config: LinkageConfig) -> list[str]:
    """The columns of these records that linkage reads, apart from the id: a mark tells of these."""
    return [name for name in (*INPUT, *config.extras) if name in records.columns and name != "record_id"]


def marked(records: pl.DataFrame, columns: list[str]) -> Hashes:
    """The mark of each record, in the order in which they are given."""
    return records.select("record_id", *columns).hash_rows(_SEED).to_numpy()


def in_order(ids: pl.Series, marks: Hashes) -> Hashes:
    """The same marks by ascending record_id."""
    return marks if ids.is_sorted() else marks[order_of(ids)]


def difference(ids_before: pl.Series, before: Hashes, ids: pl.Series, now: Hashes) -> Difference:
    """What is new, changed and gone.

    Args:
        ids_before: record_id of the kept run's records, ascending.
        before: their marks.
        ids: record_id of the records as they are given now, in any order.
        now: their marks.

    Raises:
        PipelineError: an id is null, or there twice.
    """
    stays, again = _matched(before, now)
    fresh, gone = ids.filter(pl.Series(again)), ids_before.filter(pl.Series(~stays))
    if np.count_nonzero(stays) != np.count_nonzero(~again) or fresh.null_count() or fresh.n_unique() != len(fresh):
        raise PipelineError("linkage: record_id is null or not unique. Expected one row per record.")
    changed = int(fresh.is_in(gone.implode()).sum())
    withdrawn = gone.filter(~gone.is_in(fresh.implode()))
    place: Codes = ids_before.filter(pl.Series(stays)).search_sorted(fresh.sort()).cast(pl.Int64).to_numpy()
    marks = np.insert(before[stays], place, in_order(fresh, now[again]))
    return Difference(again, withdrawn, changed, len(fresh) - changed, marks)


def _matched(before: Hashes, now: Hashes) -> tuple[Flags, Flags]:
    """(marks of before that stand still, marks of now that did not stand before).

    Tables addressed by some bits of the mark find nearly all that are equal; the few others are sorted.
    """
    stays, again = np.zeros(before.size, dtype=bool), np.ones(now.size, dtype=bool)
    if before.size:
        found = _looked_up(before, now, 0)
        again = np.take(before, found) != now
        stays[found[~again]] = True
    rest, unmatched = np.flatnonzero(~stays), np.flatnonzero(again)
    for turn in _TURNS:
        if not rest.size:
            break
        one, other = before[rest], now[unmatched]
        found = _looked_up(one, other, turn)
        equal = np.take(one, found) == other
        stays[rest[found[equal]]] = True
        again[unmatched[equal]] = False
        rest, unmatched = rest[~stays[rest]], unmatched[again[unmatched]]
    stays[rest] = np.isin(before[rest], now[unmatched])
    again[unmatched] = ~np.isin(now[unmatched], before[rest])
    return stays, again


def _looked_up(before: Hashes, now: Hashes, turn: int) -> Codes:
    """For each mark of now the place in `before` of one with the same bits, if there is any."""
    bits = (before.size * _ROOM).bit_length()
    left, right = np.uint64(turn), np.uint64(64 - bits)
    table = np.zeros(1 << bits, dtype=np.int32)
    table[(before << left >> right).view(np.int64)] = np.arange(before.size, dtype=np.int32)
    found: Codes = np.take(table, (now << left >> right).view(np.int64))
    return found
