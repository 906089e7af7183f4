"""The patterns of levels that a run's pairs have: how many pairs of records have each, and what it is worth.

Put here: the counts by pattern, kept from run to run and put right by changes, and a pattern read back from its key.
Never here: what a level is worth (fit), or single pairs (coded).

What a pair is worth follows from its pattern alone, so that the counts say all that new weights would do.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from spine.linkage.arrays import Array, Codes, Floats, factorise
from spine.linkage.compare import Compared, stack
from spine.linkage.config import LinkageConfig
from spine.linkage.facts import anchored, lookalike, related, thin
from spine.linkage.fit import Model, Patterns, patterns_of
from spine.linkage.levels import Scheme
from spine.linkage.score import weigh


@dataclass(frozen=True)
class Scale:
    """What a run's pairs are weighed by, from one full link to the next.

    Attributes:
        model: what levels are worth.
        config: thresholds.
        telling: as of `encode.Encoded`.
    """

    model: Model
    config: LinkageConfig
    telling: tuple[str, ...]


@dataclass(frozen=True)
class Tally:
    """Pairs of records by pattern. A pattern keeps its number, its place here, while runs of changes go on.

    Attributes:
        keys: keys of the patterns (see `fit.pattern_keys`); those that came with changes stand behind the others.
        bits: weight of a pair of each.
        between: pairs of records of each, in two nodes.
        within: the same, in one node.
        one_each: an example of each.
    """

    keys: Codes
    bits: Floats
    between: Floats
    within: Floats
    one_each: Compared = field(repr=False)

    def numbered(self, keys: Codes, scale: Scale) -> tuple[Tally, Codes]:
        """The number of the pattern of each key, and the counts with a place for each pattern that is new."""
        which, where = factorise(keys)
        wanted, order = keys[where], np.argsort(self.keys)
        place = np.minimum(np.searchsorted(self.keys, wanted, sorter=order), max(order.size - 1, 0))
        number = order[place].astype(np.int32) if order.size else np.zeros(wanted.size, dtype=np.int32)
        new = np.flatnonzero(self.keys[number] != wanted) if order.size else np.arange(wanted.size)
        number[new] = np.arange(self.keys.size, self.keys.size + new.size)
        return (self._with(wanted[new], scale) if new.size else self), np.take(number, which)

    def _with(self, keys: Codes, scale: Scale) -> Tally:
        none = np.zeros(keys.size)
        new = tally_of(keys, none, none, scale)
        columns = {
            name: np.concatenate([getattr(part, name) for part in (self, new)])
            for name in ("keys", "bits", "between", "within")
        }
        return Tally(**columns, one_each=stack(self.one_each, new.one_each))

    def moved(self, between: Floats, within: Floats) -> Tally:
        """The counts with those of other pairs added, pattern by pattern, or taken away where they are below 0."""
        return Tally(self.keys, self.bits, self.between + between, self.within + within, self.one_each)

    def count(self, *parts: tuple[Codes, Floats]) -> Floats:
        """Sum by pattern of the records that some pairs, given by the number of their pattern, stand for."""
        pattern, records = (np.concatenate(one) for one in zip(*parts, strict=True))
        return np.bincount(pattern, weights=records, minlength=self.keys.size)


def tally_of(keys: Codes, between: Floats, within: Floats, scale: Scale) -> Tally:
    """The counts, with what each pattern is worth.

    Args:
        keys: of the patterns.
        between: pairs of records of each, in two nodes.
        within: the same, in one node.
        scale: what they are weighed by.
    """
    one_each = examples(keys, scale.config.scheme, scale.telling)
    found = patterns_of(keys, one_each, between + within, scale.config.scheme, np.arange(keys.size))
    bits = weigh(one_each, found.of_pair, found, scale.model, scale.config)
    return Tally(keys, bits, between, within, one_each)


def examples(keys: Array, scheme: Scheme, telling: tuple[str, ...]) -> Compared:
    """A pair of each pattern, as far as weights go; its nodes are none.

    Args:
        keys: of the patterns.
        scheme: what was compared.
        telling: as of `encode.Encoded`.
    """
    rest, levels = keys, {}
    for comparison, names in reversed(scheme.levels.items()):
        rest, level = np.divmod(rest, len(names))
        levels[comparison] = level.astype(np.uint8)
    levels = {comparison: levels[comparison] for comparison in scheme.levels}
    home, known = rest // 3 == 1, rest % 3 - 1
    none, kin = np.zeros(rest.size, dtype=np.int32), related(levels, telling)
    return Compared(
        left=none, right=none, levels=levels, home=home, anchor=anchored(levels), lookalike=lookalike(levels),
        kin=kin, thin=~home & thin(levels), veto=((known == 0) & ~kin).astype(np.uint8),
    )  # fmt: skip


def patterns(tally: Tally, scheme: Scheme) -> Patterns:
    """The histogram of all pairs, from an example of each pattern."""
    count = tally.between + tally.within
    return patterns_of(tally.keys, tally.one_each, count, scheme, np.arange(tally.keys.size))
