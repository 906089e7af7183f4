"""Stage 8: links become clusters, and no cluster holds a pair that must stay apart.

Put here: components, the cannot-link guard, confidence. Never here: match weights, or resident ids.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spine.linkage.arrays import Codes, Flags, Floats, components, mixed
from spine.linkage.chains import unseen_pairs
from spine.linkage.config import LinkageConfig
from spine.linkage.content import content
from spine.linkage.encode import Encoded
from spine.linkage.fit import Model
from spine.linkage.score import Scored, joined, probability

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


def cluster(encoded: Encoded, scored: Scored, model: Model, config: LinkageConfig) -> Clustering:
    """Join linked pairs to clusters.

    Connected components first. A component that holds a vetoed pair, a pair below `refuse_bits`, two
    verified NHS numbers or two records of a source that promises one, is built again: decided pairs, then the
    strongest link first. A merge is refused that would put a vetoed pair together, or where the weights of all pairs
    between the two sides are in sum against it. In a long chain these are all pairs there are (see `chains`), elsewhere
    those that a blocking rule joined.
    """
    accepted = scored.manual | ((scored.bits >= config.thresholds.link_bits) & (scored.veto == 0))
    label = components(encoded.size, scored.left[accepted], scored.right[accepted])
    of_left = np.take(label, scored.left)
    together = of_left == np.take(label, scored.right)
    unseen = unseen_pairs(encoded, scored, together, label, model, config)
    apart = of_left[together & _apart(scored, config)], label[unseen.left[_apart(unseen, config)]]
    conflicted = _conflicted(encoded, label, np.concatenate(apart))
    pairs = np.flatnonzero(together & np.take(conflicted, of_left))
    part = joined(scored.taken(pairs), unseen.taken(np.flatnonzero(conflicted[label[unseen.left]])))
    guard = _Guard(encoded, part, _by_second_name(encoded, part, label))
    label = np.where(conflicted[label], np.arange(encoded.size), label)
    for pair in np.flatnonzero(part.manual).tolist():
        guard.join(pair)
    edges = np.flatnonzero(accepted[pairs] & ~scored.manual[pairs])
    edges = edges[_in_turn(encoded, part, edges)]
    refused = sum(not guard.merge(pair) for pair in edges.tolist())
    label[guard.nodes] = guard.smallest()
    # In the other components all that is accepted is together.
    accepted[pairs] &= label[scored.left[pairs]] == label[scored.right[pairs]]
    return Clustering(label, accepted, int(conflicted.sum()), refused)


def _apart(scored: Scored, config: LinkageConfig) -> Flags:
    """Pairs that must stay apart, or that speak loudly against one person."""
    return (scored.veto > 0) | ((scored.bits <= config.thresholds.refuse_bits) & ~scored.manual)


def _in_turn(encoded: Encoded, scored: Scored, edges: Codes) -> Codes:
    """Order of links: the strongest first, of equal ones by what the two nodes hold.

    An initial may fit two people of a home equally well: whom it goes to may not hang on what happens elsewhere.
    """
    nodes, side = np.unique(np.concatenate([scored.left[edges], scored.right[edges]]), return_inverse=True)
    left, right = np.split(content(encoded.taken(nodes))[side], 2)
    return np.lexsort((np.maximum(left, right), np.minimum(left, right), -scored.bits[edges]))


def _conflicted(encoded: Encoded, label: Codes, apart: Codes) -> Flags:
    """By label: the component holds what must stay apart.

    Args:
        encoded: the nodes.
        label: the component of each.
        apart: components that hold a pair which must stay apart.
    """
    result = np.zeros(encoded.size, dtype=bool)
    result[apart] = True
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


def _by_second_name(encoded: Encoded, scored: Scored, label: Codes) -> Flags:
    """Pairs of two forenames, at least one without a date of birth, where a third record of the component has both.

    Who is called by a second name is in some sources by the first one, in some by the second. Where one record says
    that both are one person's, those that have one each do not speak against it.
    """
    first, middle, born = (encoded.codes[name] for name in ("first", "middle", "birth"))
    here = np.zeros(encoded.size, dtype=bool)
    here[label[scored.left]] = True
    both = np.flatnonzero((first > 0) & (middle > 0) & here[label])
    told = mixed([label[both], first[both], middle[both]])
    left, right = scored.left, scored.right
    one, other, of = first[left], first[right], label[left]
    result = np.isin(mixed([of, one, other]), told) | np.isin(mixed([of, other, one]), told)
    result &= (one != other) & (one > 0) & (other > 0) & ((born[left] == 0) | (born[right] == 0))
    return result & (scored.bits < 0) & (scored.veto == 0)


class _Guard:
    """Union of nodes that refuses to put two together that must stay apart.

    Only the nodes of conflicted components pass through here, so a loop over their links is short.

    Attributes:
        nodes: these nodes, ascending.
    """

    def __init__(self, encoded: Encoded, scored: Scored, silent: Flags) -> None:
        sides = np.concatenate([scored.left, scored.right])
        self.nodes, place = np.unique(sides, return_inverse=True)
        #: The two clusters of each pair, as they were at first: each node by itself, by its place.
        self._ends = list(zip(*(side.tolist() for side in np.split(place, 2)), strict=True))
        self._root = list(range(self.nodes.size))
        self._members = [[node] for node in self._root]
        verified = np.where(encoded.verified[self.nodes], encoded.codes["nhs"][self.nodes], 0)
        self._numbers = [{number} - {0} for number in verified.tolist()]
        #: Sources that promise one record a person, and whether one of them is there twice.
        self._sources = (encoded.codes["source"][self.nodes] & encoded.promised).tolist()
        self._twice = [False] * self.nodes.size
        bits = np.where(scored.veto > 0, -np.inf, np.clip(scored.bits, -_MOST_AGAINST, _MOST_FOR))
        #: Sum of weights between two clusters; minus infinity where a pair of theirs is vetoed.
        self._between: list[dict[int, float]] = [{} for _ in self._root]
        for (one, other), weight in zip(self._ends, np.where(silent, 0.0, bits).tolist(), strict=True):
            self._between[one][other] = self._between[other][one] = weight

    def smallest(self) -> Codes:
        """For each node the first of its cluster."""
        root, result = np.array(self._root, dtype=np.int64), np.full(self.nodes.size, np.iinfo(np.int64).max)
        np.minimum.at(result, root, self.nodes)
        return result[root]

    def merge(self, pair: int) -> bool:
        """Merge the clusters of a pair's nodes unless that is refused; True where they are together."""
        a, b = (self._root[node] for node in self._ends[pair])
        if a == b:
            return True
        if self._between[a].get(b, 0.0) < 0 or self._conflict(a, b):
            return False
        self.join(pair)
        return True

    def join(self, pair: int) -> None:
        """Merge the clusters of a pair's nodes, whatever speaks against it."""
        a, b = (self._root[node] for node in self._ends[pair])
        if a == b:
            return
        if len(self._between[a]) < len(self._between[b]):
            a, b = b, a
        for node in self._members[b]:
            self._root[node] = a
        self._members[a] += self._members[b]
        self._numbers[a] |= self._numbers[b]
        self._twice[a] |= self._twice[b] or bool(self._sources[a] & self._sources[b])
        self._sources[a] |= self._sources[b]
        mine = self._between[a]
        for third, weight in self._between[b].items():
            theirs = self._between[third]
            del theirs[b]
            if third != a:
                mine[third] = theirs[a] = mine.get(third, 0.0) + weight

    def _conflict(self, a: int, b: int) -> bool:
        """Two verified NHS numbers, or two records of a source that promises one."""
        if len(self._numbers[a] | self._numbers[b]) > 1:
            return True
        return self._twice[a] or self._twice[b] or bool(self._sources[a] & self._sources[b])


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
    # Every link in both directions; no path to a root is better than the root itself.
    one, other = np.concatenate([left, right]), np.concatenate([right, left])
    leads = np.flatnonzero(~np.take(root, other))
    one, other, strength = one[leads], other[leads], np.concatenate([strength, strength])[leads]
    reached = root
    # A path leads on only from where the last round came to, or came to by a better one.
    while (on := np.flatnonzero(np.take(reached, one))).size:
        to = np.take(other, on)
        by, before = np.minimum(np.take(width, np.take(one, on)), np.take(strength, on)), np.take(width, to)
        np.maximum.at(width, to, by)
        reached = np.zeros(root.size, dtype=bool)
        reached[to[np.take(width, to) > before]] = True
    return np.where(root & ~np.isnan(width), best, width)
