"""Which records are found wanting where sources contradict each other, as tables through the real dbt model.

A line is one record of one resident: source | date of birth | died | home, since | state. `G` is the GP with a
verified number, `g` one without, `C` social care, `T` council tax, `H` a landlord. State `open` is a service that goes
on. Which lines are found is written by their numbers, by kind; a line can be found in several kinds.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pytest

from tests.fixtures.dbt_sql import sql_of

AS_OF = "2028-03-31"
SOURCES = {
    "G": ("icb__gp_registrations", "gp_registrations", "01"),
    "g": ("icb__gp_registrations", "gp_registrations", "02"),
    "C": ("county__social_care", "social_care", None),
    "T": ("district__council_tax", "council_tax", None),
    "H": ("homes__housing_tenancies", "housing_tenancies", None),
}
DOB, DEAD, HOME, TWICE = (
    "birth_dates_agree",
    "nobody_active_after_death",
    "addresses_are_current",
    "persons_stand_once",
)


@dataclass(frozen=True)
class Case:
    """One resident's records, and which of them are found."""

    table: str
    found: str = ""
    restricted: bool = False


BIRTH_DATES = {
    "all agree": Case("G | 1950-05-04\nC | 1950-05-04"),
    "one source alone": Case("G | 1950-05-04\nT |"),
    "most sources are right": Case("G | 1950-05-04\nC | 1950-05-04\nH | 1950-04-05", "3"),
    "most are right against the most trusted": Case("G | 1950-05-04\nT | 1950-05-05\nH | 1950-05-05", "1"),
    "of two the more trusted is right": Case("G | 1950-05-04\nT | 1950-05-05", "2"),
    "social care before an unverified GP": Case("g | 1950-05-04\nC | 1950-05-05", "1"),
    "of equals nobody can tell: both are told": Case("T | 1950-05-04\nH | 1950-05-05", "12"),
    "a source has one voice however often it says so": Case("T | 1950-05-04\nT | 1950-05-04\nG | 1950-05-05", "12"),
    "a source that contradicts itself": Case("C | 1950-05-04\nC | 1950-05-05\nG | 1950-05-04", "2"),
}
DEATHS = {
    "dead in one, open in another": Case("G | | 2027-05-01\nH | | | | open", "2"),
    "dead in both": Case("G | | 2027-05-01\nH | | 2027-05-01 | | open"),
    "dead, and the other has ended": Case("G | | 2027-05-01\nH | | | | ended"),
    "an account of council tax is open while it is there": Case("G | | 2027-05-01\nT |", "2"),
    "alive in both": Case("G | | | | open\nH | | | | open"),
    "the source's own word is no other source's": Case("C | | 2027-05-01\nC | | | | open"),
}
HOMES = {
    "the newer home is right": Case("G | | | WX2 2AA 2027-06-01\nH | | | WX1 1AA 2019-01-01", "2"),
    "the same home": Case("G | | | WX1 1AA 2027-06-01\nH | | | WX1 1AA 2019-01-01"),
    "a home that has not begun": Case("G | | | WX2 2AA 2028-06-01\nH | | | WX1 1AA 2019-01-01"),
    "a home without a start is as old as its evidence": Case("G | | | WX2 2AA\nH | | | WX1 1AA 2019-01-01", "1"),
    "the newest of several others counts": Case(
        "G | | | WX2 2AA 2020-06-01\nC | | | WX1 1AA 2025-01-01\nH | | | WX1 1AA 2019-01-01", "1"
    ),
    "of restricted people nothing is compared": Case(
        "G | | | WX2 2AA 2027-06-01\nH | | | WX1 1AA 2019-01-01", "", restricted=True
    ),
}
DUPLICATES = {
    "once in each source": Case("G | 1950-05-04\nH | 1950-05-04"),
    "twice in one": Case("G | 1950-05-04\nC | 1950-05-04\nC | 1950-05-04", "3"),
}


@pytest.fixture(scope="module")
def model() -> str:
    return sql_of("quality_compared_records", AS_OF)


@pytest.mark.parametrize(
    ("kind", "case"),
    [
        pytest.param(kind, case, id=name)
        for kind, cases in ((DOB, BIRTH_DATES), (DEAD, DEATHS), (HOME, HOMES), (TWICE, DUPLICATES))
        for name, case in cases.items()
    ],
)
def test_what_is_found(model: str, kind: str, case: Case) -> None:
    with duckdb.connect() as connection:
        _build(connection, case)
        rows = connection.execute(model).fetchall()
    assert "".join(sorted(record for k, _, record, _, is_found, _ in rows if k == kind and is_found)) == case.found


def test_days_are_told_where_time_matters(model: str) -> None:
    with duckdb.connect() as connection:
        _build(connection, Case("G | | 2028-03-01 | WX2 2AA 2028-03-21\nH | | | WX1 1AA 2019-01-01 | open"))
        rows = connection.execute(model).fetchall()
    assert {(kind, days) for kind, _, record, _, _, days in rows if record == "2" and days is not None} == {(DEAD, 30)}


def _build(connection: duckdb.DuckDBPyConnection, case: Case) -> None:
    """The relations that the model reads, with the case's one resident."""
    connection.execute("""
        CREATE TABLE int_person_records (record_id VARCHAR, source VARCHAR, dataset VARCHAR, date_of_birth DATE,
            date_of_death DATE, is_deceased BOOLEAN, known_since DATE, last_delivery_date DATE,
            nhs_number_status VARCHAR);
        CREATE TABLE bridge_resident_record (record_id VARCHAR, resident_id VARCHAR);
        CREATE TABLE fct_service_event (record_id VARCHAR, service VARCHAR, is_open BOOLEAN);
        INSERT INTO fct_service_event VALUES ('x', 'gp_registrations', true), ('y', 'social_care', true),
            ('z', 'housing_tenancies', true);
        CREATE TABLE int_addresses (record_id VARCHAR, postcode VARCHAR, address_from DATE, evidence_date DATE,
            is_current BOOLEAN, is_residence BOOLEAN);
        CREATE TABLE int_resident_attributes (resident_id VARCHAR, is_restricted BOOLEAN, is_deceased BOOLEAN)""")
    is_dead = False
    for number, line in enumerate(case.table.splitlines(), start=1):
        letter, born, died, home, state = [*(part.strip() for part in line.split("|")), "", "", "", ""][:5]
        source, dataset, status = SOURCES[letter]
        is_dead |= bool(died)
        record = [str(number), source, dataset, born or None, died or None, bool(died), "2019-01-01", "2028-03-01"]
        connection.execute("INSERT INTO int_person_records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [*record, status])
        connection.execute("INSERT INTO bridge_resident_record VALUES (?, 'r')", [str(number)])
        if state:
            event = [str(number), dataset, state == "open"]
            connection.execute("INSERT INTO fct_service_event VALUES (?, ?, ?)", event)
        if home:
            postcode, since = home[:7], home[8:] or None
            address = [str(number), postcode, since, since or "2018-01-01"]
            connection.execute("INSERT INTO int_addresses VALUES (?, ?, ?, ?, true, true)", address)
    connection.execute("INSERT INTO int_resident_attributes VALUES ('r', ?, ?)", [case.restricted, is_dead])
