"""The counts by pattern, kept over changes, are those of all pairs; a pattern's weight is its pairs' weight."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from spine.linkage import link, link_changes
from spine.linkage.config import LinkageConfig
from spine.linkage.drift import share_that_would_turn
from spine.linkage.fit import histogram, pattern_keys
from spine.linkage.run import Run, spread_between, spread_within
from spine.linkage.score import weigh
from spine.linkage.state import State
from spine.linkage.tally import Tally, examples, patterns, tally_of

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


def counted(run: Run, config: LinkageConfig) -> Tally:
    parts = (run.compared, run.inner)
    found = tally_of(histogram(parts, config.scheme, run.pair_records), run.compared.left.size, run.pair_records)
    return found.changed()


def test_counts_put_right_by_changes_are_those_of_all_pairs(changed: State) -> None:
    expected, kept = counted(changed.run, changed.config), changed.run.tally
    for name in ("keys", "between", "within"):
        assert np.array_equal(getattr(kept, name), getattr(expected, name)), name


def test_the_spread_put_right_by_changes_is_that_of_all_pairs(changed: State) -> None:
    run, config, kept = changed.run, changed.config, changed.run.spread
    between, within = np.split(run.pair_records, [run.compared.left.size])
    expected = spread_between(run.compared, run.scored, run.clustering, between, config).with_more(
        spread_within(run.inner, run.inner_bits, within, config)
    )
    assert np.array_equal(kept.pairs, expected.pairs)
    assert kept.matches == pytest.approx(expected.matches, abs=1e-9)


def test_a_pattern_weighs_what_its_pairs_weigh(changed: State) -> None:
    run, config = changed.run, changed.config
    one_each = examples(run.tally, config.scheme, run.records.telling)
    assert np.array_equal(pattern_keys(one_each, config.scheme), run.tally.keys)
    told = patterns(run.tally, one_each, config.scheme)
    bits = weigh(one_each, told.of_pair, told, run.model, config)
    held = np.flatnonzero(run.pair_records[: run.compared.left.size])
    place = np.searchsorted(run.tally.keys, pattern_keys(run.compared.taken(held), config.scheme))
    assert np.array_equal(bits[place], run.bits[held])
    for name in ("home", "anchor", "kin", "thin"):
        assert np.array_equal(getattr(one_each, name)[place], getattr(run.compared, name)[held]), name


def test_weights_learned_from_the_same_pairs_turn_nothing(region: Region, config: LinkageConfig) -> None:
    state = link(region(200)[0], config, keep_state=True).state
    assert state is not None
    assert share_that_would_turn(state) == 0
