"""Who is opted out: any of a resident's numbers, however it is written, on a list that is recent enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import pytest

from spine.contracts import Contract, Supply, install_functions, judge, load_contracts, load_partners
from spine.errors import GovernanceError
from spine.governance import opted_out_residents
from spine.settings import PROJECT_ROOT

AS_OF = date(2028, 3, 31)
EXPECTATIONS = PROJECT_ROOT / "expectations"


@pytest.fixture(scope="module")
def contracts() -> tuple[Contract, ...]:
    return load_contracts(EXPECTATIONS / "contracts", load_partners(EXPECTATIONS / "partners.yaml"))


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            """
            ATTACH ':memory:' AS warehouse; CREATE SCHEMA warehouse.raw; CREATE SCHEMA warehouse.core;
            CREATE TABLE warehouse.raw.deliveries
                (partner VARCHAR, dataset VARCHAR, delivery_date DATE, rows_in_use BIGINT);
            CREATE TABLE warehouse.raw.opt_out__ndo__opt_outs
                (nhs_number VARCHAR, _partner VARCHAR );
            CREATE TABLE warehouse.core.bridge_resident_nhs_number (resident_id VARCHAR, nhs_number VARCHAR);
            INSERT INTO warehouse.core.bridge_resident_nhs_number VALUES
                ('two_numbers', '9990000018'), ('two_numbers', '9990000026'), ('spaces', '999 000 0034'),
                ('wrong_check_digit', '9990000041'), ('not_on_it', '9990000050'), ('no_number', NULL), ('blank', '');
            """
        )
        yield connection


def listed(connection: duckdb.DuckDBPyConnection, *numbers: str | None, partner: str = "wexmoor_icb") -> None:
    rows = [(number, partner) for number in numbers]
    connection.executemany("INSERT INTO warehouse.raw.opt_out__ndo__opt_outs VALUES (?, ?)", rows)


def deliver(connection: duckdb.DuckDBPyConnection, day: date, rows: int = 5) -> None:
    connection.execute("INSERT INTO warehouse.raw.deliveries VALUES ('wexmoor_icb', 'opt_out', ?, ?)", [day, rows])


def test_any_number_in_any_spelling_hides_the_resident(
    connection: duckdb.DuckDBPyConnection, contracts: tuple[Contract, ...]
) -> None:
    deliver(connection, AS_OF)
    listed(connection, "999 000 0026", "9990000034.0", "999-000-0041", "9990000999", None, " ")
    found = opted_out_residents(connection, contracts, AS_OF, 21)
    assert found.resident_ids == ("spaces", "two_numbers", "wrong_check_digit")
    assert found.list_date == AS_OF


def test_no_list_in_use_is_refused(connection: duckdb.DuckDBPyConnection, contracts: tuple[Contract, ...]) -> None:
    deliver(connection, AS_OF + timedelta(days=1))
    deliver(connection, AS_OF, rows=0)
    connection.execute(
        "INSERT INTO warehouse.raw.deliveries VALUES ('wexmoor_icb', 'gp_registrations', '2028-03-31', 5)"
    )
    with pytest.raises(GovernanceError, match=r"no accepted opt-out list is in use.*wexmoor_icb must send one"):
        opted_out_residents(connection, contracts, AS_OF, 21)


@pytest.mark.parametrize(("age", "allowed"), [(0, True), (21, True), (22, False)])
def test_age_of_the_list(
    connection: duckdb.DuckDBPyConnection, contracts: tuple[Contract, ...], age: int, allowed: bool
) -> None:
    deliver(connection, AS_OF - timedelta(days=400))
    deliver(connection, AS_OF - timedelta(days=age))
    listed(connection, "9990000018")
    if allowed:
        assert opted_out_residents(connection, contracts, AS_OF, 21).list_date == AS_OF - timedelta(days=age)
        return
    with pytest.raises(
        GovernanceError, match=r"22 days before 2028-03-31; the agreement allows 21\. wexmoor_icb must send"
    ):
        opted_out_residents(connection, contracts, AS_OF, 21)


@pytest.mark.parametrize(
    "numbers",
    [("9.99E+09",) * 3, ("1", "2", "3"), ("99900000", "99900001"), ("9990000041", "0000000000"), (None, " "), ()],
    ids=["spreadsheet", "row numbers", "truncated", "wrong check digits", "blank", "no rows"],
)
def test_a_list_without_a_valid_number_is_refused(
    connection: duckdb.DuckDBPyConnection, contracts: tuple[Contract, ...], numbers: tuple[str | None, ...]
) -> None:
    deliver(connection, AS_OF)
    if numbers:
        listed(connection, *numbers)
    with pytest.raises(
        GovernanceError, match=r"of wexmoor_icb holds no valid NHS number.* wexmoor_icb must send it again"
    ):
        opted_out_residents(connection, contracts, AS_OF, 21)


def test_one_partner_s_good_list_does_not_cover_another_s(
    connection: duckdb.DuckDBPyConnection, contracts: tuple[Contract, ...]
) -> None:
    ndo = next(contract for contract in contracts if contract.id == "opt_out__ndo")
    both = (replace(ndo, supplies=(*ndo.supplies, Supply("other_icb"))),)
    deliver(connection, AS_OF)
    connection.execute("INSERT INTO warehouse.raw.deliveries VALUES ('other_icb', 'opt_out', ?, 5)", [AS_OF])
    listed(connection, "9990000018")
    listed(connection, "9.99E+09", partner="other_icb")
    with pytest.raises(GovernanceError, match="of other_icb holds no valid NHS number"):
        opted_out_residents(connection, both, AS_OF, 21)


# wrong, of so many rows, and what the door says
@pytest.mark.parametrize(
    ("wrong", "rows", "outcome"), [(0, 3, "passed"), (10, 100, "passed"), (11, 100, "failed"), (3, 3, "failed")]
)
def test_the_contract_refuses_a_list_of_mostly_wrong_numbers(
    contracts: tuple[Contract, ...], wrong: int, rows: int, outcome: str
) -> None:
    ndo = next(contract for contract in contracts if contract.id == "opt_out__ndo")
    rule = next(rule for rule in ndo.rules if rule.name == "nhs_number__mostly_valid")
    with duckdb.connect() as connection:
        install_functions(connection)
        numbers = ["9.99E+09"] * wrong + ["9990000018"] * (rows - wrong)
        connection.execute("CREATE TABLE list AS SELECT unnest(?) AS nhs_number", [numbers])
        sql = rule.arguments["query"].replace("${table}", "list").replace("${column}", "nhs_number")
        [(count,)] = connection.execute(sql).fetchall()
    assert judge(rule, count, rows).outcome == outcome


def test_a_region_where_nobody_supplies_the_list_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(GovernanceError, match="no partner supplies the opt-out list"):
        opted_out_residents(connection, (), AS_OF, 21)
