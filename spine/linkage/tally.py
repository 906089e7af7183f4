"""How many pairs of records a run found of each pattern of levels: kept from run to run, and put right by changes.

Put here: the counts by pattern, and a pattern read back from its key. Never here: what a pattern is worth (fit), or
single pairs.

What a pair is worth follows from its pattern alone, so that the counts say all that new weights would do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spine.linkage.arrays import Codes, Floats, factorise
from spine.linkage.compare import Compared
from spine.linkage.facts import anchored, related, thin
from spine.linkage.fit import Patterns, pattern_keys, patterns_of
from spine.linkage.levels import Scheme


@dataclass(frozen=True)
class Tally:
    """Pairs of records by pattern.

    Attributes:
        keys: keys of the patterns (see `fit.pattern_keys`), ascending.
        between: pairs of records of each, in two nodes.
        within: the same, in one node.
    """

    keys: Codes
    between: Floats
    within: Floats

    def changed(self, *parts: Tally) -> Tally:
        """The counts with those of other tallies added to them; patterns of which no pair is left are gone."""
        every = (self, *parts)
        keys, place = np.unique(np.concatenate([one.keys for one in every]), return_inverse=True)
        between, within = (
            np.bincount(place, weights=np.concatenate([getattr(one, name) for one in every]), minlength=keys.size)
            for name in ("between", "within")
        )
        held = (between != 0) | (within != 0)
        return Tally(keys[held], between[held], within[held])

    def less(self) -> Tally:
        """The same counts to be taken away."""
        return Tally(self.keys, -self.between, -self.within)


def tally_of(patterns: Patterns, between: int, records: Floats) -> Tally:
    """The counts of a histogram.

    Args:
        patterns: of pairs between nodes, then of pairs within one.
        between: how many of the pairs are between nodes.
        records: how many pairs of records each pair stands for.
    """
    one, other = (
        np.bincount(patterns.of_pair[part], weights=records[part], minlength=patterns.keys.size)
        for part in (slice(None, between), slice(between, None))
    )
    return Tally(patterns.keys, one, other)


def tally_between(compared: Compared, records: Floats, scheme: Scheme) -> Tally:
    """The counts of some pairs between nodes, with the pairs of records that each stands for."""
    keys = pattern_keys(compared, scheme)
    place, where = factorise(keys)
    return Tally(keys[where], np.bincount(place, weights=records, minlength=where.size), np.zeros(where.size))


def tally_within(compared: Compared, records: Floats, scheme: Scheme) -> Tally:
    """The counts of some pairs within nodes, with the pairs of records that each stands for."""
    found = tally_between(compared, records, scheme)
    return Tally(found.keys, found.within, found.between)


def examples(tally: Tally, scheme: Scheme, telling: tuple[str, ...]) -> Compared:
    """A pair of each pattern, as far as weights go; its nodes are none.

    Args:
        tally: the patterns.
        scheme: what was compared.
        telling: as of `encode.Encoded`.
    """
    rest, levels = tally.keys, {}
    for comparison, names in reversed(scheme.levels.items()):
        rest, level = np.divmod(rest, len(names))
        levels[comparison] = level.astype(np.uint8)
    levels = {comparison: levels[comparison] for comparison in scheme.levels}
    home, known = rest // 3 == 1, rest % 3 - 1
    none, kin = np.zeros(rest.size, dtype=np.int32), related(levels, telling)
    return Compared(
        left=none, right=none, levels=levels, home=home, anchor=anchored(levels), lookalike=none.astype(bool),
        kin=kin, thin=~home & thin(levels), veto=((known == 0) & ~kin).astype(np.uint8),
    )  # fmt: skip


def patterns(tally: Tally, one_each: Compared, scheme: Scheme) -> Patterns:
    """The histogram of all pairs, from an example of each pattern."""
    return patterns_of(tally.keys, one_each, tally.between + tally.within, scheme, np.arange(tally.keys.size))
