"""The dbt project on a tiny hand-made warehouse: conforming before linkage, core and marts after it.

Put here: whole rows through real models. Never here: single picks (those are dbt unit tests beside the models).
Everybody in here is invented; NHS numbers are from the 999 range that is never issued.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from jinja2 import Environment

from spine.settings import PROJECT_ROOT
from tests.fixtures.academy_rows import HARCOMBE, TOR
from tests.fixtures.dbt_rows import ADA, ADA_OLD, CLEM, CT, GP, LA, LEFT_RECORD, OLD_RECORD, RAY, RESIDENTS, SC
from tests.fixtures.dbt_sql import sql_of
from tests.fixtures.dbt_warehouse import AS_OF, build_models, build_with_dbt, contents, holds, rows_by, run_dbt


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose warehouse dbt has built on both sides of linkage."""
    with pytest.MonkeyPatch.context() as patch:
        yield build_with_dbt(tmp_path_factory.mktemp("spine"), patch)


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


def test_academy_records(persons: dict[str, Any]) -> None:
    assert holds(
        persons[f"{HARCOMBE}103/1"],
        first_name="KIT",
        surname="MOSSWICK",
        sex="male",
        uprn="777",
        house_number="FLAT 2 9",
        street="FERRY ROAD",
        postcode="WX1 1AB",
        known_since=date(2019, 6, 1),
        address_from=date(2019, 6, 1),
        source_person_id="103/1",
    )
    assert holds(persons[f"{HARCOMBE}103/2"], first_name="LIV", surname="JONQUIL", sex="female", uprn="777")
    assert holds(
        persons[f"{TOR}1-103/1"], first_name="Nady", surname="Cookley", house_number="3", known_since=date(2020, 7, 1)
    )
    assert not [record for record in persons if "201" in record or "202" in record]  # an ended account, an empty house


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
    patients = stages["int_persons__gp_registrations"]["dropped_by_reason"]
    assert patients == [{"reason": "replaced record", "row_count": 1}]


def test_rows_of_joined_tables_add_up_one_by_one(home: Path) -> None:
    stages = rows_by(
        home,
        "source_relation",
        "FROM intermediate.int_reconciliation WHERE target_relation = 'stg_council_tax__academy'",
    )
    found = {
        name.rpartition("__")[2]: (row["rows_in"], row["rows_kept"], row["dropped_by_reason"])
        for name, row in stages.items()
    }
    assert found == {
        "ctaccount": (4, 2, [{"reason": "ended account", "row_count": 1}, {"reason": "void", "row_count": 1}]),
        "ctoccupation": (
            5,
            2,
            [{"reason": "ended", "row_count": 2}, {"reason": "of a dropped account", "row_count": 1}],
        ),
        "ctproperty": (3, 2, [{"reason": "no live account", "row_count": 1}]),
    }


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
    assert {name: residents[name]["linkage_conflicts"] for name in ("ada", "nell")} == {
        "ada": ["sex_differs"],
        "nell": [],
    }
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
        LEFT_RECORD: "ada",  # of a record that is no longer in use and was replaced by hers
        "9990000000": "abc",  # the check digit is wrong; an opt-out by it counts all the same
        "9990000001": "clem",
    }


def test_who_is_alone_by_the_living_and_at_home_where_somebody_can_live(home: Path) -> None:
    accounts = rows_by(home, "account_reference", "FROM core.fct_council_tax_account")
    assert holds(accounts["101"], liable_person_count=2)
    assert holds(accounts["104"], liable_person_count=1)
    residents = rows_by(home, "resident_id", "FROM core.dim_resident")
    assert holds(residents["una"], lives_alone=True)  # the other person on the account is dead
    assert holds(residents["c1"], postcode=None, lsoa21=None)  # the home postcode of a child looked after is no home


