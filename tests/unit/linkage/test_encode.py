"""Stage 2: records as codes, numbers that are nobody's, and how rare a name is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from spine.errors import PipelineError
from spine.linkage.arrays import text_codes
from spine.linkage.config import LinkageConfig
from spine.linkage.encode import Encoded
from tests.unit.linkage.rows import ORLA, encoded


def names(records: Encoded, code: str) -> list[str | None]:
    return [text or None for text in records.names.texts.gather(records.codes[code].astype(np.int64))]


def test_a_second_forename_is_a_middle_name_and_parts_of_a_surname_are_kept(config: LinkageConfig) -> None:
    rows = [
        {"first_name": "Orla Mae Jane", "middle_names": "Iris", "surname": "Penhallow-Roe", "former_surnames": None},
        {"first_name": "Orla", "middle_names": "Iris Ann", "surname": None, "former_surnames": ["Tregarrow", "De Roe"]},
    ]
    records = encoded(config, *rows)
    assert [names(records, code) for code in ("first", "middle", "surname", "part_1", "part_2")] == [
        ["ORLA", "ORLA"], ["MAE", "IRIS"], ["PENHALLOWROE", None], ["PENHALLOW", None], ["ROE", None]
    ]  # fmt: skip
    assert [names(records, f"former_{n}") for n in range(3)] == [[None, "TREGARROW"], [None, "DEROE"], [None, None]]


@pytest.mark.parametrize(
    ("given", "house"),
    [
        ({"house_number": "12 a"}, "12A"),
        ({"house_number": None, "address_line": "12 Mill Lane, Harcombe"}, "12"),
        ({"house_number": "7", "address_line": "12 Mill Lane"}, "7"),
        ({"address_line": "Flat 3, 12A Mill Lane"}, "12A"),
        ({"address_line": "Rose Cottage, Mill Lane"}, "ROSECOTTAGE"),
        ({"address_line": ""}, None),
        ({"house_number": "12", "postcode": "ZZ99 3VZ"}, None),  # no fixed abode
    ],
)
def test_house_is_found_in_number_or_line(config: LinkageConfig, given: dict[str, Any], house: str | None) -> None:
    assert encoded(config, given).codes["house"].tolist() == text_codes(pl.Series([house], dtype=pl.String)).tolist()


def test_dates_that_are_no_evidence_and_partial_dates(config: LinkageConfig) -> None:
    rows = [
        {"date_of_birth": date(1900, 1, 1)},
        {"date_of_birth": date(1984, 7, 9), "date_of_birth_partial": "1983"},
        {"date_of_birth_partial": "1984-07"},
        {"date_of_birth_partial": "1984"},
    ]
    assert encoded(config, *rows).codes["birth"].tolist() == [0, 19840709, 19840700, 19840000]


def test_superseded_numbers_are_followed_unless_two_claim_them(config: LinkageConfig) -> None:
    rows = [
        {"nhs_number": "9990000018", "superseded_nhs_numbers": ["9990000026"]},
        {"nhs_number": "9990000026", "superseded_nhs_numbers": ["999 000 0034"]},
        {"nhs_number": "9990000034", "superseded_nhs_numbers": None},
        {"nhs_number": "9990000042", "superseded_nhs_numbers": ["9990000069"]},
        {"nhs_number": "9990000050", "superseded_nhs_numbers": ["9990000069"]},
        {"nhs_number": "9990000069", "superseded_nhs_numbers": None},
    ]
    numbers = encoded(config, *rows).codes["nhs"].tolist()
    assert numbers == [9_990_000_018] * 3 + [9_990_000_042, 9_990_000_050, 9_990_000_069]


def test_a_number_that_many_hold_is_nobodys(config: LinkageConfig) -> None:
    most = config.standardise.max_holders_per_number
    rows = [{"date_of_birth": date(1951, 2, 3) + timedelta(days=n)} for n in range(most + 1)]
    numbers = {"nhs_number": "9990000018", "nino": "QQ123456A"}
    for count, kept in ((most, True), (most + 1, False)):
        codes = encoded(config, *rows[:count], **numbers).codes
        assert [bool(codes[name].all()) for name in ("nhs", "nino")] == [kept, kept]
    one_person = encoded(config, *[ORLA] * (most + 1), **numbers).codes
    assert one_person["nhs"].all()


def test_numbers_that_fail_are_counted_and_a_status_without_a_number_verifies_nothing(config: LinkageConfig) -> None:
    rows = [{"nhs_number": number} for number in ("9990000018", "9990000026", "9990000019", None)]
    records = encoded(config, *rows, nhs_number_status="01")
    assert records.facts["nhs_numbers_failing_check"] == 1
    assert records.verified.tolist() == [True, True, False, False]


def test_rare_names_fall_into_higher_buckets(config: LinkageConfig) -> None:
    rows = [{"first_name": "Anne"}] * 800 + [{"first_name": "Orla"}] * 2
    records = encoded(config, *rows)
    bucket = records.rarity["first_name"].bucket[records.codes["first"]]
    assert bucket[0] < bucket[-1]


def test_sources_are_bits_and_those_that_promise_come_first(config: LinkageConfig) -> None:
    promising = config.model_copy(update={"one_record_per_person": ("c", "none_such")})
    rows = [{"source": name} for name in ("a", "b", "c", "a", None)]
    records = encoded(promising, *rows)
    bits = records.codes["source"].tolist()
    assert (bits[0], bits[4], len({*bits})) == (bits[3], 0, 4)
    assert (bits[2] & records.promised, bits[0] & records.promised) == (bits[2], 0)


def test_a_source_that_all_records_name_says_as_little_as_none(config: LinkageConfig) -> None:
    assert not encoded(config, ORLA, ORLA, source="a").codes["source"].any()
    assert encoded(config, ORLA, {**ORLA, "source": None}, source="a").codes["source"].tolist() == [0, 0]
    promising = config.model_copy(update={"one_record_per_person": ("a",)})
    assert encoded(promising, ORLA, ORLA, source="a").codes["source"].tolist() == [1, 1]


def test_more_sources_than_bits(config: LinkageConfig) -> None:
    rows = [{"source": f"s{n:02d}"} for n in range(70)]
    assert encoded(config, *rows).codes["source"].all()
    too_many = config.model_copy(update={"one_record_per_person": tuple(row["source"] for row in rows)})
    with pytest.raises(PipelineError, match="70 sources promise"):
        encoded(too_many, *rows)


def test_organisations_hold_nothing_but_their_source(config: LinkageConfig) -> None:
    one = {**ORLA, "is_organisation": True, "nhs_number": "9990000018"}
    records = encoded(config, one, {**one, "source": "c__d"})
    assert {name for name, values in records.codes.items() if values.any()} == {"source"}


def test_codes_do_not_depend_on_other_records(config: LinkageConfig) -> None:
    one = encoded(config, ORLA)
    other = encoded(config, {**ORLA, "first_name": "Anne", "record_id": "z"}, {**ORLA, "record_id": "a"})
    by_text = ("postcode", "house", "sex", "birth", "phone", "email", "nhs", "uprn")
    assert [one.codes[name][0] for name in by_text] == [other.codes[name][0] for name in by_text]
    assert names(one, "first")[0] == names(other, "first")[0] == "ORLA"
