"""How far a kept run's weights have moved away from what its records now say.

Put here: one figure, for whoever decides when to link all records again. Never here: that decision, or a new run.
"""

from __future__ import annotations

from spine.linkage.fit import fit
from spine.linkage.score import weigh
from spine.linkage.state import State
from spine.linkage.tally import patterns


def share_that_would_turn(state: State) -> float:
    """Share of links that would be made or undone by weight alone, were the weights learned anew.

    The pairs and their levels stay as they are, and are told by their patterns, so that this costs next to nothing.
    Rivals, vetoes and clusters are left out: it is a measure of the weights. How often strangers agree is taken from
    the kept run, since another sample of them would turn links by the draw alone.

    Returns:
        Pairs of records on the other side of the threshold, as a share of those above it now.
    """
    run, config, tally = state.run, state.config, state.run.tally
    counted = patterns(tally, config.scheme)
    learned = fit(run.nodes.encoded, len(run.ids), counted, config, before=run.model)
    now = weigh(tally.one_each, counted.of_pair, counted, learned, config)
    turn = (now >= config.thresholds.link_bits) != (tally.bits >= config.thresholds.link_bits)
    free = tally.one_each.veto == 0
    linked = float(tally.between[free & (tally.bits >= config.thresholds.link_bits)].sum()) + float(tally.within.sum())
    return float(tally.between[free & turn].sum()) / max(linked, 1.0)
