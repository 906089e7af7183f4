"""The dbt project on a tiny hand-made warehouse: conforming before linkage, core and marts after it.

Put here: whole rows through real models. Never here: single picks (those are dbt unit tests beside the models).
Everybody in here is invented; NHS numbers are from the 999 range that is never issued.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from spine.contracts import install_functions, load_contracts, load_partners
from spine.settings import PROJECT_ROOT

AS_OF = "2028-03-31"
NHS = "https://fhir.nhs.uk/Id/nhs-number"
STATUS = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
PROVENANCE = {
    "_partner": "VARCHAR",
    "_delivery": "VARCHAR",
    "_delivery_date": "DATE",
    "_revision": "INTEGER",
    "_contract_version": "VARCHAR",
    "_file_sha256": "VARCHAR",
    "_file_no": "INTEGER",
    "_row_no": "BIGINT",
    "_first_delivered": "DATE",
}
DELIVERIES = (
    "partner VARCHAR, dataset VARCHAR, layout VARCHAR, table_name VARCHAR, delivery VARCHAR, delivery_date DATE, "
    "revision INTEGER, rows_kept BIGINT, rows_replaced BIGINT, rows_in_use BIGINT, is_stale BOOLEAN"
)

Rows = list[dict[str, Any]]


def valid_nhs_number(serial: int) -> str:
    """The serial-th possible number of the 999 range, moved on to one with a check digit below ten."""
    digits = f"999{serial:06d}"
    check = (11 - sum(w * int(d) for w, d in zip(range(10, 1, -1), digits, strict=True)) % 11) % 11
    return digits + str(check) if check < 10 else valid_nhs_number(serial + 1)


ADA, ADA_OLD, RAY, CLEM, OLD_RECORD = (valid_nhs_number(n) for n in (7100, 7200, 7300, 7400, 7500))

COUNCIL_TAX: Rows = [
    {
        "account_reference": "100",
        "title": "Mrs",
        "surname": "Quillfeather",
        "forename": "Ada",
        "date_of_birth": "04/05/1950",
        "address_1": "12 Fennel Rd",
        "address_2": "Wexham",
        "postcode": "wx11aa",
        "uprn": "100012.0",
        "discount_code": "ZZ",
        "liability_amount": "1,600.00",
        "discount_amount": "400",
        "discount_start_date": "01/04/2020",
        "band": "B",
    },
    {
        "account_reference": "101",
        "surname": "Mr & Mrs B Tarnbrook",
        "address_1": "Flat 3, 7 Mill Lane",
        "postcode": "WX1 1AB",
        "band": "C",
    },
    {"account_reference": "102", "surname": "Wexmoor Homes Ltd", "address_1": "1 Dock St", "postcode": "WX1 1AD"},
    {"account_reference": "103", "surname": "The Occupier", "address_1": "2 Dock St", "postcode": "WX1 1AD"},
    {"account_reference": "104", "surname": "Exors of J Holmes", "address_1": "3 Dock St", "postcode": "WX1 1AD"},
    {
        "account_reference": "105",
        "surname": "RESTALL",
        "forename": "RAY",
        "date_of_birth": "1980-02-03",
        "address_1": "4 Dock St",
        "postcode": "WX1 1AD",
    },
    {
        "account_reference": "105",
        "surname": "RESTALL",
        "forename": "RAYMOND",
        "date_of_birth": "1980-02-03",
        "address_1": "4 Dock St",
        "postcode": "WX1 1AD",
    },
    {
        "account_reference": "106",
        "surname": "LARK, MISS NELL JOY",
        "address_1": "No fixed abode",
        "postcode": "ZZ99 3VZ",
        "date_of_birth": "31/02/1990",
    },
]


def event(
    person: str, reference: str, start: str, end: str | None, service: str | None = None, **more: Any
) -> dict[str, Any]:
    """One row of client level data."""
    kind = "Service" if service else "Request"
    return {
        "la_person_unique_identifier": person,
        "event_reference": reference,
        "event_type": kind,
        "client_type": "Service User",
        "event_start_date": start,
        "event_end_date": end,
        "service_type": service,
        **more,
    }


ADA_CARE = {
    "first_name": "Ada",
    "last_name": "Quillfeather",
    "date_of_birth": "05/04/1950",
    "gender": "2",
    "nhs_number": ADA,
}
SOCIAL_CARE: Rows = [
    event("P1", "E1", "01/02/2027", None, "Long Term Support: Community", postcode="WX1 1AA", **ADA_CARE),
    event(
        "P1",
        "E2",
        "01/03/2027",
        "31/12/2099",
        "LONG TERM SUPPORT: nursing care",
        postcode="WX1 1AA",
        **{**ADA_CARE, "nhs_number": None},
    ),
    event("P1", "E3", "10/03/2027", "01/03/2027", "Short term support: ST-Max", **ADA_CARE),
    event(
        "P2",
        "E4",
        "01/05/2027",
        None,
        "Meals from Mars",
        first_name="Clem",
        last_name="Odd",
        gender="Q",
        date_of_birth="1900-01-01",
    ),
    event(
        "P3",
        "E5",
        "01/01/2026",
        None,
        first_name="Dora",
        last_name="Gone",
        date_of_birth="01/01/1930",
        date_of_death="02/02/2027",
    ),
]


def nhs_identifier(number: str, status: str = "01", **more: Any) -> dict[str, Any]:
    """An NHS number with its verification status."""
    coding = {"valueCodeableConcept": {"coding": [{"code": status}]}}
    return {
        "system": NHS,
        "value": number,
        "extension": [{"url": "https://other", **coding}, {"url": STATUS, **coding}],
        **more,
    }


HOME_2020 = {
    "use": "home",
    "line": ["12, Fennel Road", "Wexham"],
    "postalCode": "WX1 1AA",
    "period": {"start": "2020-01-01"},
}
PATIENTS: Rows = [
    {
        "id": ADA,
        "meta": {"versionId": "9", "security": [{"code": "U"}]},
        "gender": "female",
        "birth_date": "1950-05-04",
        "identifier": [nhs_identifier(ADA_OLD, use="old"), nhs_identifier(ADA)],
        "name": [
            {"use": "maiden", "family": "Sorrel", "given": ["Ada"]},
            {"use": "nickname", "given": ["Addie"]},
            {"use": "usual", "family": "Quillfeather", "given": ["Ada May", "Rose"], "period": {"start": "1975"}},
        ],
        "address": [
            {"use": "temp", "line": ["9 Elsewhere"], "postalCode": "WX9 9ZZ", "period": {"start": "2028-01-01"}},
            {
                **HOME_2020,
                "period": {"start": "2010-01-01", "end": "2019-12-31"},
                "line": ["1 Past Row"],
                "postalCode": "WX2 2AA",
            },
            HOME_2020,
        ],
        "telecom": [
            {"system": "phone", "use": "home", "value": "01632 960001"},
            {"system": "phone", "use": "mobile", "value": "+44 7700 900456", "period": {"start": "2022-05"}},
            {"system": "email", "value": "Ada@Example.org", "period": {"end": "2021-12-31"}},
        ],
        "general_practitioner": [
            {"identifier": {"value": "y00001", "period": {"start": "2001-01-01", "end": "2015-01-01"}}},
            {"identifier": {"value": "Y00002", "period": {"start": "2015-01-02"}}},
        ],
        "link": [{"type": "replaces", "other": {"reference": f"https://pds/Patient/{OLD_RECORD}"}}],
    },
    {
        "id": ADA,
        "meta": {"versionId": "10"},
        "gender": "female",
        "birth_date": "1950-05-04",
        "identifier": [nhs_identifier(ADA)],
        "name": [
            {"use": "maiden", "family": "Sorrel"},
            {"use": "usual", "family": "Quillfeather", "given": ["Ada May", "Rose"]},
        ],
        "address": [HOME_2020],
        "telecom": [{"system": "phone", "use": "mobile", "value": "+44 7700 900456"}],
        "general_practitioner": [{"identifier": {"value": "Y00002", "period": {"start": "2015-01-02"}}}],
        "link": [{"type": "replaces", "other": {"reference": f"https://pds/Patient/{OLD_RECORD}"}}],
    },
    {
        "id": RAY,
        "meta": {"versionId": "1", "security": [{"code": "R"}]},
        "gender": "male",
        "birth_date": "1980-02-03",
        "identifier": [nhs_identifier(RAY)],
        "name": [{"family": "Restall", "given": ["Raymond"]}],
        "address": [HOME_2020],
        "telecom": [{"system": "phone", "value": "07700 900999"}],
        "general_practitioner": [{"identifier": {"value": "Y00003", "period": {"start": "2011-01-01"}}}],
    },
    {
        "id": "abc",
        "birth_date": "1980-05",
        "gender": "Martian",
        "identifier": [nhs_identifier("9990000000", "02")],
        "name": None,
        "deceased_date_time": "2027-05-05T10:00:00+01:00",
    },
    {"id": CLEM, "birth_date": "2020", "gender": "unknown", "deceased_boolean": "false"},
]

HEADER: Rows = [
    {"child": "C1", "sex": "1", "dob": "01/01/2009", "upn": "UN1"},
    {"child": "C2", "sex": "F", "dob": "01/01/2015"},
]
EPISODES: Rows = [
    {"child": "C1", "decom": "01/01/2020", "dec": "01/06/2020", "ls": "C2", "home_post": "WX1 1AB"},
    {"child": "C1", "decom": "01/06/2020", "ls": "V2", "home_post": "rubbish"},
    {"child": "C9", "decom": "01/06/2020", "ls": "V2"},
]
AREAS: Rows = [
    {"postcode": f"WX1 1A{c}", "lsoa21": f"E0190000{n}", "local_authority_code": "E07900001"}
    for n, c in enumerate("ABD", start=1)
]

RAW: dict[str, tuple[str, Rows]] = {
    "council_tax__nfi__accounts": ("brackenfell_borough", COUNCIL_TAX),
    "social_care__cld__events": ("wexmoor_county", SOCIAL_CARE),
    "gp_registrations__fhir__patients": ("wexmoor_icb", PATIENTS),
    "looked_after__ssda903__header": ("wexmoor_county", HEADER),
    "looked_after__ssda903__episodes": ("wexmoor_county", EPISODES),
    "opt_out__ndo__opt_outs": ("wexmoor_icb", [{"nhs_number": ADA_OLD}]),
    "area_lookup__onspd__postcodes": ("reference", AREAS),
}


CT, SC, GP, LA = (
    "brackenfell_borough:council_tax:",
    "wexmoor_county:social_care:",
    "wexmoor_icb:gp_registrations:",
    "wexmoor_county:looked_after:",
)
#: What linkage would have found: Ada in three sources, Ray in two, everybody else alone.
RESIDENTS = {
    f"{CT}100/1": "ada",
    f"{SC}P1": "ada",
    f"{GP}{ADA}": "ada",
    f"{CT}105/1": "ray",
    f"{GP}{RAY}": "ray",
    f"{CT}101/1": "tarnbrook_1",
    f"{CT}101/2": "tarnbrook_2",
    f"{CT}104/1": "holmes",
    f"{CT}106/1": "nell",
    f"{SC}P2": "clem",
    f"{SC}P3": "dora",
    f"{LA}C1": "c1",
    f"{LA}C2": "c2",
    f"{GP}abc": "abc",
    f"{GP}{CLEM}": "baby",
}


def sql_type(nested: Any) -> str:
    """The DuckDB type of a contract column's `nested` shape."""
    if isinstance(nested, Mapping):
        return "STRUCT(" + ", ".join(f'"{name}" {sql_type(part)}' for name, part in nested.items()) + ")"
    return f"{sql_type(nested[0])}[]" if isinstance(nested, list) else str(nested)


