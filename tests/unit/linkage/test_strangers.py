"""Random pairs: every two nodes alike often, and the same ones for as long as the two are as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from spine.linkage.collapse import collapse
from spine.linkage.config import LinkageConfig
from spine.linkage.conform import conform
from spine.linkage.encode import Encoded, encode
from spine.linkage.strangers import random_pairs
from tests.unit.linkage.rows import blank

NODES = 1_000
#: Places of the nodes that hold the same.
SAME = slice(100, 400)


def nodes(size: int = NODES) -> Encoded:
    """Nodes that differ in their postcode alone, but for three hundred that have one."""
    postcode = np.arange(1, size + 1) * 7919
    postcode[SAME] = 1
    return blank(size, first=[0] * size, postcode=postcode.tolist())


def nodes_of(records: pl.DataFrame, config: LinkageConfig) -> Encoded:
    made = encode(conform(records, config.extras), config)
    return collapse(made, np.zeros(made.size, dtype=bool), config.household).encoded


def drawn_of(records: pl.DataFrame, config: LinkageConfig, wanted: int = 5_000) -> Counter[frozenset[str]]:
    """Pairs drawn, each node told by the texts and numbers that it holds."""
    made = nodes_of(records, config)
    names = made.names.texts
    told = [names.gather(made.codes[name]).to_list() for name in ("first", "surname", "middle")]
    told += [made.codes[name].tolist() for name in ("birth", "postcode", "house", "nhs", "uprn", "source", "sex")]
    what = ["|".join(map(str, one)) for one in zip(*told, strict=True)]
    return Counter(frozenset((what[a], what[b])) for a, b in zip(*random_pairs(made, wanted, 1), strict=True))


@pytest.mark.parametrize("wanted", [400, 3_000])
def test_every_pair_is_drawn_alike_often(wanted: int) -> None:
    """Over many seeds: by node, among those that hold the same, and between these and the others."""
    # The number of a node hangs on what it holds, so other postcodes stand for other draws.
    made, held = nodes(), np.zeros(NODES)
    rng = np.random.default_rng(1)
    within = between = total = 0
    same = np.zeros(NODES, dtype=bool)
    same[SAME] = True
    for seed in range(60):
        postcode = rng.integers(1, 2**60, NODES)
        postcode[SAME] = postcode[SAME][0]
        left, right = random_pairs(replace(made, codes={**made.codes, "postcode": postcode}), wanted, seed)
        assert (left < right).all()
        held += np.bincount(left, minlength=NODES) + np.bincount(right, minlength=NODES)
        both = same[left].astype(int) + same[right]
        within, between, total = within + int((both == 2).sum()), between + int((both == 1).sum()), total + left.size
    assert total == 60 * wanted
    every = NODES * (NODES - 1)
    for count, share in ((within, 300 * 299 / every), (between, 2 * 300 * 700 / every)):
        # A pair takes its second node with it, so counts vary by more than those of pairs on their own.
        assert abs(count - total * share) < 5 * np.sqrt(3 * total * share)
    expected = 2 * total / NODES
    assert np.abs(held[same].mean() - expected) < 0.05 * expected
    assert np.abs(held - expected).max() < 6 * np.sqrt(4 * expected)


def test_all_pairs_where_they_are_no_more_than_wanted() -> None:
    left, right = random_pairs(nodes(20), 190, 1)
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == [
        (a, b) for a in range(20) for b in range(a + 1, 20)
    ]
    for size in (0, 1):
        assert random_pairs(nodes(size), 190, 1)[0].size == 0
    assert random_pairs(nodes(20), 0, 1)[0].size == 0


def test_the_draw_hangs_on_what_records_hold(
    region: Callable[[int], tuple[pl.DataFrame, pl.DataFrame]], config: LinkageConfig
) -> None:
    records = region(600)[0]
    drawn = drawn_of(records, config)
    assert drawn.total() == 5_000
    shuffled = records.sample(fraction=1, shuffle=True, seed=3).with_columns(
        record_id=pl.int_range(pl.len()).reverse().cast(pl.String).str.zfill(6)
    )
    assert drawn_of(shuffled, config) == drawn
    # One record in a hundred goes, and another comes.
    fewer = records.sort("record_id").tail(-records.height // 100)
    more = records.head(records.height // 100).with_columns(
        record_id=pl.format("new {}", "record_id"), surname=pl.lit("Aaronovitch")
    )
    for other, least in ((fewer, 0.94), (pl.concat([records, more]), 0.94)):
        assert (drawn_of(other, config) & drawn).total() > least * drawn.total()
