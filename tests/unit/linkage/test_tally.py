"""The counts by pattern, kept over changes, are those of all pairs; a pattern's weight is its pairs' weight."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from spine.linkage import link, link_changes
from spine.linkage.compare import compare
from spine.linkage.config import LinkageConfig
from spine.linkage.drift import share_that_would_turn
from spine.linkage.fit import histogram, pattern_keys
from spine.linkage.run import Run, pairs_between, pairs_within, spread_between, spread_within
from spine.linkage.score import weigh
from spine.linkage.state import State

Region = Callable[[int], tuple[pl.DataFrame, pl.DataFrame]]


@pytest.fixture(scope="module")
def changed(region: Region, config: LinkageConfig) -> State:
    records = region(200)[0].sort("record_id")
    state = link(records, config, keep_state=True).state
    for day in range(2):
        assert state is not None
        moved = records[day::30].with_columns(house_number=pl.lit(str(day)))
        state = link_changes(state, moved, records["record_id"][day + 5 :: 50].to_list()).state
    assert state is not None
    return state


def counted(run: Run) -> dict[int, tuple[float, float]]:
    """By key of each pattern, what all pairs stand for: between nodes, and within."""
    between = run.tally.count((run.compared.pattern, pairs_between(run.nodes, run.compared.left, run.compared.right)))
    within = run.tally.count((run.inner.pattern, pairs_within(run.nodes, run.inner.right)))
    return dict(zip(run.tally.keys.tolist(), zip(between.tolist(), within.tolist(), strict=True), strict=True))


def test_counts_put_right_by_changes_are_those_of_all_pairs(changed: State) -> None:
    tally = changed.run.tally
    kept = zip(tally.between.tolist(), tally.within.tolist(), strict=True)
    assert dict(zip(tally.keys.tolist(), kept, strict=True)) == counted(changed.run)
    assert np.unique(tally.keys).size == tally.keys.size


def test_the_spread_put_right_by_changes_is_that_of_all_pairs(changed: State) -> None:
    run, config, kept = changed.run, changed.config, changed.run.spread
    between = pairs_between(run.nodes, run.compared.left, run.compared.right)
    expected = spread_between(run.compared, run.scored, run.clustering, between, config).with_more(
        spread_within(run.inner, run.tally, pairs_within(run.nodes, run.inner.right), config)
    )
    assert np.array_equal(kept.pairs, expected.pairs)
    assert kept.matches == pytest.approx(expected.matches, abs=1e-9)


def test_a_pattern_tells_what_a_comparison_of_its_pairs_tells(changed: State) -> None:
    run, config = changed.run, changed.config
    held = np.flatnonzero(pairs_between(run.nodes, run.compared.left, run.compared.right))
    kept, nodes = run.compared.taken(held), run.nodes.encoded
    again = compare(nodes, kept.left, kept.right)
    assert np.array_equal(pattern_keys(again, config.scheme), run.tally.keys[kept.pattern])
    told = histogram((again,), config.scheme, np.ones(held.size))
    bits = weigh(again, told.of_pair, told, run.model, config)
    assert np.array_equal(bits, run.tally.bits[kept.pattern])
    levels = kept.levels()
    for name in ("home", "anchor", "lookalike", "kin", "thin", "veto"):
        assert np.array_equal(getattr(levels, name), getattr(again, name)), name
    for comparison, values in again.levels.items():
        assert np.array_equal(levels.levels[comparison], values), comparison


def test_what_a_gone_node_was_compared_with_counts_no_more(changed: State) -> None:
    blank = changed.run.nodes.records == 0
    lost = np.flatnonzero(blank[changed.run.compared.left] | blank[changed.run.compared.right])
    assert lost.size
    assert not changed.run.clustering.link[lost].any()
    assert (changed.run.scored.bits[lost] < -50).all()


def test_weights_learned_from_the_same_pairs_turn_nothing(region: Region, config: LinkageConfig) -> None:
    state = link(region(200)[0], config, keep_state=True).state
    assert state is not None
    assert share_that_would_turn(state) == 0