def build_raw(connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Schema raw as the door leaves it, from the rows above."""
    install_functions(connection)
    connection.execute(f"CREATE SCHEMA raw; CREATE SCHEMA linkage; CREATE TABLE raw.deliveries ({DELIVERIES})")
    expectations = PROJECT_ROOT / "expectations"
    for contract in load_contracts(expectations / "contracts", load_partners(expectations / "partners.yaml")):
        for table in contract.tables:
            name = f"{contract.id}__{table.name}"
            partner, rows = RAW[name]
            delivery = f"{partner}/{contract.dataset}/2028-03-01"
            stamp = {
                "_partner": partner,
                "_delivery": delivery,
                "_delivery_date": "2028-03-01",
                "_revision": 1,
                "_file_no": 1,
            }
            stamped = [
                {**row, **stamp, "_row_no": n, "_first_delivered": "2027-12-01"} for n, row in enumerate(rows, start=1)
            ]
            path = scratch / f"{name}.ndjson"
            path.write_text("\n".join(json.dumps(row) for row in stamped), encoding="utf-8")
            columns = {column.name: sql_type(column.nested) for column in table.columns} | PROVENANCE
            connection.execute(
                f"CREATE TABLE raw.{name} AS FROM read_json('{path}', format='newline_delimited', columns={columns})"
            )
            values = [
                partner,
                contract.dataset,
                contract.layout,
                table.name,
                delivery,
                date(2028, 3, 1),
                1,
                len(rows),
                0,
                len(rows),
                False,
            ]
            connection.execute(f"INSERT INTO raw.deliveries VALUES ({', '.join('?' * len(values))})", values)


def build_linkage(connection: duckdb.DuckDBPyConnection) -> None:
    """Schema linkage as identity leaves it, from RESIDENTS."""
    connection.execute(
        "CREATE TABLE linkage.crosswalk "
        "(record_id VARCHAR, source VARCHAR, resident_id VARCHAR, method VARCHAR, confidence DOUBLE)"
    )
    for record, resident in RESIDENTS.items():
        is_single = list(RESIDENTS.values()).count(resident) == 1
        partner, dataset, _ = record.split(":", 2)
        values = [
            record,
            f"{partner}__{dataset}",
            resident,
            "single" if is_single else "probabilistic",
            None if is_single else 0.97,
        ]
        connection.execute("INSERT INTO linkage.crosswalk VALUES (?, ?, ?, ?, ?)", values)


def run_dbt(*arguments: str, as_of: str | None = AS_OF) -> bool:
    """Run one dbt command in this process as the pipeline does: quiet, with no log and no JSON."""
    from dbt.cli.main import dbtRunner

    project = str(PROJECT_ROOT / "dbt_project")
    silent = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-write-json", "--no-use-colors"]
    variables = ["--vars", json.dumps({"as_of": as_of})] if as_of else []
    command = [*silent, *arguments, "--project-dir", project, "--profiles-dir", project, *variables]
    return bool(dbtRunner().invoke(command).success)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose warehouse dbt has built on both sides of linkage."""
    root = tmp_path_factory.mktemp("spine")
    environment = {
        "SPINE_HOME": root,
        "DBT_TARGET_PATH": root / "dbt" / "target",
        "DBT_LOG_PATH": root / "dbt" / "logs",
        "DO_NOT_TRACK": 1,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, str(value))
        with duckdb.connect(root / "warehouse.duckdb") as connection:
            build_raw(connection, root)
            build_linkage(connection)
        assert run_dbt("build", "--selector", "before_linkage")
        assert run_dbt("build", "--selector", "after_linkage")
        yield root


def rows_by(home: Path, key: str, query: str) -> dict[Any, dict[str, Any]]:
    """The rows of a query as dictionaries, by one of their columns."""
    with duckdb.connect(home / "warehouse.duckdb", read_only=True) as connection:
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description or []]
        return {row[key]: row for row in (dict(zip(names, values, strict=True)) for values in cursor.fetchall())}


