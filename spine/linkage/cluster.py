"""Stage 8: links become clusters, and no cluster holds a pair that must stay apart.

Put here: components, the cannot-link guard, confidence. Never here: match weights, or resident ids.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spine.linkage.arrays import Codes, Flags, Floats, components, mixed
from spine.linkage.config import LinkageConfig
from spine.linkage.content import content
from spine.linkage.encode import Encoded
from spine.linkage.score import Scored, probability

#: No single pair says more than so many bits for a merge of two groups, or against it: one badly written record of a
#: person disagrees with all others.
_MOST_FOR, _MOST_AGAINST = 20.0, 4.0


@dataclass(frozen=True)
class Clustering:
    """Which nodes are one person.

    Attributes:
        label: for each node the place of a node of its cluster, the same for all of them.
        link: candidate pairs that are links within a cluster.
        rebuilt: components that the guard took apart and built again.
        refused: merges that the guard refused.
    """

    label: Codes
    link: Flags
    rebuilt: int
    refused: int


def cluster(encoded: Encoded, scored: Scored, config: LinkageConfig) -> Clustering:
    """Join linked pairs to clusters.

    Connected components first. A component that holds a vetoed pair, a pair below `refuse_bits`, two
    verified NHS numbers or two records of a source that promises one, is built again: decided pairs, then the
    strongest link first. A merge is refused that would put a vetoed pair together, or where the weights of all pairs
    between the two sides are in sum against it.
    """
    accepted = scored.manual | ((scored.bits >= config.thresholds.link_bits) & (scored.veto == 0))
    apart = (scored.veto > 0) | ((scored.bits <= config.thresholds.refuse_bits) & ~scored.manual)
    label = components(encoded.size, scored.left[accepted], scored.right[accepted])
    conflicted = _conflicted(encoded, scored, label, apart)
    inside = conflicted[label[scored.left]] & (label[scored.left] == label[scored.right])
    pairs = np.flatnonzero(inside)
    guard = _Guard(encoded, scored, pairs, _by_second_name(encoded, scored, pairs, label))
    label = np.where(conflicted[label], np.arange(encoded.size), label)
    for edge in np.flatnonzero(scored.manual & inside):
        guard.join(int(scored.left[edge]), int(scored.right[edge]))
    edges = np.flatnonzero(accepted & inside & ~scored.manual)
    edges = edges[_in_turn(encoded, scored, edges)]
    refused = 0
    for one, other in zip(scored.left[edges].tolist(), scored.right[edges].tolist(), strict=True):
        refused += not guard.merge(one, other)
    for members in guard.clusters():
        label[members] = min(members)
    link = accepted & (label[scored.left] == label[scored.right])
    return Clustering(label, link, int(conflicted.sum()), refused)


def _in_turn(encoded: Encoded, scored: Scored, edges: Codes) -> Codes:
    """Order of links: the strongest first, of equal ones by what the two nodes hold.

    An initial may fit two people of a home equally well: whom it goes to may not hang on what happens elsewhere.
    """
    nodes, side = np.unique(np.concatenate([scored.left[edges], scored.right[edges]]), return_inverse=True)
    left, right = np.split(content(encoded.taken(nodes))[side], 2)
    return np.lexsort((np.maximum(left, right), np.minimum(left, right), -scored.bits[edges]))


def _conflicted(encoded: Encoded, scored: Scored, label: Codes, apart: Flags) -> Flags:
    """By label: the component holds what must stay apart."""
    result = np.zeros(encoded.size, dtype=bool)
    together = label[scored.left[apart]] == label[scored.right[apart]]
    result[label[scored.left[apart]][together]] = True
    holders = np.flatnonzero(encoded.verified)
    number, nhs = np.zeros(encoded.size, dtype=np.int64), encoded.codes["nhs"][holders]
    number[label[holders]] = nhs
    result[label[holders][number[label[holders]] != nhs]] = True
    promised = encoded.codes["source"] & encoded.promised
    if promised.any():
        held, distinct = np.bincount(label, np.bitwise_count(promised), encoded.size), np.zeros(encoded.size, np.int64)
        np.bitwise_or.at(distinct, label, promised)
        result |= held > np.bitwise_count(distinct)
    return result


def _by_second_name(encoded: Encoded, scored: Scored, pairs: Codes, label: Codes) -> Flags:
    """Pairs of two forenames, at least one without a date of birth, where a third record of the component has both.

    Who is called by a second name is in some sources by the first one, in some by the second. Where one record says
    that both are one person's, those that have one each do not speak against it.
    """
    first, middle, born = (encoded.codes[name] for name in ("first", "middle", "birth"))
    here = np.zeros(encoded.size, dtype=bool)
    here[label[scored.left[pairs]]] = True
    both = np.flatnonzero((first > 0) & (middle > 0) & here[label])
    told = mixed([label[both], first[both], middle[both]])
    left, right = scored.left[pairs], scored.right[pairs]
    one, other, of = first[left], first[right], label[left]
    result = np.isin(mixed([of, one, other]), told) | np.isin(mixed([of, other, one]), told)
    result &= (one != other) & (one > 0) & (other > 0) & ((born[left] == 0) | (born[right] == 0))
    return result & (scored.bits[pairs] < 0) & (scored.veto[pairs] == 0)


class _Guard:
    """Union of nodes that refuses to put two together that must stay apart.

    Only the nodes of conflicted components pass through here, so a loop over their links is short.
    """

    def __init__(self, encoded: Encoded, scored: Scored, pairs: Codes, silent: Flags) -> None:
        self._nhs = np.where(encoded.verified, encoded.codes["nhs"], 0)
        self._promised, self._any_promised = encoded.codes["source"] & encoded.promised, encoded.promised > 0
        self._root: dict[int, int] = {}
        self._members: dict[int, list[int]] = {}
        #: Sum of weights between two clusters; minus infinity where a pair of theirs is vetoed.
        self._between: dict[int, dict[int, float]] = {}
        bits = np.where(scored.veto[pairs] > 0, -np.inf, np.clip(scored.bits[pairs], -_MOST_AGAINST, _MOST_FOR))
        bits = np.where(silent, 0.0, bits)
        triples = (values[pairs].tolist() for values in (scored.left, scored.right))
        for one, other, weight in zip(*triples, bits.tolist(), strict=True):
            self._between.setdefault(self._find(one), {})[self._find(other)] = weight
            self._between.setdefault(other, {})[one] = weight

    def clusters(self) -> list[list[int]]:
        return list(self._members.values())

    def merge(self, one: int, other: int) -> bool:
        """Merge the clusters of two nodes unless that is refused; True where they are together."""
        a, b = self._find(one), self._find(other)
        if a == b:
            return True
        if self._between[a].get(b, 0.0) < 0 or self._conflict(self._members[a], self._members[b]):
            return False
        self.join(one, other)
        return True

    def join(self, one: int, other: int) -> None:
        """Merge the clusters of two nodes, whatever speaks against it."""
        a, b = self._find(one), self._find(other)
        if a == b:
            return
        if len(self._between.get(a, ())) < len(self._between.get(b, ())):
            a, b = b, a
        self._root.update(dict.fromkeys(self._members[b], a))
        self._members[a].extend(self._members.pop(b))
        mine = self._between.setdefault(a, {})
        for third, weight in self._between.pop(b, {}).items():
            theirs = self._between[third]
            del theirs[b]
            if third != a:
                mine[third] = theirs[a] = mine.get(third, 0.0) + weight

    def _conflict(self, mine: list[int], theirs: list[int]) -> bool:
        both = [*mine, *theirs]
        if len(set(self._nhs[both].tolist()) - {0}) > 1:
            return True
        if not self._any_promised:
            return False
        promised = self._promised[both]
        return bool(np.bitwise_count(promised).sum() > np.bitwise_count(np.bitwise_or.reduce(promised)))

    def _find(self, node: int) -> int:
        if node not in self._root:
            self._root[node] = node
            self._members[node] = [node]
        return self._root[node]


def confidence(clustering: Clustering, scored: Scored, root: Flags) -> Floats:
    """Probability of the weakest link on the best path from a node to the root of its cluster.

    Args:
        root: one node of each cluster. It takes the probability of its best link itself.

    Returns:
        One number for each node; NaN where it is alone. A decided pair counts as certain.
    """
    link = np.flatnonzero(clustering.link)
    left, right = np.take(scored.left, link), np.take(scored.right, link)
    strength = np.where(np.take(scored.manual, link), 1.0, probability(np.take(scored.bits, link)))
    width = np.full(root.size, np.nan)
    width[left] = width[right] = 0.0
    best = np.zeros(root.size)
    for one in (left, right):
        at_root = np.take(root, one)
        np.maximum.at(best, one[at_root], strength[at_root])
    width[root & ~np.isnan(width)] = 1.0
    reached = root
    # A path leads on only from where the last round came to, or came to by a better one.
    while (on := np.flatnonzero(np.take(reached, left) | np.take(reached, right))).size:
        one, other, before = np.take(left, on), np.take(right, on), width.copy()
        np.maximum.at(width, one, np.minimum(np.take(before, other), strength[on]))
        np.maximum.at(width, other, np.minimum(np.take(before, one), strength[on]))
        reached = width > before
    return np.where(root & ~np.isnan(width), best, width)
