"""Both sides of many pairs: the codes of one column, fetched once and only where they are needed.

Put here: fetching of codes, and whether two are equal. Never here: what a level is (compare.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from spine.linkage.arrays import Array, Codes, Flags
from spine.linkage.encode import Encoded


@dataclass(frozen=True)
class Pairs:
    """Both sides' codes of a column, for a given set of pairs.

    Attributes:
        encoded: the nodes (or records).
        left: places of the first ones.
        right: places of the second ones, as many.
    """

    encoded: Encoded
    left: Codes
    right: Codes
    _whole: Pairs | None = None
    _chosen: Codes | None = None
    _seen: dict[str, tuple[Array, Array]] = field(default_factory=dict)

    def at(self, chosen: Codes) -> Pairs:
        """Some of the pairs. What was fetched for all of them is not fetched again."""
        return Pairs(self.encoded, np.take(self.left, chosen), np.take(self.right, chosen), self, chosen)

    def both(self, name: str) -> tuple[Array, Array]:
        """Codes of the two sides."""
        if name not in self._seen:
            if self._whole is not None and self._chosen is not None and name in self._whole._seen:
                a, b = self._whole._seen[name]
                self._seen[name] = np.take(a, self._chosen), np.take(b, self._chosen)
            else:
                codes = self.encoded.codes[name]
                self._seen[name] = np.take(codes, self.left), np.take(codes, self.right)
        return self._seen[name]

    def places(self, name: str) -> tuple[Codes, Codes]:
        """As `both`, in the width that places in a dictionary are looked up with."""
        key = f"{name} as places"
        if key not in self._seen:
            a, b = self.both(name)
            self._seen[key] = a.astype(np.intp), b.astype(np.intp)
        return self._seen[key]

    def known(self, name: str) -> tuple[Codes, Array, Array]:
        """Positions of the pairs where both sides are known, and the codes of the sides there.

        Of a column that few hold, the second side is fetched only where the first is known.
        """
        codes = self.encoded.codes[name]
        a = np.take(codes, self.left)
        here = np.flatnonzero(a)
        b = np.take(codes, np.take(self.right, here))
        there = np.flatnonzero(b)
        here = np.take(here, there)
        return here, np.take(a, here), np.take(b, there)

    def equal(self, one: str, other: str | None = None) -> Flags:
        """Known and equal; with two columns, crosswise in either direction."""
        if other is None:
            a, b = self.both(one)
            same: Flags = (a == b) & (a != 0)
            return same
        (a, b), (c, d) = self.both(one), self.both(other)
        crossed: Flags = ((a == d) & (a != 0)) | ((b == c) & (b != 0))
        return crossed

    @cached_property
    def shared_source(self) -> Flags:
        """Both are of one source."""
        a, b = self.both("source")
        return (a & b) != 0