def holds(row: dict[str, Any], **expected: Any) -> bool:
    """True where the row has these values; a difference shows both sides."""
    found = {name: row[name] for name in expected}
    assert found == expected
    return True


@pytest.fixture(scope="module")
def persons(home: Path) -> dict[Any, dict[str, Any]]:
    """int_person_records by record id."""
    return rows_by(home, "record_id", "FROM intermediate.int_person_records")


def test_every_person_of_every_source_has_one_record(persons: dict[str, Any]) -> None:
    assert set(persons) == set(RESIDENTS)


def test_the_columns_are_the_ones_that_linkage_reads(persons: dict[str, Any]) -> None:
    assert list(next(iter(persons.values()))) == [
        "record_id",
        "source",
        "partner",
        "dataset",
        "source_person_id",
        "first_name",
        "middle_names",
        "surname",
        "former_surnames",
        "date_of_birth",
        "date_of_birth_partial",
        "sex",
        "nhs_number",
        "nhs_number_status",
        "superseded_nhs_numbers",
        "nino",
        "upn",
        "uprn",
        "house_number",
        "street",
        "address_line",
        "postcode",
        "address_from",
        "address_to",
        "phone",
        "email",
        "date_of_death",
        "is_deceased",
        "is_restricted",
        "is_no_fixed_abode",
        "is_organisation",
        "known_since",
        "last_delivery_date",
    ]


