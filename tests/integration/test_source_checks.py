"""The checks of a source that look beyond one delivery: lateness, files sent before, and a change of layout."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.checks import check_specs
from assets.extracts import extract_assets, raw_key
from assets.resources import AS_OF_TAG, HOME, home_resource
from spine import door
from spine.contracts import Contract, Partner, Rule, RuleResult, Supply, Threshold
from spine.settings import PROJECT_ROOT, Settings
from tests.unit.extract.conftest import PEOPLE, Home, column, contract

ROWS = "Person ID,Surname,LAD25CD\n1,A,E07\n"
NORTH = Partner("north", "North Council", "district", "North data steward")
WIDE = replace(PEOPLE, name="persons", columns=(*PEOPLE.columns, column("born", "Born")))


def rule(layout: str, table: str, name: str) -> Rule:
    return Rule(
        layout, table, None, name, "It is.", "validity", "warning", "sql", {"query": "SELECT 0"}, Threshold("mustBe", 0)
    )


OLD = contract(
    "people__flat", PEOPLE, frequency_days=31, supplies=(Supply("north", valid_to=date(2028, 1, 31)),),
    rules=(rule("people__flat", "people", "table__of_both"), rule("people__flat", "people", "table__of_old")),
)  # fmt: skip
NEW = contract(
    "people__a_new", WIDE, frequency_days=7, supplies=(Supply("north", valid_from=date(2028, 2, 1)),),
    rules=(rule("people__a_new", "persons", "table__of_both"), rule("people__a_new", "persons", "table__of_new")),
)  # fmt: skip
LAYOUTS = (NEW, OLD)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    def measure(tables: object, rules: Any, as_of: object, threads: int = 0) -> list[RuleResult]:
        return [RuleResult(name=r.name, outcome="warned", numerator=1, denominator=1) for r in rules]

    monkeypatch.setattr(door, "evaluate", measure)
    monkeypatch.setattr(door, "SETTLING", 0.0)
    return Home(tmp_path)


def run(
    home: Home, as_of: str = "2028-03-31", layouts: tuple[Contract, ...] = LAYOUTS
) -> tuple[dict[str, dg.AssetCheckEvaluation], dict[str, Any]]:
    """Checks by name, and the asset's metadata."""
    settings = Settings(home=home.root).prepare()
    assets = extract_assets(settings, layouts, {"north": NORTH})
    instance = dg.DagsterInstance.ephemeral()
    resources = {HOME: home_resource(settings)}
    result = dg.materialize(assets, instance=instance, tags={AS_OF_TAG: as_of}, resources=resources)
    [event] = result.get_asset_materialization_events()
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    return checks, {name: entry.value for name, entry in event.materialization.metadata.items()}


def facts(check: dg.AssetCheckEvaluation) -> dict[str, Any]:
    return {name: entry.value for name, entry in check.metadata.items()}


