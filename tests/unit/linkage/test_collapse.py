"""Stage 3: what folds into one node, and above all what never does."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from spine.linkage.collapse import collapse
from spine.linkage.config import LinkageConfig
from spine.linkage.conform import conform
from spine.linkage.encode import encode
from tests.unit.linkage.rows import ORLA, encoded, folded

UNDATED = {**ORLA, "date_of_birth": None}
Rows = tuple[dict[str, Any], dict[str, Any]]

#: Two records of one person for all that their names and home say; each case gives what sets them apart.
NEVER: dict[str, Rows] = {
    "two NHS numbers": ({"nhs_number": "9990000018"}, {"nhs_number": "9990000026"}),
    "two National Insurance numbers": ({"nino": "QQ123456A"}, {"nino": "QQ123456B"}),
    "two pupil numbers": ({"upn": "A823432109876"}, {"upn": "B823432109876"}),
    "two properties": ({"uprn": "77"}, {"uprn": "78"}),
    "one is restricted": ({"is_restricted": True}, {"is_restricted": False}),
    "both are restricted": ({"is_restricted": True}, {"is_restricted": True}),
    "two dates of death": ({"date_of_death": date(2012, 1, 5)}, {"date_of_death": date(2020, 3, 30)}),
    "an address that starts after death": (
        {"date_of_death": date(2020, 1, 5), "address_from": None},
        {"date_of_death": None, "address_from": date(2024, 5, 1)},
    ),
    "another forename": ({}, {"first_name": "Iris"}),
    "another surname": ({}, {"surname": "Penhalow"}),
    "another birthday": ({}, {"date_of_birth": date(1951, 3, 2)}),
    "a birthday and none in one source": ({"source": "gp"}, {"source": "gp", "date_of_birth": None}),
    "a birthday and none, another sex": ({"sex": "male"}, {**UNDATED, "sex": "female"}),
    "a birthday and none, another middle name": ({"middle_names": "Mae"}, {**UNDATED, "middle_names": "Jane"}),
    "a birthday and a year": ({}, {**UNDATED, "date_of_birth_partial": "1951"}),
    "another house": ({}, {"house_number": "2"}),
    "another postcode": ({}, {"postcode": "WX1 1AB"}),
    "no date of birth, another sex": ({**UNDATED, "sex": "male"}, {**UNDATED, "sex": "female"}),
    "no date of birth, another middle name": ({**UNDATED, "middle_names": "Mae"}, {**UNDATED, "middle_names": "Jane"}),
    "no date of birth, twice in one source": ({**UNDATED, "source": "gp"}, {**UNDATED, "source": "gp"}),
}

#: What both records lack, or what in them is no more than a placeholder.
NEVER_BOTH: dict[str, dict[str, Any]] = {
    "1 January": {"date_of_birth": date(1951, 1, 1)},
    "a year of birth": {"date_of_birth": None, "date_of_birth_partial": "1951"},
    "initials": {"first_name": "O"},
    "no forename": {"first_name": None},
    "no surname": {"surname": None},
    "no home": {"house_number": None, "postcode": None},
    "a house without a postcode": {"postcode": None},
    "a postcode without a house": {"house_number": None},
    "no fixed abode": {"postcode": "ZZ99 3VZ"},
}

FOLDS: dict[str, Rows] = {
    "equal in all": ({}, {}),
    "two telephones and mailboxes": (
        {"phone": "07700900123", "email": "a@mail.example"},
        {"phone": "07700900124", "email": "b@mail.example"},
    ),
    "a number in one of them": ({"nhs_number": "9990000018"}, {"nhs_number": None}),
    "one number": ({"nino": "QQ123456A"}, {"nino": "qq 12 34 56 a"}),
    "a property in one of them": ({"uprn": None}, {"uprn": "77"}),
    "a home known by its property alone": (
        {"house_number": None, "postcode": None, "uprn": "77"},
        {"house_number": None, "postcode": None, "uprn": "0077"},
    ),
    "no date of birth in either": (UNDATED, UNDATED),
    "a birthday and none": ({}, UNDATED),
    "titles, accents and spaces": ({}, {"first_name": "Mrs Örla", "surname": "PENHALLOW", "postcode": "wx11aa"}),
    "a middle name in one of them": ({"middle_names": "Mae"}, {"middle_names": None}),
    "two readings of one date of death": ({"date_of_death": date(2020, 1, 5)}, {"date_of_death": date(2020, 1, 7)}),
    "papers put in order in the weeks after death": (
        {"date_of_death": date(2020, 1, 5), "address_from": None},
        {"date_of_death": None, "address_from": date(2020, 1, 20)},
    ),
}


def nodes(config: LinkageConfig, one: dict[str, Any], other: dict[str, Any], **more: Any) -> int:
    two = ({"source": "gp", **ORLA, **one}, {"source": "care", **ORLA, **other})
    return folded(config, *two, {"source": "care", "first_name": "Wenna"}, **more).encoded.size - 1


@pytest.mark.parametrize("rows", NEVER.values(), ids=NEVER)
def test_what_something_sets_apart_never_folds(config: LinkageConfig, rows: Rows) -> None:
    assert nodes(config, *rows) == 2
    assert nodes(config, *reversed(rows)) == 2


@pytest.mark.parametrize("both", NEVER_BOTH.values(), ids=NEVER_BOTH)
def test_what_is_not_known_well_enough_never_folds(config: LinkageConfig, both: dict[str, Any]) -> None:
    assert nodes(config, both, both) == 2


@pytest.mark.parametrize("rows", FOLDS.values(), ids=FOLDS)
def test_what_is_beyond_doubt_folds(config: LinkageConfig, rows: Rows) -> None:
    assert nodes(config, *rows) == 1


def test_a_source_that_promises_one_record_is_taken_at_its_word(config: LinkageConfig) -> None:
    promising = config.model_copy(update={"one_record_per_person": ("gp",)})
    assert nodes(promising, {}, {"source": "gp"}) == 2
    assert nodes(promising, {"source": "care"}, {}) == 1
    assert nodes(promising, {}, {}) == 1
    assert nodes(config, {}, {"source": "gp"}) == 1


@pytest.mark.parametrize("named", [(0,), (1,), (0, 1)])
def test_a_record_that_an_override_names_is_a_node_of_its_own(config: LinkageConfig, named: tuple[int, ...]) -> None:
    assert nodes(config, {}, {}, alone=named) == 2


def test_further_columns_set_apart(config: LinkageConfig) -> None:
    with_trade = config.model_copy(update={"extras": ("trade",)})
    assert nodes(with_trade, {"trade": "judge"}, {"trade": "actor"}) == 2
    assert nodes(with_trade, {"trade": "judge"}, {"trade": None}) == 1


def test_a_record_without_a_date_of_birth_that_fits_two_people_of_one_name_joins_neither(config: LinkageConfig) -> None:
    father, son = {**ORLA, "source": "gp"}, {**ORLA, "source": "gp", "date_of_birth": date(1979, 1, 12)}
    bill, other_bill = {**UNDATED, "source": "tax"}, {**UNDATED, "source": "care"}
    of_record = folded(config, father, son, bill, other_bill, {**father, "source": "care2"}).of_record.tolist()
    assert of_record[0] == of_record[4]
    assert of_record[2] == of_record[3]
    assert len({*of_record}) == 3


def test_a_third_record_between_two_numbers_leaves_all_three_alone(config: LinkageConfig) -> None:
    numbers = ("9990000018", None, "9990000026")
    assert folded(config, *({**ORLA, "nhs_number": number} for number in numbers)).encoded.size == 3


def test_a_node_knows_what_its_records_know(config: LinkageConfig) -> None:
    rows = [
        {"source": "gp", "nhs_number": "9990000018", "nhs_number_status": "01", "phone": "07700900123", "sex": "male"},
        {"source": "care", "phone": "07700900124", "middle_names": "Mae", "sex": "female"},
        {"source": "tax", "phone": None, "uprn": "77"},
    ]
    found = folded(config, *({**ORLA, **row} for row in rows), {**ORLA, "first_name": "Iris"})
    of_three = found.of_record[0]
    assert found.of_record.tolist() == [of_three] * 3 + [1 - of_three]
    assert (found.first[of_three], found.records[of_three], found.records.sum()) == (0, 3, 4)
    codes = {name: values[of_three] for name, values in found.encoded.codes.items()}
    assert (codes["nhs"], codes["uprn"], codes["sex"]) == (9_990_000_018, 77, 0)  # of two sexes neither is known
    assert {codes["phone"], codes["phone_2"]} == {7_700_900_123, 7_700_900_124}
    assert int(codes["source"]).bit_count() == 3
    assert codes["middle"] > 0
    assert found.encoded.verified.tolist() == [place == of_three for place in (0, 1)]


def test_nodes_do_not_depend_on_ids_or_order(config: LinkageConfig) -> None:
    rows = [{**ORLA, "first_name": name, "source": source} for name in ("Orla", "Iris", "Anne") for source in "abc"]
    one = folded(config, *rows)
    other = folded(config, *reversed(rows))
    for name, values in one.encoded.codes.items():
        np.testing.assert_array_equal(values, other.encoded.codes[name], err_msg=name)
    np.testing.assert_array_equal(one.of_record, other.of_record[::-1])
    np.testing.assert_array_equal(one.records, other.records)


@pytest.mark.parametrize("home", [{}, {"postcode": None, "uprn": "77"}])
def test_an_address_of_more_people_than_a_household_is_crowded(config: LinkageConfig, home: dict[str, Any]) -> None:
    names = ["Orla", "Iris", "Anne"]
    people = [{**ORLA, **home, "first_name": name, "source": source} for name in names for source in "ab"]
    neighbour = {**ORLA, "house_number": "2", "source": "a"}
    records = encoded(config, *people, neighbour)
    none = np.zeros(records.size, dtype=bool)
    assert not collapse(records, none, 3).encoded.crowded.any()
    found = collapse(records, none, 2)
    assert found.encoded.crowded[found.of_record].tolist() == [True] * 6 + [False]


def test_nothing_folds_to_nothing(config: LinkageConfig) -> None:
    none = encode(conform(pl.DataFrame({"record_id": []}, schema={"record_id": pl.String})), config)
    found = collapse(none, np.zeros(0, dtype=bool), config.household)
    assert (found.encoded.size, found.first.size, found.of_record.size) == (0, 0, 0)