def test_council_tax_records(persons: dict[str, Any]) -> None:
    assert holds(
        persons[f"{CT}100/1"],
        first_name="Ada",
        surname="Quillfeather",
        sex="female",
        date_of_birth=date(1950, 5, 4),
        uprn="100012",
        house_number="12",
        street="FENNEL ROAD",
        postcode="WX1 1AA",
        known_since=date(2020, 4, 1),
        former_surnames=[],
        source_person_id="100/1",
    )
    assert holds(persons[f"{CT}101/2"], first_name=None, surname="Tarnbrook", sex="female", house_number="FLAT 3 7")
    assert holds(persons[f"{CT}104/1"], first_name="J", surname="Holmes", is_deceased=True)
    assert holds(persons[f"{CT}105/1"], first_name="RAYMOND")  # the last of two rows for one account
    assert holds(
        persons[f"{CT}106/1"],
        first_name="NELL",
        middle_names="JOY",
        surname="LARK",
        date_of_birth=None,
        postcode=None,
        is_no_fixed_abode=True,
    )


def test_social_care_records(persons: dict[str, Any]) -> None:
    assert holds(
        persons[f"{SC}P1"],
        nhs_number=ADA,
        nhs_number_status=None,
        sex="female",
        known_since=date(2027, 2, 1),
        postcode="WX1 1AA",
    )
    assert holds(persons[f"{SC}P2"], sex="unknown", date_of_birth=None)  # an unmapped code and a placeholder date
    assert holds(persons[f"{SC}P3"], is_deceased=True, date_of_death=date(2027, 2, 2))


