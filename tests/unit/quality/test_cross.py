"""Counts and places of quality across sources, from hand-made tables of schema quality; and its limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from spine.contracts import Contract, install_functions, load_contracts, load_partners
from spine.errors import ContractError, PipelineError
from spine.quality import cross
from spine.quality.cross import CrossFindings, CrossResult, cross_source
from spine.quality.cross_limits import (
    ADDRESSES,
    BIRTH_DATES,
    CODES,
    COVERAGE,
    DEATHS,
    IDENTIFIERS,
    KINDS,
    load_cross_limits,
)
from spine.settings import PROJECT_ROOT

EXPECTATIONS = PROJECT_ROOT / "expectations"
PARTNERS = load_partners(EXPECTATIONS / "partners.yaml")
[CARE] = [c for c in load_contracts(EXPECTATIONS / "contracts", PARTNERS) if c.id == "social_care__cld"]
LIMITS = load_cross_limits(EXPECTATIONS)
SOURCE, TAX = "wexmoor_county__social_care", "harcombe_district__council_tax"
DELIVERY = "wexmoor_county/social_care/2028-01-30"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Three records of two residents in five rows."""
    with duckdb.connect() as connection:
        install_functions(connection)
        connection.execute("CREATE SCHEMA quality; CREATE SCHEMA raw")
        connection.execute(f"""
            CREATE TABLE raw.social_care__cld__events AS
            SELECT 'wexmoor_county' AS _partner, '{DELIVERY}' AS _delivery, 1 AS _revision, 1 AS _file_no,
                row_no AS _row_no,
                number AS nhs_number, 'EV' || row_no AS event_reference
            FROM (VALUES (1, '9990000018'), (2, '9990000018'), (3, NULL), (4, '9990000019'), (5, NULL))
                AS rows(row_no, number);
            CREATE TABLE quality.quality_record_rows AS
            SELECT record_id, '{SOURCE}' AS source, resident_id, 'events' AS table_name, '{DELIVERY}' AS delivery,
                1 AS revision, 1 AS file_no, row_no, is_newest
            FROM (VALUES ('a', 'ada', 1, false), ('a', 'ada', 2, true), ('b', 'ada', 3, true), ('c', 'ray', 4, true))
                AS rows(record_id, resident_id, row_no, is_newest);
            CREATE TABLE quality.quality_compared_records AS
            SELECT kind, '{SOURCE}' AS source, record_id, resident_id, is_found, days
            FROM (VALUES ('{BIRTH_DATES}', 'a', 'ada', true, NULL), ('{BIRTH_DATES}', 'b', 'ada', true, NULL),
                ('{BIRTH_DATES}', 'c', 'ray', false, NULL), ('{DEATHS}', 'a', 'ada', true, 27),
                ('{DEATHS}', 'c', 'ray', true, 28), ('{ADDRESSES}', 'c', 'ray', true, 3))
                AS rows(kind, record_id, resident_id, is_found, days);
            CREATE TABLE quality.quality_unmapped_codes AS
            SELECT '{SOURCE}' AS source, 'events' AS table_name, '{DELIVERY}' AS delivery, 1 AS revision, 1 AS file_no,
                row_no, row_no IN (4, 5) AS is_found FROM range(1, 6) AS rows(row_no);
            CREATE TABLE quality.quality_coverage AS
            SELECT * FROM (VALUES ('{TAX}', '18 to 64', 'E07900001', 20, 15), ('{TAX}', '18 to 64', 'E07900002', 90, 0),
                ('{SOURCE}', '18 to 64', 'E07900002', 90, 9))
                AS rows(source, age_band, local_authority_code, residents_known, residents_held)""")
        yield connection


def found(connection: duckdb.DuckDBPyConnection, contract: Contract = CARE) -> CrossFindings:
    return cross_source(connection, [contract], PARTNERS, LIMITS)


def result(findings: CrossFindings, source: str, kind: str) -> CrossResult:
    [one] = [r for r in findings.results if (r.source, r.kind) == (source, kind)]
    return one


def counts(one: CrossResult) -> tuple[int, int, int]:
    return one.numerator, one.denominator, one.residents


def test_records_and_the_residents_whom_they_affect_are_counted(connection: duckdb.DuckDBPyConnection) -> None:
    assert counts(result(found(connection), SOURCE, BIRTH_DATES)) == (2, 3, 1)


def test_places_are_found_by_hash_and_not_by_comparing_all_with_all(connection: duckdb.DuckDBPyConnection) -> None:
    found(connection)
    [(_, plan)] = connection.execute(f"EXPLAIN {cross._PLACES}").fetchall()
    assert "HASH_JOIN" in plan
    assert "NL_JOIN" not in plan, "it would take four times as long for twice the residents"


