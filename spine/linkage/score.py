"""Stage 7: the match weight of every pair, by look-up of its pattern.

Put here: weights, probabilities, and the discount for pairs that compete. Never here: clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spine.linkage.arrays import Array, Codes, Flags, Floats, components, pair_keys
from spine.linkage.compare import VETOES, Compared
from spine.linkage.config import LinkageConfig
from spine.linkage.encode import Encoded
from spine.linkage.fit import Model, Patterns
from spine.linkage.levels import level
from spine.linkage.overrides import Decisions

_MOST_BITS = 60.0


@dataclass(frozen=True)
class Scored:
    """Candidate pairs of nodes with their match weight.

    Attributes:
        left: places of the first nodes.
        right: places of the second nodes.
        bits: log2 odds that the pair is one person.
        anchor: linked by NHS number.
        manual: a decision says that they are one person.
        veto: may never be linked (index into `VETOES`).
        contested: pairs that fell below the threshold because a rival was as good.
    """

    left: Codes
    right: Codes
    bits: Floats
    anchor: Flags
    manual: Flags
    veto: Array
    contested: int


def weigh(compared: Compared, of_pair: Array, patterns: Patterns, model: Model, config: LinkageConfig) -> Floats:
    """Bits of every compared pair: prior weight of its stratum plus one weight for each comparison.

    Args:
        compared: the pairs.
        of_pair: the pattern of each.
        patterns: their patterns.
        model: what levels are worth.
        config: thresholds.
    """
    bits = _table(patterns, model, config).astype(np.float32)[of_pair]
    anchor = compared.anchor & (compared.veto == 0)
    bits[anchor] = np.maximum(bits[anchor], config.thresholds.anchor_bits)
    weak = compared.kin | (compared.thin & (bits < config.thresholds.thin_bits))
    bits[weak] = np.minimum(bits[weak], 0.0)
    return bits


def score(encoded: Encoded, compared: Compared, bits: Floats, decisions: Decisions, config: LinkageConfig) -> Scored:
    """Settle which pairs may be links: rivals lower each other's odds, and decisions by people stand above all.

    Args:
        encoded: the nodes.
        compared: the pairs' levels.
        bits: their weights (see `weigh`).
        decisions: pairs that must, and pairs that may not, be one person.
        config: thresholds.
    """
    threshold = config.thresholds.link_bits
    # Inside a single source nothing says that a person has one record.
    settled = _discount_rivals(encoded, compared, bits, config) if encoded.several_sources else bits
    contested = int(((bits >= threshold) & (settled < threshold) & (compared.veto == 0)).sum())
    twins = compared.lookalike & (settled < 0) & (compared.veto == 0)
    veto = np.where(twins, VETOES.index("twins"), compared.veto)
    manual = np.zeros(bits.size, dtype=bool)
    if decisions.both.size:
        pair = pair_keys(compared.left, compared.right, encoded.size)
        manual = np.isin(pair, decisions.must)
        veto = np.where(np.isin(pair, decisions.cannot), VETOES.index("cannot_link"), np.where(manual, 0, veto))
    anchor = compared.anchor & (veto == 0)
    return Scored(compared.left, compared.right, settled, anchor, manual, veto.astype(np.uint8), contested)


def probability(bits: Floats) -> Floats:
    """Match probability of a weight in bits."""
    return 1.0 / (1.0 + np.exp2(-bits.astype(np.float64)))


def _table(patterns: Patterns, model: Model, config: LinkageConfig) -> Floats:
    result = np.zeros(patterns.home.size)
    for name, stratum in model.strata.items():
        own = np.flatnonzero(patterns.home == (name == "home"))
        prior = np.log2(stratum.matches / (1 - stratum.matches))
        result[own] = patterns.design[own] @ model.weights(name, config) + prior
    return np.clip(result, -_MOST_BITS, _MOST_BITS)


def _discount_rivals(encoded: Encoded, compared: Compared, bits: Floats, config: LinkageConfig) -> Floats:
    """Lower a pair's odds where another node of the same source is as good a partner.

    A person has one record in a source, or several that may be one person. Where a record fits two of one
    source that are not one person (an initial that fits two residents of a home, a nameless child that
    fits twins), at most one can be right: the odds become o / (1 + o of the rivals).
    """
    left, right = compared.left, compared.right
    linked = (bits >= config.thresholds.link_bits) & (compared.veto == 0)
    possible = _in_open_groups(encoded.size, compared, np.flatnonzero((bits > 0) & (compared.veto == 0)), linked)
    focus = np.concatenate([left[possible], right[possible]])
    partner = np.concatenate([right[possible], left[possible]])
    order = np.argsort(pair_keys(focus, partner, encoded.size))
    focus, partner, pair = focus[order], partner[order], np.concatenate([possible, possible])[order]
    starts = np.flatnonzero(np.diff(focus, prepend=-1))
    one, other = _ordered_pairs(starts, np.diff(starts, append=focus.size))
    source = encoded.codes["source"][partner]
    shared = (source[one] & source[other]) != 0
    one, other = one[shared], other[shared]
    rivals = ~_alike(encoded, partner[one], partner[other], compared, bits >= config.thresholds.rival_bits)
    one, other = one[rivals], other[rivals]
    against = np.zeros(focus.size)
    np.add.at(against, one, np.exp2(np.minimum(bits[pair[other]], _MOST_BITS)))
    loss = np.zeros(bits.size, dtype=np.float32)
    np.maximum.at(loss, pair, np.log2(1 + against).astype(np.float32))
    result: Floats = np.where(_firm(compared), bits, bits - loss)
    return result


def _firm(compared: Compared) -> Flags:
    """Equal NHS numbers and nothing against it. With another forename, a rival may be who the number was meant for."""
    differ = [compared.levels[name] == level(name, "different") for name in ("first_name", "surname", "date_of_birth")]
    result: Flags = compared.anchor & ~np.logical_or.reduce(differ)
    return result


def _in_open_groups(size: int, compared: Compared, possible: Codes, linked: Flags) -> Codes:
    """The possible pairs of groups in which not every two are linked: elsewhere nothing competes."""
    label = components(size, compared.left[possible], compared.right[possible])
    nodes = np.bincount(label, minlength=size)
    links = np.bincount(label[compared.left[possible]][linked[possible]], minlength=size)
    complete = links == nodes * (nodes - 1) // 2
    return possible[~complete[label[compared.left[possible]]]]


def _ordered_pairs(starts: Codes, sizes: Codes) -> tuple[Codes, Codes]:
    """Positions of every ordered pair of different members within each group."""
    ones, others = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for members in np.unique(sizes[sizes > 1]):
        first, second = np.nonzero(~np.eye(int(members), dtype=bool))
        base = starts[sizes == members][:, None]
        ones.append((base + first).ravel())
        others.append((base + second).ravel())
    return np.concatenate(ones), np.concatenate(others)


def _alike(encoded: Encoded, a: Codes, b: Codes, compared: Compared, maybe_one: Flags) -> Flags:
    """Whether two nodes may be one person.

    By their comparison; where they were not compared, by the same names and date of birth; and where all that they hold
    is the same, for a record that comes twice is no rival of itself. Compared pairs come sorted.
    """
    if not compared.left.size or not a.size:
        return np.zeros(a.size, dtype=bool)
    known = pair_keys(compared.left, compared.right, encoded.size)
    wanted = pair_keys(np.minimum(a, b), np.maximum(a, b), encoded.size)
    place = np.minimum(np.searchsorted(known, wanted), known.size - 1)
    equal = {name: codes[a] == codes[b] for name, codes in encoded.codes.items()}
    same, twice = equal["first"] & equal["surname"] & equal["birth"], np.logical_and.reduce(list(equal.values()))
    return np.where(known[place] == wanted, (maybe_one[place] | twice) & (compared.veto[place] == 0), same)
