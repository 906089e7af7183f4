"""Pairs of one long chain of links that no blocking rule joined, compared after all.

Put here: which they are, and their weights. Never here: what follows from them (cluster.py).

Two people become one through a chain: each link is likely, and the ends were never looked at. Few people are written in
more ways than a short chain holds, so only long ones are looked at whole.
"""

from __future__ import annotations

import numpy as np

from spine.linkage.arrays import Codes, Flags, changes, pair_keys
from spine.linkage.block import allowed_pairs, pairs_within
from spine.linkage.compare import compare
from spine.linkage.config import LinkageConfig
from spine.linkage.encode import Encoded
from spine.linkage.fit import Model, histogram
from spine.linkage.score import Scored, weigh

#: Chains of so many nodes are long; of more than the last one, not every pair is compared.
_FEWEST, _MOST = 7, 200


def unseen_pairs(
    encoded: Encoded, scored: Scored, together: Flags, label: Codes, model: Model, config: LinkageConfig
) -> Scored:
    """The pairs within long chains that are not among the candidates, weighed; none of them is a link by itself.

    Args:
        encoded: the nodes.
        scored: the candidate pairs.
        together: those within one chain.
        label: for each node the place of a node of its chain.
        model: what levels are worth.
        config: the settings.
    """
    size, held = encoded.size, np.bincount(label, minlength=encoded.size)
    nodes = np.flatnonzero((held[label] >= _FEWEST) & (held[label] <= _MOST))
    nodes = nodes[np.argsort(label[nodes], kind="stable")]
    starts = np.flatnonzero(changes(label[nodes])) if nodes.size else nodes
    pairs = pairs_within(nodes, starts, np.diff(starts, append=nodes.size), size)
    seen = np.flatnonzero(together & (held[label[scored.left]] >= _FEWEST))
    pairs = np.setdiff1d(pairs, pair_keys(scored.left[seen], scored.right[seen], size))
    left, right = np.divmod(pairs, size)
    allowed = allowed_pairs(encoded, left, right)
    compared = compare(encoded, left[allowed], right[allowed])
    patterns = histogram((compared,), config.scheme, np.ones(compared.left.size))
    bits, none = weigh(compared, patterns.of_pair, patterns, model, config), np.zeros(compared.left.size, dtype=bool)
    return Scored(compared.left, compared.right, bits, none, compared.veto, 0)