def test_a_late_source_warns_and_names_who_must_act(home: Home) -> None:
    home.put("people", {"a.csv": ROWS}, "2028-01-31")
    checks, _ = run(home)
    late = checks["_delivery__arrives_on_time"]
    assert (late.passed, late.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert late.description == (
        "North data steward must send it: the newest accepted delivery is of 2028-01-31, 60 days before 2028-03-31; "
        "one is due every 7 days, with 2 of grace, so it is 51 days late."
    )
    assert facts(late) == {
        "days_since": 60, "days_late": 51, "expected_every_days": 7, "grace_days": 2,
        "dimension": "timeliness", "owner": "North data steward", "deliveries_reckoned": 0, "deliveries_late": 0,
    }  # fmt: skip
    assert run(home, "2028-01-31")[0]["_delivery__arrives_on_time"].passed


def test_a_source_without_any_delivery_is_late_by_itself(home: Home) -> None:
    checks, metadata = run(home, layouts=(contract("people__flat", PEOPLE, frequency_days=31),))
    assert metadata["latest"] == "nothing"
    assert not checks["_delivery__arrives_on_time"].passed
    assert "nothing was ever accepted" in (checks["_delivery__arrives_on_time"].description or "")
    ended = replace(OLD, supplies=(Supply("north", valid_to=date(2020, 1, 1)),))
    assert run(home, layouts=(ended,))[0]["_delivery__arrives_on_time"].passed


def test_the_same_files_under_another_date_warn(home: Home) -> None:
    home.put("people", {"january.csv": ROWS}, "2028-01-01")
    assert run(home)[0]["_delivery__not_sent_before"].passed
    home.put("people", {"february.csv": ROWS}, "2028-01-29")
    check = run(home)[0]["_delivery__not_sent_before"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.description == (
        "North data steward must say whether it is a mistake: north/people/2028-01-29 holds the very files of "
        "north/people/2028-01-01, byte for byte."
    )
    assert facts(check)["deliveries_with_same_files"] == 1
    home.put("people", {"january.csv": ROWS + "2,B,E07\n"}, "2028-01-01")
    assert run(home)[0]["_delivery__not_sent_before"].passed, "the older date was corrected since"


def test_after_a_change_of_layout_the_checks_are_those_of_the_new_one(home: Home) -> None:
    home.put("people", {"a.csv": ROWS}, "2028-01-31")
    checks, metadata = run(home)
    assert metadata["in_use"] == "north/people/2028-01-31"
    assert {name for name in ("both", "old", "new") if f"table__of_{name}" in checks} == {"both", "old"}
    home.put("people", {"a.csv": ROWS.replace("CD\n", "CD,Born\n").replace("7\n", "7,1990\n")}, "2028-02-01")
    checks, metadata = run(home)
    assert metadata["in_use"] == "north/people/2028-02-01"
    assert {name for name in ("both", "old", "new") if f"table__of_{name}" in checks} == {"both", "new"}
    assert facts(checks["table__of_both"])["contract"] == "people__a_new"


def test_the_asset_is_described_by_the_layout_that_is_sent_now(home: Home) -> None:
    settings = Settings(home=home.root).prepare()
    [asset] = extract_assets(settings, LAYOUTS, {"north": NORTH})
    metadata = asset.metadata_by_key[raw_key("north", "people")]
    assert metadata["layouts"] == "flat until 2028-01-31; a_new from 2028-02-01"
    assert metadata["expected_every_days"] == "7"
    assert (asset.descriptions_by_key[raw_key("north", "people")] or "").startswith("people__a_new, from North Council")


def test_dropped_columns_are_named(home: Home) -> None:
    home.put("people", {"a.csv": ROWS.replace("CD\n", "CD,Ethnicity\n").replace("7\n", "7,x\n")}, "2028-01-31")
    checks, metadata = run(home)
    check = checks["_delivery__columns_as_contracted"]
    assert (check.passed, facts(check)["columns_dropped"]) == (False, 1)
    assert "(Ethnicity)" in (check.description or "")
    assert metadata["columns_dropped_names"] == facts(check)["columns_dropped_names"] == "Ethnicity"


def test_the_verdict_of_a_refused_source_stands_first_and_its_rules_are_skipped(home: Home) -> None:
    home.put("people", {"a.csv": ROWS}, "2028-01-01")
    home.put("people", {"a.csv": ROWS.replace("Person ID", "Ref")}, "2028-01-29")
    checks, _ = run(home, "2028-01-31")
    verdict = checks.pop("_delivery__accepted")
    assert verdict.description == (
        "north/people/2028-01-29 is refused, and North data steward must act: file 1 of 1 (.csv): column 'Person ID' "
        "is missing (contract 1.0.0). Ask the partner to resend, or change the contract; see "
        "docs/add-a-partner-extract.md. Meanwhile north/people/2028-01-01 stays in use."
    )
    assert (verdict.passed, verdict.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert facts(verdict)["files_not_read"] == 1
    assert "files_ignored" not in verdict.metadata, "it was looked at, and is what the partner must correct"
    # The newest delivery holds no measured rule: neither a pass nor a failure is told of one.
    assert set(checks) == {"_delivery__arrives_on_time", "_delivery__newest_in_use", "_delivery__not_sent_before"}
    names = [spec.name for spec in check_specs(raw_key("north", "people"), LAYOUTS)]
    assert sorted(names)[0] == "_delivery__accepted", "Dagster's Checks tab opens on the first by name"


def test_a_rule_that_broke_or_was_forgotten_is_a_failed_error(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(tables: object, rules: Any, as_of: object, threads: int = 0) -> list[RuleResult]:
        broken = {"outcome": "error", "numerator": 0, "denominator": 0, "problem": "BinderException"}
        return [RuleResult(name=r.name, **broken) for r in rules if r.name == "table__of_old"]

    monkeypatch.setattr(door, "evaluate", measure)
    home.put("people", {"a.csv": ROWS}, "2028-01-29")
    checks, _ = run(home, "2028-01-31")
    for name in ("_delivery__accepted", "table__of_old", "table__of_both"):
        assert (checks[name].passed, checks[name].severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "could not run (BinderException)" in (checks["table__of_old"].description or "")
    assert "gave no result" in (checks["table__of_both"].description or "")


def test_a_delivery_unlike_the_ones_before_it_warns_and_names_who_must_act(home: Home) -> None:
    text = "".join(f"{n},{'' if n < 3 else 'A'},E07\n" for n in range(400))
    for day in range(1, 4):
        home.put("people", {f"{day}.csv": f"Person ID,Surname,LAD25CD\n{text}"}, f"2028-01-0{day}")
    checks, _ = run(home)
    first = checks["_drift__volume"]
    assert (first.passed, facts(first)["earlier_deliveries"]) == (True, 2)
    assert "needs 3 earlier deliveries" in (first.description or "")
    home.put("people", {"4.csv": "Person ID,Surname,LAD25CD\n" + text[: len(text) // 2]}, "2028-01-04")
    checks, _ = run(home)
    check = checks["_drift__volume"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (check.description or "").startswith(
        "North data steward must say whether it is right: in north/people/2028-01-04, table people has 2"
    )
    assert (facts(check)["numerator"], facts(check)["denominator"]) == (1, 1)
    assert facts(check)["worst_of_limit"] > 1
    assert all(checks[f"_drift__{kind}"].passed for kind in ("missing_values", "codes", "dates"))


WAIVERS = """\
waivers:
  - partner: north
    dataset: people
    rule: table__of_old
    reason: It is known.
    decided_by: [{role: data_steward, organisation: north}]
    from: 2028-03-01
    to: 2028-03-31
"""


def test_a_waived_failure_is_shown_as_waived_and_logged_once(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expectations = tmp_path / "project/expectations"
    (expectations / "agreements").mkdir(parents=True)
    shutil.copy(PROJECT_ROOT / "expectations/decision_rights.yaml", expectations)
    (expectations / "waivers.yaml").write_text(WAIVERS)
    monkeypatch.setenv("SPINE_PROJECT", str(tmp_path / "project"))
    layouts = (NEW, replace(OLD, supplies=(Supply("north"),)))
    home.put("people", {"a.csv": ROWS}, "2028-01-31")
    for _ in range(2):
        checks, _ = run(home, "2028-03-31", layouts[1:])
    check = checks["table__of_old"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (check.description or "").startswith(
        "Waived until 2028-03-31 by data steward of north (It is known). It is."
    )
    assert facts(check)["outcome"] == "waived"
    assert facts(checks["table__of_both"])["outcome"] == "warned", "another rule's verdict is as it was"
    log = [json.loads(line) for line in (Settings(home=home.root).audit_log).read_text().splitlines()]
    assert [line["facts"]["rule"] for line in log if line["kind"] == "waiver"] == ["table__of_old"]
    checks, _ = run(home, "2028-04-01", layouts[1:])
    assert facts(checks["table__of_old"])["outcome"] == "warned"


def test_a_broken_rule_says_since_when_how_bad_and_who_must_act(home: Home) -> None:
    for day in range(1, 4):
        home.put("people", {f"{day}.csv": ROWS}, f"2028-01-0{day}")
    checks, _ = run(home)
    check = checks["table__of_old"]
    assert check.description == (
        "It is. In north/people/2028-01-03: 1 of 1 rows, 100 %; it must be 0 rows; "
        "broken since the delivery of 2028-01-01, 3 in a row. North data steward must act."
    )
    told = facts(check)
    assert (told["numerator"], told["denominator"], told["percentage"]) == (1, 1, 100.0)
    assert (told["owner"], told["evaluated_at"], told["failing_since"]) == (
        "North data steward", "2028-03-31", "2028-01-01",
    )  # fmt: skip
    assert told["by_todays_threshold"] == "With today's threshold it would have failed in 3 of the last 3 deliveries."
    assert told["trend"].startswith("![Broken rows in percent](data:image/svg+xml;base64,")
