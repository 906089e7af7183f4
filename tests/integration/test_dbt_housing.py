"""Housing tenancies and rent accounts through the dbt project, on rows of two invented landlords.

Put here: whole rows of both datasets through real models, and what must not come out of them. Never here: other
sources (test_dbt_models), or single picks (dbt unit tests).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import yaml

from spine.contracts import load_contracts, load_partners
from spine.contracts.derive import expectation
from spine.settings import PROJECT_ROOT
from tests.fixtures.dbt_warehouse import build_linkage, build_models, build_raw
from tests.fixtures.housing_rows import H_RENT, HARCOMBE, HOMES, RAW, RESIDENTS, W_RENT


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse that is built on both sides of linkage, read only."""
    root = tmp_path_factory.mktemp("spine")
    with duckdb.connect(root / "warehouse.duckdb") as connection:
        build_raw(connection, root, RAW)
        build_linkage(connection, RESIDENTS)
    build_models(root)
    with duckdb.connect(root / "warehouse.duckdb", read_only=True) as connection:
        yield connection


def rows_by(connection: duckdb.DuckDBPyConnection, key: str, query: str) -> dict[Any, dict[str, Any]]:
    """The rows of a query as dictionaries, by one of their columns."""
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or []]
    return {row[key]: row for row in (dict(zip(names, values, strict=True)) for values in cursor.fetchall())}


def holds(row: dict[str, Any], **expected: Any) -> bool:
    """True where the row has these values; a difference shows both sides."""
    assert {name: row[name] for name in expected} == expected
    return True


@pytest.fixture(scope="module")
def persons(warehouse: duckdb.DuckDBPyConnection) -> dict[Any, dict[str, Any]]:
    """Housing's person records by record id."""
    query = "FROM intermediate.int_person_records WHERE dataset = 'housing_tenancies'"
    return rows_by(warehouse, "record_id", query)


def test_one_record_per_person_of_each_landlord(persons: dict[str, Any]) -> None:
    housed = {record for record in RESIDENTS if record.startswith((HARCOMBE, HOMES))}
    assert set(persons) == housed, "organisations, nobody in particular and rows without a person are dropped"


def test_a_person_with_several_tenancies_is_one_record_of_the_latest(persons: dict[str, Any]) -> None:
    assert holds(
        persons[f"{HARCOMBE}P1"],
        surname="MARLOW",
        former_surnames=["OLDHAM"],
        date_of_birth=date(1960, 3, 12),
        sex="female",
        nino="AB123456",
        uprn="100077",
        house_number="FLAT 2B 12",
        street="HIGH STREET",
        postcode="WX1 1AB",
        address_from=date(2015, 4, 1),
        address_to=None,
        phone="07700900101",
        email="tess@example.org",
        known_since=date(2010, 6, 1),
    )
    assert holds(persons[f"{HOMES}P1"], surname="Otherby", phone="01632960777", known_since=date(2012, 9, 1))


def test_names_from_initials_prefixes_and_markers_of_death(persons: dict[str, Any]) -> None:
    assert holds(
        persons[f"{HARCOMBE}P5"],
        first_name="J",
        middle_names="A",
        surname="VAN DER BERG",
        sex="male",
        is_deceased=False,
    )
    assert holds(persons[f"{HARCOMBE}P8"], first_name="JO", surname="HOLT", is_deceased=True)


def test_an_address_counts_while_membership_and_tenancy_are_open(
    warehouse: duckdb.DuckDBPyConnection, persons: dict[str, Any]
) -> None:
    for gone in ("P2", "P5", "P6", "P7", "P8"):  # left, tenancy ended, garage, unknown tenancy, impossible dates
        assert holds(persons[f"{HARCOMBE}{gone}"], postcode=None, uprn=None, address_from=None)
    history = warehouse.execute(
        "SELECT record_id, postcode, address_from, address_to, is_current FROM intermediate.int_addresses "
        "WHERE record_id IN ($1, $2) ORDER BY ALL",
        [f"{HARCOMBE}P1", f"{HARCOMBE}P2"],
    ).fetchall()
    assert history == [
        (f"{HARCOMBE}P1", "WX1 1AB", date(2010, 6, 1), date(2015, 3, 31), False),
        (f"{HARCOMBE}P1", "WX1 1AB", date(2015, 4, 1), None, True),
        (f"{HARCOMBE}P2", "WX1 1AB", date(2015, 4, 1), date(2027, 6, 30), False),
    ]


