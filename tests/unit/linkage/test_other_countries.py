"""Data that is not English council data: the fixed configuration reaches its floor on each set."""

from __future__ import annotations

import pytest

from spine.linkage import evaluate, link, load_config
from tests.fixtures.linkage_sets import SETS
from tests.fixtures.linkage_town import one_town


@pytest.mark.parametrize("name", SETS)
def test_precision_and_recall(name: str) -> None:
    chosen = SETS[name]
    records, truth = chosen.make()
    found = evaluate(link(records, load_config().model_copy(update={"extras": chosen.extras})).clusters, truth)
    assert found.precision >= chosen.precision
    assert found.recall >= chosen.recall


@pytest.mark.parametrize("name", ["no date of birth", "German names"])
def test_a_set_is_made_of_its_seed_alone(name: str) -> None:
    (records, truth), (again, truth_again) = SETS[name].make(), SETS[name].make()
    assert records.equals(again)
    assert truth.equals(truth_again)
    assert truth["person_id"].n_unique() < records.height


def test_what_agrees_by_chance_is_not_learned_as_a_match() -> None:
    """Where no person has two dates of birth, those of one forename and nearly one age were taken for one."""
    records, truth = one_town()
    found = evaluate(link(records, load_config()).clusters, truth)
    assert found.precision >= 0.98
    assert found.recall >= 0.99
