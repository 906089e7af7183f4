"""Compared pairs as four numbers each: two places, the number of their pattern of levels, and a veto.

Put here: pairs in this form, and their levels read back. Never here: how pairs are counted by pattern (tally.py), or
how a level is decided (compare.py).

Everything that a comparison tells but the veto follows from the levels, and there are some hundred thousand patterns of
these: of millions of pairs nothing else need be kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spine.linkage.arrays import Array, Codes, Flags
from spine.linkage.compare import Compared
from spine.linkage.parallel import each

_COLUMNS = ("left", "right", "pattern", "veto")


@dataclass(frozen=True)
class Coded:
    """Pairs by pattern.

    Attributes:
        left: places of the first nodes.
        right: places of the second nodes.
        pattern: number of the pattern of each pair, as in `tally.Tally`.
        veto: as of `compare.Compared`.
        one_each: an example of each pattern (see `tally.examples`).
    """

    left: Codes
    right: Codes
    pattern: Codes
    veto: Array
    one_each: Compared

    @property
    def home(self) -> Flags:
        """Both records are at one dwelling."""
        return np.take(self.one_each.home, self.pattern)

    def taken(self, chosen: Codes, number: Codes | None = None) -> Coded:
        """Some of the pairs, with new numbers for their nodes where these are given."""
        left, right = np.take(self.left, chosen), np.take(self.right, chosen)
        return Coded(
            left=left if number is None else np.take(number, left),
            right=right if number is None else np.take(number, right),
            pattern=np.take(self.pattern, chosen),
            veto=np.take(self.veto, chosen),
            one_each=self.one_each,
        )

    def levels(self) -> Compared:
        """The pairs with all that their comparison tells."""
        return replace(self.one_each.taken(self.pattern), left=self.left, right=self.right, veto=self.veto)


def coded(compared: Compared, pattern: Codes, one_each: Compared) -> Coded:
    """Compared pairs in this form."""
    return Coded(compared.left, compared.right, pattern, compared.veto, one_each)


def stack(before: Coded, after: Coded) -> Coded:
    """The pairs of both, in their order, by the patterns of the second."""
    columns = [(getattr(before, name), getattr(after, name)) for name in _COLUMNS]
    whole = each(np.concatenate, columns, before.left.size)
    return Coded(**dict(zip(_COLUMNS, whole, strict=True)), one_each=after.one_each)
