"""The whole pipeline on a small region: what a user, an analyst and a board rely on."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from assets.cross_checks import FEEDBACK
from spine import audit
from spine.cli import app
from spine.governance import load_or_create_key, pseudonyms
from spine.linkage import evaluate
from spine.quality.cross_limits import BIRTH_DATES, CODES, DEATHS, KINDS, ONCE
from spine.release import audit_standing
from spine.settings import Settings
from tests.acceptance.conftest import AS_OF, Home
from tests.fixtures.planted import read
from tests.fixtures.planted_expected import ACROSS


def test_the_summary_adds_up(region: Home) -> None:
    summary = region.summary
    assert summary.exit_code == 0
    assert summary.accepted >= 8
    assert not summary.refused
    assert not summary.unrecognised
    assert summary.checks_passed > 80
    assert summary.checks_failed == 0
    assert summary.checks_warned > 0, "the region has its ordinary faults, and checks must see them"
    assert sum(source.records for source in summary.links) == summary.person_records
    assert summary.residents < summary.person_records


def test_the_run_is_in_the_audit_log(region: Home) -> None:
    lines = [entry.facts for entry in audit.entries(region.settings.audit_log) if entry.kind == "run"]
    assert [line["decision"] for line in lines[:2]] == ["started", "succeeded"]
    assert lines[0]["run"] == lines[1]["run"]
    assert len(lines[0]["inputs_sha256"]) == 64
    assert lines[1]["steps_failed"] == []
    assert audit_standing(region.settings).faults == ()


def test_linkage_holds_against_the_truth(region: Home) -> None:
    crosswalk = pl.DataFrame(
        region.rows("SELECT record_id, resident_id FROM core.bridge_resident_record"),
        schema=["record_id", "cluster_id"],
        orient="row",
    )
    truth = pl.read_parquet(region.truth / "person_records.parquet").select("record_id", "person_id")
    result = evaluate(crosswalk, truth)
    assert result.precision >= 0.95
    assert result.recall >= 0.85


def test_decisions_by_people_hold_or_are_reported(region: Home) -> None:
    standings = region.rows("SELECT partner, decision_id, standing FROM linkage.decisions ORDER BY ALL")
    told = (
        "holds",
        "contradicted",
        "expired",
        "not_yet",
        "withdrawn",
        "too_few_people",
        "unreadable",
        "unknown_record",
    )
    of_team = [("spine_team", f"D-{n}", standing) for n, standing in enumerate(told, start=1)]
    assert standings == [*of_team, ("wexmoor_county", "D-1", "contradicted")]
    contradicting = region.rows("SELECT contradiction, partner, decision_id FROM linkage.decision_conflicts")
    assert contradicting == [(1, "spine_team", "D-2"), (1, "wexmoor_county", "D-1")]
    manual = region.rows("SELECT left_record_id, right_record_id FROM linkage.links WHERE method = 'manual'")
    held = "SELECT left_record_id, right_record_id FROM linkage.decisions WHERE standing = 'holds'"
    assert [set(pair) for pair in manual] == [set(pair) for pair in region.rows(held)]
    lines = [json.loads(line) for line in (region.settings.runs / "audit.log").read_text().splitlines()]
    [logged] = [line["facts"] for line in lines if line["kind"] == "override"]
    assert logged["deliveries"] == [
        "spine_team/linkage_decisions/2028-03-20",
        "wexmoor_county/linkage_decisions/2028-03-21",
    ]
    assert logged["decisions"]["holds"] == 1


def test_every_true_record_is_known_and_no_other_but_estates(region: Home) -> None:
    known = dict(region.rows("SELECT record_id, is_deceased FROM intermediate.int_person_records"))
    truth = set(pl.read_parquet(region.truth / "person_records.parquet")["record_id"])
    # The second name of a joint one is nobody where the field of 32 characters cuts its surname.
    refs = "SELECT regexp_replace(account_ref, '[.]0+$', '') || '/2' FROM raw.council_tax__academy__ctaccount"
    cut = region.rows(f"{refs} WHERE length(lead_liab_name) >= 32")
    assert all(any(record.endswith(name) for (name,) in cut) for record in truth - set(known))
    assert all(is_deceased for record, is_deceased in known.items() if record not in truth)  # estates


def test_the_release_holds_adults_and_people_of_unknown_age_once(region: Home) -> None:
    [(rows, distinct)] = region.release("SELECT count(*), count(DISTINCT resident_id) FROM residents")
    assert rows == distinct
    [(expected,)] = region.rows("SELECT count(*) FROM care_planning.residents")
    excluded = sum(count for release in region.summary.releases for count in release.excluded.values())
    assert rows == expected - excluded
    assert region.release("SELECT count(*) FROM residents WHERE age_band = 'unknown'")[0][0] > 0
    assert region.release("SELECT count(*) FROM residents WHERE NOT is_linked")[0][0] > 0


def test_opted_out_people_are_absent_and_restricted_people_have_no_area(region: Home) -> None:
    [(restricted, with_area)] = region.rows("SELECT count(*), count(lsoa21) FROM core.dim_resident WHERE is_restricted")
    assert restricted > 0
    assert with_area == 0
    opted_out = region.rows(
        "SELECT DISTINCT resident_id FROM core.bridge_resident_nhs_number n "
        "JOIN raw.opt_out__ndo__opt_outs o ON regexp_replace(o.nhs_number, '\\D', '', 'g') = n.nhs_number"
    )
    key = load_or_create_key(region.settings.keys, "care_planning", may_create=False)
    hidden = set(pseudonyms(key, [str(row[0]) for row in opted_out]))
    assert hidden
    for table in ("residents", "resident_services"):
        assert not hidden & {row[0] for row in region.release(f"SELECT resident_id FROM {table}")}


def test_the_warehouse_is_rebuilt_from_lake_ledger_and_identity_alone(
    region: Home, new_home: Callable[[str], Home]
) -> None:
    """Landing, warehouse and linkage are gone, and another number of threads does the work: the same tables."""
    rebuilt = new_home("rebuilt")
    for folder in ("lake", "ledger", "identity", "keys", "releases"):
        shutil.copytree(
            region.settings.root / folder, rebuilt.settings.root / folder, dirs_exist_ok=True, symlinks=True
        )
    rebuilt.settings = Settings(home=rebuilt.settings.home, threads=1)
    summary = rebuilt.run()
    assert summary.succeeded, summary.failures
    before = table_hashes(region)
    assert {schema for schema, _ in before} >= {
        "raw",
        "staging",
        "intermediate",
        "linkage",
        "core",
        "quality",
        "care_planning",
    }
    assert table_hashes(rebuilt) == before
    for name in ("person_records", "clusters", "links"):
        file = Path("linkage") / f"{name}.parquet"
        assert (rebuilt.settings.root / file).read_bytes() == (region.settings.root / file).read_bytes(), name
    assert rebuilt.release("SELECT version FROM _release") == region.release("SELECT version FROM _release")


def table_hashes(home: Home) -> dict[tuple[str, str], tuple[object, ...]]:
    """Of every table and view of the warehouse: its columns, its rows, and a hash of the rows in order."""
    tables = home.rows("SELECT table_schema, table_name FROM information_schema.tables")
    found = {}
    for schema, table in tables:
        name = f'"{schema}"."{table}"'
        columns = tuple(home.rows(f"DESCRIBE {name}"))
        rows = f"SELECT md5(CAST(t AS VARCHAR)) AS row_hash FROM {name} t"
        [content] = home.rows(f"SELECT count(*), md5(string_agg(row_hash, '' ORDER BY row_hash)) FROM ({rows})")
        found[str(schema), str(table)] = (columns, content)
    return found


def test_no_row_is_lost_at_the_door(region: Home) -> None:
    for path in region.settings.ledger.rglob("r*.json"):
        entry = json.loads(path.read_text(encoding="utf-8"))
        for table in entry["tables"].values():
            assert table["rows_read"] == table["kept"] + table["quarantined"] + table["ignored"]


@pytest.mark.parametrize(("form", "parse"), [("json", json.loads), ("csv", lambda text: text.splitlines()[1:])])
def test_an_analyst_asks_in_sql(region: Home, form: str, parse: Callable[[str], list[object]]) -> None:
    sql = "SELECT age_band, count(*) AS residents FROM residents GROUP BY ALL ORDER BY 1"
    arguments = ["query", "--purpose", "care_planning", sql, "--format", form]
    result = CliRunner().invoke(app, arguments, env={"SPINE_HOME": str(region.settings.root)})
    assert result.exit_code == 0
    assert len(parse(result.stdout)) == region.release("SELECT count(DISTINCT age_band) FROM residents")[0][0]


def test_status_shows_every_source(region: Home) -> None:
    result = CliRunner().invoke(app, ["status"], env={"SPINE_HOME": str(region.settings.root), "COLUMNS": "200"})
    assert result.exit_code == 0
    for source in region.summary.links:
        assert source.source.replace("__", " / ") in result.output


def test_the_release_documents_itself(region: Home) -> None:
    columns = {row[0] for row in region.release("DESCRIBE residents")}
    described = {row[0] for row in region.release("SELECT column_name FROM _dictionary WHERE table_name = 'residents'")}
    assert columns == described
    [(purpose, is_demo)] = region.release("SELECT purpose, is_demo FROM _release")
    assert (purpose, is_demo) == ("care_planning", True), "approved with throwaway keys"


def found_across(home: Home) -> dict[tuple[str, str], dict[str, object]]:
    """What every check across sources told in the last run, by source and kind."""
    told = home.checks(FEEDBACK).values()
    names = {sentence.sentence: kind for kind, sentence in KINDS.items()}
    return {(f"{facts['partner']}__{facts['dataset']}", names[str(facts["sentence"])]): facts for facts in told}


def test_every_source_is_held_against_the_others(region: Home) -> None:
    told = found_across(region)
    assert {source.source for source in region.summary.links} <= {source for source, _ in told}
    assert {kind for _, kind in told} == set(KINDS)


@pytest.mark.parametrize("fault", ACROSS)
def test_a_planted_contradiction_is_found_at_the_partner_that_can_put_it_right(region: Home, fault: str) -> None:
    """What is found beside the plant must be the region's own errors, which the truth tells."""
    source, kind = ACROSS[fault]
    numerator = int(str(found_across(region)[source, kind]["numerator"]))
    ordinary = len(wrong_birth_dates(region, source) - set(region.planted[fault])) if kind == BIRTH_DATES else 0
    assert numerator == len(region.planted[fault]) + ordinary
    if kind != CODES:
        query = f"SELECT record_id FROM quality.quality_compared_records WHERE is_found AND kind = '{kind}'"
        records = {str(record) for (record,) in region.rows(f"{query} AND source = '{source}'")}
        assert set(region.planted[fault]) <= records


