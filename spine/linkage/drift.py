"""How far a kept run's weights have moved away from what its records now say.

Put here: one figure, for whoever decides when to link all records again. Never here: that decision, or a new run.
"""

from __future__ import annotations

import numpy as np

from spine.linkage.fit import fit, histogram
from spine.linkage.score import weigh
from spine.linkage.state import State


def share_that_would_turn(state: State) -> float:
    """Share of links that would be made or undone by weight alone, were the weights learned anew.

    The pairs and their levels stay as they are, so that this costs a small part of a full link. Rivals, vetoes and
    clusters are left out: it is a measure of the weights.

    Returns:
        Pairs of records on the other side of the threshold, as a share of those above it now.
    """
    run, config = state.run, state.config
    patterns = histogram((run.compared, run.inner), config.scheme, run.pair_records)
    model = fit(run.nodes.encoded, run.records.size, patterns, config)
    of_pair, _ = np.split(patterns.of_pair, [run.compared.left.size])
    bits = weigh(run.compared, of_pair, patterns, model, config)
    weight, inner = np.split(np.asarray(run.pair_records), [run.compared.left.size])
    free = np.asarray(run.compared.veto) == 0
    before, now = (np.asarray(values) >= config.thresholds.link_bits for values in (run.bits, bits))
    linked = float(weight[free & before].sum()) + float(inner.sum())
    return float(weight[free & (before != now)].sum()) / max(linked, 1.0)
