"""Random pairs of nodes, to count how often two strangers agree.

Put here: which pairs are drawn. Never here: how they compare, or what that is worth (fit.py).

The draw hangs on what each node holds, not on how many there are or where they stand: were it drawn anew whenever a
record comes or goes, what a few pairs say of rare levels would move weights, and so people, without a cause.
"""

from __future__ import annotations

import numpy as np

from spine.linkage.arrays import Codes, Hashes, changes, mixed
from spine.linkage.content import content
from spine.linkage.encode import Encoded


def random_pairs(encoded: Encoded, wanted: int, seed: int) -> tuple[Codes, Codes]:
    """Places of random pairs of different nodes, the smaller one first.

    Args:
        encoded: the nodes, those that hold the same side by side.
        wanted: number of pairs; all pairs there are where these are no more.
        seed: of the draw.
    """
    size = encoded.size
    left, right = (
        np.triu_indices(size, 1) if size * (size - 1) // 2 <= wanted else _drawn(_numbers(encoded, seed), wanted)
    )
    return np.minimum(left, right), np.maximum(left, right)


def _drawn(numbers: Hashes, wanted: int) -> tuple[Codes, Codes]:
    """Pairs by the random number of each node: neighbours in the order of these, the last one with the first.

    Of many nodes those of the smallest numbers are drawn; few are ordered several times, by new numbers made from the
    old. A pair stays drawn as long as both are as they are and no other falls between: where one node in a hundred is
    another, about three pairs in a hundred are.
    """
    size = min(numbers.size, wanted + 1)
    chosen = np.argpartition(numbers, size - 1)[:size]
    orders = [chosen[np.argsort(mixed([numbers[chosen], np.full(size, draw)]))] for draw in range(-(-wanted // size))]
    none = np.empty(0, dtype=np.int64)
    left, right = (np.concatenate([none, *(np.roll(order, shift) for order in orders)])[:wanted] for shift in (0, -1))
    return left, right


def _numbers(encoded: Encoded, seed: int) -> Hashes:
    """A random number for each node, made from what it holds and, of nodes that hold the same, from its rank there."""
    held, place = content(encoded), np.arange(encoded.size)
    rank = place - np.maximum.accumulate(np.where(changes(held), place, 0))
    return mixed([held, rank, np.full(encoded.size, seed)])
