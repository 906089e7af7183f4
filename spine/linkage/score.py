"""Stage 7: the match weight of every pair, by look-up of its pattern.

Put here: weights, probabilities, and the discount for pairs that compete. Never here: clusters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spine.linkage.arrays import (
    Array,
    Codes,
    Flags,
    Floats,
    components,
    may_be_among,
    mixed,
    pair_keys,
    sizes_of_several,
)
from spine.linkage.compare import VETOES, Compared
from spine.linkage.config import LinkageConfig
from spine.linkage.encode import Encoded
from spine.linkage.fit import Model, Patterns
from spine.linkage.levels import level
from spine.linkage.overrides import Decisions
from spine.linkage.parallel import both

_MOST_BITS = 60.0
_OF_PAIRS = ("left", "right", "bits", "manual", "veto")
#: So many sources that each know one person of two forenames at a home know no twins.
_SOURCES_THAT_TELL = 3


@dataclass(frozen=True)
class Scored:
    """Candidate pairs of nodes with their match weight.

    Attributes:
        left: places of the first nodes.
        right: places of the second nodes.
        bits: log2 odds that the pair is one person.
        manual: a decision says that they are one person.
        veto: may never be linked (index into `VETOES`).
        contested: pairs that fell below the threshold because a rival was as good.
    """

    left: Codes
    right: Codes
    bits: Floats
    manual: Flags
    veto: Array
    contested: int

    def taken(self, chosen: Codes) -> Scored:
        """Some of the pairs."""
        columns: dict[str, Any] = {name: getattr(self, name)[chosen] for name in _OF_PAIRS}
        return replace(self, **columns)


def joined(*parts: Scored) -> Scored:
    """The pairs of all parts, in their order; of the first one the count of those contested."""
    columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _OF_PAIRS}
    return replace(parts[0], **columns)


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
    settled, named_twice = both(
        lambda: _discount_rivals(encoded, compared, bits, config) if encoded.several_sources else bits,
        lambda: _one_by_two_forenames(encoded, compared),
        bits.size,
    )
    settled = np.where(named_twice, np.maximum(settled, threshold), settled)
    contested = int(((bits >= threshold) & (settled < threshold) & (compared.veto == 0)).sum())
    twins = compared.lookalike & (settled < 0) & (compared.veto == 0)
    veto = np.where(twins, VETOES.index("twins"), compared.veto)
    manual = np.zeros(bits.size, dtype=bool)
    if decisions.both.size:
        pair = pair_keys(compared.left, compared.right, encoded.size)
        manual = np.isin(pair, decisions.must)
        veto = np.where(np.isin(pair, decisions.cannot), VETOES.index("cannot_link"), np.where(manual, 0, veto))
    return Scored(compared.left, compared.right, settled, manual, veto.astype(np.uint8), contested)


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


def _one_by_two_forenames(encoded: Encoded, compared: Compared) -> Flags:
    """Lookalikes who are one person under two forenames, and no twins."""
    look = np.flatnonzero(compared.lookalike & (compared.veto == 0))
    result = np.zeros(compared.left.size, dtype=bool)
    if look.size:
        left, right = compared.left[look], compared.right[look]
        levels = {name: compared.levels[name][look] for name in ("sex", "nhs_number", "other_number")}
        result[look] = _no_source_knows_two(encoded, left, right, levels) | _has_both(encoded, left, right)
    return result


def _has_both(encoded: Encoded, left: Codes, right: Codes) -> Flags:
    """A third record of that day at that home has the one forename as first and the other as second name."""
    codes = encoded.codes
    first, middle = codes["first"], codes["middle"]
    day = codes["postcode"] ^ codes["birth"]
    homes = may_be_among(day, day[np.concatenate([left, right])])
    named = np.flatnonzero(homes & (first > 0) & (middle > 0) & (codes["birth"] % 100 > 0) & (codes["house"] != 0))
    there = ("postcode", "house", "birth")
    told = mixed([*(codes[name][named] for name in there), first[named], middle[named]])
    result = np.zeros(left.size, dtype=bool)
    for one, other in ((left, right), (right, left)):
        for at in (left, right):
            home = [codes[name][at] for name in there]
            result |= np.isin(mixed([*home, first[one], first[other]]), told)
    return result


def _no_source_knows_two(encoded: Encoded, left: Codes, right: Codes, levels: Mapping[str, Array]) -> Flags:
    """Of twins at one home most sources know both.

    Where three sources or more know somebody of that day at that home, of one sex, under two forenames in all, and none
    of them knows two people, there is one.
    """
    label, source, first = components(encoded.size, left, right), encoded.codes["source"], encoded.codes["first"]
    two = np.zeros(encoded.size, dtype=bool)
    two[label[left[(source[left] & source[right]) != 0]]] = True
    for name, values in levels.items():
        two[label[left[values == level(name, "differ")]]] = True
    known = np.zeros(encoded.size, dtype=np.int64)
    least, most = np.full(encoded.size, np.iinfo(np.int64).max), np.zeros(encoded.size, dtype=np.int64)
    for side in (left, right):
        np.bitwise_or.at(known, label[side], source[side])
        np.minimum.at(least, label[side], first[side])
        np.maximum.at(most, label[side], first[side])
    for side in (left, right):
        third = (first[side] != least[label[side]]) & (first[side] != most[label[side]])
        two[label[side[third]]] = True
    several = np.bitwise_count(known[label[left]]) >= _SOURCES_THAT_TELL
    result: Flags = ~two[label[left]] & several & (levels["sex"] == level("sex", "agree"))
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
    for members in sizes_of_several(sizes):
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
    first = ("first", "surname", "birth")
    same = np.logical_and.reduce([encoded.codes[name][a] == encoded.codes[name][b] for name in first])
    twice = same.copy()
    for name, codes in encoded.codes.items():
        if name not in first:
            alike = np.flatnonzero(twice)
            twice[alike] = codes[a[alike]] == codes[b[alike]]
    return np.where(known[place] == wanted, (maybe_one[place] | twice) & (compared.veto[place] == 0), same)
