"""Attempts to get out what may not leave: smuggled fields, hidden encodings, a release read while it changes."""

from __future__ import annotations

import base64
import codecs
import shutil
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from open_data_contract_standard.model import DataQuality

from spine.errors import ContractError, GovernanceError, PipelineError
from spine.governance import approve_all, load_or_create_key, pseudonyms
from spine.release import query
from spine.release.output_contracts import _is_closed
from spine.release.shelf import Shelf, Terms
from tests.fixtures.canaries import forms, found_in
from tests.fixtures.release_warehouse import NAME_CANARY, NHS_CANARY, POSTCODE_CANARY, PURPOSE, Home, build_home

MART = "care_planning.residents"
CANARIES = (NHS_CANARY, NAME_CANARY, POSTCODE_CANARY, "rec:res-ada")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One home that has published; each attack gets its warehouse back as it was."""
    home = build_home(tmp_path_factory.mktemp("attacks"))
    home.sql("ALTER TABLE core.dim_resident ADD COLUMN date_of_birth DATE DEFAULT DATE '1961-03-17'")
    home.publish()
    return home


def encoded(text: str) -> dict[str, str]:
    plain = text.encode()
    return {
        "base64": base64.b64encode(plain).decode(),
        "hex": plain.hex(),
        "rot13": codecs.encode(text, "rot13"),
        "reversed": text[::-1],
        "json": f'{{"n": "{text}"}}',
    }


#: Where it is put, what the mart's author would write, and what stops it.
ATTACKS: list[tuple[str, str, type[Exception], str]] = [
    (f"an alias: {how}", f"UPDATE {MART} SET sex = '{value}'", PipelineError, "sex__is_listed is broken")
    for how, value in {"plain": NAME_CANARY, "base64": encoded(NHS_CANARY)["base64"]}.items()
]
ATTACKS += [
    ("a pattern", f"UPDATE {MART} SET gp_practice_code = '{NAME_CANARY.upper()}' WHERE lsoa21 IS NOT NULL",
     PipelineError, "gp_practice_code__is_a_code is broken"),
    ("a partner", f"UPDATE care_planning.resident_services SET partner = '{NAME_CANARY.lower()}'", GovernanceError,
     "resident_services.partner: expected ids of partners"),
    ("a JSON column", f"ALTER TABLE {MART} ALTER sex TYPE JSON USING to_json({{'n': '{NHS_CANARY}'}})", PipelineError,
     "sex: expected a string, found JSON"),
    ("a struct", f"ALTER TABLE {MART} ALTER sex TYPE STRUCT(n VARCHAR) USING {{'n': '{NHS_CANARY}'}}", PipelineError,
     "sex: expected a string, found STRUCT"),
    ("a list", f"ALTER TABLE {MART} ALTER sex TYPE VARCHAR[] USING ['{NHS_CANARY}']", PipelineError,
     "sex: expected a string, found VARCHAR"),
    ("behind the point", f"UPDATE {MART} SET weakest_link_confidence = 0.{NHS_CANARY}", GovernanceError,
     "weakest_link_confidence: values that are direct identifiers"),
    ("a count", f"UPDATE {MART} SET service_count = 9", GovernanceError, "service_count: numbers beyond 1 to 5"),
    ("a UPRN", f"UPDATE {MART} SET record_count = 1234567", GovernanceError,
     "record_count: values that are direct identifiers"),
    ("a UPRN behind the point", f"UPDATE {MART} SET weakest_link_confidence = 0.1234567", GovernanceError,
     "weakest_link_confidence: values that are direct identifiers"),
    ("a date of birth", f"UPDATE {MART} SET gp_since = DATE '1961-03-17'", GovernanceError,
     "gp_since: of 3 values, 3 are the resident's date of birth"),
]  # fmt: skip


def test_what_is_smuggled_into_a_permitted_column_is_not_published(home: Home, tmp_path: Path) -> None:
    clean = shutil.copy(home.settings.warehouse, tmp_path / "clean.duckdb")
    for name, attack, error, match in ATTACKS:
        home.sql(attack)
        with pytest.raises(error, match=match) as raised:
            home.publish()
        assert found_in(str(raised.value).encode(), CANARIES) == [], name
        assert home.files() == ["current.duckdb", "v000001-demo.duckdb", "version.json"], name
        shutil.copy(clean, home.settings.warehouse)
    assert found_in(home.settings.audit_log.read_bytes(), CANARIES) == []


@pytest.mark.parametrize(
    "pattern", [".*", "^[a-z]*", "^[a-z]+$", r"\w{1,12}", r"\d+", r"[A-Z\d]{5,8}", r"n\d{10}", "("]
)
def test_a_pattern_that_fits_a_name_a_number_or_a_postcode_closes_nothing(pattern: str) -> None:
    entry = DataQuality(metric="invalidValues", severity="error", mustBe=0, arguments={"pattern": pattern})
    assert not _is_closed(entry)
    for sound in (r"^[EWSN]\d{8}$", r"[A-Z]\d{5}", "yes|no"):
        assert _is_closed(entry.model_copy(update={"arguments": {"pattern": sound}}))


def test_a_contract_cannot_open_what_is_closed(home: Home) -> None:
    """A pattern that fits anything, a number without bounds, a flag taken away, a partner who delivered nothing."""
    path = home.settings.expectations / "contracts" / "spine" / "care_planning__residents.odcs.yaml"
    kept = path.read_text(encoding="utf-8")

    def publish(**change: Any) -> None:
        content = yaml.safe_load(kept)
        for column in content["schema"][0]["properties"]:
            if column["name"] in change:
                column.update(change[column["name"]])
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        approve_all(home.settings)
        home.publish()

    rule = {"name": "sex__x", "metric": "invalidValues", "severity": "error", "mustBe": 0, "description": "x."}
    clean = home.settings.warehouse.read_bytes()
    try:
        with pytest.raises(ContractError, match="'sex' needs a rule"):
            publish(sex={"quality": [rule | {"arguments": {"pattern": "^[a-z]*"}}]})
        for options in ({}, {"minimum": 0, "maximum": 99_999_999}):
            with pytest.raises(ContractError, match="'record_count' needs logicalTypeOptions"):
                publish(record_count={"logicalTypeOptions": options})
        home.sql(f"UPDATE {MART} SET lsoa21 = 'E01000009'")
        with pytest.raises(GovernanceError, match="lsoa21: values for restricted residents"):
            publish(lsoa21={"customProperties": []})
        home.settings.warehouse.write_bytes(clean)
        home.sql("UPDATE care_planning.resident_services SET partner = 'saltmarsh_district'")
        with pytest.raises(GovernanceError, match=r"resident_services.partner: expected ids of partners"):
            publish()
    finally:
        path.write_text(kept, encoding="utf-8")
        home.settings.warehouse.write_bytes(clean)
        approve_all(home.settings)


def test_an_output_rule_s_sql_reads_the_finished_file_and_nothing_else(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused as it is read; and if it were not, the connection that runs it reaches nothing."""
    leak = tmp_path / "leak"
    build = home.shelf / ".build-000002.duckdb"
    attacks = {
        f"COPY (SELECT 1) TO '{leak}'; SELECT 0": "NotASelect",
        f"DETACH built; ATTACH '{build}' AS built; CREATE TABLE built.main.leak AS SELECT 1; SELECT 0": "NotASelect",
        "SELECT count(*) FROM warehouse.core.dim_resident": "BinderException",
        f"SELECT count(*) FROM read_text('{home.settings.keys}/*.key')": "PermissionException",
    }
    path = home.settings.expectations / "contracts" / "spine" / "care_planning__residents.odcs.yaml"
    kept = path.read_text(encoding="utf-8")
    rule = {"name": "table__x", "type": "sql", "mustBe": 0, "severity": "error", "description": "x."}
    try:
        for query, problem in attacks.items():
            content = yaml.safe_load(kept)
            content["schema"][0]["quality"].append(rule | {"query": query})
            path.write_text(yaml.safe_dump(content), encoding="utf-8")
            approve_all(home.settings)
            with pytest.raises(ContractError, match=r"table__x.*its query"):
                home.publish()
            with monkeypatch.context() as unread:
                unread.setattr("spine.contracts.read_rules.query_faults", lambda _: {})
                with pytest.raises(PipelineError, match=problem):
                    home.publish()
            assert not leak.exists()
    finally:
        path.write_text(kept, encoding="utf-8")
        approve_all(home.settings)
    assert home.files() == ["current.duckdb", "v000001-demo.duckdb", "version.json"]


