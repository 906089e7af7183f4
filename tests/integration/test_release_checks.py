"""What a board reads of a release: one check for each of its agreements."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.release_checks import agreement_checks, agreement_metadata, judge_agreements
from tests.fixtures.release_warehouse import AS_OF, PURPOSE, Home, build_home

KEY = dg.AssetKey(["release", PURPOSE])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return build_home(tmp_path_factory.mktemp("checks"))


def judged(home: Home, as_of: date) -> tuple[dict[str, Any], dg.AssetCheckResult]:
    found, [check] = judge_agreements(KEY, home.settings, home.contracts, PURPOSE, as_of)
    assert check.check_name == "agreement__care_planning"
    return dict(agreement_metadata(home.settings, found)), check


def test_an_agreement_in_force_says_how_long_who_agreed_and_who_must_act(home: Home) -> None:
    facts, check = judged(home, AS_OF)
    assert check.passed
    assert "permits this purpose until 2029-" in str(check.description)
    assert "wexmoor_county as senior information risk owner on" in str(check.description)
    assert "must review or renew it by then." in str(check.description)
    assert check.metadata["days_to_expiry"].value == facts["days_to_expiry"].value > 60
    assert facts["agreement_file"].value.endswith("agreements/care_planning.yaml")
    assert len(facts["agreement_sha256"].value) == len(facts["trust_sha256"].value) == 64
    assert len(facts["approvals"].value) == check.metadata["approvals"].value > 3


def test_the_last_weeks_warn_and_the_day_after_fails(home: Home) -> None:
    days = judged(home, AS_OF)[1].metadata["days_to_expiry"].value
    last = date.fromordinal(AS_OF.toordinal() + int(days))  # type: ignore[arg-type]
    _, near = judged(home, date.fromordinal(last.toordinal() - 3))
    assert (near.passed, near.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "3 days from" in str(near.description)
    facts, after = judged(home, date.fromordinal(last.toordinal() + 1))
    assert (after.passed, after.severity, facts) == (False, dg.AssetCheckSeverity.ERROR, {})
    assert "must" in str(after.description)


def test_an_edited_agreement_names_who_must_sign(home: Home, tmp_path: Path) -> None:
    path = home.settings.expectations / "agreements" / "care_planning.yaml"
    before = path.read_text()
    path.write_text(before.replace("retention_days: ", "retention_days: 1"))
    try:
        _, check = judged(home, AS_OF)
    finally:
        path.write_text(before)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert check.metadata["must_act"].value
    assert "wexmoor_county" in str(check.metadata["who_must_act"].value)


def test_a_purpose_without_an_agreement_has_a_check_that_fails(home: Home) -> None:
    assert list(agreement_checks(home.settings, "falls")) == ["agreement__falls"]
    found, [check] = judge_agreements(KEY, home.settings, home.contracts, "falls", AS_OF)
    assert (found, check.passed) == (None, False)
    assert "no agreement permits it" in str(check.description)
