"""Data that is not English council data: the fixed configuration reaches its floor on each set."""

from __future__ import annotations

import pytest

from spine.linkage import evaluate, link, load_config
from tests.fixtures.linkage_sets import SETS


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
