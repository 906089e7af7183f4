"""Questions one may ask of a contract."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from spine.contracts import Column, Contract, Supply, Table, load_contracts, load_partners
from spine.contracts.model import header_key

ROOT = Path(__file__).parents[3]
CONTRACTS = load_contracts(ROOT / "expectations/contracts", load_partners(ROOT / "expectations/partners.yaml"))


def column(**changes: object) -> Column:
    plain = Column(
        name="date_of_birth",
        source_name="Date of birth",
        description="",
        logical_type="date",
        classification="identifier",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "key"),
    [("Date of Birth", "dateofbirth"), ("\ufeffDOB_1 ", "dob1"), ("Discount/exemption", "discountexemption")],
)
def test_a_header_is_reduced_to_letters_and_digits(header: str, key: str) -> None:
    assert header_key(header) == key


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (["UPRN", "DATE_OF_BIRTH"], "DATE_OF_BIRTH"),
        (["dob", "Date Of Birth"], "Date Of Birth"),
        (["D.O.B.", "UPRN"], "D.O.B."),
        (["birthdate2"], "birthdate2"),
        (["UPRN"], None),
        (["date of birth of other person"], None),
    ],
)
def test_a_column_is_found_by_its_name_then_synonyms_then_pattern(headers: list[str], found: str | None) -> None:
    asked = column(synonyms=("DOB",), header_pattern=r"birthdate\d?")
    assert asked.find_in(headers) == found


def test_of_two_headers_that_read_alike_the_first_is_taken() -> None:
    assert column().find_in(["Date of birth", "DATE OF BIRTH"]) == "Date of birth"


def test_the_layouts_bind_different_headers_to_different_columns() -> None:
    for contract in CONTRACTS:
        for table in contract.tables:
            documented = [c.source_name for c in table.columns]
            assert [c.find_in(documented) for c in table.columns] == documented, contract.id


def test_keys_are_the_key_columns_in_order() -> None:
    columns = (column(name="a", key=True), column(name="b"), column(name="c", key=True))
    assert Table("t", ".*", "", columns).keys == ("a", "c")


def test_a_supply_covers_both_its_bounds() -> None:
    supply = Supply("p", date(2027, 4, 1), date(2028, 3, 31))
    covered = [supply.covers(day) for day in (date(2027, 3, 31), date(2027, 4, 1), date(2028, 3, 31), date(2028, 4, 1))]
    assert covered == [False, True, True, False]
    assert Supply("p").covers(date.max)


def test_dataset_and_layout_are_the_halves_of_the_id() -> None:
    contract = CONTRACTS[0]
    assert f"{contract.dataset}__{contract.layout}" == contract.id
    with pytest.raises(StopIteration):
        contract.table("no such table")


def test_the_fingerprint_follows_what_decides_a_delivery_and_not_who_sends_it() -> None:
    contract: Contract = CONTRACTS[0]
    same = replace(contract, supplies=(), title="x", description="x", frequency_days=1)
    assert same.fingerprint == contract.fingerprint
    changed = [
        replace(contract, version="9.9.9"),
        replace(contract, rules=contract.rules[1:]),
        replace(contract, quarantine_max_percent=99.0),
        replace(contract, mode="append"),
    ]
    assert len({c.fingerprint for c in changed} | {contract.fingerprint}) == 5
