"""The checks across sources as Dagster is told of them: what each says, and that small groups are not told apart."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets.cross_checks import check_name, check_results, check_specs
from assets.run_verdicts import recorded
from spine.contracts import load_contracts, load_partners
from spine.quality.cross import CrossFindings, CrossResult, Group
from spine.quality.cross_limits import COVERAGE, KINDS, load_cross_limits
from spine.quality.history import read_history
from spine.settings import PROJECT_ROOT, Settings

EXPECTATIONS = PROJECT_ROOT / "expectations"
PARTNERS = load_partners(EXPECTATIONS / "partners.yaml")
CONTRACTS = load_contracts(EXPECTATIONS / "contracts", PARTNERS)
LIMITS = load_cross_limits(EXPECTATIONS)
AS_OF = date(2028, 3, 31)
GP, HOMES = "wexmoor_icb__gp_registrations", "wexmoor_homes__housing_tenancies"


def verdicts(*results: CrossResult) -> dict[str, dg.AssetCheckResult]:
    found = check_results(CrossFindings(results, pl.DataFrame()), PARTNERS, LIMITS, AS_OF)
    return {str(check.check_name): check for check in found}


def told(check: dg.AssetCheckResult) -> dict[str, Any]:
    return {name: entry.value for name, entry in (check.metadata or {}).items()}


def test_every_source_has_a_check_of_each_kind_that_says_something_of_it() -> None:
    names = {spec.name for spec in check_specs(CONTRACTS, PARTNERS, LIMITS, {"gp_registrations", "council_tax"})}
    assert {name for name in names if name.startswith(GP)} == {check_name(GP, kind) for kind in KINDS}
    assert {name for name in names if "opt_out" in name} == {
        check_name("wexmoor_icb__opt_out", "identifiers_are_valid")
    }
    assert not [name for name in names if name.startswith("reference")]
    assert check_name("harcombe_district__council_tax", "persons_stand_once") not in names


def test_a_check_says_how_bad_it_is_against_what_and_who_must_act() -> None:
    [check] = verdicts(CrossResult(HOMES, "birth_dates_agree", 20, 400, 19)).values()
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert told(check) == {
        "sentence": KINDS["birth_dates_agree"].sentence,
        "dimension": "consistency",
        "severity": "warning",
        "numerator": 20,
        "denominator": 400,
        "percentage": 5.0,
        "threshold": "must be at most 2 %",
        "outcome": "warned",
        "evaluated_at": "2028-03-31",
        "residents_affected": 19,
        "unit": "records",
        "owner": "Wexmoor Homes data team",
        "partner": "wexmoor_homes",
        "dataset": "housing_tenancies",
    }
    assert "20 of 400 records (5 %); at most 2 % may be. Wexmoor Homes data team must act" in str(check.description)


def test_within_its_limit_a_check_passes_and_asks_nobody() -> None:
    [check] = verdicts(CrossResult(HOMES, "birth_dates_agree", 8, 400, 8)).values()
    assert check.passed
    assert "must act" not in str(check.description)


def test_where_nothing_could_be_compared_there_is_no_verdict() -> None:
    assert not verdicts(CrossResult(HOMES, "birth_dates_agree", 0, 0, 0))


def test_coverage_has_the_limit_of_its_dataset() -> None:
    found = verdicts(CrossResult(GP, COVERAGE, 20, 100, 20), CrossResult(HOMES, COVERAGE, 90, 100, 90))
    assert {name: check.passed for name, check in found.items()} == {
        check_name(GP, COVERAGE): False,
        check_name(HOMES, COVERAGE): True,
    }


def test_a_small_group_can_be_read_from_nothing_that_is_told() -> None:
    groups = (
        Group("0 to 17", "E07900001", 300, 211),
        Group("18 to 64", "E07900001", 500, 496),  # 4 are missing
        Group("65 to 84", "E07900001", 100, 57),
        Group("85 and over", "E07900001", 7, 7),
    )
    [check] = verdicts(CrossResult(GP, COVERAGE, 136, 907, 136, groups)).values()
    text = str(told(check)["groups"])
    assert "| 0 to 17 | E07900001 | 300 | 70% |" in text
    assert not [age for age in ("18 to 64", "65 to 84", "85 and over") if age in text]
    # 4 are missing of the two small groups together: the totals less the other lines would tell that.
    assert "| others | together | 607 | 92% |" in text


def test_a_single_small_group_hides_behind_another() -> None:
    groups = (Group("0 to 17", "E07900001", 300, 211), Group("85 and over", "E07900001", 7, 7))
    [check] = verdicts(CrossResult(GP, COVERAGE, 89, 307, 89, groups)).values()
    assert str(told(check)["groups"]).splitlines()[2:] == ["| others | together | 307 | 71% |"]


def test_small_groups_that_make_a_large_one_are_told_together() -> None:
    groups = tuple(Group("85 and over", f"E0790000{n}", 18, 9) for n in range(1, 5))
    [check] = verdicts(CrossResult(GP, COVERAGE, 36, 72, 36, groups)).values()
    assert "| others | together | 72 | 50% |" in str(told(check)["groups"])


def test_verdicts_across_sources_stand_in_the_quality_history(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home").prepare()
    results = (CrossResult(HOMES, "birth_dates_agree", 20, 400, 19), CrossResult(GP, COVERAGE, 5, 100, 5))
    recorded(settings, AS_OF, verdicts(*results).values())
    kept = read_history(settings.quality).select("asset", "date", "rule", "outcome", "numerator", "denominator")
    assert set(kept.rows()) == {
        ("quality/feedback", AS_OF, check_name(HOMES, "birth_dates_agree"), "warned", 20, 400),
        ("quality/feedback", AS_OF, check_name(GP, COVERAGE), "passed", 5, 100),
    }