def test_gp_records(persons: dict[str, Any]) -> None:
    assert holds(
        persons[f"{GP}{ADA}"],
        first_name="Ada May",
        middle_names="Rose",
        surname="Quillfeather",
        former_surnames=["Sorrel"],
        nhs_number=ADA,
        nhs_number_status="01",
        superseded_nhs_numbers=[OLD_RECORD],
        house_number="12",
        street="FENNEL ROAD",
        address_from=date(2020, 1, 1),
        phone="07700900456",
        email=None,
        known_since=date(2015, 1, 2),
    )
    nowhere = dict.fromkeys(
        ("postcode", "uprn", "house_number", "street", "address_line", "address_from", "phone", "email")
    )
    assert holds(persons[f"{GP}{RAY}"], is_restricted=True, nhs_number=RAY, known_since=date(2027, 12, 1), **nowhere)
    assert holds(
        persons[f"{GP}abc"],
        nhs_number=None,
        date_of_birth=None,
        date_of_birth_partial="1980-05",
        sex="unknown",
        date_of_death=date(2027, 5, 5),
    )
    assert holds(
        persons[f"{GP}{CLEM}"], nhs_number=CLEM, is_deceased=False
    )  # no identifier: the resource's id is the number


def test_looked_after_records(persons: dict[str, Any]) -> None:
    assert holds(persons[f"{LA}C1"], sex="male", upn=None, known_since=date(2020, 1, 1), surname=None)
    assert holds(persons[f"{LA}C2"], sex="female", date_of_birth=date(2015, 1, 1), known_since=date(2027, 12, 1))


def test_rows_add_up_and_say_why_they_were_dropped(home: Path) -> None:
    stages = rows_by(home, "target_relation", "FROM intermediate.int_reconciliation WHERE stage <> 'service events'")
    assert all(row["rows_in"] == row["rows_kept"] + row["rows_dropped"] for row in stages.values())
    reasons = {entry["reason"]: entry["row_count"] for entry in stages["int_persons__council_tax"]["dropped_by_reason"]}
    assert reasons == {"organisation": 1, "not a person": 1, "blank lead person": 0, "blank second person": 6}


