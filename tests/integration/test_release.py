"""From a warehouse to a published file and back through `query`, with everything that must stop it."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
import yaml

from spine import audit
from spine.errors import ContractError, GovernanceError, PipelineError, ReconciliationError, UsageError
from spine.governance import approve_all
from spine.release import Input, published, query
from tests.fixtures.release_warehouse import (
    AS_OF,
    INPUTS,
    NAME_CANARY,
    NHS_CANARY,
    POSTCODE_CANARY,
    PURPOSE,
    Home,
    build_home,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return build_home(tmp_path)


def test_only_permitted_people_leave_under_pseudonyms(home: Home) -> None:
    result = home.publish()
    assert (result.version, result.changed, result.withheld) == (1, True, {})
    assert result.excluded == {"deceased": 2, "national_opt_out": 1}, "fay is dead and opted out: counted once, as dead"
    counts = result.tables["residents"], result.tables["resident_services"]
    assert [(c.rows_in, c.released, sum(c.excluded.values())) for c in counts] == [(6, 3, 3), (12, 6, 6)]
    assert home.files() == ["current.duckdb", "v000001-demo.duckdb", "version.json"]
    ids = home.query("SELECT resident_id FROM residents")
    assert len({i for (i,) in ids}) == 3
    assert all(len(i) == 32 and int(i, 16) >= 0 for (i,) in ids)
    assert ids == sorted(ids), "rows are ordered by the pseudonym, so their order tells nothing"
    assert home.query("SELECT count(*) FROM resident_services SEMI JOIN residents USING (resident_id)") == [(6,)]
    assert home.query("SELECT count(*) FROM residents WHERE lsoa21 IS NULL") == [(1,)], "cyd is restricted"


def test_no_opted_out_or_dead_resident_is_in_any_table(home: Home) -> None:
    path = home.publish().path
    absent = [home.pseudonym(resident) for resident in ("res-dan", "res-eve", "res-fay")]
    with duckdb.connect(path, read_only=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        own = ["_dictionary", "_inputs", "_release"]
        assert sorted(tables) == [*own, "resident_services", "resident_supersessions", "residents"]
        cells = {table: str(connection.execute(f'FROM "{table}"').fetchall()) for table in tables}
    for table in ("residents", "resident_services"):
        assert home.pseudonym("res-ada") in cells[table], "positive control: the ids are computed as the release does"
    assert not [(table, i) for table, text in cells.items() for i, one in enumerate(absent) if one in text]


def test_the_release_lists_the_deliveries_it_is_made_from(home: Home) -> None:
    home.publish(inputs=INPUTS[::-1])
    assert home.query("FROM _inputs") == [(entry.delivery, entry.content_sha256) for entry in INPUTS]
    home.publish(inputs=INPUTS[:1])
    assert home.query("SELECT delivery FROM _inputs") == [(INPUTS[0].delivery,)]


@pytest.mark.parametrize("delivery", ["town/tax/2028-03-01/patient_9990000018.json", "town/tax/Quillfeather", ""])
def test_a_list_of_deliveries_that_could_hold_a_file_name_is_not_released(home: Home, delivery: str) -> None:
    with pytest.raises(GovernanceError, match=r"_inputs\.delivery: values that are no delivery"):
        home.publish(inputs=(*INPUTS, Input(delivery, "c" * 64)))
    assert published(home.settings.releases) == []


def test_the_release_says_what_it_is(home: Home) -> None:
    result = home.publish()
    (facts,) = query(home.settings.releases, PURPOSE, "FROM _release").to_dicts()
    assert (facts["purpose"], facts["version"], facts["as_of"], facts["is_demo"]) == (PURPOSE, 1, AS_OF, True)
    assert (facts["agreement_id"], facts["agreement_version"], facts["key_version"]) == ("care_planning", "1.3.0", 1)
    assert facts["table_rows"] == '{"residents": 3, "resident_services": 6, "resident_supersessions": 0}'
    assert facts["content_sha256"] == result.content_sha256
    described = home.query(
        "SELECT count(*) FROM duckdb_columns() WHERE table_name = 'residents' AND comment IS NOT NULL"
    )
    assert described == home.query("SELECT count(*) FROM _dictionary WHERE table_name = 'residents'") == [(21,)]
    assert (
        home.query("SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND comment IS NULL") == []
    )
    (release,) = published(home.settings.releases)
    assert (release.purpose, release.version, release.as_of, release.rows["residents"]) == (PURPOSE, 1, AS_OF, 3)


def test_unchanged_content_is_not_published_again(home: Home) -> None:
    first = home.publish()
    before = (home.shelf / "v000001-demo.duckdb").read_bytes()
    second = home.publish(inputs=INPUTS[::-1])
    assert (second.version, second.changed, second.content_sha256) == (1, False, first.content_sha256)
    assert (home.shelf / "v000001-demo.duckdb").read_bytes() == before
    assert home.files() == ["current.duckdb", "v000001-demo.duckdb", "version.json"]
    home.sql("UPDATE care_planning.residents SET age_band = '45-54' WHERE resident_id = 'res-ada'")
    third = home.publish()
    assert (third.version, third.changed, third.removed) == (2, True, ())
    assert home.query("SELECT count(*) FROM residents WHERE age_band = '45-54'") == [(1,)]


def test_pseudonyms_stay_the_same_from_release_to_release(home: Home) -> None:
    home.publish()
    before = home.query("SELECT resident_id FROM residents ORDER BY ALL")
    home.publish(as_of=AS_OF + timedelta(days=1))
    assert home.query("SELECT resident_id FROM residents ORDER BY ALL") == before


def test_only_the_newest_versions_are_kept(home: Home) -> None:
    for day in range(5):
        home.publish(as_of=AS_OF + timedelta(days=day))
    names = [name for name in home.files() if name.startswith("v0")]
    assert names == ["v000003-demo.duckdb", "v000004-demo.duckdb", "v000005-demo.duckdb"]
    assert os.readlink(home.shelf / "current.duckdb") == "v000005-demo.duckdb"


def test_a_new_opt_out_leaves_the_release_and_every_older_version(home: Home) -> None:
    home.publish()
    home.opt_out(NHS_CANARY)
    result = home.publish()
    assert (result.version, result.removed, result.excluded["national_opt_out"]) == (2, (1,), 2)
    assert home.files() == ["current.duckdb", "v000002-demo.duckdb", "version.json"]


def test_a_record_that_joins_an_opted_out_resident_takes_older_versions_with_it(home: Home) -> None:
    home.publish()
    home.sql(
        """
        UPDATE core.bridge_resident_record SET resident_id = 'res-eve' WHERE resident_id = 'res-bob';
        DELETE FROM core.dim_resident WHERE resident_id = 'res-bob';
        DELETE FROM care_planning.residents WHERE resident_id = 'res-bob';
        DELETE FROM care_planning.resident_services WHERE resident_id = 'res-bob';
        """
    )
    assert home.publish().removed == (1,), "bob turned out to be eve, who has opted out"


def test_a_changed_agreement_withdraws_what_was_made_under_the_old_one(home: Home) -> None:
    home.publish()
    home.change_agreement(retention_days=30)
    assert home.publish().removed == (1,)


def test_opt_outs_that_do_not_apply_need_no_list(home: Home) -> None:
    home.sql("DELETE FROM raw.deliveries")
    exclusions = {"deceased": False, "national_opt_out": "does_not_apply", "national_opt_out_reason": "direct care"}
    exclusions |= {"objections": "at_source", "restricted_records": "without_place"}
    home.change_agreement(exclusions=exclusions)
    result = home.publish()
    assert result.excluded == {"deceased": 0, "national_opt_out": 0}
    assert result.opt_out_list is None
    assert result.tables["residents"].released == 6


MART, SERVICES = "care_planning.residents", "care_planning.resident_services"

FAULTS: list[tuple[str, type[Exception], str]] = [
    ("UPDATE raw.deliveries SET delivery_date = '2028-03-01'", GovernanceError, "wexmoor_icb must send a new one"),
    ("DELETE FROM raw.deliveries", GovernanceError, "wexmoor_icb must send one"),
    (
        "UPDATE raw.opt_out__ndo__opt_outs SET nhs_number = '9.99E+09'",
        GovernanceError,
        "wexmoor_icb must send it again",
    ),
    (f"UPDATE {MART} SET lsoa21 = 'E01000001'", GovernanceError, "lsoa21: values for restricted"),
    ("UPDATE core.dim_resident SET is_restricted = NULL", GovernanceError, "lsoa21: values for restricted"),
    (f"UPDATE {MART} SET sex = '{NHS_CANARY}'", GovernanceError, "sex: values that are direct"),
    (f"UPDATE {MART} SET sex = '{POSTCODE_CANARY}'", GovernanceError, "sex: values that are direct"),
    (f"UPDATE {MART} SET record_count = {NHS_CANARY}", GovernanceError, "record_count: values that are direct"),
    (
        f"UPDATE {MART} SET gp_practice_code = resident_id WHERE lsoa21 IS NOT NULL",
        GovernanceError,
        "gp_practice_code: values that are direct",
    ),
    (f"UPDATE {MART} SET age_band = NULL", PipelineError, "age_band: nulls"),
    (f"ALTER TABLE {MART} DROP age_band", PipelineError, "age_band: expected a string, found nothing"),
    (f"ALTER TABLE {MART} ALTER service_count TYPE VARCHAR", PipelineError, "service_count: expected a integer"),
    (f"DROP TABLE {SERVICES}", PipelineError, "resident_services is missing"),
    (f"INSERT INTO {SERVICES} FROM {SERVICES}", PipelineError, "not unique"),
    (f"INSERT INTO {MART} FROM {MART} LIMIT 1", PipelineError, "not unique"),
    ("DELETE FROM core.dim_resident WHERE resident_id = 'res-bob'", ReconciliationError, "of 6 rows, 5 belong"),
    ("INSERT INTO core.dim_resident FROM core.dim_resident LIMIT 1", ReconciliationError, "of 6 rows, 7 belong"),
    (f"DELETE FROM {MART} WHERE resident_id = 'res-bob'", ReconciliationError, "of 12 rows, 10 belong"),
    (f"UPDATE {MART} SET resident_id = NULL WHERE resident_id = 'res-bob'", ReconciliationError, "of 6 rows, 5 belong"),
    ("DROP TABLE core.dim_resident", PipelineError, "CatalogException"),
]


@pytest.mark.parametrize(("fault", "error", "match"), FAULTS)
def test_a_faulty_warehouse_publishes_nothing_and_leaves_what_was(
    home: Home, fault: str, error: type[Exception], match: str
) -> None:
    home.publish()
    home.sql(fault)
    with pytest.raises(error, match=match) as raised:
        home.publish()
    for value in (NHS_CANARY, POSTCODE_CANARY, NAME_CANARY, "res-"):
        assert value not in str(raised.value)
    assert home.files() == ["current.duckdb", "v000001-demo.duckdb", "version.json"]
    assert home.query("SELECT count(*) FROM residents") == [(3,)]
    assert home.decisions() == ["published", "refused"]


def test_a_field_taken_out_of_the_agreement_is_withheld_and_reported(home: Home) -> None:
    path = home.settings.expectations / "agreements" / "care_planning.yaml"
    datasets = yaml.safe_load(path.read_text())["datasets"]
    datasets["council_tax"].remove("discount_code")
    home.change_agreement(datasets=datasets)
    result = home.publish()
    expected = "agreement care_planning does not cover council_tax.discount_code"
    assert result.withheld == {"residents.lives_alone": expected}
    with pytest.raises(UsageError, match="lives_alone"):
        home.query("SELECT lives_alone FROM residents")


def test_rent_is_withheld_even_where_mart_contract_and_release_list_hold_it(home: Home) -> None:
    home.sql("ALTER TABLE care_planning.residents ADD COLUMN arrears_weeks DOUBLE DEFAULT 8.25")
    path = home.settings.expectations / "contracts" / "spine" / "care_planning__residents.odcs.yaml"
    contract = yaml.safe_load(path.read_text())
    source = "rent_accounts.lrac_last_aba_balance"
    column = {
        "name": "arrears_weeks",
        "logicalType": "number",
        "logicalTypeOptions": {"minimum": 0, "maximum": 520},
        "classification": "personal",
        "description": "Rent owed.",
    }
    contract["schema"][0]["properties"].append(column | {"transformSourceObjects": [source]})
    path.write_text(yaml.safe_dump(contract), encoding="utf-8")
    release = yaml.safe_load((home.settings.expectations / "agreements" / "care_planning.yaml").read_text())["release"]
    release["tables"]["residents"].append("arrears_weeks")
    home.change_agreement(release=release)
    result = home.publish()
    assert result.withheld == {"residents.arrears_weeks": f"agreement care_planning does not cover {source}"}
    with pytest.raises(UsageError, match="arrears_weeks"):
        home.query("SELECT arrears_weeks FROM residents")


def test_a_column_that_no_contract_promises_stays_behind(home: Home) -> None:
    home.sql(f"ALTER TABLE care_planning.residents ADD COLUMN surname VARCHAR DEFAULT '{NAME_CANARY}'")
    result = home.publish()
    assert result.withheld == {"residents.surname": "no output contract promises it"}
    assert NAME_CANARY.encode() not in result.path.read_bytes()


def test_an_unknown_field_in_the_agreement_is_refused(home: Home) -> None:
    home.change_agreement(datasets={"council_tax": ["shoe_size"]})
    with pytest.raises(ContractError, match="shoe_size"):
        home.publish()


def test_no_identifier_is_in_the_file_nor_the_log(home: Home) -> None:
    result = home.publish()
    key = (home.settings.keys / "care_planning.v1.key").read_text().strip()
    warehouse = home.settings.warehouse.read_bytes()
    for canary in (NHS_CANARY, NAME_CANARY, POSTCODE_CANARY, "res-ada", "rec:res-ada"):
        assert canary.encode() in warehouse, "positive control: the search finds what is there"
    canaries = (NHS_CANARY, NAME_CANARY, POSTCODE_CANARY, "res-", "rec:", "1234567", key)
    for path in (result.path, home.settings.runs / "audit.log"):
        content = path.read_bytes()
        for canary in canaries:
            assert canary.encode() not in content
        assert bytes.fromhex(key) not in content
    assert audit.verify(home.settings.runs / "audit.log") == []


@pytest.mark.parametrize(
    ("sql", "match"),
    [
        ("SELECT 1; SELECT 2", "exactly one SELECT"),
        ("DELETE FROM residents", "exactly one SELECT"),
        ("CREATE TABLE t AS SELECT 1", "exactly one SELECT"),
        ("ATTACH 'other.duckdb'", "exactly one SELECT"),
        ("COPY residents TO 'out.csv'", "exactly one SELECT"),
        ("SET enable_external_access = true", "exactly one SELECT"),
        ("", "exactly one SELECT"),
        ("SELECT nonsense FROM residents", "Binder Error"),
        ("SELECT FROM WHERE", "Parser Error"),
        ("FROM read_text('/etc/hostname')", "Permission Error"),
        ("FROM glob('/*')", "Permission Error"),
        ("FROM statements", "Catalog Error"),
        ("WITH t AS (INSERT INTO residents FROM residents RETURNING *) FROM t", "Error"),
    ],
)
def test_a_query_reads_the_release_and_nothing_else(home: Home, sql: str, match: str) -> None:
    home.publish()
    with pytest.raises(UsageError, match=match) as error:
        home.query(sql)
    assert "\n" not in str(error.value)


def test_queries_of_other_purposes_are_told_what_there_is(home: Home) -> None:
    home.publish()
    with pytest.raises(UsageError, match="no release of purpose 'falls'; published are: care_planning"):
        query(home.settings.releases, "falls", "SELECT 1")
    assert home.query("DESCRIBE residents")[0][:2] == ("resident_id", "VARCHAR")


def test_output_contracts_are_checked(home: Home) -> None:
    path = home.settings.expectations / "contracts" / "spine" / "care_planning__residents.odcs.yaml"
    content = yaml.safe_load(path.read_text())
    columns = content["schema"][0]["properties"]
    columns[1]["classification"] = "identifier"
    del columns[2]["transformSourceObjects"]
    columns[3]["logicalType"] = "object"
    path.write_text(yaml.safe_dump(content))
    approve_all(home.settings)
    with pytest.raises(ContractError) as error:
        home.publish()
    for fault in (
        "'age_band' needs a classification",
        "'sex' needs transformSourceObjects",
        "'lsoa21' needs a logicalType",
    ):
        assert fault in str(error.value)
