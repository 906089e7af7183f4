"""Long chains of links: every pair within one is looked at, whether a blocking rule joined it or not."""

from __future__ import annotations

import numpy as np
import pytest

from spine.linkage.arrays import components, pair_keys
from spine.linkage.block import block
from spine.linkage.chains import unseen_pairs
from spine.linkage.compare import compare
from spine.linkage.config import LinkageConfig
from spine.linkage.fit import fit, histogram
from spine.linkage.score import Scored, weigh
from tests.unit.linkage.rows import NOBODY, encoded


def writings(count: int) -> list[dict[str, object]]:
    """One name in so many writings, each next one alike; each in a street of its own."""
    names = ["Marianna", "Mariana", "Maryana", "Maryanna", "Marianne", "Maryanne", "Marian", "Maryan", "Mariane"]
    return [{"first_name": names[n], "surname": "Vexley", "street": f"{names[n]} Row"} for n in range(count)]


@pytest.mark.parametrize(("nodes", "looked_at"), [(6, False), (7, True), (9, True)])
def test_the_pairs_of_long_chains_are_all_there(config: LinkageConfig, nodes: int, looked_at: bool) -> None:
    people = encoded(config, *writings(nodes))
    chain = np.arange(nodes - 1)
    none = np.zeros(chain.size, dtype=bool)
    scored = Scored(chain, chain + 1, np.full(chain.size, 5.0), none, none.astype(np.uint8), 0)
    every = np.triu_indices(nodes, 1)
    compared = compare(people, *every)
    patterns = histogram((compared,), config.scheme, np.ones(compared.left.size))
    model = fit(people, nodes, patterns, config)
    label = components(nodes, scored.left, scored.right)
    unseen = unseen_pairs(people, scored, ~none, label, model, config)
    expected = np.setdiff1d(pair_keys(*every, nodes), pair_keys(chain, chain + 1, nodes)) if looked_at else []
    assert pair_keys(unseen.left, unseen.right, nodes).tolist() == list(expected)
    weights = dict(
        zip(pair_keys(*every, nodes).tolist(), weigh(compared, patterns.of_pair, patterns, model, config), strict=True)
    )
    assert unseen.bits.tolist() == [weights[pair] for pair in expected]


def test_no_pair_of_a_restricted_record_is_looked_at(config: LinkageConfig) -> None:
    people = encoded(config, *({**row, "is_restricted": n == 0} for n, row in enumerate(writings(8))))
    chain = np.arange(7)
    none = np.zeros(7, dtype=bool)
    scored = Scored(chain, chain + 1, np.full(7, 5.0), none, none.astype(np.uint8), 0)
    candidates = block(people, config, also=NOBODY)
    compared = compare(people, candidates.left, candidates.right)
    model = fit(people, 8, histogram((compared,), config.scheme, np.ones(compared.left.size)), config)
    unseen = unseen_pairs(people, scored, ~none, np.zeros(8, dtype=np.int64), model, config)
    assert 0 not in unseen.left
    assert unseen.left.size == 15