@pytest.mark.parametrize(
    ("born", "as_of", "years"),
    [
        ("2010-02-28", "2028-02-28", 18),
        ("2010-03-01", "2028-02-29", 17),
        ("2008-02-29", "2026-02-28", 17),
        ("2008-02-29", "2026-03-01", 18),
        ("2008-02-29", "2028-02-29", 20),
    ],
)
def test_age_is_attained_on_the_birthday(born: str, as_of: str, years: int) -> None:
    macros = (PROJECT_ROOT / "dbt_project" / "macros" / "dates.sql").read_text(encoding="utf-8")
    sql = (
        Environment()
        .from_string(macros + "{{ age(born) }}")
        .render(born=f"DATE '{born}'", as_of=lambda: f"DATE '{as_of}'")
    )
    assert duckdb.sql(f"SELECT {sql}").fetchall() == [(years,)]


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
    assert services == [("gp_registrations", "wexmoor_icb")]  # the district of the other would be an area


def test_the_bridge_says_since_when_and_the_history_what_was_before(home: Path) -> None:
    now = rows_by(home, "record_id", "FROM core.bridge_resident_record")
    assert set(now) == set(RESIDENTS)
    assert holds(now[f"{SC}P1"], valid_from=date(2028, 3, 31), valid_to=None, known_from=1, known_to=None)
    history = "SELECT * FROM core.bridge_resident_record_history WHERE NOT is_current"
    was = rows_by(home, "record_id", history)
    assert set(was) == {record for record, resident in RESIDENTS.items() if resident == "ada"}
    day = date(2028, 2, 29)
    assert holds(was[f"{SC}P1"], resident_id="old_ada", valid_from=day, valid_to=date(2028, 3, 31), known_to=1)


def test_earlier_ids_are_told_of_adults_only(home: Path) -> None:
    told = rows_by(home, "former_resident_id", "FROM care_planning.resident_supersessions")
    assert {former: row["resident_id"] for former, row in told.items()} == {"old_ada": "ada", "una": "holmes"}


def test_an_undone_merge_leaves_no_residue_in_attributes(home: Path, tmp_path: Path) -> None:
    """Attributes are a view of records and crosswalk: nothing of a build is read by the next one."""
    shutil.copy(home / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("SET search_path = 'intermediate,core,staging'")
        query = f"FROM ({sql_of('int_resident_attributes', AS_OF)}) ORDER BY resident_id"
        before = connection.execute(query).fetchall()
        connection.execute("UPDATE linkage.crosswalk SET resident_id = 'ada' WHERE resident_id = 'dora'")
        connection.execute(f"CREATE OR REPLACE TABLE intermediate.int_resident_attributes AS {query}")
        merged = {row[0]: row for row in connection.execute(query).fetchall()}
        assert "dora" not in merged
        assert merged["ada"] != {row[0]: row for row in before}["ada"], "positive control: the dead woman was in her"
        connection.execute(f"UPDATE linkage.crosswalk SET resident_id = 'dora' WHERE record_id = '{SC}P3'")
        assert connection.execute(query).fetchall() == before
    models = (PROJECT_ROOT / "dbt_project").rglob("*")
    texts = [path.read_text() for path in models if path.suffix in (".sql", ".yml") and "target" not in path.parts]
    assert not [text for text in texts if "incremental" in text or "snapshot" in text]


def test_a_run_builds_what_dbt_builds(home: Path, tmp_path: Path) -> None:
    """Every table, view and column, from the plan that dbt compiled on empty tables for a day that stands for any."""
    shutil.copy(home / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        for schema in ("staging", "intermediate", "core", "quality", "care_planning"):
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
    build_models(tmp_path)
    assert contents(tmp_path) == contents(home)


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


def test_a_table_that_nobody_reconciles_fails_the_build(home: Path, tmp_path: Path) -> None:
    shutil.copy(home / "warehouse.duckdb", tmp_path / "warehouse.duckdb")
    check = ("test", "--select", "assert_every_table_is_reconciled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPINE_HOME", str(tmp_path))
        assert run_dbt(*check)
        with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
            connection.execute("INSERT INTO raw.deliveries (layout, table_name, rows_in_use) VALUES ('new', 'rows', 7)")
        assert not run_dbt(*check)


def test_the_project_parses_without_an_as_of_date_but_does_not_run(home: Path) -> None:
    assert run_dbt("parse", as_of=None)
    assert not run_dbt("compile", "--select", "int_council_tax_accounts", as_of=None)
