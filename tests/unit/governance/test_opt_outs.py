"""Who is opted out: any of a resident's numbers, however it is written, on a list that is recent enough."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import pytest

from spine.contracts import Contract, load_contracts, load_partners
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
            CREATE TABLE warehouse.raw.opt_out__ndo__opt_outs (nhs_number VARCHAR);
            CREATE TABLE warehouse.core.bridge_resident_nhs_number (resident_id VARCHAR, nhs_number VARCHAR);
            INSERT INTO warehouse.core.bridge_resident_nhs_number VALUES
                ('two_numbers', '9990000018'), ('two_numbers', '9990000026'), ('spaces', '999 000 0034'),
                ('wrong_check_digit', '9990000041'), ('not_on_it', '9990000050'), ('no_number', NULL), ('blank', '');
            """
        )
        yield connection


def deliver(connection: duckdb.DuckDBPyConnection, day: date, rows: int = 5) -> None:
    connection.execute("INSERT INTO warehouse.raw.deliveries VALUES ('wexmoor_icb', 'opt_out', ?, ?)", [day, rows])


def test_any_number_in_any_spelling_hides_the_resident(
    connection: duckdb.DuckDBPyConnection, contracts: tuple[Contract, ...]
) -> None:
    deliver(connection, AS_OF)
    connection.execute(
        "INSERT INTO warehouse.raw.opt_out__ndo__opt_outs VALUES "
        "('999 000 0026'), ('9990000034.0'), ('999-000-0041'), ('9990000999'), (NULL), (' ')"
    )
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
    if allowed:
        assert opted_out_residents(connection, contracts, AS_OF, 21).list_date == AS_OF - timedelta(days=age)
        return
    with pytest.raises(
        GovernanceError, match=r"22 days before 2028-03-31; the agreement allows 21\. wexmoor_icb must send"
    ):
        opted_out_residents(connection, contracts, AS_OF, 21)


def test_a_region_where_nobody_supplies_the_list_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(GovernanceError, match="no partner supplies the opt-out list"):
        opted_out_residents(connection, (), AS_OF, 21)
