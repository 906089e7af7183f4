"""Seeded random streams, one for each question that the region asks of chance.

Put here: how numbers are drawn. Never here: what they decide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Draws:
    """Named streams of one region. A stream that is added changes no other stream."""

    residents: int
    seed: int
    as_of: date

    def stream(self, name: str) -> np.random.Generator:
        """The generator of that name, always from its beginning."""
        text = f"{self.residents}|{self.seed}|{self.as_of.isoformat()}|{name}"
        return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")))

    def before(self, days: int = 0) -> np.datetime64:
        """The as-of date less a number of days."""
        return np.datetime64(self.as_of - timedelta(days=days), "D")


def pick(rng: np.random.Generator, size: int, weights: Sequence[float] | Floats) -> Ints:
    """Draw `size` indices with probability in proportion to `weights`."""
    cumulative = np.cumsum(np.asarray(weights, dtype=np.float64))
    drawn = np.searchsorted(cumulative / cumulative[-1], rng.random(size), side="right")
    return np.minimum(drawn, len(cumulative) - 1).astype(np.int64)


def chance(rng: np.random.Generator, size: int, probability: float | Floats) -> Mask:
    """True with the given probability, for each of `size` rows."""
    return np.asarray(rng.random(size) < probability, dtype=np.bool_)


def zipf(size: int, exponent: float = 0.9) -> Floats:
    """Weights of a skewed list: the first entry is the commonest."""
    return np.asarray(1.0 / np.arange(1, size + 1, dtype=np.float64) ** exponent, dtype=np.float64)
