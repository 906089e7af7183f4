"""Further columns: one person's own, a household's, a district's. None of them may make a family one person."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from spine.linkage import Evaluation, evaluate, link, load_config
from spine.linkage.config import LinkageConfig
from spine.linkage.identifiers import of_one_person
from tests.fixtures.linkage_sets import with_gaps
from tests.unit.linkage.rows import levels_of

_ADDRESS = ("house_number", "street", "postcode")
_AT_ONE = {"house_number": "1", "street": "Quay Road", "postcode": "QX1 1AB"}


@pytest.fixture(scope="module")
def known() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records with a household's reference, a district and a client's number, and their truth."""
    records, truth = with_gaps(people=1500)
    home = pl.concat_str("house_number", "street", "postcode")
    person = pl.col("person_id").cast(pl.String)
    kept = pl.int_range(pl.len()) % 10 < 6
    records = records.join(truth, on="record_id").with_columns(
        reference=home, ward=pl.col("postcode").str.head(3), client=pl.when(kept).then("c" + person)
    )
    return records.drop("person_id"), truth


def quality(records: pl.DataFrame, truth: pl.DataFrame, *extras: str) -> Evaluation:
    return evaluate(link(records, load_config().model_copy(update={"extras": extras})).clusters, truth)


def test_what_a_household_or_a_district_shares_costs_nothing(known: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    without = quality(*known)
    for column in ("reference", "ward"):
        found = quality(*known, column)
        assert found.precision >= without.precision - 0.002, column
        assert found.recall >= without.recall - 0.002, column


def test_a_household_s_reference_alone_tells_no_two_people_apart(known: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    records, truth = known
    assert quality(records.drop(_ADDRESS), truth, "reference").precision >= 0.98


def test_a_number_of_one_person_finds_more(known: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    without, found = quality(*known), quality(*known, "client")
    assert found.recall > without.recall + 0.002
    assert found.precision >= without.precision


@pytest.mark.parametrize(
    ("one", "other", "away", "nearby"),
    [
        ({"ward": "X"}, {"ward": "x "}, "exact_0", "missing"),
        ({"ward": "X"}, {"ward": "y"}, "differ", "missing"),
        ({"ward": "X"}, {}, "missing", "missing"),
        ({"ward": "X", **_AT_ONE}, {"ward": "X", "postcode": "QX9 9ZZ", "street": "Mill Lane"}, "exact_0", "missing"),
        ({"ward": "X", **_AT_ONE}, {"ward": "X", **_AT_ONE}, "missing", "exact_0"),
        ({"ward": "X", **_AT_ONE}, {"ward": "X", **_AT_ONE, "house_number": "7"}, "missing", "exact_0"),
        ({"ward": "X", **_AT_ONE}, {"ward": "Y", **_AT_ONE}, "missing", "differ"),
        ({"ward": "X", **_AT_ONE}, {**_AT_ONE}, "missing", "missing"),
    ],
)
def test_a_further_column_is_compared_once(
    config: LinkageConfig, one: dict[str, str], other: dict[str, str], away: str, nearby: str
) -> None:
    found = levels_of(config.model_copy(update={"extras": ("ward",)}), one, other)
    assert (found["extra_ward"], found["nearby_ward"]) == (away, nearby)


@pytest.mark.parametrize(
    ("values", "initial", "birth", "own"),
    [
        pytest.param([1, 1, 2, 2, 3], [5, 5, 6, 6, 7], [10, 10, 20, 21, 30], True, id="a slip in a date"),
        pytest.param([1, 1, 2, 2, 3], [5, 8, 6, 6, 7], [10, 10, 20, 20, 30], True, id="a nickname"),
        pytest.param([1, 1, 2, 2, 3], [5, 6, 7, 8, 9], [10, 11, 20, 21, 30], False, id="two people each"),
        pytest.param([1, 1, 2, 2, 3], [5, 6, 7, 8, 9], [0, 0, 0, 0, 0], False, id="two people, dates not known"),
        pytest.param([1, 1, 2, 2, 3], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], True, id="nothing else known"),
        pytest.param([1] * 9 + [2] * 9, [5] * 18, [10] * 18, False, id="few values"),
        pytest.param([0] * 5, [5] * 5, [10] * 5, False, id="no value"),
    ],
)
def test_whose_a_value_is(values: list[int], initial: list[int], birth: list[int], own: bool) -> None:
    assert of_one_person(*(np.array(codes, dtype=np.int32) for codes in (values, initial, birth))) is own
