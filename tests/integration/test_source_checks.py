"""The checks of a source that look beyond one delivery: lateness, files sent before, and a change of layout."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.extracts import extract_assets, raw_key
from assets.resources import AS_OF_TAG, HOME, home_resource
from spine import door
from spine.contracts import Contract, Partner, Rule, RuleResult, Supply, Threshold
from spine.settings import Settings
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
    late = checks["table__arrives_on_time"]
    assert (late.passed, late.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert late.description == (
        "North data steward must send it: the newest accepted delivery is of 2028-01-31, 60 days before 2028-03-31; "
        "one is due every 7 days, with 2 of grace, so it is 51 days late."
    )
    assert facts(late) == {
        "days_since": 60, "days_late": 51, "expected_every_days": 7, "grace_days": 2,
        "dimension": "timeliness", "owner": "North data steward",
    }  # fmt: skip
    assert run(home, "2028-01-31")[0]["table__arrives_on_time"].passed


def test_a_source_without_any_delivery_is_late_by_itself(home: Home) -> None:
    checks, metadata = run(home, layouts=(contract("people__flat", PEOPLE, frequency_days=31),))
    assert metadata["latest"] == "nothing"
    assert not checks["table__arrives_on_time"].passed
    assert "nothing was ever accepted" in (checks["table__arrives_on_time"].description or "")
    ended = replace(OLD, supplies=(Supply("north", valid_to=date(2020, 1, 1)),))
    assert run(home, layouts=(ended,))[0]["table__arrives_on_time"].passed


def test_the_same_files_under_another_date_warn(home: Home) -> None:
    home.put("people", {"january.csv": ROWS}, "2028-01-01")
    assert run(home)[0]["table__not_sent_before"].passed
    home.put("people", {"february.csv": ROWS}, "2028-01-29")
    check = run(home)[0]["table__not_sent_before"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.description == (
        "North data steward must say whether it is a mistake: north/people/2028-01-29 holds the very files of "
        "north/people/2028-01-01, byte for byte."
    )
    assert facts(check)["deliveries_with_same_files"] == 1
    home.put("people", {"january.csv": ROWS + "2,B,E07\n"}, "2028-01-01")
    assert run(home)[0]["table__not_sent_before"].passed, "the older date was corrected since"


def test_after_a_change_of_layout_the_checks_are_those_of_the_new_one(home: Home) -> None:
    home.put("people", {"a.csv": ROWS}, "2028-01-31")
    checks, metadata = run(home)
    assert metadata["in_use"] == "north/people/2028-01-31"
    assert {name: checks[f"table__of_{name}"].passed for name in ("both", "old", "new")} == {
        "both": False, "old": False, "new": True,
    }  # fmt: skip
    home.put("people", {"a.csv": ROWS.replace("CD\n", "CD,Born\n").replace("7\n", "7,1990\n")}, "2028-02-01")
    checks, metadata = run(home)
    assert metadata["in_use"] == "north/people/2028-02-01"
    assert {name: checks[f"table__of_{name}"].passed for name in ("both", "old", "new")} == {
        "both": False, "old": True, "new": False,
    }  # fmt: skip
    assert checks["table__of_old"].description == (
        "Does not apply: north/people/2028-02-01 is of layout people__a_new, the rule of people__flat."
    )
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
    check = checks["table__columns_as_contracted"]
    assert (check.passed, facts(check)["columns_dropped"]) == (False, 1)
    assert "(Ethnicity)" in (check.description or "")
    assert metadata["columns_dropped_names"] == facts(check)["columns_dropped_names"] == "Ethnicity"
