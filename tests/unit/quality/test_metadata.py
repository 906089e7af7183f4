"""What a check tells: names that plots hang on, counts, and the contract's own words."""

from __future__ import annotations

from spine.contracts import Contract, Partner, Rule, RuleResult, Threshold
from spine.quality import check_metadata

RULE = Rule(
    contract="people__test",
    table="people",
    column="surname",
    name="surname__present",
    sentence="At least 70 in 100 rows have a surname.",
    dimension="completeness",
    severity="error",
    metric="nullValues",
    arguments={},
    threshold=Threshold("mustBeLessOrEqualTo", 30, "percent"),
)
CONTRACT = Contract(
    id="people__test",
    title="People",
    version="1.2.0",
    description="",
    domain="other",
    format="csv",
    mode="snapshot",
    quarantine_max_percent=0,
    frequency_days=None,
    tables=(),
    supplies=(),
    rules=(RULE,),
)
PARTNER = Partner(id="saltmarsh_district", name="Saltmarsh", kind="district", steward="Saltmarsh data steward")


def test_a_verdict_tells_its_counts_under_stable_names() -> None:
    result = RuleResult(name=RULE.name, outcome="failed", numerator=31, denominator=93)
    assert check_metadata(RULE, result, CONTRACT, PARTNER) == {
        "sentence": "At least 70 in 100 rows have a surname.",
        "dimension": "completeness",
        "severity": "error",
        "threshold": "must be less or equal to 30 %",
        "outcome": "failed",
        "owner": "Saltmarsh data steward",
        "partner": "saltmarsh_district",
        "contract": "people__test",
        "version": "1.2.0",
        "numerator": 31,
        "denominator": 93,
        "percentage": 33.3333,
    }


def test_a_rule_that_could_not_run_tells_its_problem_and_no_count() -> None:
    result = RuleResult(name=RULE.name, outcome="error", problem="BinderException")
    told = check_metadata(RULE, result, CONTRACT, PARTNER)
    assert told["problem"] == "BinderException"
    assert not told.keys() & {"numerator", "denominator", "percentage"}


def test_no_rows_have_no_percentage_but_still_their_counts() -> None:
    told = check_metadata(
        RULE, RuleResult(name=RULE.name, outcome="passed", numerator=0, denominator=0), CONTRACT, PARTNER
    )
    assert (told["numerator"], told["denominator"]) == (0, 0)
    assert "percentage" not in told


def test_great_expectations_is_not_imported_before_a_rule_runs() -> None:
    """It takes over ten seconds: nothing that only arranges or reports may pay for it."""
    import subprocess
    import sys

    code = "import sys, spine.quality, spine.quality.metadata; print('great_expectations' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "False"
