"""Columns of records that came at several times, kept in the parts that they came in.

Put here: looking values up over the parts. Never here: what a column means, or files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from spine.linkage.arrays import Array, Codes


@dataclass(frozen=True)
class Columns(Mapping[str, Array]):
    """Arrays by name, made whole only where one is asked for.

    A day's changes are few beside what they change: nothing of what was there before is copied or written again.

    Attributes:
        parts: arrays by name of each part; all have the same names.
        origin: for each entry its place in the parts, counted on from one part to the next.
    """

    parts: tuple[Mapping[str, Array], ...]
    origin: Codes

    def __getitem__(self, name: str) -> Array:
        return np.take(np.concatenate([part[name] for part in self.parts]), self.origin)

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts[0])

    def __len__(self) -> int:
        return len(self.parts[0])

    @property
    def sizes(self) -> list[int]:
        """Entries of each part."""
        return [next(iter(part.values())).size for part in self.parts]

    def taken(self, chosen: Codes) -> dict[str, Array]:
        """All columns of some entries."""
        origin = np.take(self.origin, chosen)
        starts = np.cumsum([0, *self.sizes])
        places = [np.flatnonzero((origin >= low) & (origin < high)) for low, high in pairwise(starts)]
        result = {}
        for name in self:
            values = [np.take(part[name], origin[place] - start)
                      for part, place, start in zip(self.parts, places, starts, strict=False)]  # fmt: skip
            whole = np.empty(chosen.size, dtype=np.result_type(*values))
            for place, value in zip(places, values, strict=True):
                whole[place] = value
            result[name] = whole
        return result


def joined(before: Mapping[str, Array], after: Mapping[str, Array], place: Codes) -> Columns:
    """Columns of `before` and, behind them, `after`; entry i of the result is at `place[i]` of the two."""
    if not isinstance(before, Columns):
        return Columns((before, after), place)
    known = before.origin.size
    slots = sum(before.sizes)
    old = place < known
    origin = np.where(old, np.take(before.origin, np.where(old, place, 0)), slots + place - known)
    return Columns((*before.parts, after), origin)


def whole(columns: Mapping[str, Array]) -> dict[str, Array]:
    """The columns in one part."""
    return {name: columns[name] for name in columns}
