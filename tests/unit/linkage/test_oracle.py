"""Blocking and levels against recordlinkage's Index and Compare, on small data.

`candidates` and `levels` are all that these tests know of the engine's own stages. recordlinkage and pandas take a
second to import: only the worker that runs these tests does.
"""

from __future__ import annotations

from importlib import import_module
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from spine.linkage.block import block
from spine.linkage.compare import FIRST_NAME_CUTS, SURNAME_CUTS, compare
from spine.linkage.config import BlockingRule, LinkageConfig, load_config
from spine.linkage.conform import conform
from spine.linkage.encode import encode
from spine.linkage.levels import LEVELS
from tests.unit.linkage.conftest import build

if TYPE_CHECKING:
    import pandas as pd

Pairs = set[tuple[str, str]]
CONFIG = load_config()

#: A rule's keys, and the same as columns of the records.
RULES = {
    "uprn": ["uprn"],
    "nhs": ["nhs_number"],
    "phone": ["phone"],
    "email": ["email"],
    "birth": ["date_of_birth"],
    "postcode house": ["postcode", "house_number"],
    "surname birth": ["surname", "date_of_birth"],
    "first birth": ["first_name", "date_of_birth"],
    "first surname": ["first_name", "surname"],
    "first surname birth_year": ["first_name", "surname", "year"],
    "first surname birth_month_day": ["first_name", "surname", "day"],
    "street house surname": ["street", "house_number", "surname"],
    "postcode birth": ["postcode", "date_of_birth"],
    "street first": ["street", "first_name"],
}


def candidates(records: pl.DataFrame, config: LinkageConfig) -> Pairs:
    """Pairs of records that the engine compares with these settings."""
    given = conform(records)
    found = block(encode(given, config), config, also=np.empty(0, dtype=np.int64))
    ids = given.ids
    return set(zip(ids.gather(found.left), ids.gather(found.right), strict=True))


def levels(records: pl.DataFrame, pairs: list[tuple[str, str]]) -> dict[str, np.ndarray]:
    """Names of the levels that the engine gives each pair, in the pairs' order."""
    given = conform(records)
    place = {record: n for n, record in enumerate(given.ids)}
    left, right = (np.array([place[pair[side]] for pair in pairs]) for side in (0, 1))
    compared = compare(encode(given, CONFIG), left, right)
    return {name: np.array(LEVELS[name])[values] for name, values in compared.levels.items()}


@pytest.fixture(scope="module")
def recordlinkage() -> Any:
    """The library."""
    return import_module("recordlinkage")


@pytest.fixture(scope="module")
def records() -> pl.DataFrame:
    """Some 300 records; an eighth of them twice, the second time with day and month in the other order."""
    given, _ = build(130, seed=23)
    place = pl.int_range(pl.len())
    given = given.sort("record_id").with_columns(
        pl.when(place % 3 == 0).then(pl.format("0770090{}", 1000 + place % 40)).alias("phone"),
        pl.when(place % 4 == 0).then(pl.format("{}@mail.example", place % 30)).alias("email"),
    )
    born = pl.col("date_of_birth")
    swapped = pl.date(born.dt.year(), born.dt.day(), born.dt.month())
    again = given.gather_every(8).with_columns(
        pl.format("again:{}", "record_id").alias("record_id"),
        pl.when(born.dt.day() <= 12).then(swapped).otherwise(born).alias("date_of_birth"),
    )
    return pl.concat([given, again])


@pytest.fixture(scope="module")
def table(records: pl.DataFrame) -> pd.DataFrame:
    """The same records as recordlinkage reads them."""
    born = pl.col("date_of_birth")
    pandas = import_module("pandas")
    wanted = records.with_columns(born.dt.year().alias("year"), born.dt.strftime("%m-%d").alias("day"))
    frame: pd.DataFrame = pandas.DataFrame({name: wanted[name].to_list() for name in wanted.columns}).set_index(
        "record_id"
    )
    return frame.assign(date_of_birth=pandas.to_datetime(frame["date_of_birth"]))