def test_stays_under_a_tenancy_are_service_events(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = warehouse.execute(
        "SELECT resident_id, client_type, status, start_date, end_date, is_open FROM core.fct_service_event "
        "WHERE service = 'housing_tenancies' AND resident_id IN ('tess', 'norm', 'holt', 'ivy') ORDER BY ALL"
    ).fetchall()
    assert found == [
        ("norm", "tenant", "secure", date(2021, 2, 3), None, True),
        ("tess", "household member", "secure", date(2010, 6, 1), date(2015, 3, 31), False),
        ("tess", "household member", "secure", date(2015, 4, 1), None, True),
    ]


def test_every_raw_row_is_kept_or_dropped_for_a_reason(warehouse: duckdb.DuckDBPyConnection) -> None:
    stages = rows_by(
        warehouse,
        "source_relation",
        "SELECT source_relation, rows_in, rows_kept, rows_in = rows_kept + rows_dropped AS adds_up, "
        "list_transform(list_filter(dropped_by_reason, lambda d: d.row_count > 0), lambda d: d.reason) AS reasons "
        "FROM intermediate.int_reconciliation WHERE stage <> 'staging'",
    )
    assert all(stage["adds_up"] for stage in stages.values())
    expected = {
        "people": ["no person", "organisation", "not a person", "duplicate"],
        "contacts": [
            "not of a person", "unknown person", "at work", "other kind", "not in force", "not readable",
            "another comes first",
        ],
        "addresses": ["not of a property", "unknown property", "another address of the property"],
        "properties": ["duplicate"],
        "tenancies": ["duplicate"],
    }  # fmt: skip
    for table, reasons in expected.items():
        assert (table, stages[f"stg_housing_tenancies_{table}"]["reasons"]) == (table, reasons)
    assert holds(stages["stg_rent_accounts_revenue_accounts"], rows_in=5, rows_kept=4, reasons=["duplicate"])
    assert holds(stages["stg_rent_accounts_arrears_actions"], rows_in=8, rows_kept=3)
    assert holds(stages["stg_rent_accounts_account_balances"], rows_in=5, rows_kept=1)
    assert holds(stages["stg_rent_accounts_debit_breakdowns"], rows_in=6, rows_kept=2)
    staged = warehouse.execute(
        "SELECT sum(rows_in) FROM intermediate.int_reconciliation WHERE stage = 'staging' AND "
        "(source_relation LIKE 'raw.housing%' OR source_relation LIKE 'raw.rent%')"
    ).fetchone()
    assert staged == (sum(len(rows) for name, (_, rows) in RAW.items() if "__nec__" in name),)


def test_a_tenancy_by_resident(warehouse: duckdb.DuckDBPyConnection) -> None:
    facts = rows_by(
        warehouse, "key", "SELECT *, tenancy_id || '/' || coalesce(resident_id, '') AS key FROM core.fct_tenancy"
    )
    assert len(facts) == 10
    assert holds(
        facts[f"{HARCOMBE}T1/tess"],
        tenancy_type="secure",
        tenancy_status="decanted",
        tenancy_to=None,
        is_current=True,
        is_notice_served=False,
        property_id="uprn:100077",
    )
    assert holds(facts[f"{HARCOMBE}T1/finn"], is_current=True, is_current_member=False, member_to=date(2027, 6, 30))
    assert holds(facts[f"{HARCOMBE}T0/tess"], is_current=False, is_current_member=False, property_id=None)
    assert holds(facts[f"{HARCOMBE}T2/berg"], tenancy_type="introductory", is_current=False)
    assert holds(facts[f"{HARCOMBE}T5/norm"], is_notice_served=True, is_tenant=True, is_main_tenant=False)
    assert holds(facts[f"{HARCOMBE}T6/holt"], is_notice_served=True, member_from=None, member_to=None)
    assert holds(facts[f"{HARCOMBE}T7/"], resident_id=None, is_current=True, is_notice_served=False)
    assert holds(facts[f"{HOMES}T1/olive"], property_id="address:WX1 1AA|1")


def test_what_is_owed_and_what_was_done_about_it(warehouse: duckdb.DuckDBPyConnection) -> None:
    accounts = rows_by(warehouse, "rent_account_id", "FROM core.fct_rent_account")
    assert len(accounts) == 4
    assert holds(
        accounts[f"{H_RENT}A1"],
        tenancy_id=f"{HARCOMBE}T1",
        balance=1000.0,
        balance_date=date(2028, 3, 1),
        arrears_weeks=10.0,
        arrears_action_count=2,
        last_arrears_action="notice",
        last_arrears_action_date=date(2028, 3, 1),
    )
    assert holds(accounts[f"{H_RENT}A2"], tenancy_id=None, arrears_weeks=0.0, last_arrears_action="not mapped")
    assert holds(accounts[f"{H_RENT}A3"], balance=None, weekly_charge=None, arrears_weeks=None)
    assert holds(accounts[f"{W_RENT}A1"], tenancy_id=f"{HOMES}T1", balance=350.0, weekly_charge=70.0, arrears_weeks=5.0)


def test_the_mart_tells_housing_and_nothing_of_rents(warehouse: duckdb.DuckDBPyConnection) -> None:
    residents = rows_by(warehouse, "resident_id", "FROM care_planning.residents")
    assert holds(
        residents["tess"],
        is_known_to_housing_tenancies=True,
        housing_tenancies_since=date(2010, 6, 1),
        service_count=2,
        lsoa21="E01900002",
    )
    assert holds(residents["rosa"], is_known_to_housing_tenancies=False, housing_tenancies_since=None)
    services = warehouse.execute("SELECT DISTINCT service FROM care_planning.resident_services ORDER BY 1").fetchall()
    assert services == [("gp_registrations",), ("housing_tenancies",)]


@pytest.mark.parametrize(
    "resident",
    [
        pytest.param("namesake", id="bears the name and birthday of a restricted patient"),
        pytest.param("norm", id="marked as at risk by the landlord"),
    ],
)
def test_nothing_shows_where_a_protected_person_lives(warehouse: duckdb.DuckDBPyConnection, resident: str) -> None:
    (found,) = rows_by(warehouse, "resident_id", f"FROM core.dim_resident WHERE resident_id = '{resident}'").values()
    assert holds(found, is_restricted=True, postcode=None, lsoa21=None, uprn=None, household_id=None, lives_alone=None)
    tenancies = warehouse.execute("SELECT property_id FROM core.fct_tenancy WHERE resident_id = $1", [resident])
    assert tenancies.fetchall() == [(None,)]
    partners = warehouse.execute(
        "SELECT partner FROM care_planning.resident_services WHERE resident_id = $1", [resident]
    ).fetchall()
    assert "harcombe_district" not in str(partners)
    assert "wexmoor_homes" not in str(partners)
    assert holds(
        rows_by(warehouse, "resident_id", "FROM care_planning.residents")[resident], is_known_to_housing_tenancies=True
    )


def test_an_at_risk_person_still_links_by_where_they_live(persons: dict[str, Any]) -> None:
    assert holds(persons[f"{HARCOMBE}P9"], is_restricted=False, postcode="WX1 1AD", nino=None)


def read_by(model: str, models: dict[str, str]) -> set[str]:
    """Every model and source that a model reads, directly or not."""
    sql = models.get(model, "")
    found = set(re.findall(r"ref\('([a-z0-9_]+)'\)", sql)) | set(re.findall(r"source\('raw', '([a-z0-9_]+)'\)", sql))
    return found.union(*(read_by(other, models) for other in found))


def test_rent_accounts_are_in_no_agreement_and_no_mart_reads_them() -> None:
    expectations = PROJECT_ROOT / "expectations"
    for path in (expectations / "agreements").glob("*.yaml"):
        assert "rent_accounts" not in yaml.safe_load(path.read_text(encoding="utf-8"))["datasets"]
    for path in (expectations / "contracts" / "spine").glob("*.yaml"):
        assert "rent_accounts." not in path.read_text(encoding="utf-8")
    folder = Path(PROJECT_ROOT / "dbt_project" / "models")
    models = {path.stem: path.read_text(encoding="utf-8") for path in folder.rglob("*.sql")}
    for mart in (folder / "marts").rglob("*.sql"):
        found = read_by(mart.stem, models)
        assert "int_housing_members" in found, "positive control: what the mart does read is found"
        assert not [name for name in found if "rent" in name]


@pytest.mark.parametrize(
    ("contract_id", "broken"),
    [
        (
            "housing_tenancies__nec",
            {
                "people__lpar_tcy_alt_ref__is_a_tenancy": 1,
                "people__lpar_per_ni_no__is_a_nino": 1,
                "people__table__lpar_hop_end_date__after_start": 1,
                "contacts__table__belong_to_a_person": 1,
                "properties__lpro_hou_ptv_code__mapped": 1,
                "tenancies__ltcy_tty_code__mapped": 1,
                "tenancies__ltcy_tho_propref1__is_a_property": 0,
                "people__table__one_main_tenant": 0,
                "people__lpar_per_ni_no__one_person": 0,
            },
        ),
        (
            "rent_accounts__nec",
            {
                "arrears_actions__table__belong_to_an_account": 1,
                "arrears_actions__laca_ara_code__mapped": 1,
                "arrears_actions__table__unique_key": 1,
                "account_balances__table__belong_to_an_account": 1,
                "debit_breakdowns__table__belong_to_an_account": 1,
            },
        ),
    ],
)
def test_every_rule_of_the_contract_runs_and_finds_what_is_broken(
    tmp_path: Path, contract_id: str, broken: dict[str, int]
) -> None:
    from spine.quality.gx import measure

    folder = PROJECT_ROOT / "expectations"
    contracts = load_contracts(folder / "contracts", load_partners(folder / "partners.yaml"))
    (contract,) = (c for c in contracts if c.id == contract_id)
    files = {}
    for table in contract.tables:
        files[table.name] = tmp_path / f"{table.name}.parquet"
        columns = {column.name: pl.String for column in table.columns}
        rows = [{name: row.get(name) for name in columns} for row in RAW[f"{contract_id}__{table.name}"][1]]
        pl.DataFrame(rows, schema=columns).write_parquet(files[table.name])
    measured = measure(files, [(rule.table, expectation(rule)) for rule in contract.rules], date(2028, 3, 31), 1)
    found = {rule.name: measurement for rule, measurement in zip(contract.rules, measured, strict=True)}
    assert [name for name, measurement in found.items() if measurement.problem] == []
    assert {name: found[name].count for name in broken} == broken
