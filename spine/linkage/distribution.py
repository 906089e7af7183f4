"""How the match weights of all candidate pairs spread, and what another threshold would do.

Put here: histograms and curves over match weights. Never here: how a pair is weighed (score.py), or a
value or id of any record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from spine.linkage.compare import VETOES

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

#: Bits in one bar of the histogram, and where it begins and ends; what lies beyond counts in the last bar.
BIN_BITS = 2
HISTOGRAM = (-40, 40)
#: Thresholds of the curve, in bits.
THRESHOLDS = range(-5, 26)
#: The clerical band, in bits below and above the threshold. Around the shipped threshold of 0.25 it reaches from -2.75
#: bits (about one pair in eight is one person, and the estimates err on the careful side) to 6.25 bits, above which the
#: model expects fewer than one pair in 76 to be taken back.
CLERICAL_BAND = (-3.0, 6.0)


class ScoredPairs(Protocol):
    """Candidate pairs with their match weight; one entry of every array for each pair."""

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


#: Whole bits that are told apart: what lies below or above counts with the first or last.
_LOWEST: Final = min(HISTOGRAM[0], THRESHOLDS.start) - 1
_WHOLE: Final = np.arange(_LOWEST, max(HISTOGRAM[1], THRESHOLDS.stop) + 1)
_MOST_BITS: Final = 60.0
#: So many pairs are counted at a time: millions of pairs need no second copy.
_AT_A_TIME: Final = 1 << 19


@dataclass(frozen=True)
class Spread:
    """Pairs of records by match weight, as counts from which all distributions are read.

    Sums over pairs, so that those of some pairs can be taken away from those of all, and others added.

    Attributes:
        threshold: of a link, in bits.
        pairs: pairs of records, by stratum (home, elsewhere), veto, whether they are of two clusters though above the
            threshold, whole bits, and how many of the edges of the clerical band and the threshold they reach.
        matches: the same, each pair by its probability.
    """

    threshold: float
    pairs: Floats
    matches: Floats

    def with_more(self, other: Spread) -> Spread:
        """Both together."""
        return Spread(self.threshold, self.pairs + other.pairs, self.matches + other.matches)

    def without(self, other: Spread) -> Spread:
        """What is left of these where the other ones are taken away."""
        return Spread(self.threshold, self.pairs - other.pairs, self.matches - other.matches)


def spread(
    bits: npt.NDArray[Any],
    records: npt.NDArray[Any],
    home: Flags,
    veto: npt.NDArray[Any],
    apart: Flags,
    threshold: float,
) -> Spread:
    """Count pairs by match weight.

    Args:
        bits: log2 odds that each pair is one person.
        records: how many pairs of records it stands for.
        home: both are at one dwelling.
        veto: why it may never be linked; 0 where nothing forbids it.
        apart: it is of two clusters though above the threshold.
        threshold: of a link, in bits.
    """
    shape = (2, len(VETOES), 2, _WHOLE.size, len(_edges(threshold)) + 1)
    pairs, matches = np.zeros(int(np.prod(shape))), np.zeros(int(np.prod(shape)))
    for start in range(0, bits.size, _AT_A_TIME):
        some = slice(start, start + _AT_A_TIME)
        cell = _cells(shape, (~home[some], veto[some], apart[some]), bits[some], threshold)
        weight = np.asarray(records[some], dtype=np.float64)
        pairs += np.bincount(cell, weights=weight, minlength=pairs.size)
        weight = weight / (1 + np.exp2(-np.clip(bits[some], -_MOST_BITS, _MOST_BITS).astype(np.float64)))
        matches += np.bincount(cell, weights=weight, minlength=pairs.size)
    return Spread(threshold, pairs.reshape(shape), matches.reshape(shape))


def _cells(
    shape: tuple[int, ...], flags: tuple[npt.NDArray[Any], ...], bits: npt.NDArray[Any], threshold: float
) -> npt.NDArray[np.int32]:
    """Place of each pair in a table of that shape."""
    whole = np.clip(np.floor(bits), _WHOLE[0], _WHOLE[-1]).astype(np.int32) - _LOWEST
    reached = np.zeros(bits.size, dtype=np.int32)
    for edge in _edges(threshold):
        reached += bits >= edge
    cell = np.zeros(bits.size, dtype=np.int32)
    for size, values in zip(shape, (*flags, whole, reached), strict=True):
        cell *= size
        cell += values
    return cell


def _edges(threshold: float) -> tuple[float, float, float]:
    """The threshold, between the ends of the clerical band."""
    return threshold + CLERICAL_BAND[0], threshold, threshold + CLERICAL_BAND[1]


def histogram(spread: Spread) -> dict[str, Any]:
    """Pairs of records by match weight, in bars of `BIN_BITS` bits, by stratum; vetoed pairs by themselves."""
    low, high = HISTOGRAM
    bars = (high - low) // BIN_BITS
    bar = np.clip(np.floor_divide(_WHOLE - low, BIN_BITS), 0, bars - 1)
    by_bits = spread.pairs.sum(axis=(2, 4))
    rows = (by_bits[0, 0], by_bits[1, 0], by_bits[:, 1:].sum(axis=(0, 1)))
    counts = {
        name: [round(n) for n in np.bincount(bar, weights=row, minlength=bars).tolist()]
        for name, row in zip(("home", "elsewhere", "vetoed"), rows, strict=True)
    }
    return {"bin_bits": BIN_BITS, "from_bits": [low + BIN_BITS * i for i in range(bars)], **counts}


def threshold_curve(spread: Spread) -> list[dict[str, float]]:
    """What the model expects of each threshold, from the probabilities of the pairs that were compared.

    Returns:
        One row per threshold: threshold_bits, pairs (of records, at or above it), expected_precision (mean
        probability of these) and expected_found (their share of all matches that the model sees among the
        compared pairs). A match that no blocking rule found is not in it.
    """
    free_pairs, free_matches = (table[:, 0].sum(axis=(0, 1, 3)) for table in (spread.pairs, spread.matches))
    pairs, matches = _from(_WHOLE, free_pairs), _from(_WHOLE, free_matches)
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


def clerical(spread: Spread) -> dict[str, float]:
    """Pairs near the threshold, where a person who looked might decide otherwise (see `CLERICAL_BAND`).

    Returns:
        from_bits, to_bits, pairs_below (not linked), pairs_above (linked unless kept apart), share (of all
        pairs from the band upwards) and share_of_links (of the pairs above the threshold).
    """
    low, _, high = _edges(spread.threshold)
    below, above, beyond = spread.pairs[:, 0].sum(axis=(0, 1, 2))[1:].tolist()
    return {
        "from_bits": low,
        "to_bits": high,
        "pairs_below": round(below),
        "pairs_above": round(above),
        "share": _share(below + above, below + above + beyond),
        "share_of_links": _share(above, above + beyond),
    }


def conflicts(spread: Spread) -> dict[str, Any]:
    """Pairs of records that may never be linked, and those that would be links by their weight and are not."""
    by_veto, strong = spread.pairs.sum(axis=(0, 2, 3, 4)), spread.pairs[..., 2:].sum(axis=(0, 3, 4))
    return {
        "vetoes": {name: round(float(count)) for name, count in zip(VETOES[1:], by_veto[1:], strict=True)},
        "vetoed_above_threshold": round(float(strong[1:].sum())),
        "kept_apart_above_threshold": round(float(strong[0, 1])),
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
