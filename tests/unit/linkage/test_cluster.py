"""Stage 8: links become clusters, and the guard keeps apart what must stay apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spine.linkage.cluster import Clustering, cluster, confidence
from spine.linkage.compare import VETOES
from spine.linkage.config import LinkageConfig
from spine.linkage.encode import Encoded
from spine.linkage.fit import Model, Stratified
from spine.linkage.levels import STRATA, Scheme
from spine.linkage.score import Scored
from tests.unit.linkage.rows import blank

Weighed = tuple[int, int, float]
Pairs = set[tuple[int, int]]
#: Weights nothing: what a level is worth decides nothing where every pair of a chain is given.
MODEL = Model(
    Scheme(), dict.fromkeys(STRATA, Stratified(np.log(np.full((2, len(Scheme().features)), 0.5)), 0.5, 0, True, 1))
)


def scored(pairs: list[Weighed], vetoed: Pairs = frozenset(), manual: Pairs = frozenset()) -> Scored:  # type: ignore[assignment]
    ordered = sorted(pairs)
    left, right, bits = (np.array(column) for column in zip(*ordered, strict=True))
    veto = [VETOES.index("twins") if (a, b) in vetoed else 0 for a, b, _ in ordered]
    decided = np.array([(a, b) in manual for a, b, _ in ordered])
    return Scored(left, right, bits.astype(float), decided, np.array(veto, dtype=np.uint8), 0)


def labels(config: LinkageConfig, nodes: Encoded | int, pairs: Scored) -> list[int]:
    encoded = blank(nodes) if isinstance(nodes, int) else nodes
    return cluster(encoded, pairs, MODEL, config).label.tolist()


def test_links_chain_to_clusters(config: LinkageConfig) -> None:
    pairs = scored([(0, 1, 9.0), (1, 2, 4.0), (3, 4, config.thresholds.link_bits - 0.1)])
    result = cluster(blank(5), pairs, MODEL, config)
    assert result.label.tolist() == [0, 0, 0, 3, 4]
    assert result.link.tolist() == [True, True, False]
    certain = confidence(result, pairs, np.array([True, False, False, True, True]))
    expected = [2**9 / (1 + 2**9), 2**9 / (1 + 2**9), 2**4 / (1 + 2**4)]
    np.testing.assert_allclose(certain[:3], expected)
    assert np.isnan(certain[3:]).all()


def test_confidence_is_that_of_the_weakest_link_on_the_best_path() -> None:
    pairs = scored([(0, 1, 1.0), (0, 2, 8.0), (1, 2, 6.0), (1, 3, -30.0)], manual={(1, 3)})
    result = Clustering(np.zeros(4, dtype=np.int64), np.full(4, True), 0, 0)
    certain = confidence(result, pairs, np.array([True, False, False, False]))
    expected = [2**8 / (1 + 2**8), 2**6 / (1 + 2**6), 2**8 / (1 + 2**8), 2**6 / (1 + 2**6)]
    np.testing.assert_allclose(certain, expected)  # a decision by people is certain in itself


def test_the_guard_keeps_vetoed_pairs_apart_and_the_strongest_link(config: LinkageConfig) -> None:
    result = cluster(blank(3), scored([(0, 1, 9.0), (1, 2, 4.0), (0, 2, 9.0)], {(0, 2)}), MODEL, config)
    assert result.label.tolist() == [0, 0, 2]
    assert (result.rebuilt, result.refused) == (1, 1)


def test_links_of_one_weight_come_by_what_nodes_hold_wherever_these_stand(config: LinkageConfig) -> None:
    """Node 1 fits node 0 as well as node 2, and these two are not one person."""
    nodes, going = blank(3), set()
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]):
        place = np.argsort(order)
        pairs = [(0, 1, 4.0), (1, 2, 4.0), (0, 2, 1.0)]
        moved = [(min(place[a], place[b]), max(place[a], place[b]), bits) for a, b, bits in pairs]
        label = np.array(labels(config, nodes.taken(np.array(order)), scored(moved, {moved[2][:2]})))[place]
        going.add((bool(label[0] == label[1]), bool(label[1] == label[2])))
    assert going in ({(True, False)}, {(False, True)})


def test_the_guard_keeps_pairs_below_the_refusal_apart(config: LinkageConfig) -> None:
    assert labels(config, 3, scored([(0, 1, 3.0), (1, 2, 9.0), (0, 2, -7.0)])) == [0, 1, 1]


def test_two_verified_numbers_never_share_a_cluster(config: LinkageConfig) -> None:
    held = replace(blank(3, nhs=[1, 0, 2]), verified=np.array([True, False, True]))
    pairs = scored([(0, 1, 9.0), (1, 2, 4.0)])
    assert labels(config, held, pairs) == [0, 0, 2]
    assert labels(config, replace(held, verified=np.array([True, True, False])), pairs) == [0, 0, 0]


def test_a_promising_source_comes_once_in_a_cluster(config: LinkageConfig) -> None:
    pairs = scored([(0, 1, 4.0), (1, 2, 9.0)])
    nodes = blank(3, source=[1, 2, 1])
    assert labels(config, nodes, pairs) == [0, 0, 0]
    assert labels(config, replace(nodes, promised=1), pairs) == [0, 1, 1]
    assert labels(config, replace(nodes, promised=2), pairs) == [0, 0, 0]
    assert labels(config, replace(blank(3, source=[3, 4, 1]), promised=1), pairs) == [0, 1, 1]


def test_two_groups_merge_by_the_sum_of_all_weights_between_them(config: LinkageConfig) -> None:
    groups = [(0, 1, 9.0), (2, 3, 9.0)]
    for_it = [(0, 2, 6.0), (1, 2, 6.0), (0, 3, -7.0)]
    against = [(1, 2, 6.0), (1, 3, -5.0), (0, 3, -7.0)]
    assert labels(config, 4, scored([*groups, *for_it])) == [0, 0, 0, 0]
    assert labels(config, 4, scored([*groups, *against])) == [0, 0, 2, 2]
    assert labels(config, 4, scored([*groups, *for_it], {(0, 3)})) == [0, 0, 2, 2]


def test_no_single_pair_outvotes_all_others(config: LinkageConfig) -> None:
    group = [(one, other, 61.0) for one in range(1, 8) for other in range(one + 1, 8)]
    against = [(0, other, -15.0) for other in range(2, 8)]
    assert labels(config, 8, scored([*group, (0, 1, 60.0), *against])) == [0, 1, 1, 1, 1, 1, 1, 1]
    badly_written = [(0, 1, 9.0), (1, 2, 9.0), (0, 2, -60.0)]
    assert labels(config, 3, scored(badly_written)) == [0, 0, 0]


def test_decisions_by_people_come_first_and_stand_above_weights(config: LinkageConfig) -> None:
    pairs = [(0, 1, -30.0), (0, 2, 9.0), (1, 2, 3.0)]
    assert labels(config, 3, scored(pairs)) == [0, 1, 0]
    assert labels(config, 3, scored(pairs, manual={(0, 1)})) == [0, 0, 0]
    assert labels(config, 3, scored([(0, 1, -30.0), (1, 2, 9.0), (0, 2, 20.0)], {(1, 2)}, {(0, 1)})) == [0, 0, 2]
    verified = replace(blank(3, nhs=[1, 2, 0]), verified=np.array([True, True, False]))
    assert labels(config, verified, scored(pairs, manual={(0, 1)})) == [0, 0, 2]


def test_a_pair_at_the_threshold_is_a_link(config: LinkageConfig) -> None:
    assert labels(config, 2, scored([(0, 1, config.thresholds.link_bits)])) == [0, 0]
