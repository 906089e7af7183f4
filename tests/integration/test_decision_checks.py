"""The checks on decisions: each passes and fails, says who must act, and names no record, decision or person."""

from __future__ import annotations

from datetime import date
from typing import Any

import dagster as dg
import polars as pl
import pytest

from assets.decision_checks import AGREE, CHECKS, KNOWN, PEOPLE, READABLE, check_results, check_specs, materialization
from spine.contracts import load_partners
from spine.identity.decisions import REGISTER, Judged, judge_decisions
from spine.settings import PROJECT_ROOT
from tests.fixtures.decisions import source_of

RECORDS = [f"wexmoor_icb:gp_registrations:quillfeather-{letter}" for letter in "abcd"]
PARTNERS = load_partners(PROJECT_ROOT / "expectations" / "partners.yaml")


def decision(number: str, kind: str, left: str, right: str, **changes: Any) -> dict[str, Any]:
    row = {
        "partner": "wexmoor_county",
        "decision_id": number,
        "decision": kind,
        "left_source": source_of(left),
        "left_record_id": left,
        "right_source": source_of(right),
        "right_record_id": right,
        "deciders": ["thistlewood", "ravenscar"],
        "decided_on": date(2028, 3, 1),
        "reason_code": "other",
        "valid_until": None,
        "is_withdrawn": False,
        "is_readable": True,
        "delivery": "wexmoor_county/linkage_decisions/2028-03-02",
    }
    return row | changes


def judged(*rows: dict[str, Any]) -> Judged:
    records = pl.DataFrame({"record_id": RECORDS, "source": [source_of(record) for record in RECORDS]})
    return judge_decisions(pl.DataFrame(list(rows), schema=REGISTER), records, date(2028, 3, 31), 2)


def verdicts(found: Judged) -> dict[str, dg.AssetCheckResult]:
    return {str(result.check_name): result for result in check_results(found, PARTNERS)}


def test_all_is_well_without_a_decision_and_with_good_ones() -> None:
    for found in (judged(), judged(decision("D-1", "must_link", RECORDS[0], RECORDS[1]))):
        results = verdicts(found)
        assert set(results) == set(CHECKS) == {spec.name for spec in check_specs()}
        assert all(result.passed for result in results.values())


CONTRADICTION = [
    decision("D-1", "must_link", RECORDS[0], RECORDS[1]),
    decision("D-1", "cannot_link", RECORDS[1], RECORDS[0], partner="spine_team"),
]
STEWARDS = "The spine's clerical reviewers, Wexmoor County performance team must settle them"


@pytest.mark.parametrize(
    ("rows", "check", "text"),
    [
        (CONTRADICTION, AGREE, f"2 of 2 decisions contradict each other, in 1 group. {STEWARDS}"),
        (
            [decision("D-1", "must_link", *RECORDS[:2], deciders=["thistlewood", "Thistlewood"])],
            PEOPLE,
            "1 of 1 decisions were made by fewer than 2 different people. Wexmoor County performance team must",
        ),
        ([decision("D-1", "must_link", RECORDS[0], "x:y:z")], KNOWN, "1 of 1 decisions name a record that no source"),
        ([decision("D-1", "must_link", *RECORDS[:2], is_readable=False)], READABLE, "1 of 1 decisions cannot be read."),
    ],
)
def test_each_check_fails_and_says_who_must_act(rows: list[dict[str, Any]], check: str, text: str) -> None:
    found = judged(*rows)
    results = verdicts(found)
    assert [name for name, result in results.items() if not result.passed] == [check]
    assert str(results[check].description).startswith(text)
    shown = str([result.metadata for result in results.values()]) + str(materialization(found).metadata)
    shown += str([result.description for result in results.values()])
    assert not [word for word in ("quillfeather", "thistlewood", "ravenscar", "D-1") if word in shown]
