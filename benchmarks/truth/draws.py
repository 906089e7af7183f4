"""Random numbers that no library's release can change.

Put here: streams of numbers from a seed and a label. Never here: what they decide.

A stream is SplitMix64 over a counter (Steele, Lea and Flood 2014), so a figure of last year can be made again with
another NumPy, and a stream added later moves no other one.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]


def mix(values: Words) -> Words:
    """SplitMix64's finaliser: a permutation of the 64-bit words."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@dataclass(frozen=True)
class Draws:
    """Streams of a seed; two calls with one label give the same numbers."""

    seed: int
    prefix: str = ""

    def of(self, name: str) -> Draws:
        """The streams of one part, apart from those of the others."""
        return Draws(self.seed, f"{self.prefix}{name}/")

    def words(self, label: str, count: int) -> Words:
        """`count` different 64-bit words."""
        key = int.from_bytes(blake2b(f"{self.seed}/{self.prefix}{label}".encode(), digest_size=8).digest(), "big")
        return mix(np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key))

    def uniform(self, label: str, count: int) -> Floats:
        """Numbers in [0, 1)."""
        return np.asarray((self.words(label, count) >> np.uint64(11)) * 2.0**-53, dtype=np.float64)

    def below(self, label: str, count: int, limit: int | Integers) -> Integers:
        """Whole numbers in [0, limit)."""
        return (self.uniform(label, count) * limit).astype(np.int64)

    def chance(self, label: str, count: int, probability: float | Floats) -> Booleans:
        """True with this probability."""
        return np.asarray(self.uniform(label, count) < probability)

    def pick(self, label: str, count: int, weights: Floats) -> Integers:
        """Positions in `weights`, each as often as its weight says."""
        upto = np.cumsum(weights)
        found = np.searchsorted(upto, self.uniform(label, count) * upto[-1], side="right")
        return np.asarray(found.clip(max=len(weights) - 1), dtype=np.int64)

    def order(self, label: str, count: int) -> Integers:
        """A permutation of 0..count-1."""
        return np.argsort(self.words(label, count), kind="stable").astype(np.int64)
