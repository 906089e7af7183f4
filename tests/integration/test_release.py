"""From a warehouse to a published file and back through `query`, with everything that must stop it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from spine import audit
from spine.contracts import Contract, load_contracts, load_partners
from spine.errors import ContractError, GovernanceError, PipelineError, ReconciliationError, UsageError
from spine.release import Input, ReleaseResult, known_purposes, publish, published, query, withdraw
from spine.settings import PROJECT_ROOT, Settings

AS_OF = date(2028, 3, 31)
PURPOSE = "care_planning"
INPUTS = (Input("wexmoor_icb/gp_registrations/2028-03-01", "a" * 64), Input("wexmoor_icb/opt_out/2028-03-20", "b" * 64))
NHS_CANARY, NAME_CANARY, POSTCODE_CANARY = "9990000018", "Quillfeather", "QX9 7ZZ"

# resident | dead  | restricted | number, if any | area in the mart
RESIDENTS = f"""
    res-ada    | false | false | {NHS_CANARY} | E01000001
    res-bob    | false | false |              | E01000002
    res-cyd    | false | true  | 9990000026   |
    res-dan    | true  | false | 9990000034   | E01000001
    res-eve    | false | false | 9990000042   | E01000003
    res-fay    | true  | false | 9990000050   | E01000003