def test_a_smuggled_column_stays_behind_in_whatever_form(home: Home, tmp_path: Path) -> None:
    clean = shutil.copy(home.settings.warehouse, tmp_path / "clean.duckdb")
    for how, value in encoded(NHS_CANARY).items():
        home.sql(f"ALTER TABLE {MART} ADD COLUMN {how}_notes VARCHAR DEFAULT '{value}'")
    home.sql(f'ALTER TABLE {MART} ADD COLUMN nested JSON DEFAULT \'{{"name": "{NAME_CANARY}"}}\'')
    result = home.publish()
    assert sorted(result.withheld) == sorted(f"residents.{name}" for name in (
        "base64_notes", "hex_notes", "rot13_notes", "reversed_notes", "json_notes", "nested"
    ))  # fmt: skip
    assert found_in(home.settings.warehouse.read_bytes(), CANARIES), "positive control: it stands there to be taken"
    assert found_in(result.path.read_bytes() + _cells(result.path), CANARIES) == []
    shutil.copy(clean, home.settings.warehouse)


def _cells(path: Path) -> bytes:
    """Every cell of a database as text, since its file may hold it compressed."""
    with duckdb.connect(path, read_only=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return "\n".join(str(connection.execute(f'FROM "{name}"').fetchall()) for name in tables).encode()


@pytest.mark.parametrize("canary", CANARIES)
def test_the_search_finds_every_form(canary: str) -> None:
    for how, text in encoded(canary).items():
        assert found_in(f"x{text}x".encode(), [canary]) == [canary], how
    for lead in range(4):
        coded = base64.b64encode(b"abcd"[:lead] + canary.encode() + b"tail")
        assert found_in(coded, [canary]) == [canary], lead
    assert len(forms(canary)) >= 7


def test_ids_of_two_purposes_cannot_be_joined(home: Home) -> None:
    """The same residents under the keys of two purposes: no id, and no part of one, is in both."""
    ids = [f"R{number:09d}" for number in range(500)]
    one, two = (load_or_create_key(home.settings.keys, purpose, may_create=True) for purpose in (PURPOSE, "falls"))
    made = [set(pseudonyms(key, ids)) for key in (one, two)]
    assert one.secret != two.secret
    assert [len(ids) for ids in made] == [500, 500]
    for start in (0, 16):
        halves = [{pseudonym[start : start + 16] for pseudonym in part} for part in made]
        assert not halves[0] & halves[1]


PUBLICATIONS, READERS = 50, 6
_OUTSIDER = """
import sys, duckdb
while not sys.stdin.closed:
    for _ in range(2):
        with duckdb.connect(sys.argv[1], read_only=True) as connection:
            [(version, rows)] = connection.execute("SELECT version, (SELECT count(*) FROM t) FROM _release").fetchall()
            assert rows == 1000 + version, (version, rows)
            print(version, flush=True)
    if sys.stdin.readline().strip() == "end":
        break
"""


def test_fifty_publications_under_six_readers_cost_nobody_a_read(tmp_path: Path) -> None:
    """Four threads by `query`, and two processes that open `current.duckdb` as any tool would."""
    shelf = Shelf(tmp_path / "releases" / "small")
    shelf.sweep()
    _publish(shelf, 1)
    outsiders = [
        subprocess.Popen([sys.executable, "-c", _OUTSIDER, str(shelf.folder / "current.duckdb")], text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]  # fmt: skip
    stop, seen, failures = threading.Event(), [[] for _ in range(READERS - 2)], []  # type: ignore[var-annotated]

    def read(mine: list[tuple[int, int]]) -> None:
        while not stop.wait(0.02):
            try:
                sql = "SELECT version, (SELECT count(*) FROM t) FROM _release"
                mine.append(query(shelf.folder.parent, "small", sql).row(0))
            except Exception as error:
                failures.append(repr(error))

    threads = [threading.Thread(target=read, args=(mine,)) for mine in seen]
    for thread in threads:
        thread.start()
    for version in range(2, PUBLICATIONS + 1):
        _publish(shelf, version)
        for outsider in outsiders:
            outsider.stdin.write("on\n")  # type: ignore[union-attr]
            outsider.stdin.flush()  # type: ignore[union-attr]
    stop.set()
    for thread in threads:
        thread.join()
    ends = [outsider.communicate("end\n", timeout=120) for outsider in outsiders]
    assert failures == []
    assert [error for _, error in ends] == ["", ""]
    for mine in (*seen, *([(int(v), 1000 + int(v)) for v in said.split()] for said, _ in ends)):
        versions = [version for version, _ in mine]
        assert len(versions) > 5
        assert all(rows == 1000 + version for version, rows in mine), "a read is of one version, whole"
        assert versions == sorted(versions), "nobody goes back to an older version"


def _publish(shelf: Shelf, version: int) -> None:
    build = shelf.build_path(version)
    with duckdb.connect(str(build)) as connection:
        connection.execute(f"CREATE TABLE _release AS SELECT {version} AS version")
        connection.execute(f"CREATE TABLE t AS FROM range({1000 + version})")
    shelf.put(build, version, is_demo=False, terms=Terms(agreement="small", ends_on=date.max, keep_until=date.max))
    shelf.remove([version - 3])