def test_a_death_or_a_move_has_its_days_of_grace(connection: duckdb.DuckDBPyConnection) -> None:
    findings = found(connection)
    assert counts(result(findings, SOURCE, DEATHS)) == (1, 2, 1)
    assert counts(result(findings, SOURCE, ADDRESSES)) == (0, 1, 0)


def test_rows_without_a_person_are_counted_too(connection: duckdb.DuckDBPyConnection) -> None:
    findings = found(connection)
    assert counts(result(findings, SOURCE, CODES)) == (2, 5, 1)
    assert counts(result(findings, SOURCE, IDENTIFIERS)) == (1, 5, 1)


def test_a_record_is_told_of_by_its_newest_row(connection: duckdb.DuckDBPyConnection) -> None:
    places = found(connection).rows.filter(pl.col("kind") == BIRTH_DATES).select("delivery", "table_name", "row_no")
    assert places.rows() == [(DELIVERY, "events", 2), (DELIVERY, "events", 3)]


def test_the_column_of_an_identifier_is_named_as_the_partner_names_it(connection: duckdb.DuckDBPyConnection) -> None:
    places = found(connection).rows.filter(pl.col("kind") == IDENTIFIERS).select("column_name", "row_no")
    assert places.rows() == [("NHS_Number", 4)]


def test_a_key_is_told_only_where_the_contract_classifies_it_as_public(connection: duckdb.DuckDBPyConnection) -> None:
    assert found(connection).rows["record_key"].to_list() == [None] * found(connection).rows.height
    [table] = CARE.tables
    columns = tuple(replace(c, classification="public") if c.name == "event_reference" else c for c in table.columns)
    public = replace(CARE, tables=(replace(table, columns=columns),))
    told = found(connection, public).rows.filter(pl.col("kind") == BIRTH_DATES)
    assert told["record_key"].to_list() == ["EV2", "EV3"]


def test_a_district_is_held_against_its_own_area_alone(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    findings = found(connection)
    assert counts(result(findings, TAX, COVERAGE)) == (5, 20, 5)
    assert counts(result(findings, SOURCE, COVERAGE)) == (81, 90, 81)


def test_a_kind_that_is_not_asked_of_a_source_is_told_to_nobody(connection: duckdb.DuckDBPyConnection) -> None:
    codes = LIMITS.kinds[CODES].model_copy(update={"not_for": ("social_care",)})
    kinds = {kind: limit for kind, limit in (LIMITS.kinds | {CODES: codes}).items() if kind != DEATHS}
    findings = cross_source(connection, [CARE], PARTNERS, LIMITS.model_copy(update={"kinds": kinds}))
    assert not {CODES, DEATHS} & {r.kind for r in findings.results}
    assert not {CODES, DEATHS} & set(findings.rows["kind"])
    assert {BIRTH_DATES, IDENTIFIERS} <= set(findings.rows["kind"])


def test_every_rule_about_an_identifier_is_taken_up() -> None:
    from spine.quality.cross import _identifier_queries

    contracts = load_contracts(EXPECTATIONS / "contracts", PARTNERS)
    asked = {
        (contract.id, rule.table, rule.column)
        for contract in contracts
        for rule in contract.rules
        if any(f"is_bad_{name}(" in str(rule.arguments.get("query")) for name in ("nhs_number", "upn", "nino", "uprn"))
    }
    assert len(_identifier_queries(contracts)) == len(asked) > 5


def test_a_missing_table_is_an_error_without_a_value(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("DROP TABLE quality.quality_coverage")
    with pytest.raises(PipelineError, match=r"could not be read \(CatalogException\). Build them again"):
        found(connection)


def test_limits_by_dataset() -> None:
    assert LIMITS.kinds[COVERAGE].most("gp_registrations") < LIMITS.kinds[COVERAGE].most("council_tax") == 100
    assert LIMITS.kinds_for("opt_out", {"council_tax"}) == (IDENTIFIERS,)
    assert set(LIMITS.kinds_for("social_care", {"social_care"})) == set(KINDS)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("grace_days: 28\nleast_in_group: 5\nkinds: {}", "least_in_group: Input should be greater than"),
        ("grace_days: 28\nleast_in_group: 10\nkinds: {names_agree: {most_percent: 1}}", "got names_agree"),
        ("grace_days: 28\nleast_in_group: 10\nkinds: {codes_are_mapped: {most: 1}}", "kinds.codes_are_mapped.most"),
        ("grace_days: [", "not readable as YAML"),
        (None, "missing in"),
    ],
)
def test_limits_that_are_not_valid_say_where(tmp_path: Path, text: str | None, fault: str) -> None:
    if text is not None:
        (tmp_path / "cross_source_checks.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=fault):
        load_cross_limits(tmp_path)