"""


@dataclass(frozen=True)
class Home:
    """A home with a warehouse of six residents, in a project of its own."""

    settings: Settings
    contracts: tuple[Contract, ...]

    @property
    def shelf(self) -> Path:
        return self.settings.releases / PURPOSE

    def sql(self, statements: str) -> None:
        with duckdb.connect(str(self.settings.warehouse)) as connection:
            connection.execute(statements)

    def publish(self, as_of: date = AS_OF, inputs: tuple[Input, ...] = INPUTS) -> ReleaseResult:
        return publish(PURPOSE, self.settings, self.contracts, as_of, inputs, is_demo=True)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return query(self.settings.releases, PURPOSE, sql).rows()

    def opt_out(self, number: str) -> None:
        self.sql(f"INSERT INTO raw.opt_out__ndo__opt_outs VALUES ('{number}')")

    def change_agreement(self, **change: Any) -> None:
        path = self.settings.expectations / "agreements" / "care_planning.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | change), encoding="utf-8")

    def files(self) -> list[str]:
        return sorted(path.name for path in self.shelf.iterdir())

    def decisions(self) -> list[str]:
        lines = (self.settings.runs / "audit.log").read_text().splitlines()
        return [e["facts"]["decision"] for e in map(yaml.safe_load, lines) if e["kind"] == "output_release"]


@pytest.fixture(scope="session")
def contracts() -> tuple[Contract, ...]:
    expectations = PROJECT_ROOT / "expectations"
    return load_contracts(expectations / "contracts", load_partners(expectations / "partners.yaml"))


@pytest.fixture
def home(tmp_path: Path, contracts: tuple[Contract, ...]) -> Home:
    project = tmp_path / "project"
    shutil.copytree(PROJECT_ROOT / "expectations", project / "expectations")
    made = Home(Settings(home=tmp_path / "home", project=project).prepare(), contracts)
    made.sql("CREATE SCHEMA raw; CREATE SCHEMA core; CREATE SCHEMA care_planning")
    made.sql(
        """
        CREATE TABLE raw.deliveries (partner VARCHAR, dataset VARCHAR, delivery_date DATE, rows_in_use BIGINT);
        INSERT INTO raw.deliveries VALUES ('wexmoor_icb', 'opt_out', '2028-03-20', 1);
        CREATE TABLE raw.opt_out__ndo__opt_outs (nhs_number VARCHAR);
        INSERT INTO raw.opt_out__ndo__opt_outs VALUES ('999 000 0042'), ('9990000050');
        CREATE TABLE core.dim_resident (resident_id VARCHAR, postcode VARCHAR, uprn VARCHAR, lsoa21 VARCHAR,
            is_deceased BOOLEAN, is_restricted BOOLEAN);
        CREATE TABLE core.bridge_resident_nhs_number (resident_id VARCHAR, nhs_number VARCHAR);
        CREATE TABLE core.bridge_resident_record (record_id VARCHAR, resident_id VARCHAR, surname VARCHAR);
        """
    )
    for line in RESIDENTS.strip().splitlines():
        name, dead, restricted, number, area = (cell.strip() for cell in line.split("|"))
        made.sql(
            f"INSERT INTO core.dim_resident VALUES "
            f"('{name}', '{POSTCODE_CANARY}', '1234567', '{area}', {dead}, {restricted});"
            f"INSERT INTO core.bridge_resident_record VALUES ('rec:{name}', '{name}', '{NAME_CANARY}')"
        )
        if number:
            made.sql(f"INSERT INTO core.bridge_resident_nhs_number VALUES ('{name}', '{number}')")
    made.sql(
        """
        CREATE TABLE care_planning.residents AS SELECT resident_id, '35-44' AS age_band, 'female' AS sex,
            CASE WHEN NOT is_restricted THEN lsoa21 END AS lsoa21,
            true AS is_known_to_council_tax, DATE '2020-01-01' AS council_tax_since,
            false AS is_known_to_social_care, NULL::DATE AS social_care_since,
            true AS is_known_to_gp, DATE '2019-01-01' AS gp_since,
            false AS is_known_to_looked_after, NULL::DATE AS looked_after_since, 2::INTEGER AS service_count,
            NULL::VARCHAR AS social_care_status, CASE WHEN NOT is_restricted THEN 'W99001' END AS gp_practice_code,
            NULL::BOOLEAN AS lives_alone,
            1::HUGEINT AS record_count, false AS is_linked, 0.97::DOUBLE AS weakest_link_confidence
            FROM core.dim_resident;
        CREATE TABLE care_planning.resident_services AS SELECT resident_id,
            unnest(['gp_registrations', 'council_tax']) AS service, 'wexmoor_icb' AS partner,
            DATE '2019-01-01' AS known_since FROM core.dim_resident;
        """
    )
    return made


def test_only_permitted_people_leave_under_pseudonyms(home: Home) -> None:
    result = home.publish()
    assert (result.version, result.changed, result.withheld) == (1, True, {})
    assert result.excluded == {"deceased": 2, "national_opt_out": 1}, "fay is dead and opted out: counted once, as dead"
    counts = result.tables["residents"], result.tables["resident_services"]
    assert [(c.rows_in, c.released, sum(c.excluded.values())) for c in counts] == [(6, 3, 3), (12, 6, 6)]
    assert home.files() == ["current.duckdb", "v000001.duckdb", "version.json"]
    ids = home.query("SELECT resident_id FROM residents")
    assert len({i for (i,) in ids}) == 3
    assert all(len(i) == 32 and int(i, 16) >= 0 for (i,) in ids)
    assert ids == sorted(ids), "rows are ordered by the pseudonym, so their order tells nothing"
    assert home.query("SELECT count(*) FROM resident_services SEMI JOIN residents USING (resident_id)") == [(6,)]
    assert home.query("SELECT count(*) FROM residents WHERE lsoa21 IS NULL") == [(1,)], "cyd is restricted"


def test_the_release_says_what_it_is(home: Home) -> None:
    result = home.publish()
    (facts,) = query(home.settings.releases, PURPOSE, "FROM _release").to_dicts()
    assert (facts["purpose"], facts["version"], facts["as_of"], facts["is_demo"]) == (PURPOSE, 1, AS_OF, True)
    assert (facts["agreement_id"], facts["agreement_version"], facts["key_version"]) == ("care_planning", "1.0.0", 1)
    assert facts["table_rows"] == '{"residents": 3, "resident_services": 6}'
    assert facts["content_sha256"] == result.content_sha256
    described = home.query(
        "SELECT count(*) FROM duckdb_columns() WHERE table_name = 'residents' AND comment IS NOT NULL"
    )
    assert described == home.query("SELECT count(*) FROM _dictionary WHERE table_name = 'residents'") == [(19,)]
    (release,) = published(home.settings.releases)
    assert (release.purpose, release.version, release.as_of, release.rows["residents"]) == (PURPOSE, 1, AS_OF, 3)


def test_unchanged_content_is_not_published_again(home: Home) -> None:
    first = home.publish()
    before = (home.shelf / "v000001.duckdb").read_bytes()
    second = home.publish(inputs=INPUTS[::-1])
    assert (second.version, second.changed, second.content_sha256) == (1, False, first.content_sha256)
    assert (home.shelf / "v000001.duckdb").read_bytes() == before
    assert home.files() == ["current.duckdb", "v000001.duckdb", "version.json"]
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
    assert names == ["v000003.duckdb", "v000004.duckdb", "v000005.duckdb"]
    assert os.readlink(home.shelf / "current.duckdb") == "v000005.duckdb"


def test_a_new_opt_out_leaves_the_release_and_every_older_version(home: Home) -> None:
    home.publish()
    home.opt_out(NHS_CANARY)
    result = home.publish()
    assert (result.version, result.removed, result.excluded["national_opt_out"]) == (2, (1,), 2)
    assert home.files() == ["current.duckdb", "v000002.duckdb", "version.json"]


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
    home.change_agreement(exclusions=exclusions)
    result = home.publish()
    assert result.excluded == {"deceased": 0, "national_opt_out": 0}
    assert result.opt_out_list is None
    assert result.tables["residents"].released == 6


MART, SERVICES = "care_planning.residents", "care_planning.resident_services"

FAULTS: list[tuple[str, type[Exception], str]] = [
    ("UPDATE raw.deliveries SET delivery_date = '2028-03-01'", GovernanceError, "wexmoor_icb must send a new one"),
    ("DELETE FROM raw.deliveries", GovernanceError, "wexmoor_icb must send one"),
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
    assert home.files() == ["current.duckdb", "v000001.duckdb", "version.json"]
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


def test_a_column_that_no_contract_promises_stays_behind(home: Home) -> None:
    home.sql(f"ALTER TABLE care_planning.residents ADD COLUMN surname VARCHAR DEFAULT '{NAME_CANARY}'")
    result = home.publish()
    assert result.withheld == {"residents.surname": "no output contract promises it"}
    assert NAME_CANARY.encode() not in result.path.read_bytes()


def test_an_unknown_field_in_the_agreement_is_refused(home: Home) -> None:
    home.change_agreement(datasets={"council_tax": ["shoe_size"]})
    with pytest.raises(ContractError, match="shoe_size"):
        home.publish()


def test_not_yet_in_force_refuses(home: Home) -> None:
    with pytest.raises(GovernanceError, match="not in force before 2027-04-01"):
        home.publish(as_of=date(2026, 11, 22))
    assert published(home.settings.releases) == []
    with pytest.raises(UsageError, match="nothing is published yet"):
        home.query("SELECT 1")


def test_an_expired_agreement_withdraws_the_release(home: Home) -> None:
    home.publish()
    with pytest.raises(GovernanceError, match=r"must renew it\. The release that was published has been withdrawn"):
        home.publish(as_of=date(2029, 4, 1))
    assert home.files() == ["version.json"]
    assert home.decisions() == ["published", "withdrawn", "refused"]


def test_an_agreement_taken_away_withdraws_the_release(home: Home) -> None:
    home.publish()
    (home.settings.expectations / "agreements" / "care_planning.yaml").unlink()
    with pytest.raises(GovernanceError, match="no agreement permits it"):
        home.publish()
    assert home.files() == ["version.json"]


def test_a_run_of_an_earlier_day_does_not_withdraw_what_is_in_force_now(home: Home) -> None:
    home.publish()
    with pytest.raises(GovernanceError, match="not in force before"):
        home.publish(as_of=date(2026, 11, 22))
    assert home.query("SELECT count(*) FROM residents") == [(3,)]


def test_a_withdrawn_number_is_not_used_again_and_the_ids_stay(home: Home) -> None:
    home.publish()
    ids = home.query("SELECT resident_id FROM residents")
    assert withdraw(PURPOSE, home.settings, "asked by the county") == [1]
    assert known_purposes(home.settings) == [PURPOSE]
    assert home.publish().version == 2
    assert home.query("SELECT resident_id FROM residents") == ids


def test_a_missing_key_is_not_replaced(home: Home) -> None:
    home.publish()
    (home.settings.keys / "care_planning.v1.key").unlink()
    with pytest.raises(GovernanceError, match="Restore the key file from its backup"):
        home.publish()
    assert list(home.settings.keys.iterdir()) == []
    withdraw(PURPOSE, home.settings, "test")
    with pytest.raises(GovernanceError, match="Restore the key file"):
        home.publish()


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_kill_before_any_rename_leaves_the_old_version(
    home: Home, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    home.publish()
    home.opt_out(NHS_CANARY)
    calls: Iterator[int] = iter(range(10))
    replace = os.replace

    def killed(source: Any, target: Any) -> None:
        if next(calls) == step:
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            home.publish()
    assert os.readlink(home.shelf / "current.duckdb") == "v000001.duckdb"
    assert home.query("SELECT count(*) FROM residents") == [(3,)]
    result = home.publish()
    assert result.changed
    assert home.files() == ["current.duckdb", f"v{result.version:06d}.duckdb", "version.json"]
    assert home.query("SELECT count(*) FROM residents") == [(2,)]


def test_leftovers_are_swept(home: Home) -> None:
    home.publish()
    (home.shelf / ".build-000002.duckdb").write_bytes(b"half")
    (home.shelf / ".build-000002.duckdb.wal").write_bytes(b"half")
    (home.shelf / "v000009.duckdb").write_bytes(b"never became current")
    home.publish()
    assert home.files() == ["current.duckdb", "v000001.duckdb", "version.json"]


def test_an_open_reader_keeps_its_version(home: Home) -> None:
    home.publish()
    with duckdb.connect(str(home.shelf / "current.duckdb"), read_only=True) as reader:
        home.opt_out(NHS_CANARY)
        assert home.publish().removed == (1,)
        assert reader.execute("SELECT count(*) FROM residents").fetchall() == [(3,)]
        assert home.query("SELECT count(*) FROM residents") == [(2,)]


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
    with pytest.raises(ContractError) as error:
        home.publish()
    for fault in (
        "'age_band' needs a classification",
        "'sex' needs transformSourceObjects",
        "'lsoa21' needs a logicalType",
    ):
        assert fault in str(error.value)