def test_a_resident_takes_the_best_of_all_records(home: Path) -> None:
    residents = rows_by(home, "resident_id", "FROM core.dim_resident")
    assert set(residents) == set(RESIDENTS.values())
    assert holds(
        residents["ada"],
        date_of_birth=date(1950, 5, 4),
        postcode="WX1 1AA",
        lsoa21="E01900001",
        local_authority_code="E07900001",
        uprn="100012",
        gp_practice_code="Y00002",
        lives_alone=True,
        record_count=3,
        source_count=3,
        is_linked=True,
        weakest_link_confidence=0.97,
    )
    assert holds(residents["tarnbrook_1"], lives_alone=False, is_linked=False, weakest_link_confidence=None)
    nowhere = dict.fromkeys(
        ("postcode", "lsoa21", "local_authority_code", "uprn", "gp_practice_code", "lives_alone", "household_id")
    )
    assert holds(residents["ray"], is_restricted=True, **nowhere)  # although council tax knows an address


def test_every_number_that_a_record_ever_held_reaches_its_resident(home: Path) -> None:
    numbers = rows_by(home, "nhs_number", "FROM core.bridge_resident_nhs_number")
    assert {number: row["resident_id"] for number, row in numbers.items()} == {
        ADA: "ada",
        ADA_OLD: "ada",
        OLD_RECORD: "ada",
        RAY: "ray",
        CLEM: "baby",
    }


def test_the_mart_holds_adults_and_people_of_unknown_age(home: Path) -> None:
    mart = rows_by(home, "resident_id", "FROM care_planning.residents")
    assert set(mart) == set(RESIDENTS.values()) - {"c2", "baby"}
    assert holds(
        mart["ada"],
        age_band="75-84",
        service_count=3,
        social_care_status="nursing care",
        council_tax_since=date(2020, 4, 1),
        social_care_since=date(2027, 2, 1),
        gp_since=date(2015, 1, 2),
        is_known_to_looked_after=False,
        looked_after_since=None,
    )
    assert holds(mart["clem"], age_band="unknown", social_care_status="not mapped")
    assert holds(mart["dora"], age_band="95+", social_care_status="none open")
    assert holds(mart["c1"], age_band="18-24", social_care_status=None)
    assert holds(mart["ray"], lsoa21=None, service_count=2)
    with duckdb.connect(home / "warehouse.duckdb", read_only=True) as connection:
        services = connection.execute(
            "SELECT service, partner FROM care_planning.resident_services WHERE resident_id = 'ray' ORDER BY 1"
        ).fetchall()
    assert services == [("council_tax", "brackenfell_borough"), ("gp_registrations", "wexmoor_icb")]


def test_what_dbt_leaves_behind_holds_no_value(home: Path) -> None:
    canaries = [
        text.encode() for text in ("Quillfeather", "Tarnbrook", "Fennel", ADA, ADA_OLD, RAY, "07700900456", "100012")
    ]
    warehouse = (home / "warehouse.duckdb").read_bytes()
    assert any(canary in warehouse for canary in canaries), "the positive control: the warehouse does hold values"
    left = [path for path in (home / "dbt").rglob("*") if path.is_file()]
    assert any(path.suffix == ".sql" for path in left), "dbt compiled nothing, so the search proves nothing"
    assert not [path.suffix for path in left if any(canary in path.read_bytes() for canary in canaries)]


def test_rows_that_do_not_add_up_fail_the_build(home: Path, tmp_path: Path) -> None:
    shutil.copy(home / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("UPDATE raw.deliveries SET rows_in_use = rows_in_use + 1 WHERE dataset = 'looked_after'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPINE_HOME", str(tmp_path))
        assert not run_dbt("build", "--select", "int_reconciliation", "assert_rows_add_up")
    assert os.environ["SPINE_HOME"] == str(home)


def test_the_project_parses_without_an_as_of_date_but_does_not_run(home: Path) -> None:
    assert run_dbt("parse", as_of=None)
    assert not run_dbt("compile", "--select", "int_council_tax_accounts", as_of=None)
