"""One data-quality rule and one verdict on it: the words that contracts, checks and reports share.

Put here: what a rule is and how a measured count is compared with its threshold. Never here:
how a rule is measured (spine.quality) or who is told (assets).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["error", "warning"]
Outcome = Literal["passed", "warned", "failed", "error"]
Metric = Literal[
    "nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount", "sql", "text", "greatExpectations"
]

#: ODCS comparators, each with the test that a value must satisfy.
COMPARATORS: dict[str, Callable[[float, Any], bool]] = {
    "mustBe": lambda value, bound: value == bound,
    "mustNotBe": lambda value, bound: value != bound,
    "mustBeGreaterThan": lambda value, bound: value > bound,
    "mustBeGreaterOrEqualTo": lambda value, bound: value >= bound,
    "mustBeLessThan": lambda value, bound: value < bound,
    "mustBeLessOrEqualTo": lambda value, bound: value <= bound,
    "mustBeBetween": lambda value, bound: bound[0] <= value <= bound[1],
    "mustNotBeBetween": lambda value, bound: not bound[0] <= value <= bound[1],
}


@dataclass(frozen=True)
class Threshold:
    """A comparator of ODCS with its bound. `unit` says whether rows or percent are compared."""

    comparator: str
    bound: Any
    unit: Literal["rows", "percent"] = "rows"

    def holds(self, count: int, rows: int) -> bool:
        """True where `count` (of `rows`) satisfies the threshold; 0 rows are 0 percent."""
        value = count if self.unit == "rows" else (100.0 * count / rows if rows else 0.0)
        return bool(COMPARATORS[self.comparator](value, self.bound))

    def __str__(self) -> str:
        words = "".join(f" {c.lower()}" if c.isupper() else c for c in self.comparator)
        bound = " and ".join(map(str, self.bound)) if isinstance(self.bound, list) else self.bound
        return f"{words} {bound}{' %' if self.unit == 'percent' else ' rows'}"


@dataclass(frozen=True)
class Rule:
    """One rule of a contract.

    Attributes:
        name: the check's name, unique in its contract: `<column>__<rule>` or `table__<rule>`,
            with `<table>__` before it where the layout has several tables.
        column: None for a rule about the whole table.
        sentence: the rule in plain English.
        arguments: ODCS arguments of a library metric (`validValues`, `pattern`, `properties` …),
            or `{"query": …}` for `sql`, a scalar query that counts the rows that break the rule,
            with `${table}` and `${column}` to be replaced; or `{"type": …, "kwargs": …}` of an expectation
            for `greatExpectations`.
    """

    contract: str
    table: str
    column: str | None
    name: str
    sentence: str
    dimension: str
    severity: Severity
    metric: Metric
    arguments: dict[str, Any]
    threshold: Threshold


class RuleResult(BaseModel):
    """The verdict on one rule for one delivery: counts and names of columns, never a value.

    Attributes:
        outcome: `passed`; `warned` (broken, severity warning); `failed` (broken, severity error:
            the delivery is refused); `error` (the rule could not run: never a pass).
        numerator: rows that break the rule (for rowCount: the rows).
        denominator: rows of the table.
        problem: class name of the exception where the rule could not run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    outcome: Outcome
    numerator: int | None = None
    denominator: int | None = None
    problem: str | None = None

    @property
    def percentage(self) -> float | None:
        """Numerator in percent of the denominator, None where either is not known."""
        if self.numerator is None or not self.denominator:
            return None
        return round(100.0 * self.numerator / self.denominator, 4)


def judge(rule: Rule, count: int, rows: int) -> RuleResult:
    """Compare a measured count with the rule's threshold."""
    if rule.threshold.holds(count, rows):
        outcome: Outcome = "passed"
    else:
        outcome = "failed" if rule.severity == "error" else "warned"
    return RuleResult(name=rule.name, outcome=outcome, numerator=count, denominator=rows)
