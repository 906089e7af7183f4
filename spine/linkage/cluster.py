"""Stage 7: links become clusters, and no cluster holds a pair that must stay apart.

Put here: components, the cannot-link guard, confidence. Never here: match weights, or resident ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from spine.linkage.config import LinkageConfig
from spine.linkage.encode import Codes, Encoded
from spine.linkage.score import Floats, Scored, probability


@dataclass(frozen=True)
class Clustering:
    """Which records are one person.

    Attributes:
        label: for each record the position of the smallest record in its cluster.
        link: candidate pairs that are links within a cluster.
        confidence: for each record, see `_confidence`; NaN where it is alone.
        rebuilt: components that the guard took apart and built again.
        refused: merges that the guard refused.
    """

    label: Codes
    link: npt.NDArray[np.bool_]
    confidence: Floats
    rebuilt: int
    refused: int


def cluster(encoded: Encoded, scored: Scored, config: LinkageConfig) -> Clustering:
    """Join linked pairs to clusters.

    Connected components first. A component that holds a vetoed pair, a pair below `refuse_bits`
    or two verified NHS numbers is built again, strongest link first, and a merge that would put such a
    pair together is refused.
    """
    accepted = (scored.bits >= config.thresholds.link_bits) & (scored.veto == 0)
    apart = (scored.veto > 0) | (scored.bits <= config.thresholds.refuse_bits)
    label = _components(encoded.size, scored.left[accepted], scored.right[accepted])
    conflicted = _conflicted(encoded, scored, label, apart)
    refused = 0
    inside = conflicted[label[scored.left]] & (label[scored.left] == label[scored.right])
    edges = np.flatnonzero(accepted & inside)
    label = np.where(conflicted[label], np.arange(encoded.size), label)
    guard = _Guard(encoded, scored, np.flatnonzero(apart & inside))
    for edge in edges[np.lexsort((scored.right[edges], scored.left[edges], -scored.bits[edges]))]:
        refused += not guard.merge(int(scored.left[edge]), int(scored.right[edge]))
    for members in guard.clusters():
        label[members] = min(members)
    link = accepted & (label[scored.left] == label[scored.right])
    return Clustering(label, link, _confidence(label, scored, link), int(conflicted.sum()), refused)


def _components(size: int, left: Codes, right: Codes) -> Codes:
    """Label each record with the smallest position in its component."""
    graph = coo_matrix((np.ones(left.size, dtype=np.int8), (left, right)), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    smallest = np.full(component.max(initial=-1) + 1, size, dtype=np.int64)
    np.minimum.at(smallest, component, np.arange(size))
    result: Codes = smallest[component]
    return result


def _conflicted(encoded: Encoded, scored: Scored, label: Codes, apart: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """By label: the component holds a pair that must stay apart, or two verified NHS numbers."""
    result = np.zeros(encoded.size, dtype=bool)
    together = label[scored.left[apart]] == label[scored.right[apart]]
    result[label[scored.left[apart]][together]] = True
    holders = np.flatnonzero(encoded.verified & (encoded.codes["nhs"] > 0))
    order = holders[np.lexsort((encoded.codes["nhs"][holders], label[holders]))]
    same = label[order][1:] == label[order][:-1]
    other_number = encoded.codes["nhs"][order][1:] != encoded.codes["nhs"][order][:-1]
    result[label[order][1:][same & other_number]] = True
    return result


@dataclass
class _Guard:
    """Union of records that refuses to put two together that must stay apart.

    Only the records of conflicted components pass through here, so a loop over their links is short.
    """

    encoded: Encoded
    scored: Scored
    apart: Codes
    root: dict[int, int] = field(default_factory=dict)
    members: dict[int, list[int]] = field(default_factory=dict)
    enemies: dict[int, set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for pair in self.apart:
            one, other = int(self.scored.left[pair]), int(self.scored.right[pair])
            self.enemies.setdefault(one, set()).add(other)
            self.enemies.setdefault(other, set()).add(one)

    def clusters(self) -> list[list[int]]:
        return list(self.members.values())

    def merge(self, one: int, other: int) -> bool:
        """Merge the clusters of two records unless that is refused; True where they are together."""
        a, b = self._find(one), self._find(other)
        if a == b:
            return True
        mine, theirs = self.members[a], self.members[b]
        numbers = {int(self.encoded.codes["nhs"][i]) for i in (*mine, *theirs) if self.encoded.verified[i]} - {0}
        if len(numbers) > 1 or any(not self.enemies.get(i, set()).isdisjoint(theirs) for i in mine):
            return False
        mine.extend(theirs)
        del self.members[b]
        self.root.update(dict.fromkeys(theirs, a))
        return True

    def _find(self, record: int) -> int:
        if record not in self.root:
            self.root[record] = record
            self.members[record] = [record]
        return self.root[record]


def _confidence(label: Codes, scored: Scored, link: npt.NDArray[np.bool_]) -> Floats:
    """Probability of the weakest link on the best path from a record to the first record of its cluster.

    The first record itself takes the probability of its best link.
    """
    left, right = scored.left[link], scored.right[link]
    strength = probability(scored.bits[link])
    first = label == np.arange(label.size)
    width = np.where(first, 1.0, 0.0)
    while True:
        before = width.copy()
        np.maximum.at(width, left, np.minimum(before[right], strength))
        np.maximum.at(width, right, np.minimum(before[left], strength))
        if np.array_equal(before, width):
            break
    best = np.full(label.size, np.nan)
    np.fmax.at(best, left, strength)
    np.fmax.at(best, right, strength)
    linked = ~np.isnan(best)
    return np.where(linked, np.where(first, best, width), np.nan)
