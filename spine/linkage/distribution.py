"""How the match weights of all candidate pairs spread, and what another threshold would do.

Put here: histograms and curves over match weights. Never here: how a pair is weighed (score.py), or a
value or id of any record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

#: Bits in one bar of the histogram, and where it begins and ends; what lies beyond counts in the last bar.
BIN_BITS = 2
HISTOGRAM = (-40, 40)
#: Thresholds of the curve, in bits.
THRESHOLDS = range(-5, 26)
#: The clerical band, in bits below and above the threshold. Around the shipped threshold it reaches from -2.75
#: bits (about one pair in eight is one person, and the estimates err on the careful side) to 6.25 bits, above which the
#: model expects fewer than one pair in 76 to be taken back.
CLERICAL_BAND = (-3.0, 6.0)


class ScoredPairs(Protocol):
    """Candidate pairs with their match weight; one entry of every array for each pair.

    What is counted takes them in several parts, so that millions of pairs need no second copy.
    """

    @property
    def left(self) -> npt.NDArray[Any]:
        """Positions of the first records."""

    @property
    def right(self) -> npt.NDArray[Any]:
        """Positions of the second records."""

    @property
    def bits(self) -> npt.NDArray[Any]:
        """Log2 odds that the pair is one person."""

    @property
    def records(self) -> npt.NDArray[Any]:
        """How many pairs of records the pair stands for."""

    @property
    def home(self) -> Flags:
        """Both records are at one dwelling."""

    @property
    def veto(self) -> npt.NDArray[np.uint8]:
        """Why the pair may never be linked; 0 where nothing forbids it."""


def histogram(parts: Sequence[ScoredPairs]) -> dict[str, Any]:
    """Pairs of records by match weight, in bars of `BIN_BITS` bits, by stratum; vetoed pairs by themselves."""
    low, high = HISTOGRAM
    bars = (high - low) // BIN_BITS
    counts = np.zeros((3, bars))
    for scored in parts:
        bar = np.clip(np.floor((scored.bits - low) / BIN_BITS), 0, bars - 1).astype(np.intp)
        bar += bars * np.where(scored.veto > 0, 2, scored.home == 0)
        counts += np.bincount(bar, weights=scored.records, minlength=3 * bars).reshape(3, bars)
    named = zip(("home", "elsewhere", "vetoed"), counts.tolist(), strict=True)
    rows = {name: [round(n) for n in numbers] for name, numbers in named}
    return {"bin_bits": BIN_BITS, "from_bits": [low + BIN_BITS * i for i in range(bars)], **rows}


def threshold_curve(parts: Sequence[ScoredPairs]) -> list[dict[str, float]]:
    """What the model expects of each threshold, from the probabilities of the pairs that were compared.

    Returns:
        One row per threshold: threshold_bits, pairs (of records, at or above it), expected_precision (mean
        probability of these) and expected_found (their share of all matches that the model sees among the
        compared pairs). A match that no blocking rule found is not in it.
    """
    pairs, matches = np.zeros(len(THRESHOLDS) + 1), np.zeros(len(THRESHOLDS) + 1)
    for scored in parts:
        free = scored.veto == 0
        bits, weight = scored.bits[free], scored.records[free].astype(np.float64)
        pairs += _from(bits, weight)
        matches += _from(bits, weight / (1 + np.exp2(-np.clip(bits, -60.0, 60.0))))
    return [
        {
            "threshold_bits": bits_,
            "pairs": round(float(pairs[i + 1])),
            "expected_precision": _share(matches[i + 1], pairs[i + 1]),
            "expected_found": _share(matches[i + 1], matches[0]),
        }
        for i, bits_ in enumerate(THRESHOLDS)
    ]


def measured_curve(scored: ScoredPairs, person: Codes) -> list[dict[str, float]]:
    """What each threshold does, by the truth, pair by pair and before clusters are made.

    Args:
        scored: the candidate pairs.
        person: for each record a code of its true person, -1 where that is not known.

    Returns:
        One row per threshold: threshold_bits, precision, found (share of all true pairs, compared or not). A pair
        that stands for several counts as its two records do.
    """
    known = (scored.veto == 0) & (person[scored.left] >= 0) & (person[scored.right] >= 0)
    bits, weight = scored.bits[known], scored.records[known].astype(np.float64)
    same = person[scored.left[known]] == person[scored.right[known]]
    whole, right = _from(bits, weight), _from(bits, weight * same)
    true = np.bincount(person[person >= 0]).astype(np.float64)
    existing = float((true * (true - 1) / 2).sum())
    return [
        {
            "threshold_bits": bits_,
            "precision": _share(right[i + 1], whole[i + 1]),
            "found": _share(right[i + 1], existing),
        }
        for i, bits_ in enumerate(THRESHOLDS)
    ]


def clerical(parts: Sequence[ScoredPairs], threshold: float) -> dict[str, float]:
    """Pairs near the threshold, where a person who looked might decide otherwise (see `CLERICAL_BAND`).

    Returns:
        from_bits, to_bits, pairs_below (not linked), pairs_above (linked unless kept apart), share (of all
        pairs from the band upwards) and share_of_links (of the pairs above the threshold).
    """
    low, high = threshold + CLERICAL_BAND[0], threshold + CLERICAL_BAND[1]
    below = above = linked = 0.0
    for scored in parts:
        free = (scored.veto == 0) & (scored.bits >= low)
        bits, weight = scored.bits[free], scored.records[free].astype(np.float64)
        reached = bits >= threshold
        below += float(weight[~reached].sum())
        linked += float(weight[reached].sum())
        above += float(weight[reached & (bits < high)].sum())
    return {
        "from_bits": low,
        "to_bits": high,
        "pairs_below": round(below),
        "pairs_above": round(above),
        "share": _share(below + above, below + linked),
        "share_of_links": _share(above, linked),
    }


def _from(bits: npt.NDArray[Any], weight: Floats) -> Floats:
    """Total weight of all pairs, then of those at or above each of `THRESHOLDS`."""
    place = np.clip(np.floor(bits) - THRESHOLDS.start + 1, 0, len(THRESHOLDS)).astype(np.int64)
    sums = np.bincount(place, weights=weight, minlength=len(THRESHOLDS) + 1).astype(np.float64)
    result: Floats = np.cumsum(sums[::-1])[::-1]
    return result


def _share(part: float, whole: float) -> float:
    """Rounded, so that no sum's order shows; 1 where there is nothing to share."""
    return round(float(part) / float(whole), 6) if whole else 1.0
