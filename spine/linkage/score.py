"""Stage 6: the match weight of every pair, by look-up of its pattern.

Put here: weights, probabilities, and the discount for pairs that compete. Never here: clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spine.linkage.compare import VETOES, Compared
from spine.linkage.config import LinkageConfig
from spine.linkage.encode import Codes, Encoded
from spine.linkage.fit import Model, Patterns

Floats = npt.NDArray[np.float64]
_MOST_BITS = 60.0


@dataclass(frozen=True)
class Scored:
    """Candidate pairs with their match weight.

    Attributes:
        left: positions of the first records.
        right: positions of the second records.
        bits: log2 odds that the pair is one person.
        anchor: linked by NHS number.
        veto: may never be linked (index into `VETOES`).
        compared: comparison levels, for the explanation.
        contested: pairs that fell below the threshold because a rival was as good.
    """

    left: Codes
    right: Codes
    bits: Floats
    anchor: npt.NDArray[np.bool_]
    veto: npt.NDArray[np.uint8]
    compared: Compared
    contested: int


def score(encoded: Encoded, compared: Compared, patterns: Patterns, model: Model, config: LinkageConfig) -> Scored:
    """Weigh every pair: prior weight of its stratum plus one weight for each comparison.

    Args:
        encoded: the records.
        compared: the pairs' levels.
        patterns: their histogram.
        model: what levels are worth.
        config: thresholds.
    """
    bits = _table(patterns, model)[patterns.of_pair]
    anchor = compared.anchor & (compared.veto == 0)
    bits[anchor] = np.maximum(bits[anchor], config.thresholds.anchor_bits)
    threshold = config.thresholds.link_bits
    # Inside a single source nothing says that a person has one record.
    several = int(encoded.codes["source"].max(initial=0)) > 1
    settled = _discount_rivals(encoded, compared, bits, threshold) if several else bits
    contested = int(((bits >= threshold) & (settled < threshold) & (compared.veto == 0)).sum())
    twins = compared.lookalike & (settled < 0) & (compared.veto == 0)
    veto = np.where(twins, VETOES.index("twins"), compared.veto).astype(np.uint8)
    return Scored(compared.left, compared.right, settled, anchor, veto, compared, contested)


def probability(bits: Floats) -> Floats:
    """Match probability of a weight in bits."""
    return 1.0 / (1.0 + np.exp2(-bits))


def _table(patterns: Patterns, model: Model) -> Floats:
    result = np.zeros(patterns.home.size)
    for name, stratum in model.strata.items():
        own = np.flatnonzero(patterns.home == (name == "home"))
        weights = (stratum.log_shares[1] - stratum.log_shares[0]) / np.log(2)
        prior = np.log2(stratum.matches / (1 - stratum.matches))
        result[own] = patterns.design[own] @ weights + prior
    return np.clip(result, -_MOST_BITS, _MOST_BITS)


def _discount_rivals(encoded: Encoded, compared: Compared, bits: Floats, threshold: float) -> Floats:
    """Lower a pair's odds where another record of the same source is as good a partner.

    A person has one record in a source, or several that are themselves alike. Where a record fits two of one
    source that are not one person (an initial that fits two residents of a home, a nameless child that
    fits twins), at most one can be right: the odds become o / (1 + o of the rivals).
    """
    possible = np.flatnonzero((bits > 0) & (compared.veto == 0))
    left, right = compared.left, compared.right
    focus = np.concatenate([left[possible], right[possible]])
    partner = np.concatenate([right[possible], left[possible]])
    pair = np.concatenate([possible, possible])
    order = np.lexsort((partner, encoded.codes["source"][partner], focus))
    focus, partner, pair = focus[order], partner[order], pair[order]
    group = np.flatnonzero(
        (np.diff(focus, prepend=-1) != 0) | (np.diff(encoded.codes["source"][partner], prepend=-1) != 0)
    )
    sizes = np.diff(group, append=focus.size)
    one, other = _ordered_pairs(group, sizes)
    linked = (bits >= threshold) & (compared.veto == 0)
    rivals = ~_alike(partner[one], partner[other], encoded.size, compared, linked)
    one, other = one[rivals], other[rivals]
    against = np.zeros(focus.size)
    np.add.at(against, one, np.exp2(np.minimum(bits[pair[other]], _MOST_BITS)))
    loss = np.zeros(bits.size)
    np.maximum.at(loss, pair, np.log2(1 + against))
    result: Floats = np.where(compared.anchor, bits, bits - loss)
    return result


def _ordered_pairs(starts: Codes, sizes: Codes) -> tuple[Codes, Codes]:
    """Positions of every ordered pair of different members within each group."""
    ones, others = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for members in np.unique(sizes[sizes > 1]):
        first, second = np.nonzero(~np.eye(int(members), dtype=bool))
        base = starts[sizes == members][:, None]
        ones.append((base + first).ravel())
        others.append((base + second).ravel())
    return np.concatenate(ones), np.concatenate(others)


def _alike(a: Codes, b: Codes, size: int, compared: Compared, linked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether two records were compared and are a link themselves. Compared pairs come sorted."""
    known = compared.left * size + compared.right
    if not known.size:
        return np.zeros(a.size, dtype=bool)
    wanted = np.minimum(a, b) * size + np.maximum(a, b)
    place = np.minimum(np.searchsorted(known, wanted), known.size - 1)
    result: npt.NDArray[np.bool_] = (known[place] == wanted) & linked[place]
    return result
