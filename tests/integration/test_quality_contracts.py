"""The rules of the project's own contracts, as Great Expectations runs them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from spine.contracts import Contract, load_contracts, load_partners
from spine.contracts.derive import expectation, suite
from spine.quality import evaluate

ROOT = Path(__file__).parents[2]
AS_OF = date(2028, 3, 31)
PARTNERS = load_partners(ROOT / "expectations/partners.yaml")
CONTRACTS = load_contracts(ROOT / "expectations/contracts", PARTNERS)


def test_every_expectation_of_the_suites_is_one_that_great_expectations_knows() -> None:
    import great_expectations as gx

    for contract in CONTRACTS:
        built = gx.ExpectationSuite(**suite(contract))
        assert len(built.expectations) == len(contract.rules)
        assert {e.severity.value for e in built.expectations} <= {"critical", "warning"}


def _duckdb_type(nested: Any) -> str:
    if isinstance(nested, dict):
        return "STRUCT(" + ", ".join(f'"{name}" {_duckdb_type(inner)}' for name, inner in nested.items()) + ")"
    return f"{_duckdb_type(nested[0])}[]" if isinstance(nested, list) else "VARCHAR"


def _hollow(nested: Any) -> Any:
    """A value with every level there and nothing in it."""
    if isinstance(nested, dict):
        return {name: _hollow(inner) for name, inner in nested.items()}
    return [_hollow(nested[0])] if isinstance(nested, list) else None


def _delivery(folder: Path, contract: Contract, rows: list[dict[str, Any]]) -> dict[str, Path]:
    """The contract's tables with their right column types; rows give the columns that matter."""
    files = {}
    for entry in contract.tables:
        files[entry.name] = folder / f"{contract.id}-{entry.name}-{len(rows)}.parquet"
        structure = json.dumps({column.name: column.nested for column in entry.columns})
        fields = ", ".join(f'r."{c.name}"::{_duckdb_type(c.nested)} AS "{c.name}"' for c in entry.columns)
        with duckdb.connect() as connection:
            connection.execute("CREATE TABLE lines (line JSON)")
            if rows:
                connection.executemany("INSERT INTO lines VALUES (?)", [[json.dumps(row)] for row in rows])
            query = f"SELECT {fields}, 'p' AS _partner FROM (SELECT from_json(line, ?) AS r FROM lines)"
            connection.execute(f"COPY ({query}) TO '{files[entry.name]}' (FORMAT parquet)", [structure])
    return files


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.id)
def test_every_rule_of_every_contract_runs_on_empty_hollow_and_filled_tables(
    contract: Contract, tmp_path: Path
) -> None:
    hollow = {c.name: _hollow(c.nested) for t in contract.tables for c in t.columns}
    filled = {c.name: "01/04/2020" for t in contract.tables for c in t.columns if c.nested == "VARCHAR"}
    for rows in ([], [{}, hollow], [{}, hollow, filled, filled]):
        results = evaluate(_delivery(tmp_path, contract, rows), contract.rules, AS_OF)
        assert [(r.name, r.problem) for r in results if r.outcome == "error"] == []
        assert {r.denominator for r in results} == {len(rows)}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda c: c.id)
def test_rules_that_share_a_query_count_as_each_would_by_itself(
    contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Great Expectations itself counts, rule by rule, is the measure."""
    from spine.quality import gx

    values = ["01/04/2020", " 2028-04-01", "x", "A", "12.5", "N/A", "9434765919", "AB1 2CD"]
    columns = [c for t in contract.tables for c in t.columns if c.nested == "VARCHAR"]
    rows = [{c.name: values[(n * m + n) % 8] for m, c in enumerate(columns)} for n in (1, 2, 3, 5, 5, 6, 7)]
    files = _delivery(tmp_path, contract, rows)
    shared = evaluate(files, contract.rules, AS_OF)
    monkeypatch.setattr(gx, "shared_count", lambda *_: None)
    assert evaluate(files, contract.rules, AS_OF) == shared
    assert {r.numerator for r in shared} - {0, len(rows)}, "something is told apart"


def test_the_rules_on_nested_elements_find_what_they_name(tmp_path: Path) -> None:
    contract = next(c for c in CONTRACTS if c.id == "gp_registrations__fhir")
    system = "https://fhir.nhs.uk/Id/nhs-number"

    def number(value: str, status: str | None) -> dict[str, Any]:
        extension = [{"url": "v", "valueCodeableConcept": {"coding": [{"code": status}]}}] if status else None
        return {"system": system, "value": value, "extension": extension}

    good = {"id": "1", "identifier": [{"system": "x", "value": "1"}, number("9990000018", "01")], "birthDate": "1990"}
    bad = {"id": "2", "identifier": [number("9990000019", None)], "birth_date": "199"}
    secret = {
        "id": "3",
        "meta": {"security": [{"code": "R"}]},
        "address": [{"postalCode": "AB1 2CD"}, {"postalCode": "nowhere"}],
    }
    quiet = {"id": "3", "meta": {"security": [{"code": "R"}]}, "address": [], "birth_date": "1990-01"}
    results = {
        r.name: r for r in evaluate(_delivery(tmp_path, contract, [good, bad, secret, quiet]), contract.rules, AS_OF)
    }
    assert {
        name: results[name].numerator
        for name in (
            "nhs_number__check_digit",
            "nhs_number__verified",
            "birth_date__is_a_date",
            "address_postal_code__is_a_postcode",
            "table__restricted_have_no_address",
            "table__unique_key",
        )
    } == {
        "nhs_number__check_digit": 1,
        "nhs_number__verified": 3,
        "birth_date__is_a_date": 1,
        "address_postal_code__is_a_postcode": 1,
        "table__restricted_have_no_address": 1,
        "table__unique_key": 1,
    }


def test_a_contract_s_expectation_is_what_is_run() -> None:
    asked = next(r for r in CONTRACTS[0].rules if r.metric == "duplicateValues")
    assert expectation(asked)["type"] == "unexpected_rows_expectation"
