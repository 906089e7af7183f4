"""Each stage by itself: standardise, encode, block, compare, cluster."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from spine.errors import PipelineError
from spine.linkage.block import block
from spine.linkage.cluster import cluster
from spine.linkage.compare import VETOES, Compared, compare
from spine.linkage.config import LinkageConfig, load_config
from spine.linkage.encode import Encoded, encode
from spine.linkage.levels import LEVELS, Scheme
from spine.linkage.score import Scored
from spine.linkage.standardise import standardise


@pytest.fixture(scope="module")
def config() -> LinkageConfig:
    return load_config()


def table(*rows: dict[str, Any], **every: Any) -> pl.DataFrame:
    named = [{"record_id": f"r{n:03d}", "source": "a__b", **every, **row} for n, row in enumerate(rows)]
    return pl.DataFrame(named, infer_schema_length=None)


def encoded(config: LinkageConfig, *rows: dict[str, Any], **every: Any) -> Encoded:
    return encode(standardise(table(*rows, **every), config), config)


@pytest.mark.parametrize(
    ("given", "first", "middle"),
    [
        ("mrs Orla", "ORLA", None),
        ("Dr. Prof Orla Mae", "ORLA", "MAE"),
        ("Mr", None, None),
        ("Zoë-Anne", "ZOE", "ANNE"),
        ("Łukasz", "LUKASZ", None),
        ("D'Arcy", "DARCY", None),
        ("BABY", None, None),
        ("  ", None, None),
        ("J R", "J", "R"),
        ("Missy", "MISSY", None),
    ],
)
def test_forenames_take_one_form(config: LinkageConfig, given: str, first: str | None, middle: str | None) -> None:
    row = standardise(table({"first_name": given}), config).row(0, named=True)
    assert (row["first"], row["middle"]) == (first, middle)


@pytest.mark.parametrize(
    ("given", "house"),
    [
        ({"house_number": "12 a"}, "12A"),
        ({"address_line": "12 Mill Lane, Harcombe"}, "12"),
        ({"address_line": "Flat 3, 12A Mill Lane"}, "12A"),
        ({"address_line": "Rose Cottage, Mill Lane"}, "ROSECOTTAGE"),
        ({"address_line": ""}, None),
    ],
)
def test_house_is_found_in_number_or_line(config: LinkageConfig, given: dict[str, str], house: str | None) -> None:
    assert standardise(table(given), config)["house"].to_list() == [house]


def test_dates_that_are_no_evidence_and_partial_dates(config: LinkageConfig) -> None:
    rows = [
        {"date_of_birth": date(1900, 1, 1)},
        {"date_of_birth_partial": "1984-07"},
        {"date_of_birth_partial": "1984"},
    ]
    frame = standardise(table(*rows), config)
    assert frame.select("birth_year", "birth_month", "birth_day").rows() == [
        (None, None, None),
        (1984, 7, None),
        (1984, None, None),
    ]


def test_superseded_numbers_are_followed_unless_two_claim_them(config: LinkageConfig) -> None:
    rows = [
        {"nhs_number": "9990000018", "superseded_nhs_numbers": ["9990000026"]},
        {"nhs_number": "9990000026", "superseded_nhs_numbers": ["9990000034"]},
        {"nhs_number": "9990000034", "superseded_nhs_numbers": None},
        {"nhs_number": "9990000042", "superseded_nhs_numbers": ["9990000069"]},
        {"nhs_number": "9990000050", "superseded_nhs_numbers": ["9990000069"]},
        {"nhs_number": "9990000069", "superseded_nhs_numbers": None},
    ]
    numbers = standardise(table(*rows), config)["nhs"].to_list()
    assert numbers == ["9990000018"] * 3 + ["9990000042", "9990000050", "9990000069"]


def test_a_number_that_many_hold_is_nobodys(config: LinkageConfig) -> None:
    most = config.standardise.max_records_per_number
    frame = standardise(table(*[{"nhs_number": "9990000018"}] * (most + 1)), config)
    assert frame["nhs"].null_count() == most + 1


@pytest.mark.parametrize("ids", [["a", "a"], ["a", None]])
def test_record_ids_must_be_unique(config: LinkageConfig, ids: list[str | None]) -> None:
    with pytest.raises(PipelineError, match="record_id"):
        standardise(pl.DataFrame({"record_id": ids}), config)


def test_an_unusable_type_is_reported_without_the_value(config: LinkageConfig) -> None:
    frame = pl.DataFrame({"record_id": ["a"], "date_of_birth": [["zebra"]]})
    with pytest.raises(PipelineError) as caught:
        standardise(frame, config)
    assert "zebra" not in str(caught.value)


def test_rare_names_fall_into_higher_buckets(config: LinkageConfig) -> None:
    rows = [{"first_name": "Anne"}] * 800 + [{"first_name": "Orla"}] * 2
    bucket = encoded(config, *rows).rarity["first_name"].bucket
    assert bucket[0] < bucket[-1]


def test_a_block_above_its_cap_is_counted_and_not_compared(config: LinkageConfig) -> None:
    cap = next(rule.cap for rule in config.blocking if rule.name == "same_house")
    for size, pairs in ((cap, cap * (cap - 1) // 2), (cap + 1, 0)):
        found = block(encoded(config, *[{}] * size, postcode="WX1 1AA", house_number="1"), config)
        rule = next(rule for rule in found.report["rules"] if rule["rule"] == "same_house")
        assert found.left.size == pairs
        assert rule["capped_blocks"] == (0 if pairs else 1)
        assert rule["records_in_capped_blocks"] == (0 if pairs else cap + 1)


def test_pairs_are_sorted_and_distinct(config: LinkageConfig) -> None:
    same = {"first_name": "Orla", "surname": "Penhallow", "date_of_birth": date(1951, 2, 3), "postcode": "WX1 1AA"}
    found = block(encoded(config, same, same, same), config)
    assert list(zip(found.left, found.right, strict=True)) == [(0, 1), (0, 2), (1, 2)]


def test_former_and_half_surnames_meet(config: LinkageConfig) -> None:
    born = date(1951, 2, 3)
    rows = [
        {"surname": "Penhallow", "former_surnames": ["Tregarrow"]},
        {"surname": "Tregarrow", "former_surnames": None},
        {"surname": "Quince-Tregarrow", "former_surnames": None},
    ]
    found = block(encoded(config, *rows, date_of_birth=born), config)
    assert found.left.size == 3


def compared_levels(config: LinkageConfig, one: dict[str, Any], other: dict[str, Any]) -> dict[str, str]:
    compared = compare(encoded(config, one, other), np.array([0]), np.array([1]))
    return {comparison: LEVELS[comparison][values[0]] for comparison, values in compared.levels.items()}


def person(first: str | None = "Orla", surname: str | None = "Penhallow", **more: Any) -> dict[str, Any]:
    return {"first_name": first, "surname": surname, "former_surnames": None, "middle_names": None, **more}


@pytest.mark.parametrize(
    ("one", "other", "first", "surname"),
    [
        (person(), person(None, None), "missing", "missing"),
        (person("William"), person("Bill"), "nickname", "exact"),
        (person("William"), person("W"), "initial", "exact"),
        (person("William"), person("B"), "different", "exact"),
        (person("Orla"), person("Penhallow", "Orla"), "swapped", "swapped"),
        (person("Orla"), person("Tom", "Orla"), "different", "different"),
        (person("Katharine"), person("Katherine", "Penhalow"), "close", "close"),
        (person("Ali", middle_names="Hassan"), person("Hassan"), "middle_name", "exact"),
        (person(surname="Penhallow-Roe"), person(surname="Roe"), "exact", "part"),
        (person(former_surnames=["Tregarrow"]), person(surname="Tregarrow"), "exact", "former"),
    ],
)
def test_levels_of_names(
    config: LinkageConfig, one: dict[str, Any], other: dict[str, Any], first: str, surname: str
) -> None:
    found = compared_levels(config, one, other)
    assert found["first_name"].startswith(first)
    assert found["surname"].startswith(surname)


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("1984-07-09", "1984-07-09", "exact"),
        ("1984-01-01", "1984-01-01", "exact_default"),
        ("1984-07-09", "1984-09-07", "swapped"),
        ("1984-07-09", "1984-01-01", "default_day"),
        ("1984-07-09", "1984-07-19", "one_part"),
        ("1984-07-09", "1974-07-09", "one_part"),
        ("1984-07-09", "1984-08-01", "near"),
        ("1984-12-20", "1985-01-04", "near"),
        ("1984-07-09", "1985-02-20", "year_apart"),
        ("1984-07-09", "1950-02-20", "different"),
        ("1984-07-09", None, "missing"),
    ],
)
def test_levels_of_dates(config: LinkageConfig, one: str, other: str | None, level: str) -> None:
    rows = [{"date_of_birth": date.fromisoformat(value) if value else None} for value in (one, other)]
    assert compared_levels(config, *rows)["date_of_birth"] == level
    assert compared_levels(config, *reversed(rows))["date_of_birth"] == level


def test_a_partial_date_fits_or_not(config: LinkageConfig) -> None:
    full = {"date_of_birth": date(1984, 7, 9), "date_of_birth_partial": None}
    for partial, level in (
        ("1984", "partial"),
        ("1984-07", "partial"),
        ("1984-08", "different"),
        ("1983", "different"),
    ):
        other = {"date_of_birth": None, "date_of_birth_partial": partial}
        assert compared_levels(config, full, other)["date_of_birth"] == level


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        (("1", "Mill Lane", "WX1 1AA", "77"), ("2", "Mill Lane", "WX9 9AA", "0077"), "same_home"),
        (("1", "Mill Lane", "WX1 1AA", None), ("1", None, "WX11AA", None), "same_home"),
        (("1", "Mill Lane", "WX1 1AA", "77"), ("1", "Mill Lane", "WX1 1AA", "78"), "house_and_street"),
        (("1", None, "WX1 1AA", None), (None, None, "WX1 1AA", None), "postcode"),
        (("1", "Mill Lane", None, None), ("2", "MILL LANE", None, None), "street"),
        (("1", None, "WX1 1AA", None), ("1", None, "WX1 1ZZ", None), "sector"),
        (("1", None, "WX1 1AA", None), ("1", None, "WX7 1ZZ", None), "different"),
        (("1", None, "WX1 1AA", None), (None, None, None, None), "missing"),
    ],
)
def test_levels_of_addresses(config: LinkageConfig, one: tuple[Any, ...], other: tuple[Any, ...], level: str) -> None:
    names = ("house_number", "street", "postcode", "uprn")
    rows = [dict(zip(names, values, strict=True)) for values in (one, other)]
    assert compared_levels(config, *rows)["address"] == level


def scored(pairs: list[tuple[int, int, float]], vetoed: set[tuple[int, int]], size: int) -> tuple[Encoded, Scored]:
    left, right, bits = (np.array(column) for column in zip(*sorted(pairs), strict=True))
    veto = np.array([VETOES.index("twins") if (a, b) in vetoed else 0 for a, b, _ in sorted(pairs)], dtype=np.uint8)
    none = np.zeros(left.size, dtype=bool)
    empty = np.zeros(size, dtype=bool)
    records = Encoded(size, {"nhs": np.zeros(size, dtype=np.int64)}, [""], {}, {}, Scheme(), empty, empty)
    compared = Compared(left, right, {}, none, none, none, veto)
    return records, Scored(left, right, bits.astype(float), none, veto, compared, 0)


def test_links_chain_to_clusters(config: LinkageConfig) -> None:
    result = cluster(*scored([(0, 1, 9.0), (1, 2, 4.0), (3, 4, 2.0)], set(), 5), config)
    assert result.label.tolist() == [0, 0, 0, 3, 4]
    expected = [2**9 / (1 + 2**9), 2**9 / (1 + 2**9), 2**4 / (1 + 2**4)]
    np.testing.assert_allclose(result.confidence[:3], expected)
    assert np.isnan(result.confidence[3:]).all()


def test_the_guard_keeps_vetoed_pairs_apart_and_the_strongest_link(config: LinkageConfig) -> None:
    pairs = [(0, 1, 9.0), (1, 2, 4.0), (0, 2, 9.0)]
    result = cluster(*scored(pairs, {(0, 2)}, 3), config)
    assert result.label.tolist() == [0, 0, 2]
    assert (result.rebuilt, result.refused) == (1, 1)


def test_the_guard_keeps_pairs_below_the_refusal_apart(config: LinkageConfig) -> None:
    result = cluster(*scored([(0, 1, 4.0), (1, 2, 9.0), (0, 2, -7.0)], set(), 3), config)
    assert result.label.tolist() == [0, 1, 1]


def test_two_verified_numbers_never_share_a_cluster(config: LinkageConfig) -> None:
    records, pairs = scored([(0, 1, 9.0), (1, 2, 4.0)], set(), 3)
    held = replace(records, codes={"nhs": np.array([1, 0, 2])}, verified=np.array([True, False, True]))
    assert cluster(held, pairs, config).label.tolist() == [0, 0, 2]