@pytest.fixture(scope="module")
def pairs(records: pl.DataFrame) -> list[tuple[str, str]]:
    """Every pair that any shipped rule finds, and strangers."""
    ids = sorted(records["record_id"])
    strangers = list(combinations(ids, 2))[::17]
    return sorted(candidates(records, CONFIG) | set(strangers))


@pytest.fixture(scope="module")
def index(pairs: list[tuple[str, str]]) -> pd.MultiIndex:
    """The pairs as recordlinkage reads them."""
    made: pd.MultiIndex = import_module("pandas").MultiIndex.from_tuples(pairs)
    return made


@pytest.fixture(scope="module")
def found(records: pl.DataFrame, pairs: list[tuple[str, str]]) -> dict[str, np.ndarray]:
    return levels(records, pairs)


@pytest.mark.parametrize("keys", RULES)
def test_a_rule_finds_the_pairs_of_recordlinkage(
    records: pl.DataFrame, table: pd.DataFrame, recordlinkage: Any, keys: str
) -> None:
    rule = BlockingRule(name="only", keys=tuple(keys.split()), cap=10**6)
    indexer = recordlinkage.Index()
    indexer.block(RULES[keys])
    expected = {tuple(sorted(pair)) for pair in indexer.index(table.dropna(subset=RULES[keys]))}
    assert expected
    assert candidates(records, CONFIG.model_copy(update={"blocking": (rule,)})) == expected


@pytest.mark.parametrize(("column", "cuts"), [("first_name", FIRST_NAME_CUTS), ("surname", SURNAME_CUTS)])
def test_names_fall_into_the_levels_of_their_similarity(
    table: pd.DataFrame,
    index: pd.MultiIndex,
    found: dict[str, np.ndarray],
    recordlinkage: Any,
    column: str,
    cuts: tuple[float, float],
) -> None:
    upper = table.assign(**{column: table[column].str.upper()})
    comparison = recordlinkage.Compare()
    comparison.string(column, column, method="jarowinkler", missing_value=np.nan)
    similarity = comparison.compute(index, upper)[0].to_numpy()
    level = found[column]
    assert ((level == "missing") == np.isnan(similarity)).all()
    # What is told apart by more than similarity (initials, nicknames, columns that changed places) is not the oracle's.
    by_similarity = {
        "exact": similarity == 1,
        "close": (similarity >= cuts[1]) & (similarity < 1),
        "similar": (similarity >= cuts[0]) & (similarity < cuts[1]),
        "different": similarity < cuts[0],
    }
    for name, expected in by_similarity.items():
        shown = np.char.startswith(level.astype(str), name)
        assert shown.any()
        assert expected[shown].all(), name


@pytest.mark.filterwarnings("ignore:Setting an item of incompatible dtype:FutureWarning")
def test_dates_that_recordlinkage_finds_equal_or_swapped(
    table: pd.DataFrame, index: pd.MultiIndex, found: dict[str, np.ndarray], recordlinkage: Any
) -> None:
    comparison = recordlinkage.Compare()
    comparison.date("date_of_birth", "date_of_birth", swap_month_day=0.5, swap_months=0, missing_value=np.nan)
    score = comparison.compute(index, table)[0].to_numpy()
    level = found["date_of_birth"].astype(str)
    assert (score == 0.5).any()
    assert (np.char.startswith(level, "exact") == (score == 1)).all()
    assert ((level == "swapped") == (score == 0.5)).all()
    assert ((level == "missing") == np.isnan(score)).all()


@pytest.mark.parametrize(
    ("column", "comparison"), [("sex", "sex"), ("phone", "phone"), ("email", "email"), ("nhs_number", "nhs_number")]
)
def test_plain_agreement(
    table: pd.DataFrame,
    index: pd.MultiIndex,
    found: dict[str, np.ndarray],
    recordlinkage: Any,
    column: str,
    comparison: str,
) -> None:
    exact = recordlinkage.Compare()
    exact.exact(column, column, missing_value=-1)
    score = exact.compute(index, table)[0].to_numpy()
    names = np.array(["differ", "agree", "missing"])
    assert (found[comparison] == names[score.astype(int)]).all()
    assert set(score) == {-1, 0, 1}