def wrong_birth_dates(home: Home, source: str) -> set[str]:
    """Records of a source with a date of birth that is not the person's, where another source has one too."""
    born = pl.read_parquet(home.truth / "people.parquet").select("person_id", pl.col("date_of_birth").alias("truth"))
    records = pl.read_parquet(home.truth / "person_records.parquet").join(born, on="person_id")
    query = "FROM quality.quality_compared_records AS asked JOIN intermediate.int_person_records USING (record_id)"
    compared = pl.DataFrame(
        home.rows(
            f"SELECT record_id, date_of_birth {query} WHERE kind = '{BIRTH_DATES}' AND asked.source = '{source}'"
        ),
        schema={"record_id": pl.String, "date_of_birth": pl.Date},
        orient="row",
    )
    return set(compared.join(records, on="record_id").filter(pl.col("date_of_birth") != pl.col("truth"))["record_id"])


def test_nothing_is_found_that_is_no_contradiction(region: Home) -> None:
    """Whoever is told of a date of birth is wrong, or another source is; of the rest only the plant is found."""
    query = "SELECT kind, record_id, resident_id FROM quality.quality_compared_records WHERE is_found"
    found = region.rows(query)
    wrong = {record for source in region.summary.links for record in wrong_birth_dates(region, source.source)}
    residents = dict(region.rows("SELECT record_id, resident_id FROM core.bridge_resident_record"))
    in_doubt = {residents[record] for record in wrong}
    assert {resident for kind, _, resident in found if kind == BIRTH_DATES} <= in_doubt
    planted = {record for records in region.planted.values() for record in records}
    assert {record for kind, record, _ in found if kind in (DEATHS, ONCE)} <= planted


def test_a_partner_gets_the_rows_of_its_own_file_and_no_value(region: Home) -> None:
    path = region.settings.reports / "wexmoor_homes" / f"feedback-{AS_OF}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        told = [int(line["row"]) for line in csv.DictReader(file) if line["check"] == DEATHS]
    [*_, people] = sorted((region.settings.landing / "wexmoor_homes/housing_tenancies").glob("*/people.csv"))
    rows = read(people).rows
    planted = {record.rpartition(":")[2] for record in region.planted["dead at the GP, tenant still"]}
    assert {rows[row - 1]["lpar_per_alt_ref"] for row in told} == planted
    text = path.read_text("utf-8") + path.with_suffix(".html").read_text("utf-8")
    cells = {row[name] for row in rows for name in ("lpar_per_alt_ref", "lpar_per_surname", "lpar_per_ni_no")}
    assert not [cell for cell in cells if len(cell) > 3 and cell in text]
