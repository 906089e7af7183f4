"""Contracts are read from files, and every fault of every file is told at once."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from spine.contracts import install_functions, load_contracts, load_partners, read_odcs
from spine.contracts.derive import expectation
from spine.contracts.load import load_contract
from spine.errors import ContractError

ROOT = Path(__file__).parents[3]
RULE_PLACE = "schema/0/properties/0/quality/0"
KEY = {
    "name": "id",
    "physicalName": "ID",
    "logicalType": "string",
    "required": True,
    "primaryKey": True,
    "classification": "identifier",
}
GIVEN = {"name": "given", "logicalType": "array", "items": {"logicalType": "string"}}
HAS_ROWS = {
    "name": "table__has_rows",
    "type": "library",
    "metric": "rowCount",
    "mustBeGreaterThan": 0,
    "severity": "error",
    "description": "Rows.",
}
GOOD: dict[str, Any] = {
    "apiVersion": "v3.2.0",
    "kind": "DataContract",
    "id": "people__test",
    "name": "People",
    "version": "1.0.0",
    "status": "active",
    "domain": "test",
    "description": {"purpose": "Purpose.", "limitations": "Limits."},
    "servers": [{"server": "p_one", "type": "local", "path": "x", "format": "csv"}],
    "slaProperties": [{"property": "frequency", "value": 2, "unit": "week"}],
    "customProperties": [
        {"property": "deliveryMode", "value": "snapshot"},
        {"property": "quarantineMaxPercent", "value": 2},
    ],
    "schema": [
        {
            "name": "people",
            "physicalName": r".*\.csv",
            "description": "Rows.",
            "properties": [
                KEY,
                {"name": "born", "physicalName": "Born", "logicalType": "date", "synonyms": [{"synonym": "DOB"}]},
                {"name": "name", "logicalType": "array", "items": {"logicalType": "object", "properties": [GIVEN]}},
            ],
            "quality": [HAS_ROWS],
        }
    ],
}

SNAPSHOT = {"property": "deliveryMode", "value": "snapshot"}
ROLLING = {"property": "deliveryMode", "value": "rolling"}


def write(folder: Path, content: dict[str, Any], name: str = "people__test") -> Path:
    path = folder / f"{name}.odcs.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def changed(**changes: Any) -> dict[str, Any]:
    return deepcopy(GOOD) | changes


def with_column(**more: Any) -> dict[str, Any]:
    return changed(schema=[GOOD["schema"][0] | {"properties": [KEY | more]}])


def with_rule(**rule: Any) -> dict[str, Any]:
    """The contract with one more rule; None takes a part of a sound one away."""
    sound = {
        "name": "id__x",
        "type": "library",
        "metric": "nullValues",
        "severity": "error",
        "description": "x",
        "mustBe": 0,
    }
    content = deepcopy(GOOD)
    content["schema"][0]["properties"][0]["quality"] = [{k: v for k, v in (sound | rule).items() if v is not None}]
    return content


def test_the_committed_contracts_load_sorted_by_id() -> None:
    contracts = load_contracts(ROOT / "expectations/contracts", load_partners(ROOT / "expectations/partners.yaml"))
    ids = [contract.id for contract in contracts]
    assert ids == sorted(ids)
    assert {"council_tax__nfi", "social_care__cld", "gp_registrations__fhir", "looked_after__ssda903"} <= set(ids)
    for contract in contracts:
        names = [rule.name for rule in contract.rules]
        assert len(names) == len(set(names)), contract.id
        for rule in contract.rules:
            columns = {c.name for c in contract.table(rule.table).columns}
            assert rule.column is None or rule.column in columns


def test_a_contract_is_read_as_it_stands(tmp_path: Path) -> None:
    contract = load_contract(write(tmp_path, GOOD))
    assert (contract.id, contract.dataset, contract.layout, contract.version) == (
        "people__test",
        "people",
        "test",
        "1.0.0",
    )
    assert (contract.mode, contract.format, contract.quarantine_max_percent, contract.frequency_days) == (
        "snapshot",
        "csv",
        2.0,
        14,
    )
    assert contract.description == "Purpose. Limits."
    identifier, born, name = contract.table("people").columns
    assert (identifier.key, identifier.required, identifier.classification) == (True, True, "identifier")
    assert (born.source_name, born.synonyms, born.classification) == ("Born", ("DOB",), "unclassified")
    assert name.nested == [{"given": ["VARCHAR"]}]


def test_a_typed_column_implies_that_odd_values_warn_and_mostly_odd_values_refuse(tmp_path: Path) -> None:
    rules = {rule.name: rule for rule in load_contract(write(tmp_path, GOOD)).rules}
    assert set(rules) == {"table__has_rows", "born__is_a_date", "born__mostly_dates"}
    assert (rules["born__is_a_date"].severity, rules["born__mostly_dates"].severity) == ("warning", "error")
    assert str(rules["born__mostly_dates"].threshold) == "must be less or equal to 20 %"


def test_a_documented_length_implies_that_longer_values_warn(tmp_path: Path) -> None:
    content = changed()
    content["schema"][0]["properties"][0]["logicalTypeOptions"] = {"maxLength": 8}
    rule = next(r for r in load_contract(write(tmp_path, content)).rules if r.name == "id__within_length")
    assert (rule.severity, rule.dimension, str(rule.threshold)) == ("warning", "conformity", "must be 0 rows")
    assert rule.sentence == "No value of id is longer than 8 characters."
    query = str(rule.arguments["query"]).replace("${column}", "id").replace("${table}", "people")
    with duckdb.connect() as connection:
        install_functions(connection)
        values = "('12345678'), ('12345678.0'), ('123456789'), (NULL)"
        connection.execute(f"CREATE TABLE people AS FROM (VALUES {values}) AS people (id)")
        assert connection.execute(query).fetchall() == [(1,)]


@pytest.mark.parametrize("length", [0, -1, 2.5, "8", True])
def test_a_length_that_is_none_is_refused(tmp_path: Path, length: object) -> None:
    content = changed()
    content["schema"][0]["properties"][0]["logicalTypeOptions"] = {"maxLength": length}
    with pytest.raises(ContractError, match="maxLength"):
        load_contract(write(tmp_path, content))


def test_bounds_of_a_server_entry_are_dates(tmp_path: Path) -> None:
    content = changed()
    content["servers"][0]["customProperties"] = [
        {"property": "validFrom", "value": "2027-04-01"},
        {"property": "validTo", "value": "2028-03-31"},
    ]
    (supply,) = load_contract(write(tmp_path, content)).supplies
    assert (supply.valid_from, supply.valid_to) == (date(2027, 4, 1), date(2028, 3, 31))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (changed(id="other__test"), "id 'other__test' must be the file's name"),
        (changed(customProperties=[]), "needs deliveryMode"),
        (changed(customProperties=[ROLLING]), "needs the custom property window"),
        (changed(servers=[GOOD["servers"][0] | {"format": "xlsx"}]), "one format, csv or fhir-json"),
        (changed(schema=[]), "at least one table"),
        (changed(schema=GOOD["schema"] * 2), "table 'people' stands there twice"),
        (changed(schema=[GOOD["schema"][0] | {"properties": [KEY, KEY]}]), "column 'people.id' stands there twice"),
        ({"kind": "DataContract"}, "people__test.odcs.yaml: at the top"),
        (with_rule(metric="oddValues"), RULE_PLACE),
        (with_rule(name="odd"), "needs a name of the form"),
        (with_rule(description=None), "needs a description"),
        (with_rule(severity="info"), "severity must be"),
        (with_rule(mustBe=None), RULE_PLACE),
        (with_rule(mustBeLessThan=3), RULE_PLACE),
        (with_rule(name="table__has_rows"), "two rules are named"),
        (with_column(classification="secret"), "classification must be one of public, personal"),
        (with_column(customProperties=[{"property": "headerPattern", "value": "([id"}]), "headerPattern is no regular"),
        (changed(schema=[GOOD["schema"][0] | {"physicalName": "([people"}]), "'people': physicalName is no regular"),
        (changed(customProperties=[SNAPSHOT, {"property": "quarantineMaxPercent", "value": "few"}]), "from 0 to 100"),
        (changed(slaProperties=[{"property": "frequency", "value": "often", "unit": "week"}]), "must be a number"),
        (
            changed(slaProperties=[{"property": "frequency", "value": 2, "unit": "moon"}]),
            "unit must be one of",
        ),
    ],
)
def test_a_fault_is_told_with_the_file_and_the_reason(tmp_path: Path, content: dict[str, Any], told: str) -> None:
    with pytest.raises(ContractError, match="people__test") as caught:
        load_contract(write(tmp_path, content))
    assert told in str(caught.value)


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, changed(id="wrong", customProperties=[]))
    write(
        tmp_path,
        with_rule(name="odd", severity="info") | {"id": "pets__test"},
        "pets__test",
    )
    write(tmp_path, changed(id="homes__test"), "homes__test")
    write(tmp_path, changed(id="homes__other"), "homes__other")
    with pytest.raises(ContractError) as caught:
        load_contracts(tmp_path, ["p_two"])
    message = str(caught.value)
    for part in (
        "people__test.odcs.yaml: id 'wrong'",
        "people__test.odcs.yaml: customProperties needs deliveryMode",
        "pets__test.odcs.yaml: rule 'odd'",
        "homes__test: server 'p_one' is no partner",
        "homes__other and homes__test: both cover p_one",
    ):
        assert part in message


def test_a_text_rule_needs_no_comparator(tmp_path: Path) -> None:
    content = with_rule(name="id__judged", type="text", metric=None, mustBe=None)
    rule = next(r for r in load_contract(write(tmp_path, content)).rules if r.name == "id__judged")
    assert rule.metric == "text"


def custom(implementation: Any, **more: Any) -> dict[str, Any]:
    written = {"type": "custom", "metric": None, "engine": "greatExpectations", "implementation": implementation}
    return with_rule(name="id__gx", **(written | more))


@pytest.mark.parametrize(
    "written",
    [
        {"type": "expect_column_values_to_be_unique"},
        "type: expect_column_values_to_be_unique\nkwargs: {}\n",
    ],
)
def test_a_rule_may_be_an_expectation_of_great_expectations(tmp_path: Path, written: Any) -> None:
    contract = load_contract(write(tmp_path, custom(written)))
    rule = next(r for r in contract.rules if r.name == "id__gx")
    assert rule.metric == "greatExpectations"
    made = expectation(rule)
    assert (made["type"], made["kwargs"]) == ("expect_column_values_to_be_unique", {"column": "id"})


@pytest.mark.parametrize("written", ["just words", {"kwargs": {}}, {"type": 3}, {"type": "x", "severity": "y"}, "a: ["])
def test_an_implementation_that_is_no_expectation_is_refused(tmp_path: Path, written: Any) -> None:
    with pytest.raises(ContractError, match="implementation must be an expectation"):
        load_contract(write(tmp_path, custom(written)))


def test_another_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="metric 'soda' is not supported"):
        load_contract(write(tmp_path, custom({"type": "x"}, engine="soda")))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"type": "expect_column_mean_to_be_between", "kwargs": {"min_value": 1}}, "does not count the rows"),
        ({"type": "expect_column_values_to_be_unique", "kwargs": {"mostly": 0.9}}, "for the rule's threshold to say"),
    ],
)
def test_an_expectation_that_counts_nothing_or_brings_a_threshold_is_refused(
    tmp_path: Path, written: Any, said: str
) -> None:
    rule = next(r for r in load_contract(write(tmp_path, custom(written))).rules if r.name == "id__gx")
    with pytest.raises(ContractError, match=said):
        expectation(rule)


def test_the_standard_s_own_model_reads_every_committed_contract() -> None:
    for path in (ROOT / "expectations/contracts").glob("*.odcs.yaml"):
        assert read_odcs(path).apiVersion == "v3.2.0"


def test_what_a_caller_does_to_a_contract_that_it_read_stays_with_it() -> None:
    path = next((ROOT / "expectations/contracts").glob("*.odcs.yaml"))
    mine = read_odcs(path)
    version, mine.version = mine.version, "9.9.9"
    mine.schema_[0].properties.clear()
    again = read_odcs(path)
    assert again.version == version
    assert again.schema_[0].properties


def test_partners_come_by_id_in_the_file_s_order() -> None:
    partners = load_partners(ROOT / "expectations/partners.yaml")
    assert next(iter(partners)) == "harcombe_district"
    assert all(partner.steward for partner in partners.values())


def test_a_file_is_taken_apart_once_and_again_when_its_content_changes(tmp_path: Path) -> None:
    first = load_contract(write(tmp_path, GOOD))
    assert load_contract(write(tmp_path, GOOD)) is first
    assert load_contract(write(tmp_path, {**GOOD, "version": "1.0.1"})) is not first
