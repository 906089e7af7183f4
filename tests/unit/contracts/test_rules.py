"""Thresholds and verdicts."""

from __future__ import annotations

from typing import Any

import pytest

from spine.contracts import Rule, RuleResult, Threshold, judge
from spine.contracts.rules import COMPARATORS


@pytest.mark.parametrize(
    ("comparator", "bound", "unit", "count", "rows", "holds"),
    [
        ("mustBe", 0, "rows", 0, 9, True),
        ("mustBe", 0, "rows", 1, 9, False),
        ("mustNotBe", 0, "rows", 0, 9, False),
        ("mustBeGreaterThan", 0, "rows", 0, 0, False),
        ("mustBeGreaterThan", 0, "rows", 1, 1, True),
        ("mustBeGreaterOrEqualTo", 5, "rows", 5, 5, True),
        ("mustBeLessThan", 5, "rows", 5, 9, False),
        ("mustBeLessThan", 5, "rows", 4, 9, True),
        ("mustBeLessOrEqualTo", 5, "rows", 5, 9, True),
        ("mustBeBetween", [2, 4], "rows", 2, 9, True),
        ("mustBeBetween", [2, 4], "rows", 4, 9, True),
        ("mustBeBetween", [2, 4], "rows", 5, 9, False),
        ("mustNotBeBetween", [2, 4], "rows", 3, 9, False),
        ("mustNotBeBetween", [2, 4], "rows", 5, 9, True),
        ("mustBeLessThan", 10, "percent", 1, 10, False),
        ("mustBeLessThan", 10, "percent", 99, 1000, True),
        ("mustBeLessOrEqualTo", 33.4, "percent", 1, 3, True),
        ("mustBeLessOrEqualTo", 33.3, "percent", 1, 3, False),
        ("mustBe", 0, "percent", 0, 0, True),
        ("mustBeGreaterThan", 0, "percent", 0, 0, False),
    ],
)
def test_a_threshold_compares_rows_or_percent(
    comparator: str, bound: Any, unit: str, count: int, rows: int, holds: bool
) -> None:
    assert Threshold(comparator, bound, unit).holds(count, rows) is holds  # type: ignore[arg-type]


def test_every_comparator_of_the_standard_is_there() -> None:
    assert set(COMPARATORS) == {
        "mustBe",
        "mustNotBe",
        "mustBeGreaterThan",
        "mustBeGreaterOrEqualTo",
        "mustBeLessThan",
        "mustBeLessOrEqualTo",
        "mustBeBetween",
        "mustNotBeBetween",
    }


@pytest.mark.parametrize(
    ("threshold", "words"),
    [
        (Threshold("mustBe", 0), "must be 0 rows"),
        (Threshold("mustBeLessOrEqualTo", 20, "percent"), "must be less or equal to 20 %"),
        (Threshold("mustBeBetween", [1, 5]), "must be between 1 and 5 rows"),
    ],
)
def test_a_threshold_can_be_read(threshold: Threshold, words: str) -> None:
    assert str(threshold) == words


@pytest.mark.parametrize(
    ("severity", "count", "outcome"), [("error", 1, "failed"), ("warning", 1, "warned"), ("error", 0, "passed")]
)
def test_a_broken_rule_fails_or_warns_by_its_severity(severity: str, count: int, outcome: str) -> None:
    rule = Rule(
        "c__l", "t", "a", "a__present", "A.", "completeness", severity, "nullValues", {}, Threshold("mustBe", 0)
    )  # type: ignore[arg-type]
    assert judge(rule, count, 10) == RuleResult(name="a__present", outcome=outcome, numerator=count, denominator=10)  # type: ignore[arg-type]


def test_a_result_refuses_anything_that_is_no_count_or_name() -> None:
    with pytest.raises(ValueError, match="extra"):
        RuleResult(name="a__present", outcome="passed", examples=["x"])  # type: ignore[call-arg]
