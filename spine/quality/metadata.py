"""What a check tells about its verdict: an allow-list of counts and of the contract's own words.

Put here: names of metadata fields, stable because plots of history hang on them. Never here: an
import of Great Expectations, or anything read from a delivery's cells.
"""

from __future__ import annotations

from spine.contracts.model import Contract, Partner
from spine.contracts.rules import Rule, RuleResult


def check_metadata(
    rule: Rule, result: RuleResult, contract: Contract, partner: Partner
) -> dict[str, str | int | float]:
    """The metadata of one verdict, for a check in Dagster and for reports.

    Args:
        partner: whose delivery was judged; its steward is the owner of the verdict.

    Returns:
        Always `sentence`, `dimension`, `severity`, `threshold`, `outcome`, `owner`, `partner`,
        `contract` and `version`; `numerator` and `denominator` (rows) and `percentage` (0 to 100)
        where they are known; `problem` (an exception's class) where the rule could not run.
    """
    words: dict[str, str | int | float] = {
        "sentence": rule.sentence,
        "dimension": rule.dimension,
        "severity": rule.severity,
        "threshold": str(rule.threshold),
        "outcome": result.outcome,
        "owner": partner.steward,
        "partner": partner.id,
        "contract": contract.id,
        "version": contract.version,
    }
    counts = {
        "numerator": result.numerator,
        "denominator": result.denominator,
        "percentage": result.percentage,
        "problem": result.problem,
    }
    return words | {name: value for name, value in counts.items() if value is not None}
